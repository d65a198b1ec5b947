"""The graph as a picture: nodes in the colours of their types, hubs large, words only as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from app.results.colours import SERIES
from app.ui.shared.charts import NARROW
from data.columns import ITEM
from data.domains import Domains
from graph.explore.flat import Node
from graph.explore.layout import Places
from graph.explore.subgraph import Subgraph
from graph.schema import NodeType, Schema

_NAMED = 120
"""So many nodes all have their names; in a larger picture those do that others hang on."""
_HUBS = 60
"""Hubs whose names are always drawn."""
_NAMED_NARROW, _NARROW_NODES = 12, 0.6
"""Names in a narrow picture, and the size of its nodes beside that in a wide one."""
_MOVING = 400
"""Nodes of the largest picture whose changes are movements."""
_UNIT = 100
"""Pixels of a layout's unit in the picture's own frame, which is scaled to fit."""


def colour_of(kind: NodeType) -> str:
    """The name of the colour of a type of nodes."""
    return SERIES[kind.colour % len(SERIES)]


def symbol_of(kind: NodeType) -> str:
    """The shape of a type of nodes, so that colour is not all that tells types apart."""
    return "diamond" if kind.groups else "circle"


@dataclass(frozen=True, slots=True)
class Look:
    """How nodes that belong together are drawn.

    Attributes:
        title: What they are called in few words.
        colour: Name of their colour.
        symbol: Their shape.
    """

    title: str
    colour: str
    symbol: str


_DOMAINS = (
    ("item", "circle"),
    ("teal", "rect"),
    ("violet", "triangle"),
    ("slate", "roundRect"),
    ("rose", "pin"),
)
"""Colours and shapes of items of the domains, in order; those of a sixth are the first again."""


class Looks:
    """The look of every node: that of its type, or of an item's domain where there are several."""

    def __init__(self, schema: Schema, domains: Domains | None = None) -> None:
        self.schema, self.domains = schema, domains
        self.all = [Look(kind.plural, colour_of(kind), symbol_of(kind)) for kind in schema.nodes]
        for place, name in enumerate(domains.names if domains else ()):
            plural = schema.node(ITEM).plural
            self.all.append(Look(f"{plural} of {name}", *_DOMAINS[place % len(_DOMAINS)]))

    def place(self, node: Node) -> int:
        """Which of all looks a node has."""
        kind, number = node
        if self.domains is None or kind != ITEM:
            return self.schema.index(kind)
        return len(self.schema.nodes) + int(self.domains.of_item[number])

    def of(self, node: Node) -> Look:
        """The look of a node."""
        return self.all[self.place(node)]

    def legend(self, subgraph: Subgraph) -> list[tuple[str, str]]:
        """Text and shape of every line that the legend of a picture has."""
        lines = []
        shown = Counter(map(self.place, subgraph.nodes))
        for kind in self.schema.nodes:
            parted = range(len(self.schema.nodes), len(self.all)) if kind.name == ITEM else ()
            lines += [
                (f"{self.all[at].title} {shown[at]:,}", self.all[at].symbol)
                for at in parted
                if shown[at]
            ]
            if subgraph.counts[kind.name].total and not any(shown[at] for at in parted):
                lines.append((legend_name(subgraph, kind), symbol_of(kind)))
        return lines

    def categories(self, subgraph: Subgraph) -> list[dict[str, Any]]:
        """All looks as ECharts has them, under the texts of the legend."""
        shown = Counter(map(self.place, subgraph.nodes))
        names = [legend_name(subgraph, kind) for kind in self.schema.nodes]
        names += [f"{look.title} {shown[at]:,}" for at, look in enumerate(self.all)][len(names) :]
        return [
            {
                "name": name,
                "itemStyle": {"color": look.colour, "borderColor": "background"},
                "symbol": look.symbol,
            }
            for name, look in zip(names, self.all, strict=True)
        ]


def graph_view(
    subgraph: Subgraph,
    places: Places,
    titles: Sequence[str],
    *,
    order: Sequence[int] | None = None,
    selected: int | None = None,
    all_names: bool = False,
    domains: Domains | None = None,
) -> dict[str, Any]:
    """The ECharts option that draws a subgraph.

    Names come from data and may hold anything: they stand in fields that ECharts escapes, and in
    no template.

    Args:
        subgraph: What is visible.
        places: Of its nodes.
        titles: (n) their names.
        order: Indices of the nodes in the order in which a click counts them.
        selected: Index of the node that is marked from the beginning.
        all_names: Whether names of all nodes are drawn, as far as there is room.
        domains: By which items are coloured, where there are several.
    """
    looks = Looks(subgraph.schema, domains)
    look = _Drawing(subgraph, all_names, looks)
    legend = looks.legend(subgraph)
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
        "legend": _legend(legend),
        "toolbox": {
            "right": 12,
            "top": 8,
            "iconStyle": {"borderColor": "muted"},
            "feature": {"restore": {"title": "Fit"}},
        },
        "series": [
            {
                "id": "graph",
                "type": "graph",
                "layout": "none",
                "roam": True,
                "scaleLimit": {"min": 0.5, "max": 20},
                "nodeScaleRatio": 0.4,
                "selectedMode": "single",
                "categories": looks.categories(subgraph),
                "data": nodes,
                "links": look.links(),
                "lineStyle": look.across(),
                "label": {
                    "show": True,
                    "position": "bottom",
                    "distance": 3,
                    "color": "text",
                    "textBorderColor": "background",
                    "textBorderWidth": 3,
                    "overflow": "truncate",
                    "formatter": "{b}",
                },
                "labelLayout": {"hideOverlap": True},
                "emphasis": {
                    "focus": "adjacency",
                    "scale": 1.15,
                    "label": {"show": True, "fontWeight": "bold", "overflow": "break"},
                    "lineStyle": {"width": 2, "opacity": 0.9},
                },
                "blur": {"itemStyle": {"opacity": 0.15}, "lineStyle": {"opacity": 0.05}},
                "select": {
                    "itemStyle": {
                        "borderColor": "text",
                        "borderWidth": 3,
                        "shadowColor": "text",
                        "shadowBlur": 8,
                        "opacity": 1,
                    },
                    "label": {"show": True, "fontWeight": "bold", "fontSize": 13},
                    "lineStyle": {"width": 2, "opacity": 1},
                },
            }
        ],
        "media": [
            {"query": {"maxWidth": NARROW}, "option": _tall(nodes, len(legend))},
            {"option": _wide()},
        ],
    }


def _wide() -> dict[str, Any]:
    """The legend in a line above the picture, which keeps its proportions."""
    return {
        "legend": {"orient": "horizontal", "top": 6, "bottom": "auto", "itemGap": 18},
        "series": [
            {
                "id": "graph",
                "preserveAspect": "contain",
                **{"left": 84, "right": 84, "top": 68, "bottom": 44},
                "label": {"fontSize": 12, "width": 150},
                "emphasis": {"label": {"width": 220}},
            }
        ],
    }


def _tall(nodes: list[dict[str, Any]], lines: int) -> dict[str, Any]:
    """The legend of so many lines beneath the picture, which lies on its side; few names."""
    series: dict[str, Any] = {
        "id": "graph",
        "preserveAspect": "contain",
        **{"left": 24, "right": 24, "top": 40, "bottom": max(110, 30 + 20 * lines)},
        "label": {"fontSize": 11, "width": 84},
        "emphasis": {"label": {"width": 140}},
    }
    if len(nodes) <= _MOVING:
        named = sorted(nodes, key=lambda node: -node["symbolSize"])[:_NAMED_NARROW]
        keys = {node["id"] for node in named}
        series["data"] = [
            {
                **node,
                **{"x": node["y"], "y": node["x"]},
                "symbolSize": round(node["symbolSize"] * _NARROW_NODES, 1),
                "label": {**node.get("label", {}), "show": node["id"] in keys},
            }
            for node in nodes
        ]
    return {
        "legend": {"orient": "vertical", "top": "auto", "bottom": 4, "itemGap": 4},
        "series": [series],
    }


def node_id(subgraph: Subgraph, node: Node) -> str:
    """How a picture calls a node; short, for every edge says it twice."""
    return f"{subgraph.schema.index(node[0])}.{node[1]}"


class _Drawing:
    """Sizes and styles of what is drawn."""

    def __init__(self, subgraph: Subgraph, all_names: bool, looks: Looks) -> None:
        self.subgraph, self.looks = subgraph, looks
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
            "id": node_id(self.subgraph, (kind, number)),
            "name": title,
            "value": int(self.subgraph.degrees[at]),
            "category": self.looks.place((kind, number)),
            "x": round(place[0] * _UNIT),
            "y": round(place[1] * _UNIT),
            "symbolSize": round(float(self.sizes[at]), 1),
        }
        if at < self.subgraph.named or at in self.path:
            node["itemStyle"] = {"borderColor": "text", "borderWidth": 2, "opacity": 1}
            node["label"] = {"fontWeight": "bold"}
        elif self.path:
            node["itemStyle"] = {"opacity": 0.35}
        if at not in self.labelled:
            node["label"] = {"show": False}
        elif at not in self.hubs:
            node["label"] = {"fontSize": 11, "color": "muted"}
        if selected:
            node["selected"] = True
        return node

    def links(self) -> list[dict[str, Any]]:
        """Edges that brought a node in take the colour of the node they came from."""
        subgraph = self.subgraph
        keys = [node_id(subgraph, node) for node in subgraph.nodes]
        along = {frozenset(pair) for pair in pairwise(subgraph.path)}
        style = {"width": 1.1, "opacity": 0.25 if self.path else 0.6, "curveness": 0}
        across, own, marked = [], [], []
        for a, b in subgraph.edges.tolist():
            link: dict[str, Any] = {"source": keys[a], "target": keys[b]}
            if frozenset((a, b)) in along:
                look = {"color": "rose", "width": 4, "opacity": 1, "curveness": 0}
                marked.append({**link, "lineStyle": look})
            elif subgraph.parents[b] == a or subgraph.parents[a] == b:
                hub = self.looks.of(subgraph.nodes[a if subgraph.parents[b] == a else b])
                own.append({**link, "lineStyle": {"color": hub.colour, **style}})
            else:
                across.append(link)
        return across + own + marked

    def across(self) -> dict[str, Any]:
        """The style of all other edges: the more there are, the fainter."""
        crowd = len(self.subgraph.edges)
        opacity = 0.12 if self.path else max(0.16, min(0.6, 120 / max(crowd, 1)))
        return {"color": "line", "width": 0.8, "opacity": round(opacity, 2), "curveness": 0.12}


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
    kinds = np.array([kind for kind, _ in subgraph.nodes], dtype=object)
    brood = _brood(subgraph)
    for kind in subgraph.schema.types:
        mine = kinds == kind
        if mine.any():
            share = np.sqrt(subgraph.degrees[mine] / max(subgraph.degrees[mine].max(), 1))
            sizes[mine] = low + (high - low) * 0.45 * share
    sizes = np.where(brood > 0, np.maximum(sizes * 1.3, high * 0.7), sizes)
    sizes[: subgraph.named] = np.maximum(sizes[: subgraph.named], high)
    return sizes


def legend_name(subgraph: Subgraph, kind: NodeType) -> str:
    """How the legend calls a type: what is visible of what the view is about."""
    count = subgraph.counts[kind.name]
    if count.shown == count.total:
        return f"{kind.plural} {count.shown:,}"
    return f"{kind.plural} {count.shown:,} of {count.total:,}"


def _legend(lines: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {
        "data": [{"name": name, "icon": symbol} for name, symbol in lines],
        "selectedMode": False,
        "left": 8,
        "itemWidth": 14,
        "itemHeight": 14,
        "textStyle": {"color": "text", "fontSize": 13},
    }
