"""What runs of `autograph reproduce zoomer` reached, as one table that the page reads.

A row a run and figure. Groups: "table" (every contender), "ablation" (ZOOMER with parts switched
off), "neighbours" (how many neighbours are read: K) and "cost" (the same, with what a step takes).
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

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


def read_runs(workspace: Path) -> pl.DataFrame:
    """All runs that were written, with the columns of `SCHEMA`; no rows where there are none.

    Raises:
        ArtifactError: the file is damaged.
    """
    path = workspace / "results" / RUNS
    if not path.is_file():
        return pl.DataFrame(schema=SCHEMA)
    return atomic.read_parquet(path).select(SCHEMA)


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
    return (
        chosen.group_by("row", "k")
        .agg(
            mean=pl.col("value").mean().round(12),
            sd=pl.col("value").std(),
            seeds=pl.len(),
            seconds=pl.col("seconds").mean(),
            peak_mb=pl.col("peak_mb").mean(),
        )
        .sort("row", "k")
    )
