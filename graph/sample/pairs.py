"""Which edges lead from one node to another, found without a search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.relation import Relation, count_type

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Pairs:
    """The edges of a relation by hash of their source and target.

    An odd multiplier maps numbers of 64 bits one to one, so that equal hashes are equal pairs. A
    bucket for each of the first bits, of which there are at least as many as pairs, says where its
    hashes begin; before that, two bits more say of most hashes that there is none.

    Attributes:
        order: (m,) places of edges, those of a pair together and in their order.
        firsts: (p + 1,) where in `order` the edges of each pair begin.
        hashes: (p + 1,) uint64 rising; the last is none, and not less than any.
        buckets: (2^bits,) the first hash that is not below each bucket's.
        filled: (2^(bits + 2),) bool: whether any hash begins so.
        n_targets: That sources are multiplied by.
    """

    order: np.ndarray
    firsts: np.ndarray
    hashes: np.ndarray
    buckets: np.ndarray
    filled: np.ndarray
    n_targets: int

    @classmethod
    def of(cls, relation: Relation) -> Pairs:
        """Those of a relation."""
        n, m = max(relation.n_targets, 1), len(relation.targets)
        hashes = _hashes(relation.sources * np.int64(n) + relation.targets)
        order = np.argsort(hashes, kind="stable")
        hashes = hashes[order]
        begun = np.ones(m, dtype=bool)
        begun[1:] = hashes[1:] != hashes[:-1]
        firsts = np.append(np.flatnonzero(begun), m)
        hashes = hashes[begun]
        bits = len(hashes).bit_length()
        edges = np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits)
        filled = np.zeros(4 << bits, dtype=bool)
        filled[hashes >> np.uint64(62 - bits)] = True
        small = count_type(m)
        return cls(
            order.astype(small),
            firsts.astype(small),
            np.append(hashes, np.iinfo(np.uint64).max),
            np.searchsorted(hashes, edges).astype(small),
            filled,
            n,
        )

    def find(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which of some pairs an edge joins, in their order, and their places in `firsts`.

        Args:
            codes: (q,) int64 sources times `n_targets`, and targets.
        """
        sought = _hashes(codes)
        bits = len(self.buckets).bit_length() - 1
        which = np.flatnonzero(self.filled[sought >> np.uint64(62 - bits)])
        sought = sought[which]
        at = self.buckets[sought >> np.uint64(64 - bits)]
        hashes = self.hashes[at]
        left = np.flatnonzero(hashes < sought)
        while len(left):
            at[left] += 1
            hashes[left] = self.hashes[at[left]]
            left = left[hashes[left] < sought[left]]
        there = np.flatnonzero((hashes == sought) & (at < len(self.hashes) - 1))
        return which[there], at[there]


def _hashes(codes: np.ndarray) -> np.ndarray:
    hashes: np.ndarray = codes.view(np.uint64) * _MULTIPLIER
    return hashes
