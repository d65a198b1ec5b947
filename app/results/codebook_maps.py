"""Pictures of codebooks, drawn once and kept beside the other caches of a workspace.

They belong to no result: drawing them otherwise makes nothing else again.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from app.pipeline.records import Record
from data import atomic, rights
from data.artifacts import MANIFEST
from data.errors import ArtifactError

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from quantize.codes import Codes


def map_path(record: Record, side: str, level: int | None) -> Path:
    """Where the map of one level is kept, or that of all levels together."""
    from quantize.codebook_map import VERSION

    what = "all" if level is None else str(level)
    name = f"{record.keys[f'codes-{side}']}-{_made(record, side)}-{what}-{VERSION}.parquet"
    return record.workspace / "cache" / "maps" / name


def _made(record: Record, side: str) -> int:
    """When the vectors and codes were finished, in nanoseconds: a key outlives its results."""
    folders = (record.folder(f"{what}-{side}") for what in ("vectors", "codes"))
    return max((folder / MANIFEST).stat().st_mtime_ns for folder in folders)


def codebook_map(
    record: Record, side: str, level: int | None, codes: Codes, left: np.ndarray
) -> pl.DataFrame:
    """The map, as `quantize.codebook_map.draw_map` gives it; drawn unless it was before.

    Args:
        record: Of the run.
        side: "user" or "item".
        level: Of the codes; None draws the codes of all levels and no members.
        codes: Of that side.
        left: What `quantize.members.residuals` gives for them.
    """
    from quantize.codebook_map import draw_map

    path = map_path(record, side, level)
    if path.exists():
        with suppress(ArtifactError):
            return atomic.read_parquet(path)
    drawn = draw_map(codes, left, range(codes.levels) if level is None else [level])
    with suppress(ArtifactError), rights.deriving():
        atomic.write_parquet(path, drawn)
    return drawn
