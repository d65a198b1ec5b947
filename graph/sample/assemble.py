"""From what hops drew to one subgraph: every node and every edge once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graph.hetero import HeteroGraph
from graph.query.query import Query
from graph.sample.draws import Draws
from graph.sample.rows import NEVER
from graph.sample.sample import Sample, SampledEdges
from graph.schema import Key


def assemble(
    graph: HeteroGraph,
    query: Query,
    seeds: np.ndarray,
    starts: np.ndarray,
    times: np.ndarray | None,
    draws: Sequence[Draws],
    owners: Sequence[np.ndarray],
    disjoint: bool,
) -> Sample:
    """The subgraph of what was drawn.

    Args:
        graph: That was walked.
        query: What was walked.
        seeds: (b,) numbers of the seeds.
        starts: (b,) numbers of the nodes that the walk started from.
        times: (b,) seconds, or None.
        draws: Of every hop.
        owners: (e,) place of the seed of every draw, by hop; of the start first.
        disjoint: Whether nodes of several seeds stand once a seed.
    """
    drawn = [starts, *(one.nodes for one in draws)]
    nodes: dict[str, np.ndarray] = {}
    whose: dict[str, np.ndarray] = {}
    ages: dict[str, np.ndarray] = {}
    places: list[np.ndarray] = [np.zeros(0, dtype=np.int64)] * len(drawn)
    for kind in dict.fromkeys(query.types):
        hops = [hop for hop, name in enumerate(query.types) if name == kind]
        numbers = np.concatenate([drawn[hop] for hop in hops]).astype(np.int64)
        belong = np.concatenate([owners[hop] for hop in hops])
        keys = belong * graph.size(kind) + numbers if disjoint else numbers
        firsts, inverse = distinct(keys)
        nodes[kind], whose[kind] = numbers[firsts], belong[firsts].astype(np.int32)
        if not disjoint:
            shared = np.zeros(len(firsts), dtype=bool)
            shared[inverse[belong != belong[firsts][inverse]]] = True
            whose[kind][shared] = -1
        cuts = np.cumsum([len(drawn[hop]) for hop in hops])[:-1]
        for hop, part in zip(hops, np.split(inverse, cuts), strict=True):
            places[hop] = part
        ages[kind] = _ages(hops, draws, owners, places, times, len(firsts))
    found = _edges(graph, query, draws, places)
    return Sample(
        query,
        seeds,
        times,
        nodes,
        whose,
        ages,
        {key: once(parts) for key, parts in found.items()},
        tuple(draws),
        tuple(places),
    )


def distinct(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first place of every distinct key, and which of them each key is.

    Without sorting: keys are hashed into a table whose slots name the first key that fell there;
    keys that find another one in their slot go on to the next round.

    Args:
        keys: (n,) int64, not negative.

    >>> distinct(np.array([7, 3, 7, 5]))
    (array([0, 1, 3]), array([0, 1, 0, 2]))
    """
    order = np.arange(len(keys), dtype=np.int32)
    bits = len(keys).bit_length() + 1
    table = np.empty(1 << bits, dtype=np.int32)

    def fallen(places: np.ndarray, some: np.ndarray, multiplier: int) -> np.ndarray:
        """The first place that fell into the slot of each key."""
        slots = (some.view(np.uint64) * np.uint64(multiplier)) >> np.uint64(64 - bits)
        slots = slots.view(np.int64)
        table[slots[::-1]] = places[::-1]
        found: np.ndarray = table[slots]
        return found

    multiplier = 0x9E3779B97F4A7C15
    first = fallen(order, keys, multiplier)
    left = np.flatnonzero(keys[first] != keys)
    while len(left):
        multiplier = (multiplier * 6364136223846793005 + 1442695040888963407) % 2**64 | 1
        some = keys[left]
        first[left] = found = fallen(left, some, multiplier)
        left = left[keys[found] != some]
    leads = first == order
    return np.flatnonzero(leads), (np.cumsum(leads) - 1)[first]


def _ages(
    hops: list[int],
    draws: Sequence[Draws],
    owners: Sequence[np.ndarray],
    places: Sequence[np.ndarray],
    times: np.ndarray | None,
    n: int,
) -> np.ndarray:
    """(n,) float32 seconds from the youngest edge that led to each node to its seed's time."""
    if times is None:
        return np.full(n, np.nan, dtype=np.float32)
    ages = np.full(n, np.inf)
    for hop in hops:
        led = draws[hop - 1].times if hop else None
        if led is not None:
            age = np.where(led == NEVER, np.inf, times[owners[hop]] - led.astype(np.float64))
            np.minimum.at(ages, places[hop], age)
    return np.where(np.isinf(ages), np.nan, ages).astype(np.float32)


def _edges(
    graph: HeteroGraph, query: Query, draws: Sequence[Draws], places: Sequence[np.ndarray]
) -> dict[Key, list[tuple[np.ndarray, ...]]]:
    """Rows, columns, numbers and times of all edges that were drawn, by type."""
    found: dict[Key, list[tuple[np.ndarray, ...]]] = {}
    for number, (hop, drawn) in enumerate(zip(query.hops, draws, strict=True), 1):
        origins = places[hop.origin][drawn.origins]
        if drawn.steps is not None:
            later = np.flatnonzero(drawn.steps)
            origins[later] = places[number][later - 1]
        times = drawn.times
        for kind, key in enumerate(() if hop.negative else hop.edges):
            declared = graph.schema.edge(key).key
            ends = (origins, places[number])
            rows, columns = ends if key == declared else ends[::-1]
            parts = (rows, columns, drawn.edges, times if times is not None else drawn.edges)
            if len(hop.edges) > 1:
                of_kind = drawn.kinds == kind
                parts = tuple(part[of_kind] for part in parts)
            timed = times is not None and graph.relation(key).times is not None
            found.setdefault(declared, []).append(parts if timed else parts[:3])
    return found


def once(parts: list[tuple[np.ndarray, ...]]) -> SampledEdges:
    """Edges, each once between the same two nodes of the sample.

    Args:
        parts: Rows, columns, numbers and, where they have some, times; those without any edge may
            lack them.
    """
    parts = [part for part in parts if len(part[0])] or parts[:1]
    rows, columns, numbers, *times = map(np.concatenate, zip(*parts, strict=True))
    most = int(rows.max(initial=0)) + 1
    firsts, _ = distinct(numbers * most + rows)
    return SampledEdges(
        rows[firsts], columns[firsts], numbers[firsts], times[0][firsts] if times else None
    )
