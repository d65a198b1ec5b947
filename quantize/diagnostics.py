"""How well codes are used and how much they keep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from quantize.quantizers import Quantizer


def active_ratio(codes: np.ndarray, k: int) -> list[float]:
    """Share of the k codes of each level that some entity has.

    >>> active_ratio(np.array([[0, 1], [0, 2]]), 4)
    [0.25, 0.5]
    """
    return [len(np.unique(column)) / k for column in codes.T]


def perplexity(codes: np.ndarray, k: int) -> list[float]:
    """exp(entropy) of each level's usage: k where all codes are used alike, 1 for a single one.

    >>> perplexity(np.array([[0], [1]]), 8)
    [2.0]
    """
    shares = (np.bincount(column, minlength=k) / len(column) for column in codes.T)
    return [float(np.round(np.exp(-np.sum(p[p > 0] * np.log(p[p > 0]))), 6)) for p in shares]


def collisions(codes: np.ndarray) -> float:
    """Share of entities whose full code is also another entity's.

    >>> collisions(np.array([[0, 1], [0, 1], [0, 2], [1, 1]]))
    0.5
    """
    _, counts = np.unique(codes, axis=0, return_counts=True)
    return float(counts[counts > 1].sum() / len(codes))


def distinct(codes: np.ndarray) -> list[int]:
    """How many different codes there are, by the first level, the first two, and so on.

    >>> distinct(np.array([[0, 1], [0, 1], [0, 2], [1, 1]]))
    [2, 3]
    """
    return [len(np.unique(codes[:, : t + 1], axis=0)) for t in range(codes.shape[1])]


def usage(codes: np.ndarray, k: int) -> pl.DataFrame:
    """One row a code: level, code, members, share of all entities."""
    tables = []
    for level, column in enumerate(codes.T):
        members = np.bincount(column, minlength=k)
        columns = {"code": np.arange(k), "members": members, "share": members / len(column)}
        tables.append(pl.DataFrame({"level": [level] * k, **columns}))
    return pl.concat(tables)


def level_table(figures: Mapping[str, Any]) -> pl.DataFrame:
    """One row a level, from the figures of `statistics`.

    Columns: `level`; `used` codes out of `codes`, `active_ratio` and `perplexity`; `distinct`
    codes by this level and all before it; `kept`, the share of the vectors' variance that the
    codes give back up to this level, and `gained`, what this level adds to it.
    """
    kept = [1 - left for left in figures["error_left"]]
    return pl.DataFrame(
        {
            "level": range(figures["levels"]),
            "codes": [figures["k"]] * figures["levels"],
            "used": [round(share * figures["k"]) for share in figures["active_ratio"]],
            "active_ratio": figures["active_ratio"],
            "perplexity": figures["perplexity"],
            "distinct": figures["distinct"],
            "kept": kept,
            "gained": np.diff(kept, prepend=0.0),
        }
    )


def collision_table(ids: Sequence[str], codes: np.ndarray) -> pl.DataFrame:
    """One row a full code that several entities share: `codes`, `members`, `ids`; largest first.

    >>> collision_table(["a", "b", "c"], np.array([[0, 1], [2, 1], [0, 1]])).row(0)
    ('0-1', 2, ['a', 'c'])
    """
    written = ["-".join(map(str, row)) for row in codes.tolist()]
    table = pl.DataFrame({"codes": written, "ids": pl.Series(ids, dtype=pl.String)})
    groups = table.group_by("codes", maintain_order=True).agg(pl.len().alias("members"), "ids")
    shared = groups.filter(pl.col("members") > 1)
    return shared.sort("members", descending=True, maintain_order=True)


def curve_table(curves: np.ndarray, levels: int) -> pl.DataFrame:
    """One row an epoch: epoch, total, reconstruction, and codebook and commitment a level.

    The terms are those of `quantize.rq_vae.Losses`; epochs of the warm-up have 0 for the codes'.
    """
    names = ["total", "reconstruction"]
    names += [f"{term}_{t}" for term in ("codebook", "commitment") for t in range(levels)]
    rows = curves.reshape(-1, len(names))
    epochs = np.arange(1, len(rows) + 1)
    return pl.DataFrame({"epoch": epochs, **{n: rows[:, c] for c, n in enumerate(names)}})


def reconstruction(quantizer: Quantizer, matrix: np.ndarray, codes: np.ndarray) -> list[float]:
    """Squared error left after each level, as a share of the variance: 1 is nothing kept."""
    centre = sum(block.sum(0, dtype=np.float64) for block in _blocks(matrix)) / len(matrix)
    spread = sum(np.square(block - centre).sum() for block in _blocks(matrix))
    left = []
    for level in range(codes.shape[1]):
        pairs = zip(_blocks(matrix), _blocks(codes[:, : level + 1]), strict=True)
        gaps = (block - quantizer.decode(of) for block, of in pairs)
        error = sum(np.square(gap).sum(dtype=np.float64) for gap in gaps)
        left.append(float(error / max(spread, 1e-12)))
    return left


def _blocks(rows: np.ndarray, size: int = 8192) -> Iterator[np.ndarray]:
    """Parts of the rows, so that large sets need little memory."""
    return (rows[start : start + size] for start in range(0, len(rows), size))


def statistics(quantizer: Quantizer, matrix: np.ndarray, codes: np.ndarray) -> dict[str, Any]:
    """JSON-able figures about codes.

    Keys: `entities`, `k`, `levels`; by level `active_ratio`, `perplexity`, `error_left` (see
    `reconstruction`) and `distinct`; `collisions`.
    """
    k = int(quantizer.codebooks.shape[1])
    return {
        "entities": len(codes),
        "k": k,
        "levels": int(codes.shape[1]),
        "active_ratio": active_ratio(codes, k),
        "perplexity": perplexity(codes, k),
        "collisions": collisions(codes),
        "distinct": distinct(codes),
        "error_left": reconstruction(quantizer, matrix, codes),
    }
