"""One kind of edges as CSR arrays: whoever holds edges anywhere holds them like this."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from data.seconds import seconds_of


@dataclass(frozen=True, slots=True)
class Relation:
    """Edges from n sources to targets that are numbered from 0, by source.

    Where edges have times, each source's oldest come first.

    Attributes:
        offsets: (n + 1,) int64; source s owns `targets[offsets[s]:offsets[s + 1]]`.
        targets: (m,) int32.
        n_targets: How many targets there are, whether or not an edge leads to them.
        times: (m,) int64 seconds, where edges have times.
        weights: (m,) float32, where edges have weights.
        numbers: (m,) which edge of the relation that this one is the reverse or a part of each is;
            None where they are that relation's own. Attributes of edges are looked up by it.
    """

    offsets: np.ndarray
    targets: np.ndarray
    n_targets: int
    times: np.ndarray | None = None
    weights: np.ndarray | None = None
    numbers: np.ndarray | None = None

    @classmethod
    def between(
        cls,
        sources: np.ndarray,
        targets: np.ndarray,
        n_sources: int,
        n_targets: int,
        times: np.ndarray | None = None,
        weights: np.ndarray | None = None,
    ) -> Relation:
        """Edges in any order, by source and time; what is equal in both keeps its order.

        Args:
            sources: (m,) numbers from 0 to n_sources - 1.
            targets: (m,) numbers from 0 to n_targets - 1.
            n_sources: How many sources there are.
            n_targets: How many targets there are.
            times: (m,) seconds, or whatever `seconds_of` reads.
            weights: (m,) numbers.

        >>> edges = Relation.between(np.array([1, 0, 1]), np.array([2, 2, 0]), 2, 3)
        >>> edges.of(1).tolist(), edges.transpose().of(2).tolist()
        ([2, 0], [0, 1])
        """
        times = None if times is None else seconds_of(times)
        order = order_of(sources, times)
        return cls(
            offsets_of(sources, n_sources),
            taken(targets, order, np.int32),
            n_targets,
            None if times is None else taken(times, order, np.int64),
            None if weights is None else taken(weights, order, np.float32),
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def of(self, source: int) -> np.ndarray:
        """(degree,) int32 targets of one source."""
        return self.targets[self.offsets[source] : self.offsets[source + 1]]

    @property
    def degrees(self) -> np.ndarray:
        """(n,) int64 edges of each source."""
        return np.diff(self.offsets)

    @property
    def sources(self) -> np.ndarray:
        """(m,) int32 source of every edge."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.degrees)

    @property
    def moments(self) -> np.ndarray:
        """(m,) int64 seconds, of edges that are known to have times.

        Raises:
            ValueError: they have none.
        """
        if self.times is None:
            raise ValueError("these edges have no times")
        return self.times

    def transpose(self) -> Relation:
        """The same edges by target, with their numbers; those of one target and time keep order."""
        order = order_of(self.targets, self.times)
        return Relation(
            offsets_of(self.targets, self.n_targets),
            taken(self.sources, order, np.int32),
            len(self),
            None if self.times is None else taken(self.times, order, np.int64),
            None if self.weights is None else taken(self.weights, order, np.float32),
            self._numbers(order),
        )

    def before(self, times: np.ndarray) -> Relation:
        """The edges that each source may see: those strictly older than its own time.

        Args:
            times: (n,) seconds, one a source.

        Raises:
            ValueError: they have no times.
        """
        return self.only(self.moments < np.repeat(times, self.degrees))

    def only(self, kept: np.ndarray) -> Relation:
        """Some of the edges, with their numbers.

        Args:
            kept: (m,) bool.
        """
        return Relation(
            offsets_of(self.sources[kept], len(self)),
            self.targets[kept],
            self.n_targets,
            None if self.times is None else self.times[kept],
            None if self.weights is None else self.weights[kept],
            self._numbers(np.flatnonzero(kept)),
        )

    def _numbers(self, order: np.ndarray | None) -> np.ndarray:
        """What edges at these places are numbered; None stands for all of them, in order."""
        m = len(self.targets)
        places = np.arange(m) if order is None else order
        return places.astype(count_type(m)) if self.numbers is None else self.numbers[places]


def order_of(sources: np.ndarray, times: np.ndarray | None = None) -> np.ndarray | None:
    """(m,) int64 places of edges by source and time, equals in their order; None if they are so.

    Args:
        sources: (m,) whole numbers.
        times: (m,) whole numbers.
    """
    rising = sources[1:] > sources[:-1]
    level = sources[1:] == sources[:-1]
    if bool(
        (rising | level if times is None else rising | level & (times[1:] >= times[:-1])).all()
    ):
        return None
    if times is None:
        return _stable_order(sources)
    order = _stable_order(times)
    again: np.ndarray = order[_stable_order(sources[order])]
    return again


def _stable_order(keys: np.ndarray) -> np.ndarray:
    """What a stable argsort of whole numbers answers, in a third of its time.

    Place and key are packed into one number, which the plain sort of numpy orders by vectors.
    """
    low, high, bits = int(keys.min()), int(keys.max()), (len(keys) - 1).bit_length()
    if (high - low).bit_length() + bits > 62:
        return np.argsort(keys, kind="stable")
    packed = keys.astype(np.int64)
    packed -= low
    packed <<= bits
    packed |= np.arange(len(keys))
    packed.sort()
    packed &= (1 << bits) - 1
    return packed


def taken(column: np.ndarray, order: np.ndarray | None, dtype: DTypeLike) -> np.ndarray:
    """A column in an order, as a type; the column itself where both are its own."""
    return (column if order is None else column[order]).astype(dtype, copy=False)


def count_type(n: int) -> type[np.int32 | np.int64]:
    """The smallest of the types of numbers 0 to n."""
    return np.int32 if n <= np.iinfo(np.int32).max else np.int64


def offsets_of(sources: np.ndarray, n: int) -> np.ndarray:
    """(n + 1,) int64 where the edges of each of n sources begin, and where the last one's end."""
    offsets = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(sources, minlength=n), out=offsets[1:])
    return offsets
