"""What one hop is asked for, and what it drew."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

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
class Ask:
    """All that one hop has to know of a walk, without the graph.

    Attributes:
        hop: Its place in the query.
        nodes: (r,) numbers of the nodes that it starts from.
        owners: (r,) place of the seed that each belongs to.
        limits: (r,) int64 seconds of that seed; None where time does not matter.
        seeds: (b,) numbers of all seeds.
        exclude: Numbers of the edges that must not be drawn, by type.
        avoided: (y,) place of a seed times the number of nodes, and a node that must not be drawn.
        pairs: (x,) sorted: node of the origin times the number of nodes, and a node that is no
            negative of it.
        like: (r, count) nodes that negatives have to be like.
    """

    hop: int
    nodes: np.ndarray
    owners: np.ndarray
    limits: np.ndarray | None
    seeds: np.ndarray
    exclude: Mapping[Key, np.ndarray]
    avoided: np.ndarray | None = None
    pairs: np.ndarray | None = None
    like: np.ndarray | None = None
