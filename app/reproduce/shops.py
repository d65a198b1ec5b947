"""What stands under the table of a shop: the bar of simple recommenders, buckets, costs, others."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from app.experiment.cautions import with_signs
from app.experiment.file import PUBLISHED
from app.reproduce.sheets import Sheet
from app.results.metrics import METRICS

if TYPE_CHECKING:
    from recommend.judge.evaluate import Evaluation

WATCHED = "ndcg@10"
BUCKETS: Mapping[str, tuple[str, tuple[int, ...]]] = {
    "popularity": ("training interactions of what was wanted", (0, 6, 21)),
    "history": ("length of the history", (0, 6, 11)),
}
"""By column of an evaluation: what it counts, and where buckets begin."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A row of a table with its results.

    Attributes:
        key: Its name.
        marks: Signs of caution.
        simple: Whether nothing of it is trained.
        runs: Evaluations by seed.
        summary: Of its training, a seed each.
    """

    key: str
    marks: str
    simple: bool
    runs: Mapping[int, Evaluation]
    summary: Sequence[Mapping[str, Any]]

    @property
    def valid(self) -> float:
        """NDCG@10 on validation, mean over seeds."""
        return float(np.mean([one[f"valid_{WATCHED}"] for one in self.summary]))


def shop_sheets(dataset: str, rows: Sequence[Judged]) -> Iterator[Sheet]:
    """What stands under the tables of a shop: the bar, buckets, costs, published figures."""
    yield from _against_simple(rows)
    for by, (what, starts) in BUCKETS.items():
        yield _in_buckets(rows, by, what, starts)
    yield _costs(rows)
    yield from _published(dataset)


def _against_simple(rows: Sequence[Judged]) -> Iterator[Sheet]:
    """Every trained row against the simple one that is best on validation."""
    from recommend.judge.compare import compare

    simple = [row for row in rows if row.simple and not row.marks]
    trained = [row for row in rows if not row.simple]
    if not simple or not trained:
        return
    bar = max(simple, key=lambda row: row.valid)
    runs = {row.key: row.runs for row in [*trained, bar]}
    table = compare(runs, {row.key: bar.key for row in trained})
    shown = []
    for row in trained:
        of = {one["metric"]: one for one in table.filter(run=row.key).to_dicts()}
        cells = [with_signs(row.key, row.marks), f"{row.valid:.4f}"]
        for metric in (WATCHED, "hr@10"):
            one = of[metric]
            if one["difference"] is None:
                cells += [f"{one['mean']:.4f}", "", "", ""]
                continue
            cells += [
                f"{one['mean']:.4f}",
                f"{one['change']:+.1f} %",
                f"{one['low']:+.4f} … {one['high']:+.4f}",
                f"{one['p_holm']:.2g}",
            ]
        shown.append(cells)
    names = [METRICS[WATCHED], METRICS["hr@10"]]
    heads = ["recommender", "validation"]
    for name in names:
        heads += [name, "Δ", "95 %", "p (Holm)"]
    title = f"Against {bar.key}, the best simple recommender on validation ({bar.valid:.4f})"
    yield Sheet(title, heads, shown)


def _in_buckets(rows: Sequence[Judged], by: str, what: str, starts: Sequence[int]) -> Sheet:
    """NDCG@10 of every row by what was wanted, or by who wanted it."""
    ends = [start - 1 for start in starts[1:]]
    names = [f"{a} to {b}" for a, b in zip(starts[:-1], ends, strict=True)]
    names.append(f"{starts[-1]} and more")
    first = next(iter(rows[0].runs.values())).per_user.sort("user")
    bounds = [*starts, np.inf]
    inside = [
        (first[by].to_numpy() >= low) & (first[by].to_numpy() < high)
        for low, high in pairwise(bounds)
    ]
    heads = ["recommender", *(f"{n} ({k.sum():,})" for n, k in zip(names, inside, strict=True))]
    shown = []
    for row in rows:
        values = np.mean(
            [e.per_user.sort("user")[WATCHED].to_numpy() for e in row.runs.values()], 0
        )
        means = [f"{values[k].mean():.4f}" if k.any() else "" for k in inside]
        shown.append([with_signs(row.key, row.marks), *means])
    return Sheet(f"{METRICS[WATCHED]} by {what} (people)", heads, shown)


def _costs(rows: Sequence[Judged]) -> Sheet:
    """What training took; of fusion, with what it stands upon."""
    shown = []
    for row in rows:
        seconds = [one["seconds"] for one in row.summary]
        peak = [one["peak_mb"] for one in row.summary if one.get("peak_mb")]
        shown.append(
            [
                with_signs(row.key, row.marks),
                f"{np.median(seconds):,.1f}",
                f"{max(peak):,.0f}" if peak else "",
            ]
        )
    title = "Cost of training, that of what a row stands upon included"
    return Sheet(title, ["recommender", "seconds a seed", "peak memory, MB"], shown)


def published(dataset: str) -> tuple[Mapping[str, Sequence[float]], str]:
    """[HR@10, NDCG@10] by system, and where the figures are from; none where there are none."""
    found = tomllib.loads(PUBLISHED.read_text(encoding="utf-8")).get(dataset, {})
    return found.get("rows", {}), found.get("source", "")


def _published(dataset: str) -> Iterator[Sheet]:
    rows, source = published(dataset)
    if rows:
        shown = [[name, f"{ndcg:.4f}", f"{hr:.4f}"] for name, (hr, ndcg) in rows.items()]
        heads = ["system", METRICS[WATCHED], METRICS["hr@10"]]
        yield Sheet(f"Published on these sequences, {source}", heads, shown)
