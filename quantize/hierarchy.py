"""Codes as a tree: those of the first level, in each those of the second, and so on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Branch:
    """Entities whose codes begin alike.

    Attributes:
        codes: The codes that they share, from the first column; none for the root.
        size: How many there are.
        children: By their next code, the largest first; none where the tree was cut.
    """

    codes: tuple[int, ...]
    size: int
    children: tuple[Branch, ...] = ()


def hierarchy(codes: np.ndarray, depth: int | None = None) -> Branch:
    """The tree of codes.

    Args:
        codes: (n, t) codes of some entities on some levels, in the order in which they divide.
        depth: Columns that divide; all by default.
    """
    return _branch(codes[:, :depth], ())


def _branch(rows: np.ndarray, begin: tuple[int, ...]) -> Branch:
    if len(begin) >= rows.shape[1]:
        return Branch(begin, len(rows))
    column = rows[:, len(begin)]
    found, counts = np.unique(column, return_counts=True)
    order = np.lexsort((found, -counts))
    children = (_branch(rows[column == code], (*begin, code)) for code in found[order].tolist())
    return Branch(begin, len(rows), tuple(children))
