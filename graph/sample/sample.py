"""What a sampler answers: nodes by type, whose they are and how old, and edges by type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graph.query.query import Query
from graph.schema import Key


@dataclass(frozen=True, slots=True)
class Draws:
    """What one hop drew, an entry a draw, in the order of their origins.

    Attributes:
        origins: (e,) int64 places among the nodes from which the hop started.
        nodes: (e,) int32 numbers of the nodes drawn.
        edges: (e,) int64 number of each edge within its type, as the schema declares it; -1 where
            there is none (negatives).
        kinds: (e,) int8 place of the edge's type in `Hop.edges`.
        times: (e,) int64 seconds of the edges, where any has one; NEVER where one has none.
        steps: (e,) int64 place of the draw in its walk, from 0; its edge leads from the draw before
            it. None where it is no walk, and edges lead from the origins.
    """

    origins: np.ndarray
    nodes: np.ndarray
    edges: np.ndarray
    kinds: np.ndarray
    times: np.ndarray | None = None
    steps: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class SampledEdges:
    """Edges of one type between nodes of a sample.

    Attributes:
        rows: (e,) int64 places of their sources among the sample's nodes of that type.
        columns: (e,) int64 the same of their targets.
        numbers: (e,) int64 which edge of the graph each is.
        times: (e,) int64 seconds, where they have times.
    """

    rows: np.ndarray
    columns: np.ndarray
    numbers: np.ndarray
    times: np.ndarray | None = None


@dataclass(frozen=True)
class Sample:
    """A typed, timed subgraph around seeds.

    Attributes:
        query: What was walked.
        seeds: (b,) int64 numbers of the seeds.
        times: (b,) int64 seconds at which each seed stands, where it stands at one.
        nodes: (n,) int64 numbers of the nodes, by type; the seeds come first within theirs.
        owners: (n,) int32 place of the seed that each node belongs to, by type; nodes of several
            seeds stand once a seed (disjoint) or once at all (merged; -1 where there are several).
        ages: (n,) float32 seconds from the youngest edge that led to a node to its seed's time, by
            type; NaN where there is no such time.
        edges: By type as the schema declares it, whichever way they were walked.
        draws: What every hop drew.
        places: (e,) int64 place of every draw among the sample's nodes of its type, by hop; that
            of the seeds comes first.
    """

    query: Query
    seeds: np.ndarray
    times: np.ndarray | None
    nodes: Mapping[str, np.ndarray]
    owners: Mapping[str, np.ndarray]
    ages: Mapping[str, np.ndarray]
    edges: Mapping[Key, SampledEdges]
    draws: tuple[Draws, ...]
    places: tuple[np.ndarray, ...]
