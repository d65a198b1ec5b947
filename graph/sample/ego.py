"""The dense view of a sample: as many places for every node of a hop, empty ones padded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from data.errors import ConfigError
from graph.query.query import Query
from graph.sample.draws import Draws

Padding = Literal["default", "replicate", "circular"]
"""What stands in empty places: a default number (that is also what GLE's "replicate" pads with), or
what was drawn over again, from the first on."""
PADDINGS = ("default", "replicate", "circular")


@dataclass(frozen=True, slots=True)
class EgoHop:
    """What a hop drew, k places for each of the n places of its origin.

    Attributes:
        nodes: (n, k) int64 numbers of nodes.
        mask: (n, k) bool: what was drawn; the rest is padding.
        edges: (n, k) int64 numbers of edges; -1 where there is none.
        slots: (n, k) int64 which draw stands in each place; -1 for none.
    """

    nodes: np.ndarray
    mask: np.ndarray
    edges: np.ndarray
    slots: np.ndarray


@dataclass(frozen=True, slots=True)
class EgoGraph:
    """Seeds and a dense tree around them.

    Attributes:
        seeds: (b,) int64 numbers of the nodes in the middle.
        hops: By hop of the query; the n of each is the n times k of its origin, or b.

    Source: GLE, "Model paradigms", EgoGraph-based node-centric aggregation.
    """

    seeds: np.ndarray
    hops: tuple[EgoHop, ...]


def dense(
    query: Query, starts: np.ndarray, draws: Sequence[Draws], padding: Padding, default: int
) -> EgoGraph:
    """The tree of what was drawn.

    A hop without a count has as many places as any node drew at the most.

    Args:
        query: That was walked.
        starts: (b,) numbers of the nodes it started from.
        draws: Of every hop.
        padding: What stands in empty places.
        default: The number that means no node.

    Raises:
        ConfigError: there is no such padding.
    """
    if padding not in PADDINGS:
        raise ConfigError(f"There is no padding {padding!r}; there are {', '.join(PADDINGS)}.")
    slots = [np.arange(len(starts))]
    sizes = [len(starts)]
    hops: list[EgoHop] = []
    for hop, drawn in zip(query.hops, draws, strict=True):
        counts = np.bincount(drawn.origins, minlength=sizes[hop.origin])
        width = _width(query, len(hops), counts)
        counts = np.append(counts, 0)  # what stands in empty places drew nothing
        origins = slots[hop.origin]
        has, first = counts[origins][:, None], (np.cumsum(counts) - counts)[origins][:, None]
        place = np.broadcast_to(np.arange(width), (len(origins), width))
        mask = place < has
        if padding == "circular":
            place = place % np.maximum(has, 1)
        slot = np.where(place < has, first + place, -1)
        hops.append(
            EgoHop(
                np.append(drawn.nodes, default)[slot].astype(np.int64),
                mask,
                np.append(drawn.edges, -1)[slot],
                slot,
            )
        )
        slots.append(slot.ravel())
        sizes.append(len(drawn.nodes))
    return EgoGraph(starts, tuple(hops))


def _width(query: Query, number: int, counts: np.ndarray) -> int:
    """Places of a hop for each node of its origin."""
    hop = query.hops[number]
    if hop.end:
        return 1
    if hop.walk is not None:
        return hop.walk.length * (hop.count or 1)
    return int(counts.max(initial=0)) if hop.count is None else hop.count
