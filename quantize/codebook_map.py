"""Codebooks in the plane: near vectors stay near, for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from quantize.codes import Codes

VERSION = 1
"""Raised when the same codes come to lie elsewhere."""
CODE, MEMBER = "code", "member"
"""Kinds of points: a code vector, and what one entity has left before that level."""
SCHEMA = {
    "kind": pl.String,
    "level": pl.Int32,
    "code": pl.Int32,
    "row": pl.Int32,
    "x": pl.Float32,
    "y": pl.Float32,
}
_MEMBERS = 300
_PERPLEXITY = 30.0
_STEPS = 500


def draw_map(codes: Codes, left: np.ndarray, levels: Sequence[int], seed: int = 0) -> pl.DataFrame:
    """A table of points, columns of `SCHEMA`: the codes of some levels, and of one level members.

    `code` is the code itself or the one that the member has; `row` is the member's number, -1 of
    a code. Coordinates have no unit: only who is near whom means something. One thread draws it,
    so that the same codes always lie in the same places.

    Args:
        codes: Of one side.
        left: What `quantize.fit.residuals` gives for them.
        levels: Of the codes; members are drawn only where there is one.
        seed: Draws the members.

    Source: van der Maaten & Hinton, Visualizing data using t-SNE, 2008; AutoGraph, figure 3.
    """
    kinds, points = [], []
    for level in levels:
        kinds.append(_points(CODE, level, np.arange(codes.k), np.full(codes.k, -1)))
        points.append(codes.codebooks[level])
    if len(levels) == 1:
        (level,) = levels
        rng = np.random.default_rng(seed)
        rows = np.sort(rng.permutation(len(codes))[:_MEMBERS])
        kinds.append(_points(MEMBER, level, codes.codes[rows, level], rows))
        points.append(left[level][rows])
    x, y = _in_the_plane(np.concatenate(points)).T
    return pl.concat(kinds).with_columns(x=pl.Series(x), y=pl.Series(y)).cast(SCHEMA)  # type: ignore[arg-type]


def _points(kind: str, level: int, codes: np.ndarray, rows: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame({"code": codes.astype(np.int32), "row": rows.astype(np.int32)}).select(
        pl.lit(kind).alias("kind"), pl.lit(level).alias("level"), "code", "row"
    )


def _in_the_plane(points: np.ndarray) -> np.ndarray:
    """(n, 2) float32 t-SNE, begun with the first two principal components."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if len(points) < 4:
        return np.eye(len(points), 2, dtype=np.float32)
    perplexity = min(_PERPLEXITY, (len(points) - 1) / 3)
    with threadpool_limits(1):
        placed = TSNE(
            perplexity=perplexity, init="pca", max_iter=_STEPS, random_state=0, n_jobs=1
        ).fit_transform(np.ascontiguousarray(points, dtype=np.float32))
    return np.asarray(placed, dtype=np.float32)
