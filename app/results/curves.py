"""Training curves of an experiment, while it runs and after it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.pipeline.records import Record
from data.artifacts import MANIFEST, SCRATCH

if TYPE_CHECKING:
    import polars as pl

FIELDS = ("recommender", "backbone", "enhancer", "seed", "finished", "epoch", "loss", "ndcg@10")
Epoch = tuple[int, float, float]
"""Number from 1, loss, validation NDCG@10."""


def training_curves(record: Record) -> pl.DataFrame:
    """A row a recommender and epoch, for those that have got through one.

    Columns: recommender, backbone, enhancer, seed, finished (whether its training is over), epoch
    (from 1), loss (mean over training positions), ndcg@10 (on validation).

    Raises:
        ArtifactError: a file is damaged.
    """
    import polars as pl

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
    from recommend.curve import epochs_of

    rows = epochs_of(folder, folder / SCRATCH)
    return tuple((int(row["epoch"]) + 1, row["loss"], row["ndcg@10"]) for row in rows)
