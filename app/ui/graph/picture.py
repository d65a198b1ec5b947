"""The graph as a picture: nodes in the colours of their types, hubs large, words only as text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from app.ui.shared.colours import Palette
from graph.explore.flat import Node
from graph.explore.layout import Places
from graph.explore.subgraph import Subgraph
from graph.metapath import NODE_TYPES

PLURALS = {
    "user": "Users",
    "item": "Items",
    "user_factor": "User factors",
    "item_factor": "Item factors",
}
"""Types of nodes in the legend."""
SYMBOLS = {
    "user": "circle",
    "item": "circle",
    "user_factor": "diamond",
    "item_factor": "diamond",
}
"""Shapes, so that colour is not all that tells types apart."""
_NAMED = 120
"""So many nodes all have their names; in a larger picture those do that others hang on."""
_HUBS = 60
"""Hubs whose names are always drawn."""
_MOVING = 400
"""Nodes of the largest picture whose changes are movements."""
_UNIT = 100
"""Pixels of a layout's unit in the picture's own frame, which is scaled to fit."""


def graph_view(
    subgraph: Subgraph,
    places: Places,
    titles: Sequence[str],
    colours: Palette,
    *,
    order: Sequence[int] | None = None,
    selected: int | None = None,
    all_names: bool = False,
) -> dict[str, Any]:
    """The ECharts option that draws a subgraph.

    Names come from data and may hold anything: they stand in fields that ECharts escapes, and in
    no template.

    Args:
        subgraph: What is visible.
        places: Of its nodes.
        titles: (n) their names.
        colours: Light or dark.
        order: Indices of the nodes in the order in which a click counts them.
        selected: Index of the node that is marked from the beginning.
        all_names: Whether names of all nodes are drawn, as far as there is room.
    """
    look = _Looks(subgraph, colours, all_names)
    nodes = [
        look.node(at, places[subgraph.nodes[at]], titles[at], at == selected)
        for at in (order if order is not None else range(len(subgraph.nodes)))
    ]
    return {
        "animation": len(nodes) <= _MOVING,
        "animationDuration": 400,
        "animationDurationUpdate": 500,
        "animationEasingUpdate": "cubicInOut",
        "tooltip": {"confine": True, "valueFormatter": "%,d neighbours"},
        "legend": _legend(subgraph, colours),
        "toolbox": _toolbox(colours),
        "series": [
            {
                "id": "graph",
                "type": "graph",
                "layout": "none",
                "roam": True,
                "scaleLimit": {"min": 0.5, "max": 20},
                "nodeScaleRatio": 0.4,
                "preserveAspect": "contain",
                **{"left": 84, "right": 84, "top": 68, "bottom": 44},
                "selectedMode": "single",
                "categories": _categories(subgraph, colours),
                "data": nodes,
                "links": look.links(),
                "lineStyle": look.across(),
                "label": look.label(),
                "labelLayout": {"hideOverlap": True},
                "emphasis": look.emphasis(),
                "blur": {"itemStyle": {"opacity": 0.15}, "lineStyle": {"opacity": 0.05}},
                "select": look.select(),
            }
        ],
    }


def node_id(node: Node) -> str:
    """How a picture calls a node; short, for every edge says it twice."""
    return f"{NODE_TYPES.index(node[0])}.{node[1]}"


class _Looks:
    """Sizes and styles of what is drawn."""

    def __init__(self, subgraph: Subgraph, colours: Palette, all_names: bool) -> None:
        self.subgraph, self.colours = subgraph, colours
        self.sizes = _sizes(subgraph)
        self.path = set(subgraph.path)
        every = range(len(subgraph.nodes))
        self.hubs = _hubs(subgraph) | set(range(subgraph.named)) | self.path
        self.labelled = set(every) if all_names or len(every) <= _NAMED else self.hubs

    def node(
        self, at: int, place: tuple[float, float], title: str, selected: bool
    ) -> dict[str, Any]:
        kind, number = self.subgraph.nodes[at]
        node: dict[str, Any] = {
            "id": node_id((kind, number)),
            "name": title,
            "value": int(self.subgraph.degrees[at]),
            "category": NODE_TYPES.index(kind),
            "x": round(place[0] * _UNIT),
            "y": round(place[1] * _UNIT),
            "symbolSize": round(float(self.sizes[at]), 1),
        }
        if at < self.subgraph.named or at in self.path:
            node["itemStyle"] = {"borderColor": self.colours.text, "borderWidth": 2, "opacity": 1}
            node["label"] = {"fontWeight": "bold"}
        elif self.path:
            node["itemStyle"] = {"opacity": 0.35}
        if at not in self.labelled:
            node["label"] = {"show": False}
        elif at not in self.hubs:
            node["label"] = {"fontSize": 11, "color": self.colours.muted}
        if selected:
            node["selected"] = True
        return node

    def links(self) -> list[dict[str, Any]]:
        """Edges that brought a node in take the colour of the node they came from."""
        keys = list(map(node_id, self.subgraph.nodes))
        parents, path = self.subgraph.parents, self.subgraph.path
        along = {frozenset(pair) for pair in pairwise(path)}
        across, own, marked = [], [], []
        for a, b in self.subgraph.edges.tolist():
            link: dict[str, Any] = {"source": keys[a], "target": keys[b]}
            if frozenset((a, b)) in along:
                marked.append({**link, "lineStyle": self._marked()})
            elif parents[b] == a or parents[a] == b:
                hub = self.subgraph.nodes[a if parents[b] == a else b][0]
                own.append({**link, "lineStyle": self._own(hub)})
            else:
                across.append(link)
        return across + own + marked

    def _marked(self) -> dict[str, Any]:
        return {"color": self.colours.more[2], "width": 4, "opacity": 1, "curveness": 0}

    def _own(self, hub: str) -> dict[str, Any]:
        faint = 0.25 if self.path else 0.6
        return {"color": self.colours.of(hub), "width": 1.1, "opacity": faint, "curveness": 0}

    def across(self) -> dict[str, Any]:
        """The style of all other edges: the more there are, the fainter."""
        crowd = len(self.subgraph.edges)
        opacity = 0.12 if self.path else max(0.16, min(0.6, 120 / max(crowd, 1)))
        return {
            "color": self.colours.line,
            "width": 0.8,
            "opacity": round(opacity, 2),
            "curveness": 0.12,
        }

    def label(self) -> dict[str, Any]:
        return {
            "show": True,
            "position": "bottom",
            "distance": 3,
            "fontSize": 12,
            "color": self.colours.text,
            "textBorderColor": self.colours.background,
            "textBorderWidth": 3,
            "width": 150,
            "overflow": "truncate",
            "formatter": "{b}",
        }

    def emphasis(self) -> dict[str, Any]:
        return {
            "focus": "adjacency",
            "scale": 1.15,
            "label": {"show": True, "fontWeight": "bold", "overflow": "break", "width": 220},
            "lineStyle": {"width": 2, "opacity": 0.9},
        }

    def select(self) -> dict[str, Any]:
        return {
            "itemStyle": {
                "borderColor": self.colours.text,
                "borderWidth": 3,
                "shadowColor": self.colours.text,
                "shadowBlur": 8,
                "opacity": 1,
            },
            "label": {"show": True, "fontWeight": "bold", "fontSize": 13},
            "lineStyle": {"width": 2, "opacity": 1},
        }


def _brood(subgraph: Subgraph) -> np.ndarray:
    """(n,) how many nodes each brought in."""
    return np.bincount(subgraph.parents[subgraph.parents >= 0], minlength=len(subgraph.nodes))


def _hubs(subgraph: Subgraph) -> set[int]:
    """Indices of the nodes that brought most others in."""
    brood = _brood(subgraph)
    most = np.argsort(-brood, kind="stable")[:_HUBS]
    return set(most[brood[most] > 0].tolist())


def _sizes(subgraph: Subgraph) -> np.ndarray:
    """(n,) pixels: the square root of the degree, each type up to its largest; hubs larger."""
    n = max(len(subgraph.nodes), 1)
    low, high = np.clip([90 / n**0.5, 260 / n**0.4], [5, 14], [16, 44])
    sizes = np.full(len(subgraph.nodes), low)
    kinds = np.array([NODE_TYPES.index(kind) for kind, _ in subgraph.nodes], dtype=int)
    brood = _brood(subgraph)
    for kind in range(len(NODE_TYPES)):
        mine = kinds == kind
        if mine.any():
            share = np.sqrt(subgraph.degrees[mine] / max(subgraph.degrees[mine].max(), 1))
            sizes[mine] = low + (high - low) * 0.45 * share
    sizes = np.where(brood > 0, np.maximum(sizes * 1.3, high * 0.7), sizes)
    sizes[: subgraph.named] = np.maximum(sizes[: subgraph.named], high)
    return sizes


def _categories(subgraph: Subgraph, colours: Palette) -> list[dict[str, Any]]:
    return [
        {
            "name": legend_name(subgraph, kind),
            "itemStyle": {"color": colours.of(kind), "borderColor": colours.background},
            "symbol": SYMBOLS[kind],
        }
        for kind in NODE_TYPES
    ]


def legend_name(subgraph: Subgraph, kind: str) -> str:
    """How the legend calls a type: what is visible of what the view is about."""
    count = subgraph.counts[kind]
    if count.shown == count.total:
        return f"{PLURALS[kind]} {count.shown:,}"
    return f"{PLURALS[kind]} {count.shown:,} of {count.total:,}"


def _legend(subgraph: Subgraph, colours: Palette) -> dict[str, Any]:
    return {
        "data": [
            {"name": legend_name(subgraph, kind), "icon": SYMBOLS[kind]}
            for kind in NODE_TYPES
            if subgraph.counts[kind].total
        ],
        "selectedMode": False,
        "left": 8,
        "top": 6,
        "itemGap": 18,
        "itemWidth": 14,
        "itemHeight": 14,
        "textStyle": {"color": colours.text, "fontSize": 13},
    }


def _toolbox(colours: Palette) -> dict[str, Any]:
    return {
        "right": 12,
        "top": 8,
        "iconStyle": {"borderColor": colours.muted},
        "feature": {
            "restore": {"title": "Fit"},
        },
    }
