"""The graph as a picture in a report: places of dots and lines, for a template to draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from recommend.reasons.showcase import Showcase

if TYPE_CHECKING:
    from graph.explore.subgraph import Count

PICTURE_NODES = 90


@dataclass(frozen=True, slots=True)
class Dot:
    """A node of the picture: where it stands, and its name if it is shown."""

    type: str
    x: float
    y: float
    size: float
    name: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """The graph as a picture.

    Attributes:
        dots: Nodes; factors come last, so that they lie on top.
        lines: (x, y, x, y) of edges.
        width: Of the picture.
        height: Of the picture.
        counts: What is shown of each type, and what is not.
    """

    dots: tuple[Dot, ...]
    lines: tuple[tuple[float, float, float, float], ...]
    width: int
    height: int
    counts: Mapping[str, Count]


def drawing(case: Showcase, width: int = 960, height: int = 520) -> Drawing:
    """An overview of the graph: its largest factors with some of their members."""
    from graph.explore.flat import flatten
    from graph.explore.layout import layout
    from graph.explore.subgraph import look
    from graph.explore.view import View

    assert case.graph is not None
    shown = look(flatten(case.graph.hetero), View(cap=PICTURE_NODES))
    places = layout(shown)
    xy = np.array([places[node] for node in shown.nodes])
    low, span = xy.min(0), np.maximum(np.ptp(xy, 0), 1e-9)
    margin = np.array([90.0, 30.0])
    at = margin + (xy - low) / span * (np.array([width, height]) - 2 * margin)
    dots = []
    for (x, y), node in zip(at.round(1).tolist(), shown.nodes, strict=True):
        factor = shown.schema.node(node[0]).groups is not None
        name = case.name(node) if factor else ""
        dots.append(Dot(node[0], x, y, 8.0 if factor else 4.0, name))
    dots.sort(key=lambda dot: dot.size)
    lines = [(*at[a].round(1).tolist(), *at[b].round(1).tolist()) for a, b in shown.edges]
    return Drawing(tuple(dots), tuple(lines), width, height, shown.counts)
