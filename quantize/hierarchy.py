"""Codes as a tree: those of the first level, in each those of the second, and so on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quantize.codes import Codes


@dataclass(frozen=True, slots=True)
class Branch:
    """Entities whose codes begin alike.

    Attributes:
        codes: The codes that they share, from the first level; none for the root.
        size: How many there are.
        children: By their next code, the largest first; none where the tree was cut.
    """

    codes: tuple[int, ...]
    size: int
    children: tuple[Branch, ...] = ()


def hierarchy(codes: Codes, depth: int | None = None, under: Sequence[int] = ()) -> Branch:
    """The tree of codes.

    Args:
        codes: Of one side.
        depth: Levels below its root; all by default.
        under: Codes, from the first level, that every entity of the tree shares.
    """
    begin = tuple(under)
    rows = np.flatnonzero((codes.codes[:, : len(begin)] == np.array(begin, np.int32)).all(1))
    deepest = codes.levels if depth is None else min(codes.levels, len(begin) + depth)
    return _branch(codes.codes[rows], begin, deepest)


def _branch(rows: np.ndarray, begin: tuple[int, ...], deepest: int) -> Branch:
    if len(begin) >= deepest:
        return Branch(begin, len(rows))
    column = rows[:, len(begin)]
    found, counts = np.unique(column, return_counts=True)
    order = np.lexsort((found, -counts))
    children = (
        _branch(rows[column == code], (*begin, code), deepest) for code in found[order].tolist()
    )
    return Branch(begin, len(rows), tuple(children))
