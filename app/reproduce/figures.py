"""The paper's table 3 and figures 3 and 6: what graphs cost, where codes lie, what factors mean."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl

from app.experiment.cautions import of_settings
from app.experiment.settings import Experiment
from app.pipeline.plan import Plan, Step
from app.pipeline.records import Record, read_record, write_record
from app.pipeline.runner import CLOCK, Showing, in_silence, run_steps
from app.pipeline.stages.order import stages_behind
from app.pipeline.stages.train import SOURCES
from app.reproduce.pictures import bars, scatter
from app.reproduce.protocol import means, paper
from app.reproduce.sheets import TABLE, Account, Sheet
from app.reproduce.tables import plan_of
from app.results.results import Results
from data.errors import AutoGraphError
from llm.settings import MODELS
from recommend.settings import ENHANCERS, PLAIN

SIDES = ("user", "item")
NEAR = 10
"""Neighbours of a code vector that are looked at."""
SETS = 6
"""Factors of level 0 that figure 6 is drawn of."""
TERMS = 6
STAGES = {
    "figure3": ("codes-user", "codes-item"),
    "figure6": ("factors-item",),
    "table3": ("graph", "factors-user", "factors-item"),
}
"""What has to be there for each."""


def figure_3(record: Record) -> Account:
    """Where the code vectors of each level lie: t-SNE coordinates, and figures that need none.

    Source: AutoGraph, section 4.4.3 and figure 3: level 0 is compact and informative, levels 1
    and 2 are sparse, uniform and overlap.
    """
    results = Results(record)
    rows, drawn = [], {}
    for side in SIDES:
        drawn[f"-{side}"] = results.codebook_map(side, None)
        for level, measured in enumerate(level_figures(results.codes(side).codes.codebooks)):
            rows.append([f"{side}s, level {level}", *(f"{value:.3f}" for value in measured)])
    heads = ("codes", "length", "own neighbours", "spread")
    sheet = Sheet(f"{record.experiment.name}: code vectors by level", heads, rows)
    notes = [
        f"length: mean norm. own neighbours: share of the {NEAR} nearest code vectors that are of "
        "the same level; 1 where levels lie apart, 1 / levels where they overlap. spread: standard "
        "deviation of the distance to the nearest one over its mean; small where they lie evenly.",
        "The paper shows a picture and no figures: level 0 is said to be compact, levels 1 and 2 "
        "to be even and to overlap. That is short codes, few own neighbours and a small spread.",
        "The picture, and in the Parquet files a row a code, have coordinates of t-SNE.",
        *(f"{record.experiment.name} {one.note}" for one in of_settings(record.experiment)),
    ]
    name = record.experiment.name
    picture = scatter(
        f"{name}: code vectors in the plane (t-SNE)",
        {f"Codes of {side}s": drawn[f"-{side}"] for side in SIDES},
    )
    return Account(name, record.experiment.note, [sheet], notes, drawn, {"": picture})


def level_figures(codebooks: np.ndarray) -> list[tuple[float, float, float]]:
    """For each level: mean length, share of neighbours of the same level, spread of distances.

    Args:
        codebooks: (T, K, d) code vectors.
    """
    levels, k, width = codebooks.shape
    points = codebooks.reshape(levels * k, width).astype(np.float64)
    owner = np.repeat(np.arange(levels), k)
    square = (points**2).sum(1)
    apart = square[:, None] + square[None] - 2 * points @ points.T
    np.fill_diagonal(apart, np.inf)
    near = np.argsort(apart, axis=1)[:, : min(NEAR, len(points) - 1)]
    own = (owner[near] == owner[:, None]).mean(1)
    found = []
    for level in range(levels):
        mine = owner == level
        nearest = np.sqrt(np.maximum(apart[np.ix_(mine, mine)].min(1), 0))
        spread = float(nearest.std() / nearest.mean()) if nearest.mean() else 0.0
        found.append((float(np.sqrt(square[mine]).mean()), float(own[mine].mean()), spread))
    return found


def figure_6(record: Record) -> Account:
    """What the largest item factors of level 0 mean: their terms, and how often they are said.

    Source: AutoGraph, appendix F and figure 6, which counts tags of films in sets of factors.
    """
    lexicon = Results(record).lexicon("item")
    sizes = np.bincount(lexicon.codes.codes[:, 0], minlength=lexicon.codes.k)
    rows: list[list[str]] = []
    tables: list[pl.DataFrame] = []
    panels: dict[str, list[tuple[str, float, float]]] = {}
    for code in np.argsort(-sizes, kind="stable")[:SETS].tolist():
        terms = lexicon.terms(0, code)
        tables.append(terms.select(pl.lit(code).alias("code"), pl.all()))
        factor = f"({code}, *, *), {sizes[code]} items"
        panels[factor] = terms.head(TERMS).select("term", "here", "everywhere").rows()
        if not panels[factor]:
            rows.append([factor, "none tells it apart", "", ""])
        for at, (term, here, everywhere) in enumerate(panels[factor]):
            rows.append([factor if at == 0 else "", term, f"{here:.1%}", f"{everywhere:.1%}"])
    heads = ("factor", "term", "of its texts", "of all texts")
    sheet = Sheet(f"{record.experiment.name}: what factors mean", heads, rows)
    notes = [
        "Terms are those that tell a factor's texts from all others; shares are of texts that "
        "say them.",
        "Not comparable with the paper: it counts tags that people gave on movielens.org, and its "
        "sets are chosen at random; these are the largest.",
        *(f"{record.experiment.name} {one.note}" for one in of_settings(record.experiment)),
    ]
    name, note = record.experiment.name, record.experiment.note
    picture = bars(f"{name}: terms of factors, and how often all texts say them (mark)", panels)
    return Account(name, note, [sheet], notes, {TABLE: pl.concat(tables)}, {"": picture})


GIVEN = ("dataset", "split")
"""Stages that are there before any graph, and no part of what another one takes."""
INSERTED = 5
"""Items that are put in to measure one; their median counts."""


def table_3(record: Record, measure: bool = True) -> Account:
    """Seconds of building each graph and of inserting an item, and what GAUC gained by it.

    Args:
        record: Of a run.
        measure: Put items in to see how long it takes, which asks the encoder; nothing else does.

    Source: AutoGraph, section 4.3 and table 3.
    """
    dataset = record.experiment.data.name
    rows, figures = [], []
    for enhancer, theirs in paper()["table3"].items():
        settings = ENHANCERS[enhancer].config
        ours = {
            "built": _seconds(record, SOURCES.get(settings.needs[0], GIVEN[-1])),
            "inserted": None if "item" in settings.strangers or not measure else _insertion(record),
            "gauc": gauc_improvement(record.workspace, enhancer),
        }
        told = {
            "paper_built": theirs.get(dataset),
            "paper_inserted": theirs.get(f"insert_{dataset}"),
            "paper_gauc": theirs["gauc_improvement"],
        }
        figures.append({"enhancer": enhancer, "calls": theirs["calls"], **ours, **told})
        rows.append([enhancer, theirs["calls"], *_pairs(ours, told)])
    heads = ("graph of", "calls", "built in", "paper", "inserted in", "paper", "Δ GAUC", "paper")
    sheet = Sheet(f"{record.experiment.name}: cost of graphs", heads, rows)
    return Account(
        record.experiment.name,
        record.experiment.note,
        [sheet],
        [*_notes(record), *([] if measure else ["On a dry run nothing is inserted."])],
        {TABLE: pl.DataFrame(figures, infer_schema_length=None)},
    )


def _pairs(ours: Mapping[str, float | None], theirs: Mapping[str, float | None]) -> list[str]:
    cells = []
    for name, unit, digits in (("built", " s", 1), ("inserted", " s", 3), ("gauc", " %", 2)):
        for value in (ours[name], theirs[f"paper_{name}"]):
            cells.append("–" if value is None else f"{value:,.{digits}f}{unit}")
    return cells


def _seconds(record: Record, last: str) -> float | None:
    """Seconds that a stage took with all that it reads, from the texts on.

    None where one of them was not run, or not measured.
    """
    total = 0.0
    for stage in sorted({last} | stages_behind(record.experiment, last).difference(GIVEN)):
        key = record.keys.get(stage)
        if key is None or not record.store.holds(stage, key):
            return None
        clock = record.summary(stage).get(CLOCK)
        if clock is None:
            return None
        total += float(clock["seconds"])
    return total


def _insertion(record: Record) -> float | None:
    """Median seconds to put an item into the graph by its text; the encoder is open already."""
    if not all(record.store.holds(s, record.keys.get(s, "")) for s in ("graph", "factors-item")):
        return None
    results = Results(record)
    texts = [text for text in results.encoded("item").texts if text][: INSERTED + 1]
    inserter = results.inserter
    seconds = []
    for text in texts:
        start = time.perf_counter()
        inserter.place("item", f"{text} ", {}, [])
        seconds.append(time.perf_counter() - start)
    return median(seconds[1:]) if len(seconds) > 1 else None


def gauc_improvement(workspace: Path, enhancer: str) -> float | None:
    """Mean relative gain of GAUC over the plain twin, %, of all tables 2 that were run."""
    gains = []
    for path in sorted((workspace / "runs").glob("table2-*.json")):
        try:
            record = read_record(path.stem, workspace)
            gains += _gains(record, enhancer)
        except AutoGraphError:
            continue
    return 100 * sum(gains) / len(gains) if gains else None


def _gains(record: Record, enhancer: str) -> list[float]:
    """GAUC of each finished backbone with an enhancer over that without, less one.

    What was no fair run, as a whole or of one recommender, has none.
    """
    if of_settings(record.experiment):
        return []
    reached: dict[tuple[str, str], list[float]] = {}
    for cell in record.finished_cells():
        if record.cautions(cell):
            continue
        value = record.summary("evaluate", cell)["gauc"]
        reached.setdefault((cell.backbone, cell.enhancer), []).append(value)
    mean: dict[tuple[str, str], float] = {k: sum(v) / len(v) for k, v in reached.items()}
    return [
        mean[backbone, enhancer] / mean[backbone, PLAIN] - 1
        for backbone, of in mean
        if of == enhancer and (backbone, PLAIN) in mean
    ]


def _notes(record: Record) -> list[str]:
    theirs = means()
    sides = [side for side in ("user", "item") if f"knowledge-{side}" in record.keys]
    models: dict[str, Any] = {s: record.summary(f"knowledge-{s}")["model"] for s in sides}
    by = ", ".join(f"{side}s by {model}" for side, model in models.items())
    return [
        "Not comparable with the paper: seconds are of this machine, there of "
        f"{theirs['machine']}.",
        f"Not comparable with the paper: texts of {by or 'nobody yet'}; there by "
        f"{theirs['texts']}, one call after another. Recorded texts and stated facts cost no "
        "call here.",
        "Built: what the stages took when they were run, from the texts on, those that several "
        "methods share charged to each; – where they were not, or were run by a version that did "
        "not measure it. Answers and vectors from a cache cost nothing again. "
        "Inserted: an item by its text, without the call that writes the text.",
        "Δ GAUC is the mean over the finished backbones of all tables 2 in this workspace; there "
        "over four backbones and three data sets. It has no interval: tables 2 say which of these "
        "gains are certain.",
    ]


DRAWN: Mapping[str, Callable[[Record], Account]] = {
    "figure3": figure_3,
    "figure6": figure_6,
    "table3": table_3,
}
"""What makes them, by the beginning of their experiments' names."""


def make_other(
    kind: str,
    name: str,
    workspace: Path,
    source: Path | None,
    device: str,
    showing: Showing = in_silence,
) -> Account:
    """A figure or the table of costs, with everything that it needs made first.

    Raises:
        AutoGraphError: with what is wrong and how to mend it.
    """
    plan = plan_of(name, workspace, source)
    write_record(plan, plan.steps())
    with showing() as listener:
        run_steps(plan, _steps(plan, kind), listener, device=device)
    return DRAWN[kind](read_record(plan.experiment.name, workspace))


def look_up_other(kind: str, name: str, workspace: Path, source: Path | None) -> Account:
    """The same where all that it needs is there, or a sentence on what would be run.

    Nothing is run or recorded, and no model is asked.

    Raises:
        AutoGraphError: with what is wrong and how to mend it.
    """
    plan = plan_of(name, workspace, source)
    steps, experiment = _steps(plan, kind), plan.experiment
    missing = [step for step in steps if not plan.store.sound(step.stage, step.key)]
    if missing:
        return Account(
            experiment.name, experiment.note, [], list(_would_be_run(experiment, missing))
        )
    keys = {step.stage: step.key for step in plan.steps() if step.cell is None}
    record = Record(plan.recorded, workspace, keys, {})
    return table_3(record, measure=False) if kind == "table3" else DRAWN[kind](record)


def _steps(plan: Plan, kind: str) -> list[Step]:
    """The steps that a figure or table needs, in order."""
    stages = stages_behind(plan.experiment, *STAGES[kind])
    return [step for step in plan.steps() if step.cell is None and step.stage in stages]


def _would_be_run(experiment: Experiment, missing: Sequence[Step]) -> Iterator[str]:
    """What is to be made, and which language models would be asked."""
    yield f"{experiment.name} is not there. It would be made by {', '.join(map(str, missing))}."
    stages = {step.stage for step in missing}
    asked = {side: getattr(experiment.llm, side) for side in SIDES if f"knowledge-{side}" in stages}
    by = [f"{side}s by {of.model}" for side, of in asked.items() if isinstance(of, MODELS)]
    if by:
        yield f"Described by a language model, a call each: {' and '.join(by)}."
