"""Instances of a metapath from one node, merged step by step into streams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

OTHERS = -1
"""Stands for all nodes of a step that are not shown by themselves."""


@dataclass(frozen=True, slots=True)
class Flow:
    """How instances run through the steps of a metapath.

    Attributes:
        stops: For every step, numbers of its nodes with the most instances, most first; `OTHERS`
            last if there are more.
        passing: For every step, instances through each of its stops.
        merged: For every step, how many nodes `OTHERS` stands for.
        streams: (step, stop there, stop at the next step, instances), by indices into `stops`.
    """

    stops: tuple[tuple[int, ...], ...]
    passing: tuple[tuple[int, ...], ...]
    merged: tuple[int, ...]
    streams: tuple[tuple[int, int, int, int], ...]


def flow(paths: Sequence[tuple[int, ...]], most: int = 12) -> Flow:
    """The streams of some instances of one metapath, from `graph.instances.instances`.

    Args:
        paths: A node number for every step.
        most: Nodes that a step shows by themselves.

    >>> flow([(0, 5, 1), (0, 5, 2), (0, 6, 2)]).streams
    ((0, 0, 0, 2), (0, 0, 1, 1), (1, 0, 0, 1), (1, 0, 1, 1), (1, 1, 0, 1))
    """
    steps = list(zip(*paths, strict=True))
    through = [Counter(step) for step in steps]
    ranked = [
        [node for node, _ in sorted(count.items(), key=lambda pair: (-pair[1], pair[0]))]
        for count in through
    ]
    kept = [{node: at for at, node in enumerate(nodes[:most])} for nodes in ranked]
    places = [
        [at.get(node, len(at)) for node in step] for at, step in zip(kept, steps, strict=True)
    ]
    streams: Counter[tuple[int, int, int]] = Counter()
    for number, (here, there) in enumerate(pairwise(places)):
        streams.update((number, a, b) for a, b in zip(here, there, strict=True))
    merged = tuple(len(nodes) - len(at) for nodes, at in zip(ranked, kept, strict=True))
    sums = [Counter(place) for place in places]
    return Flow(
        tuple((*at, OTHERS) if more else tuple(at) for at, more in zip(kept, merged, strict=True)),
        tuple(tuple(count[at] for at in range(len(count))) for count in sums),
        merged,
        tuple((*stream, n) for stream, n in sorted(streams.items())),
    )
