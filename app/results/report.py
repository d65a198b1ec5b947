"""A report of an experiment: one HTML file that needs nothing else and can be mailed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.experiment.cautions import notes, with_signs
from app.experiment.file import get, paths_in, put
from app.experiment.settings import Cell
from app.pipeline.records import Record, read_record
from app.results.bar import learning_in_words, twins_below_in_words, words_of
from app.results.colours import DARK, LIGHT
from app.results.comparison import best_simple, contenders, default_pair, plain_twins
from app.results.metrics import METRICS
from app.results.report_parts import (
    Against,
    Description,
    Drawing,
    Example,
    Meaning,
    Row,
    against,
    chosen_and_rival,
    describe_side,
    draw_graph,
    examples,
    meanings,
    result_rows,
)
from app.results.results import Results
from app.results.wording import called, nouns_of, ranked_among
from data import atomic
from data.catalogue import Card, card
from data.errors import ConfigError
from data.inert import visible
from data.statistics import measure
from graph.latent import latent_schema

TEMPLATE = Path(__file__).parent / "report.html.jinja"
LARGEST = 5_000_000
"""Bytes that a report may have, so that it can be mailed."""
PEOPLE = 3


@dataclass(frozen=True, slots=True)
class Report:
    """What the file shows.

    Attributes:
        record: Of the experiment.
        made: When the report was made.
        card: Of the data set.
        statistics: Label and value of each number about the data.
        rows: Results, a recommender each.
        chosen: The recommender that is best on validation.
        against: How it differs from the best of the other kind; None where there is none.
        told: Who described users and items; none without a graph.
        meanings: The largest named factors of items.
        named: How many factors of items have names, and how many there are.
        picture: Of the graph; None without one.
        examples: What some users are recommended.
        settings: The experiment as TOML.
        keys: Fingerprints of results, by stage.
    """

    record: Record
    made: datetime
    card: Card
    statistics: list[tuple[str, str]]
    rows: list[Row]
    chosen: Row
    against: Against | None
    told: list[Description]
    meanings: list[Meaning]
    named: tuple[int, int]
    picture: Drawing | None
    examples: list[Example]
    settings: str
    keys: Mapping[str, str]

    @property
    def users(self) -> int:
        """Number of people."""
        return int(self.record.summary("dataset")["users"])

    @property
    def items(self) -> int:
        """Number of items."""
        return int(self.record.summary("dataset")["items"])

    @property
    def interactions(self) -> int:
        """Number of interactions."""
        return int(self.record.summary("dataset")["interactions"])

    @property
    def seeds(self) -> int:
        """Number of random seeds."""
        return len(self.record.experiment.grid.seeds)

    @property
    def among(self) -> str:
        """What the held-out item was ranked among."""
        return ranked_among(
            self.record.judging(self.record.finished_cells()[0]), self.types["item"]
        )

    @property
    def types(self) -> Mapping[str, str]:
        """What nodes are called."""
        things = {"user": "people", "item": nouns_of(self.record).many}
        groups = {node.name: node.groups for node in latent_schema().nodes if node.groups}
        return {**things, **{name: f"meanings of {things[one]}" for name, one in groups.items()}}


def gather(results: Results, people: int = PEOPLE) -> Report:
    """What a report of an experiment shows; recommenders are asked, nothing is trained.

    Args:
        results: Of the experiment.
        people: Users drawn as examples.

    Raises:
        ConfigError: no recommender is trained and judged.
        ArtifactError: a result is damaged.
    """
    record = results.record
    if not record.finished_cells():
        raise ConfigError(
            f"Nothing of {record.experiment.name!r} is trained and judged, so there is nothing to "
            f"report. Run it first: autograph run {record.experiment.name}"
        )
    case = results.showcase
    with_graph = case.graph is not None
    found, named, total = meanings(case) if with_graph else ([], 0, 0)
    rows = result_rows(record)
    chosen, rival = chosen_and_rival(rows)
    return Report(
        record=record,
        made=datetime.now(UTC),
        card=card(record.experiment.data.name),
        statistics=measure(results.dataset, results.split, record.left_out).rows(),
        rows=rows,
        chosen=chosen,
        against=against(record, chosen, rival) if rival else None,
        told=[describe_side(results, side) for side in ("item", "user")] if with_graph else [],
        meanings=found,
        named=(named, total),
        picture=draw_graph(case) if with_graph else None,
        examples=examples(results, _shown(record), people),
        settings=_shareable(record),
        keys=record.keys,
    )


def _shown(record: Record) -> list[Cell]:
    """One recommender with something added and its plain twin; the report begins with the first."""
    return [cell for cell in default_pair(record) if cell is not None]


def _shareable(record: Record) -> str:
    """The settings as TOML; of a path on this machine the last part alone."""
    import tomli_w

    settings = record.experiment.model_dump(mode="json", exclude_none=True)
    for dotted in paths_in(settings):
        path = get(settings, dotted)
        if path is not None and Path(str(path)).is_absolute():
            put(settings, dotted, Path(str(path)).name)
    return tomli_w.dumps(settings)


def render(report: Report) -> str:
    """The HTML of a report; every text in it is escaped, and it asks nothing of any network.

    Raises:
        ConfigError: it would be too large to be mailed.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: visible(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    html = template.render(
        report=report,
        metrics=METRICS,
        nouns=nouns_of(report.record),
        light=LIGHT,
        dark=DARK,
        **_words(report),
    )
    if len(html.encode()) > LARGEST:
        raise ConfigError(
            f"The report would have {len(html.encode()) / 1e6:.1f} MB, and {LARGEST / 1e6:.0f} MB "
            "are the most. Titles or texts of this data set are too long to be shown."
        )
    return html


def _words(report: Report) -> dict[str, Any]:
    """What the first lines say, in counts that everybody understands."""
    best, other = report.chosen, report.against
    words: dict[str, Any] = {"best": best, "rival": None}
    words["first"] = round(100 * best.scores["hr@10"].mean)
    words["cautions"] = notes(row.marks for row in report.rows)
    words |= _about_simple(report)
    if other is not None:
        words["rival"], words["kind"] = other.rival, _kind(other.rival, best)
        words["hits"] = other.told("hr@10", 100, "+.2f")
        words["ranking"] = other.told("ndcg@10", 1, "+.4f")
    return words


def _kind(rival: Row, chosen: Row) -> str:
    """What the best of which the rival is, beside the one that was chosen."""
    if rival.plain is not chosen.plain:
        return "those with nothing added" if rival.plain else "those with something added"
    if rival.learns is not chosen.learns:
        return "those that are trained" if rival.learns else "those that are not trained"
    return "the others"


def _about_simple(report: Report) -> dict[str, Any]:
    """What changes are against, whether training is worth it, and what simple ones do."""
    found = contenders([report.record])
    titles = {
        label: with_signs(called(one.cells[0], one.record.experiment), one.marks)
        for label, one in found.items()
    }
    against = "the same recommender with nothing added"
    if not plain_twins(found) and (simple := best_simple(found)) is not None:
        against = f"{titles[simple]}, the best of those that are not trained"
    return {
        "changes_against": against,
        "learning": learning_in_words(found, name_of=titles.__getitem__),
        "below": twins_below_in_words(found, titles.__getitem__),
        "simple": [(row.title, words_of(row.backbone)) for row in report.rows if not row.learns],
    }


def as_seen(html: str, theme: str) -> str:
    """A report that is light or dark as the page around it, whatever the browser likes best."""
    return html.replace('<html lang="en">', f'<html lang="en" data-theme="{theme}">', 1)


def write_report(name: str, workspace: Path, to: Path) -> Path:
    """The file that the report of an experiment was written to.

    Args:
        name: Of the experiment, or its file.
        workspace: Where it was run.
        to: The file; an existing one is replaced.

    Raises:
        AutoGraphError: nothing is finished, or the file cannot be written.
    """
    return atomic.write_text(to, render(gather(Results(read_record(name, workspace)))))
