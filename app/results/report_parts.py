"""What a report tells: results, descriptions, meanings, the graph as a picture, and examples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from app.experiment.cautions import with_signs
from app.experiment.settings import PLAIN, Cell
from app.pipeline.records import Record
from app.results.comparison import compare_contenders, contenders
from app.results.metrics import METRICS
from app.results.results import Results
from app.results.wording import NONE, called, change_in_words, is_certain
from graph.explore.flat import flatten
from graph.explore.layout import layout
from graph.explore.subgraph import look
from graph.explore.view import View
from prompts.template import Side
from recommend.reasons.showcase import Asked, Showcase, Why

if TYPE_CHECKING:
    from graph.explore.subgraph import Count
    from recommend.reasons.what_if import Ready

LONGEST_TEXT = 4_000
"""Letters of a prompt or a description that a report holds."""
MOST_FACTORS = 12


@dataclass(frozen=True, slots=True)
class Score:
    """One metric of one recommender.

    Attributes:
        mean: Over users and seeds.
        sd: Over seeds; None with one.
        change: Against the plain twin, in words; "" for the twin.
        better: Whether it is above the twin; None where there is no difference that is certain.
        stars: For the corrected p of the paired test.
    """

    mean: float
    sd: float | None
    change: str
    better: bool | None
    stars: str

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Score:
        """A row of `compare_contenders`."""
        told = row["low"] is not None and is_certain(row["low"], row["high"])
        better = row["difference"] > 0 if told else None
        return cls(row["mean"], row["sd"], change_in_words(row), better, row["mark"])


@dataclass(frozen=True, slots=True)
class Row:
    """One recommender.

    Attributes:
        backbone: Its name.
        enhancer: Its name.
        title: How it is called, with its signs.
        plain: Whether it is without the graph.
        marks: Signs of what keeps it from a fair comparison.
        valid: NDCG@10 on validation, the mean over seeds.
        scores: By metric on test, in the order of `METRICS`.
    """

    backbone: str
    enhancer: str
    title: str
    plain: bool
    marks: str
    valid: float
    scores: Mapping[str, Score]

    @property
    def learns(self) -> bool:
        """Whether it is trained; simple ones are not."""
        return Cell(self.backbone, self.enhancer, 0).learns


@dataclass(frozen=True, slots=True)
class Against:
    """How the recommender that was chosen differs from the best of the other kind.

    Attributes:
        rival: See `chosen_and_rival`.
        differences: By metric, columns of `compare_contenders`; none without a seed of both.
    """

    rival: Row
    differences: Mapping[str, Mapping[str, Any]]

    def told(self, metric: str, scale: float, form: str) -> str:
        """The difference in a metric with its interval, in words; "" where it is not known.

        Args:
            metric: One of `METRICS`.
            scale: What it is multiplied with.
            form: How a number is written.
        """
        row = self.differences.get(metric)
        if row is None:
            return ""
        low, high = (f"{scale * row[name]:{form}}" for name in ("low", "high"))
        reach = f"95 % interval {low} to {high}"
        if not is_certain(row["low"], row["high"]):
            return f"{NONE} that is certain ({reach}, which holds zero)"
        return f"a difference of {scale * row['difference']:{form}} ({reach})"


def chosen_and_rival(rows: Sequence[Row]) -> tuple[Row, Row | None]:
    """The best row and the best of the other kind; validation decides on both.

    The other kind is what is plain beside what is not; where all are plain, what is trained beside
    what is not; and where all are simple, every other one.
    """
    chosen = best_row(rows)
    others = [row for row in rows if row.plain is not chosen.plain]
    others = others or [row for row in rows if row.learns is not chosen.learns]
    others = others or [row for row in rows if row is not chosen and not row.learns]
    return chosen, best_row(others) if others else None


def against(record: Record, chosen: Row, rival: Row) -> Against:
    """How a row differs from another."""
    found = {(of.backbone, of.enhancer): (label, of) for label, of in contenders([record]).items()}
    pair = [found[row.backbone, row.enhancer] for row in (chosen, rival)]
    (ours, _), (theirs, _) = pair
    table = compare_contenders(dict(pair), theirs).filter(run=ours, baseline=theirs)
    return Against(rival, {row["metric"]: row for row in table.iter_rows(named=True)})


def best_row(rows: Sequence[Row]) -> Row:
    """The row that is best on validation, of those without a sign where there are any.

    The test decides nothing: the best of several on the test looks better than it is.
    """
    fair = [row for row in rows if not row.marks]
    return max(fair or rows, key=lambda row: row.valid)


def result_rows(record: Record) -> list[Row]:
    """A row a finished recommender, each compared with its plain twin."""
    found = contenders([record])
    table = compare_contenders(found)
    rows = []
    for label, one in found.items():
        scores = {
            row["metric"]: Score.of(row) for row in table.filter(run=label).iter_rows(named=True)
        }
        ordered = {name: scores[name] for name in METRICS}
        plain = one.enhancer == PLAIN
        title = with_signs(called(one.cells[0], record.experiment), one.marks)
        rows.append(Row(one.backbone, one.enhancer, title, plain, one.marks, one.valid, ordered))
    return rows


@dataclass(frozen=True, slots=True)
class Description:
    """Who described one side, and an example.

    Attributes:
        side: "user" or "item".
        texts: Entities with a text.
        failed: Entities without.
        models: Who wrote them.
        template: `name@version`.
        prompt: Messages about the example, (role, content); none where no model was asked.
        example: How the example is called.
        text: What was said of it.
    """

    side: str
    texts: int
    failed: int
    models: tuple[str, ...]
    template: str
    prompt: tuple[tuple[str, str], ...]
    example: str
    text: str


def describe_side(results: Results, side: Side) -> Description:
    """Who described a side, with its first entity that has a text as the example."""
    knowledge, case = results.knowledge(side), results.showcase
    texts = knowledge.texts
    at = next((n for n, text in enumerate(texts) if text), 0)
    name = case.people[at] if side == "user" else case.title(at)
    asked = getattr(results.record.experiment.llm, side).backend not in ("facts", "replay")
    return Description(
        side,
        sum(text is not None for text in texts),
        knowledge.failures.height,
        tuple(knowledge.table["model"].unique().sort().drop_nulls()),
        str(knowledge.table["template"][at]),
        _prompt(results, side, at) if asked else (),
        name,
        shorten(texts[at] or ""),
    )


def _prompt(results: Results, side: Side, number: int) -> tuple[tuple[str, str], ...]:
    scene = results.scene(side)
    request = scene.request(number, scene.template)
    return tuple((m["role"], shorten(m["content"])) for m in request.messages)


def shorten(text: str) -> str:
    """The text, or its beginning if it is long."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} …"


@dataclass(frozen=True, slots=True)
class Meaning:
    """One latent factor.

    Attributes:
        label: What it means.
        size: How many items have it.
        terms: Words that tell it from the rest, with how many of its texts have each.
        examples: Titles of items that have it.
    """

    label: str
    size: int
    terms: tuple[str, ...]
    examples: tuple[str, ...]


def _counted(row: Mapping[str, Any]) -> list[str]:
    """Terms of a factor, each with the number of texts that hold it, where that is known."""
    counts = row["counts"]
    if counts is None:
        return list(row["terms"])
    return [f"{term} ({n:,})" for term, n in zip(row["terms"], counts, strict=True)]


def meanings(case: Showcase, limit: int = MOST_FACTORS) -> tuple[list[Meaning], int, int]:
    """The largest named factors of items of the first level; how many have names, and how many."""
    factors = case.factors["item"]
    named = factors.table.filter((factors.table["label"] != "") & (factors.table["level"] == 0))
    rows = named.sort("size", descending=True, maintain_order=True).head(limit)
    ids = case.dataset.item_ids
    found = [
        Meaning(
            row["label"],
            row["size"],
            tuple(_counted(row)[:6]),
            tuple(case.title(ids.number(one)) for one in row["exemplars"][:3]),
        )
        for row in rows.iter_rows(named=True)
    ]
    return found, sum(label != "" for label in factors.labels), factors.table.height


SHOWN_HISTORY = 8
SHOWN_LIST = 5


@dataclass(frozen=True, slots=True)
class Shown:
    """One recommended item.

    Attributes:
        rank: Its place.
        title: How it is called.
        gist: What it is, in a line.
        later: Whether the user had it afterwards, which the recommender could not know.
        whys: The strongest reasons, what was measured first.
    """

    rank: int
    title: str
    gist: str
    later: bool
    whys: tuple[Why, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """What one user is recommended.

    Attributes:
        name: Of the user.
        about: What is known of the user.
        history: Latest titles, latest first.
        more: Earlier items of the history that are not named.
        later: What the user had afterwards.
        lists: By recommender, what it recommends.
    """

    name: str
    about: str
    history: tuple[str, ...]
    more: int
    later: tuple[str, ...]
    lists: Mapping[str, tuple[Shown, ...]]


def examples(results: Results, cells: Sequence[Cell], people: int, seed: int = 0) -> list[Example]:
    """What users drawn at random are recommended, from their training histories."""
    case, rng = results.showcase, np.random.default_rng(seed)
    n = min(people, case.dataset.n_users)
    users = sorted(rng.choice(case.dataset.n_users, n, replace=False).tolist())
    lists: list[dict[str, tuple[Shown, ...]]] = [{} for _ in users]
    for cell in cells:
        ready = results.ready(cell)
        title = with_signs(called(cell, results.record.experiment), results.record.marks(cell))
        for user, own in zip(users, lists, strict=True):
            own[title] = tuple(_list(case, ready, user))
    return [_example(case, user, own) for user, own in zip(users, lists, strict=True)]


def _list(case: Showcase, ready: Ready, user: int) -> Iterator[Shown]:
    from recommend.reasons.what_if import best

    history = case.histories.of(user)
    rows = list(best(ready, user, history, SHOWN_LIST).iter_rows(named=True))
    found = case.whys(history, user, [row["item"] for row in rows], Asked(ready, user), 2)
    for row, whys in zip(rows, found, strict=True):
        item = row["item"]
        later = item in case.later[user]
        yield Shown(row["rank"], case.title(item), case.gists[item], later, tuple(whys))


def _example(case: Showcase, user: int, lists: Mapping[str, tuple[Shown, ...]]) -> Example:
    history = case.histories.of(user)[::-1].tolist()
    return Example(
        case.people[user],
        case.about[user],
        tuple(case.title(item) for item in history[:SHOWN_HISTORY]),
        max(len(history) - SHOWN_HISTORY, 0),
        tuple(case.title(item) for item in case.later[user].tolist()),
        lists,
    )


PICTURE_NODES = 90


@dataclass(frozen=True, slots=True)
class Dot:
    """A node of the picture: where it stands, and its name if it is shown."""

    type: str
    x: float
    y: float
    size: float
    name: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The graph as a picture.

    Attributes:
        dots: Nodes; factors come last, so that they lie on top.
        lines: (x, y, x, y) of edges.
        width: Of the picture.
        height: Of the picture.
        counts: What is shown of each type, and what is not.
    """

    dots: tuple[Dot, ...]
    lines: tuple[tuple[float, float, float, float], ...]
    width: int
    height: int
    counts: Mapping[str, Count]


def draw_graph(case: Showcase, width: int = 960, height: int = 520) -> Drawing:
    """An overview of the graph: its largest factors with some of their members."""
    assert case.graph is not None
    shown = look(flatten(case.graph.hetero), View(cap=PICTURE_NODES))
    places = layout(shown)
    xy = np.array([places[node] for node in shown.nodes])
    low, span = xy.min(0), np.maximum(np.ptp(xy, 0), 1e-9)
    margin = np.array([90.0, 30.0])
    at = margin + (xy - low) / span * (np.array([width, height]) - 2 * margin)
    dots = []
    for (x, y), node in zip(at.round(1).tolist(), shown.nodes, strict=True):
        factor = shown.schema.node(node[0]).groups is not None
        name = case.name(node) if factor else ""
        dots.append(Dot(node[0], x, y, 8.0 if factor else 4.0, name))
    dots.sort(key=lambda dot: dot.size)
    lines = [(*at[a].round(1).tolist(), *at[b].round(1).tolist()) for a, b in shown.edges]
    return Drawing(tuple(dots), tuple(lines), width, height, shown.counts)
