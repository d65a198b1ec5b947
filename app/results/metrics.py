"""Metrics of the recommenders of an experiment, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.experiment.cautions import LEAKING_TEXTS
from app.pipeline.records import Record
from data import atomic
from data.inert import csv_bytes

if TYPE_CHECKING:
    import polars as pl

METRICS = {"ndcg@10": "NDCG@10", "hr@10": "HR@10", "mrr": "MRR", "gauc": "GAUC"}
COSTS = {"seconds_per_epoch": "s/epoch", "epochs": "epochs", "peak_mb": "peak MB"}
LEAK_NOTE = f"{LEAKING_TEXTS.sign} {LEAKING_TEXTS.note}"


def result_table(record: Record) -> pl.DataFrame:
    """A row for every trained and judged recommender of a run: who it is, metrics and costs."""
    import polars as pl

    rows = [
        {
            "experiment": record.experiment.name,
            "data": record.experiment.data.name,
            "backbone": cell.backbone,
            "enhancer": cell.enhancer,
            "seed": cell.seed,
            **{m: record.summary("evaluate", cell).get(m) for m in METRICS},
            **{c: record.summary("train", cell).get(c) for c in COSTS},
            "leaking": record.leaking(cell),
            "marks": record.marks(cell),
        }
        for cell in record.finished_cells()
    ]
    return pl.DataFrame(rows)


def write_results(record: Record) -> Path:
    """The Parquet file of `result_table`; a CSV file stands beside it."""
    table = result_table(record)
    path = record.workspace / "results" / f"{record.experiment.name}.parquet"
    atomic.write_bytes(path.with_suffix(".csv"), csv_bytes(table))
    return atomic.write_parquet(path, table)


def means(results: pl.DataFrame) -> list[dict[str, Any]]:
    """Means over seeds, a row a backbone and enhancer; `last` is true of a backbone's last row."""
    import polars as pl

    pairs = results.group_by("backbone", "enhancer", maintain_order=True).agg(
        pl.col(*METRICS, *COSTS).mean(), pl.col("marks").first()
    )
    rows = pairs.to_dicts()
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        row["last"] = following is not None and following["backbone"] != row["backbone"]
    return rows
