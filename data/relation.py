"""One kind of edges as CSR arrays: whoever holds edges anywhere holds them like this."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
            times: (m,) seconds.
            weights: (m,) numbers.

        >>> edges = Relation.between(np.array([1, 0, 1]), np.array([2, 2, 0]), 2, 3)
        >>> edges.of(1).tolist(), edges.transpose().of(2).tolist()
        ([2, 0], [0, 1])
        """
        order = (
            np.argsort(sources, kind="stable") if times is None else np.lexsort((times, sources))
        )
        return cls(
            offsets_of(sources, n_sources),
            targets[order].astype(np.int32),
            n_targets,
            None if times is None else times[order].astype(np.int64),
            None if weights is None else weights[order].astype(np.float32),
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
        """The same edges by target; those of one target and time keep their order."""
        ends = (self.targets, self.sources)
        return Relation.between(*ends, self.n_targets, len(self), self.times, self.weights)

    def before(self, times: np.ndarray) -> Relation:
        """The edges that each source may see: those strictly older than its own time.

        Args:
            times: (n,) seconds, one a source.

        Raises:
            ValueError: they have no times.
        """
        return self.only(self.moments < np.repeat(times, self.degrees))

    def only(self, kept: np.ndarray) -> Relation:
        """Some of the edges.

        Args:
            kept: (m,) bool.
        """
        return Relation(
            offsets_of(self.sources[kept], len(self)),
            self.targets[kept],
            self.n_targets,
            None if self.times is None else self.times[kept],
            None if self.weights is None else self.weights[kept],
        )


def offsets_of(sources: np.ndarray, n: int) -> np.ndarray:
    """(n + 1,) int64 where the edges of each of n sources begin, and where the last one's end."""
    offsets = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(sources, minlength=n), out=offsets[1:])
    return offsets
