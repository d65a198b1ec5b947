"""Tables of one experiment: metrics and costs of its recommenders, and how their training went."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from app.experiment.cautions import LEAKING_TEXTS
from app.pipeline.records import Record
from data import atomic
from data.artifacts import MANIFEST, SCRATCH
from data.inert import csv_bytes
from recommend.curve import epochs_of

METRICS = {"ndcg@10": "NDCG@10", "hr@10": "HR@10", "mrr": "MRR", "gauc": "GAUC"}
COSTS = {"seconds_per_epoch": "s/epoch", "epochs": "epochs", "peak_mb": "peak MB"}
LEAK_NOTE = f"{LEAKING_TEXTS.sign} {LEAKING_TEXTS.note}"


def result_table(record: Record) -> pl.DataFrame:
    """A row for every trained and judged recommender of a run: who it is, metrics and costs."""
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
    return pl.DataFrame(rows, schema_overrides=_MAY_BE_MISSING if rows else None)


_MAY_BE_MISSING = {"seconds_per_epoch": pl.Float64, "epochs": pl.Int64}
"""Costs that recommenders do not have which learn nothing."""


def write_results(record: Record) -> Path:
    """The Parquet file of `result_table`; a CSV file stands beside it."""
    table = result_table(record)
    path = record.workspace / "results" / f"{record.experiment.name}.parquet"
    atomic.write_bytes(path.with_suffix(".csv"), csv_bytes(table))
    return atomic.write_parquet(path, table)


def means(results: pl.DataFrame) -> list[dict[str, Any]]:
    """Means over seeds, a row a backbone and enhancer; `last` is true of a backbone's last row."""
    pairs = results.group_by("backbone", "enhancer", maintain_order=True).agg(
        pl.col(*METRICS, *COSTS).mean(), pl.col("marks").first()
    )
    rows = pairs.to_dicts()
    for row, following in zip(rows, [*rows[1:], None], strict=True):
        row["last"] = following is not None and following["backbone"] != row["backbone"]
    return rows


FIELDS = ("recommender", "backbone", "enhancer", "seed", "finished", "epoch", "loss", "ndcg@10")
Epoch = tuple[int, float | None, float]
"""Number from 1, loss (None where nothing is learnt), validation NDCG@10."""


def training_curves(record: Record) -> pl.DataFrame:
    """A row a recommender and epoch, for those that have got through one.

    Columns: recommender, backbone, enhancer, seed, finished (whether its training is over), epoch
    (from 1), loss (mean over training positions), ndcg@10 (on validation).

    Raises:
        ArtifactError: a file is damaged.
    """
    rows: list[tuple[Any, ...]] = []
    for cell, keys in record.cells.items():
        if "train" not in keys:
            continue
        finished = record.store.holds("train", keys["train"])
        folder = record.store.place("train", keys["train"])
        about = (str(cell), cell.backbone, cell.enhancer, cell.seed, finished)
        rows += [(*about, *epoch) for epoch in _epochs(folder, finished)]
    types = (pl.String, pl.String, pl.String, pl.Int64, pl.Boolean, pl.Int64, *2 * [pl.Float64])
    return pl.DataFrame(rows, dict(zip(FIELDS, types, strict=True)), orient="row")


def _epochs(folder: Path, finished: bool) -> tuple[Epoch, ...]:
    manifest = folder / MANIFEST
    if not finished or not manifest.exists():
        return _read(folder)
    return _kept(folder, manifest.stat().st_mtime_ns)


@lru_cache(maxsize=512)
def _kept(folder: Path, _made: int) -> tuple[Epoch, ...]:
    return _read(folder)


def _read(folder: Path) -> tuple[Epoch, ...]:
    rows = epochs_of(folder, folder / SCRATCH)
    losses = (None if math.isnan(row["loss"]) else row["loss"] for row in rows)
    return tuple(
        (int(row["epoch"]) + 1, loss, row["ndcg@10"])
        for row, loss in zip(rows, losses, strict=True)
    )
