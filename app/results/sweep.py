"""What runs of `autograph reproduce zoomer` reached, as one table that the page reads.

A row a run and figure. Groups: "table" (every contender), "ablation" (ZOOMER with parts switched
off), "neighbours" (how many neighbours are read: K) and "cost" (what a step takes of them).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import mean, stdev

import polars as pl

from app.results.comparison import Contender, Load, load_evaluation
from data import atomic

RUNS = "zoomer-runs.parquet"
"""Name of the file within `results/` of a workspace."""
SCHEMA = {
    "group": pl.String,
    "row": pl.String,
    "k": pl.Int32,
    "seed": pl.Int32,
    "metric": pl.String,
    "value": pl.Float64,
    "seconds": pl.Float64,
    "peak_mb": pl.Float64,
}
"""`k` is how many neighbours of a type are read, null where there is no such number, and 0 where
all are; `seconds` those of training, `peak_mb` the most memory of the process that trained.
A row that draws nothing at random is there with seed 0 alone. Metrics are those of the test, such
as "auc", "mae", "rmse", "hit@100", and "valid auc" of validation."""

FIGURES = {
    "auc": "AUC",
    "auc popular": "AUC, as popular",
    "auc tag": "AUC, same tag",
    "mae": "MAE",
    "rmse": "RMSE",
    "mae platt": "MAE, put straight",
    "rmse platt": "RMSE, put straight",
    "hit@100": "HitRate@100",
    "hit@200": "HitRate@200",
    "hit@300": "HitRate@300",
    "auc known": "AUC, all known",
    "hit@100 known": "HitRate@100, all known",
}
"""Of the test, and how each is called: “as popular” and “same tag” are kinds of negatives, “put
straight” is on a line that validation chose, “all known” where training has all three."""


def read_runs(workspace: Path) -> pl.DataFrame:
    """All runs that were written, with the columns of `SCHEMA`; no rows where there are none.

    Raises:
        ArtifactError: the file is damaged.
    """
    path = workspace / "results" / RUNS
    if not path.is_file():
        return pl.DataFrame(schema=SCHEMA)
    return atomic.read_parquet(path).select(*SCHEMA)


def by_neighbours(
    runs: pl.DataFrame, metric: str = "auc", group: str = "neighbours"
) -> pl.DataFrame:
    """What each row reached by the number of neighbours that it read.

    Columns: `row`, `k`, `mean` and `sd` over seeds (null with one seed), `seeds`, `seconds` and
    `peak_mb` (means), by row, then k.

    Args:
        runs: As `read_runs` returns them.
        metric: One of theirs.
        group: One of theirs.

    >>> one = {"group": "neighbours", "row": "zoomer", "k": 5, "metric": "auc", "peak_mb": 9.0}
    >>> rows = [one | {"seed": at, "value": v, "seconds": 2.0} for at, v in enumerate((0.7, 0.9))]
    >>> by_neighbours(pl.DataFrame(rows, schema=SCHEMA)).select("k", "mean", "seeds").row(0)
    (5, 0.8, 2)
    """
    chosen = runs.filter(pl.col("group") == group, pl.col("metric") == metric, pl.col("k") > 0)
    return _over_seeds(chosen).sort("row", "k")


def efforts(runs: pl.DataFrame, metric: str = "auc") -> pl.DataFrame:
    """What each row reached by the number of neighbours that it read, and what that took.

    Columns as of `by_neighbours`; k is 0 where all neighbours are read, and null where none is.

    Args:
        runs: As `read_runs` returns them.
        metric: One of theirs.
    """
    chosen = runs.filter(pl.col("group") == "neighbours", pl.col("metric") == metric)
    return _over_seeds(chosen).sort("row", pl.when(pl.col("k") > 0).then("k"), nulls_last=True)


def _over_seeds(runs: pl.DataFrame) -> pl.DataFrame:
    """A row each row and number of neighbours: means over seeds, in no order."""
    return runs.group_by("row", "k").agg(
        mean=pl.col("value").mean().round(12),
        sd=pl.col("value").std(),
        seeds=pl.len(),
        seconds=pl.col("seconds").mean(),
        peak_mb=pl.col("peak_mb").mean(),
    )


def step_cost_in_words(runs: pl.DataFrame) -> str:
    """How much longer a step takes that reads more neighbours; "" where that was not measured."""
    of = runs.filter(pl.col("group") == "cost", pl.col("metric") == "step seconds")
    steps = {
        int(k): mean(of.filter(pl.col("k") == k)["value"]) for k in of["k"].drop_nulls().unique()
    }
    few = min((k for k in steps if k > 0), default=None)
    if few is None or len(steps) < 2 or not steps[few]:
        return ""
    order = sorted((k for k in steps if k != few), key=lambda k: (k == 0, k))
    told = [f"{steps[k] / steps[few]:.1f} times that with {k or 'all'}" for k in order]
    return (
        f"A step of training takes {steps[few]:.3f} s with {few} neighbours of a type, and "
        f"{', '.join(told)}."
    )


def trained_by_neighbours(
    found: Mapping[str, Contender], metric: str, load: Load = load_evaluation
) -> pl.DataFrame:
    """What recommenders of experiments reached by the number of neighbours that they read.

    Columns: `row` (backbone and enhancer), `k`, `mean` and `sd` over seeds (null with one), `seeds`
    and `experiment`, by row, then k. Recommenders that read no such number are left out, and so is
    what was judged on other data than the first.

    Args:
        found: Recommenders side by side.
        metric: One of `app.results.metrics.METRICS`.
        load: Opens an evaluation.
    """
    rows: list[dict[str, object]] = []
    split = None
    for one in found.values():
        cell = one.cells[0]
        k = getattr(one.record.experiment.model_of(cell).backbone, "neighbours", None)
        split = split or one.record.keys.get("split")
        if not isinstance(k, int) or one.record.keys.get("split") != split:
            continue
        values = [load(one.record, each).mean(metric) for each in one.cells]
        told = {"row": cell.label, "k": k, "mean": mean(values), "seeds": len(values)}
        spread = stdev(values) if len(values) > 1 else None
        rows.append({**told, "sd": spread, "experiment": one.record.experiment.name})
    return pl.DataFrame(rows, schema=_TRAINED).sort("row", "k", maintain_order=True)


_TRAINED = {
    "row": pl.String,
    "k": pl.Int64,
    "mean": pl.Float64,
    "sd": pl.Float64,
    "seeds": pl.Int64,
    "experiment": pl.String,
}
