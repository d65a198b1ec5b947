"""Numbers of nodes and edges as somebody gives them, and edges that stand both ways."""

from __future__ import annotations

from typing import Any

import numpy as np

from data.errors import DataError
from data.relation import order_of


def whole(values: Any, n: int, what: str, names: np.ndarray | None = None) -> np.ndarray:
    """(x,) int64 numbers of nodes or edges.

    Args:
        values: Numbers, or (n,) bool: which of all are meant.
        n: How many there are.
        what: They are called in messages, such as "seeds".
        names: (n,) the number of each; 0 to n - 1 by default.

    Raises:
        DataError: they are neither.

    >>> whole([2.0, 0.0], 3, "seeds"), whole([True, False, True], 3, "seeds")
    (array([2, 0]), array([0, 2]))
    """
    given = np.asarray(values).reshape(-1)
    if given.dtype.kind == "b":
        if len(given) != n:
            raise DataError(
                f"Of the {what} there are {len(given)} times True or False, which is one for each "
                f"of {n}, or numbers from 0."
            )
        places = np.flatnonzero(given)
        return places if names is None else names[places].astype(np.int64)
    if not len(given):
        return np.zeros(0, dtype=np.int64)
    if given.dtype.kind not in "iuf":
        raise DataError(f"The {what} hold {given[0]!r}, and they are numbers from 0.")
    if given.dtype.kind == "f":
        odd = np.flatnonzero(~np.isfinite(given) | (given != np.floor(given)))
        if len(odd):
            raise DataError(
                f"Number {odd[0]} of the {what} is {given[odd[0]]}; give whole numbers from 0."
            )
    return given.astype(np.int64)


def twins(
    source: np.ndarray, target: np.ndarray, times: np.ndarray | None, n: int
) -> np.ndarray | None:
    """(m,) int64 the same edge the other way round; None unless every edge has one.

    So it is where edges between nodes of one type are not directed: each then stands both ways, at
    one time. A loop is its own twin.

    Args:
        source: (m,) numbers of nodes.
        target: (m,) of the same type.
        times: (m,) int64 seconds, where they have times.
        n: How many nodes there are.

    >>> twins(np.array([0, 1, 1, 2]), np.array([1, 0, 2, 1]), None, 3)
    array([1, 0, 3, 2])
    """
    if not np.array_equal(np.bincount(source, minlength=n), np.bincount(target, minlength=n)):
        return None
    forth, back = source * np.int64(n) + target, target * np.int64(n) + source
    one, other = _order(forth, times), _order(back, times)
    if (forth[one] != back[other]).any() or (
        times is not None and (times[one] != times[other]).any()
    ):
        return None
    twin = np.empty(len(one), dtype=np.int64)
    twin[one] = other
    return twin


def _order(codes: np.ndarray, times: np.ndarray | None) -> np.ndarray:
    order = order_of(codes, times)
    return np.arange(len(codes)) if order is None else order
