"""What one hop drew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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
