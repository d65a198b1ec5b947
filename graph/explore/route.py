"""The shortest path between two nodes of any type."""

from __future__ import annotations

import numpy as np

from graph.explore.steps import Ground


def shortest_path(ground: Ground, a: int, b: int) -> list[int]:
    """Places from `a` to `b`, both included; empty where nothing joins them.

    Searches from both ends, a whole step at a time from the side with fewer edges ahead. Of
    several paths of one length it gives one through the node with fewest neighbours among those
    where the two searches meet, for it says most, and always the same one.

    Args:
        ground: Where the path may go; its ends are free.
        a: Place of one end.
        b: Place of the other.
    """
    if a == b:
        return [a]
    ground = ground.without(np.array([], dtype=np.int64))
    ground.nodes[[a, b]] = True
    sides = [_Search(ground, a), _Search(ground, b)]
    while all(len(side.front) for side in sides):
        near, far = sorted(sides, key=_Search.edges_ahead)
        near.step()
        met = near.front[far.seen(near.front)]
        if len(met):
            middle = int(met[np.lexsort((met, ground.flat.degrees[met]))[0]])
            back, forth = (side.way(middle) for side in sides)
            return back[::-1] + forth[1:]
    return []


class _Search:
    """Breadth first from one node."""

    def __init__(self, ground: Ground, start: int) -> None:
        self.ground = ground
        self.parent = np.full(len(ground.flat), -1, dtype=np.int64)
        self.parent[start] = start
        self.front = np.array([start], dtype=np.int64)

    def edges_ahead(self) -> int:
        return int(self.ground.flat.degrees[self.front].sum())

    def seen(self, places: np.ndarray) -> np.ndarray:
        known: np.ndarray = self.parent[places] >= 0
        return known

    def step(self) -> None:
        source, target = self.ground.steps(self.front)
        fresh = ~self.seen(target)
        places, first = np.unique(target[fresh], return_index=True)
        self.parent[places] = self.front[source[fresh][first]]
        self.front = places.astype(np.int64)

    def way(self, place: int) -> list[int]:
        """From a place back to the start."""
        way = [place]
        while (parent := int(self.parent[way[-1]])) != way[-1]:
            way.append(parent)
        return way
