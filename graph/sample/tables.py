"""What is looked up when edges are drawn: places in time, in-degrees at a time, alias tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data.relation import Relation, count_type, offsets_of


def visible(
    relation: Relation, rows: np.ndarray, limits: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Where rows begin, and how many of their edges are strictly before a time each.

    Args:
        relation: Edges by source and time.
        rows: (r,) sources.
        limits: (r,) int64 seconds; None to see all.

    Returns:
        (r,) int64 begins, and (r,) int64 lengths.
    """
    begins = relation.offsets[rows]
    ends = relation.offsets[1:][rows]
    if limits is not None and relation.times is not None:
        ends = bisect(relation.times, begins, ends, limits)
    return begins, ends - begins


def bisect(
    values: np.ndarray, begins: np.ndarray, ends: np.ndarray, limits: np.ndarray
) -> np.ndarray:
    """The first place from each begin at which a value is not below a limit.

    Args:
        values: (m,) in order within every stretch.
        begins: (r,) where stretches begin.
        ends: (r,) where they end; the answer where all values are below.
        limits: (r,) what to compare with.

    >>> bisect(np.array([1, 3, 5, 2, 2]), np.array([0, 3]), np.array([3, 5]), np.array([4, 2]))
    array([2, 3])
    """
    low = begins.astype(np.int64)
    if not len(values) or not len(low):
        return low
    left = ends - low
    for _ in range(int(left.max()).bit_length()):
        half = (left + 1) >> 1
        probe = low + half
        probe -= 1
        below = values[probe] < limits
        half *= below
        low += half
        left >>= 1
    return low


def cumulate(weights: np.ndarray) -> np.ndarray:
    """(m + 1,) float64 sums of what stands before each."""
    sums = np.zeros(len(weights) + 1)
    np.cumsum(weights, dtype=np.float64, out=sums[1:])
    return sums


def guide_to(sums: np.ndarray) -> np.ndarray:
    """(m + 2,) where in rising sums each of m equal shares of their total begins.

    Args:
        sums: (m + 1,) float64 sums of what stands before each.

    Source: the guide table of Chen and Asau, On generating random variates from an empirical
    distribution (AIIE Transactions 1974).
    """
    m = len(sums) - 1
    counts = np.bincount(_shares(sums, sums[-1], m), minlength=m + 1)
    return np.append(0, np.cumsum(counts)).astype(count_type(m + 1))


def _shares(sums: np.ndarray, total: float, m: int) -> np.ndarray:
    """(q,) int64 the share from 0 to m that each number is in; never less for a larger number."""
    if not total > 0:
        return np.zeros(len(sums), dtype=np.int64)
    shares = sums / total
    shares *= m
    return np.minimum(shares.astype(np.int64), m)


def fallen(
    sums: np.ndarray,
    guide: np.ndarray,
    begins: np.ndarray,
    lengths: np.ndarray,
    sought: np.ndarray,
) -> np.ndarray:
    """(q,) int64 what each number falls on, where what stands in a stretch is laid end to end.

    Args:
        sums: (m + 1,) float64 sums of what stands before each.
        guide: (m + 2,) to them.
        begins: (q,) where stretches begin.
        lengths: (q,) how long they are, at least 1.
        sought: (q,) between the sums at the begin and at the end of its stretch.
    """
    shares = _shares(sought, sums[-1], len(sums) - 1)
    first, last = begins + 1, begins + lengths
    low = np.minimum(np.maximum(guide[shares], first), last)
    high = np.minimum(np.maximum(guide[1:][shares], low), last)
    left = np.flatnonzero(low < high)
    sought = sought[left]
    while len(left):
        first, last = low[left], high[left]
        middle = (first + last) >> 1
        below = sums[middle] <= sought
        low[left] = first = np.where(below, middle + 1, first)
        high[left] = last = np.where(below, last, middle)
        more = np.flatnonzero(first < last)
        left, sought = left[more], sought[more]
    found: np.ndarray = low - 1
    return found


@dataclass(frozen=True, slots=True)
class Alias:
    """Draws from rows by weight in O(1): a slot of the row alike, then it or another edge.

    Attributes:
        kept: (m,) float64 probability of a slot's own edge.
        others: (m,) int64 place of the edge that has the rest of the slot.
        filled: (n,) bool: which rows have any weight.

    Source: Walker 1977; made from two running sums as in Huebschle-Schneider and Sanders,
    Parallel Weighted Random Sampling (ESA 2019), section 4.2, for all rows at once.
    """

    kept: np.ndarray
    others: np.ndarray
    filled: np.ndarray

    @classmethod
    def of(cls, offsets: np.ndarray, weights: np.ndarray) -> Alias:
        """The tables of rows.

        Args:
            offsets: (n + 1,) where rows begin.
            weights: (m,) numbers from 0.
        """
        n, degrees = len(offsets) - 1, np.diff(offsets)
        rows = np.repeat(np.arange(n), degrees)
        totals = np.bincount(rows, weights, minlength=n)
        filled = totals > 0
        means = np.where(filled, totals / np.maximum(degrees, 1), 1)
        scaled = np.where(filled[rows], weights / means[rows], 1.0)
        kept, others = np.minimum(scaled, 1.0), np.arange(len(rows))
        light, heavy = np.flatnonzero(scaled < 1), np.flatnonzero(scaled > 1)
        of_light, of_heavy = rows[light], rows[heavy]
        ends = np.cumsum(np.bincount(of_heavy, minlength=n))
        paired = np.flatnonzero(np.bincount(of_heavy, minlength=n)[of_light])
        light, of_light = light[paired], of_light[paired]
        if not len(light):
            return cls(kept, others, filled)
        # One line for all rows: a row's gaps, and its excesses, begin at its offset and end before
        # the next. Both are read from that line alone, so rounding loses no weight on the way.
        gaps = offsets[of_light] + _sums_in(1 - scaled[light], of_light)
        excess = offsets[of_heavy] + _sums_in(scaled[heavy] - 1, of_heavy)
        begins = np.where(np.diff(of_light, prepend=-1) > 0, offsets[of_light], np.roll(gaps, 1))
        fillers = np.searchsorted(excess, begins, side="right")
        others[light] = heavy[np.minimum(fillers, ends[of_light] - 1)]
        closing = np.minimum(np.searchsorted(gaps, excess, side="left"), len(gaps) - 1)
        last = np.arange(len(heavy)) == ends[of_heavy] - 1
        short = ~last & (excess > offsets[of_heavy]) & (of_light[closing] == of_heavy)
        kept[heavy[short]] = np.clip(1 + excess - gaps[closing], 0.0, 1.0)[short]
        others[heavy[~last]] = heavy[np.flatnonzero(~last) + 1]
        return cls(kept, others, filled)


def _sums_in(values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(k,) float64 sums of the values of each row, up to and with each.

    Args:
        values: (k,) numbers.
        rows: (k,) the row of each, rising.
    """
    firsts = np.flatnonzero(np.diff(rows, prepend=-1))
    steps = values.astype(np.float64)
    steps[firsts[1:]] -= np.add.reduceat(values, firsts)[:-1]  # so that sums stay small
    sums = np.cumsum(steps)
    lengths = np.diff(firsts, append=len(rows))
    sums -= np.repeat(sums[firsts] - values[firsts], lengths)
    return np.asarray(sums)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Edges by the node that they lead to, from when both of their ends are there.

    Attributes:
        offsets: (n + 1,) int64 where those of each node begin.
        times: (m,) int64 seconds, of each node the oldest first; None where there are none.
        moments: (m,) int64 the same seconds in one line.
        targets: (m,) int32 where those lead.
    """

    offsets: np.ndarray
    times: np.ndarray | None
    moments: np.ndarray | None
    targets: np.ndarray

    @classmethod
    def of(cls, relation: Relation, starts: np.ndarray | None = None) -> Arrivals:
        """Those of a relation.

        Args:
            relation: Edges.
            starts: (n,) int64 seconds from which their sources are there.
        """
        targets, times = relation.targets, relation.times
        offsets = offsets_of(targets, relation.n_targets)
        if starts is not None:
            born = starts[relation.sources]
            times = born if times is None else np.maximum(times, born)
        if times is None:
            return cls(offsets, None, None, targets)
        line = np.argsort(times, kind="stable")
        by_target = line[np.argsort(targets[line], kind="stable")]
        return cls(offsets, times[by_target], times[line], targets[line])

    @property
    def degrees(self) -> np.ndarray:
        """(n,) int64 in-degrees."""
        return np.diff(self.offsets)

    def degrees_at(self, nodes: np.ndarray, limits: np.ndarray | None) -> np.ndarray:
        """(q,) int64 edges that lead to nodes before a time each."""
        begins, ends = self.offsets[nodes], self.offsets[1:][nodes]
        if self.times is not None and limits is not None:
            ends = bisect(self.times, begins, ends, limits)
        degrees: np.ndarray = ends - begins
        return degrees


@dataclass(frozen=True, slots=True)
class Doublings:
    """How far the in-degrees of what rows lead to have grown, by powers of two.

    At any time an edge counts the smallest power of two that its target's in-degree does not
    exceed: the places of all edges that led there, and of some that may still. Places are added
    when the edge comes, and whenever the in-degree passes a power of two: about 2.4 times an edge
    if edges come evenly. So a row at a time is a prefix of its rises, and an edge of which a place
    is drawn is drawn by in-degree if that place is taken; at least half are.

    Attributes:
        rises: By row and time; targets are places of edges in the relation.
        sums: (r + 1,) float64 of how many places all rises before each add.
        guide: (r + 2,) to these sums.
        spans: (r, 3) of each the edge, the place among the times of arrivals where the first place
            that it adds is taken, and where those of its target end.
    """

    rises: Relation
    sums: np.ndarray
    guide: np.ndarray
    spans: np.ndarray

    @classmethod
    def of(cls, relation: Relation, arrivals: Arrivals) -> Doublings:
        """Those of a relation whose edges arrive at times."""
        m, arrived = len(relation.targets), arrivals.times
        assert arrived is not None
        targets, sources = relation.targets, relation.sources
        first = np.full(m, np.iinfo(np.int64).min) if relation.times is None else relation.times
        power = powers(arrivals.degrees_at(targets, first + 1))
        begun = np.flatnonzero(power)
        parts = [(begun, first[begun], power[begun], np.zeros(len(begun), dtype=np.int64))]
        step, degrees = 0, arrivals.degrees[targets]
        while step < degrees.max(initial=0):
            passed = np.flatnonzero((power <= step) & (degrees > step))
            when = arrived[arrivals.offsets[targets[passed]] + step]
            rise = np.full(len(passed), max(step, 1), dtype=np.int64)
            parts.append((passed, np.maximum(when, first[passed]), rise, np.full_like(rise, step)))
            step = max(1, 2 * step)
        edges, times, rises, bases = map(np.concatenate, zip(*parts, strict=True))
        order = np.lexsort((times, sources[edges]))
        offsets = offsets_of(sources[edges], len(relation))
        rows = Relation(offsets, edges[order].astype(count_type(m)), m, times[order])
        sums = cumulate(rises[order])
        nodes = targets[rows.targets]
        firsts, ends = arrivals.offsets[nodes] + bases[order], arrivals.offsets[1:][nodes]
        spans = np.stack([rows.targets, firsts, ends], axis=1).astype(count_type(len(arrived)))
        return cls(rows, sums, guide_to(sums), spans)

    def taken(
        self, rises: np.ndarray, sought: np.ndarray, arrived: np.ndarray, limits: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """(q,) edges of places that were drawn, and (q,) bool: whether a place is taken at a time.

        Args:
            rises: (q,) that the places belong to.
            sought: (q,) what fell on them.
            arrived: (m,) seconds of arrivals, by node.
            limits: (q,) seconds.
        """
        edges, firsts, ends = self.spans[rises].T
        at = firsts + (sought - self.sums[rises]).astype(np.int64)
        taken = at < ends
        taken &= arrived[np.minimum(at, len(arrived) - 1)] < limits
        return edges, taken


def powers(numbers: np.ndarray) -> np.ndarray:
    """(n,) int64 smallest powers of two that numbers do not exceed; 0 of 0.

    >>> powers(np.array([0, 1, 2, 3, 4, 5]))
    array([0, 1, 2, 4, 4, 8])
    """
    rounded = np.ldexp(1.0, np.frexp(np.maximum(numbers, 1) - 0.5)[1]).astype(np.int64)
    return np.where(numbers > 0, rounded, 0)
