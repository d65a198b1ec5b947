"""Metapaths as pictures: the schema, streams of instances, and instances one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from app.ui.graph.picture import colour_of, symbol_of
from app.ui.shared.charts import NARROW
from graph.explore.flat import Node
from graph.explore.overview import EdgeCount, Overview
from graph.explore.paths import OTHERS, Flow
from graph.schema import NodeType, Schema

if TYPE_CHECKING:
    import polars as pl

STOP_HEIGHT = 30
"""Pixels that a node of a stream needs."""
_ACROSS, _DOWN = 300, 150
"""Distances between types of nodes in the chart's own frame."""
_INVISIBLE = "\u200b"

Title = Callable[[Node], str]


def overview_chart(overview: Overview, path: Sequence[str]) -> dict[str, Any]:
    """The types of nodes and edges, those along a path drawn strongly; a click gives a type.

    Args:
        overview: Types with their counts.
        path: Types of a metapath, or of the beginning of one.
    """
    used = {frozenset(pair) for pair in pairwise(path)}
    return {
        "animationDuration": 300,
        "tooltip": {"confine": True, "valueFormatter": "%,d"},
        "series": [
            {
                "id": "types",
                "type": "graph",
                "layout": "none",
                "selectedMode": "single",
                "preserveAspect": "contain",
                "links": [
                    _link(pair, overview, frozenset(pair) in used) for pair in overview.schema.pairs
                ],
                "label": {"show": True, "position": "bottom", "distance": 8, "color": "text"},
                "edgeLabel": {
                    "show": True,
                    "color": "muted",
                    "textBorderColor": "background",
                    "textBorderWidth": 4,
                },
                "select": {"itemStyle": {"borderColor": "text", "borderWidth": 3}},
                "emphasis": {"focus": "adjacency"},
            }
        ],
        "media": [
            {"query": {"maxWidth": NARROW}, "option": _types(overview, path, 0.45, 40, 11)},
            {"option": _types(overview, path, 1, 90, 14)},
        ],
    }


def _types(
    overview: Overview, path: Sequence[str], size: float, side: int, letters: int
) -> dict[str, Any]:
    """The types themselves, as large as there is room.

    Args:
        overview: Types with their counts.
        path: Types of a metapath.
        size: Of a node, 1 in a wide chart.
        side: Pixels beside the outermost types.
        letters: Pixels of letters.
    """
    most = max(overview.nodes.values(), default=1) or 1
    spots = _spots(overview.schema)
    data = [
        {
            "id": kind.name,
            "name": f"{kind.plural}\n{overview.nodes[kind.name]:,}",
            "value": overview.nodes[kind.name],
            **dict(zip("xy", spots[kind.name], strict=True)),
            "symbol": symbol_of(kind),
            "symbolSize": round(size * (30 + 34 * (overview.nodes[kind.name] / most) ** 0.5)),
            "itemStyle": {
                "color": colour_of(kind),
                "borderColor": "text",
                "borderWidth": 3 if path and kind.name == path[-1] else 0,
            },
        }
        for kind in overview.schema.nodes
    ]
    return {
        "series": [
            {
                "id": "types",
                **{"left": side, "right": side, "top": 44, "bottom": 64},
                "data": data,
                "label": {"fontSize": letters, "lineHeight": letters + 6},
                "edgeLabel": {"fontSize": letters - 1, "lineHeight": letters + 4},
            }
        ]
    }


def overview_height(schema: Schema) -> int:
    """Pixels that the types need."""
    rows = {y for _, y in _spots(schema).values()}
    return 60 + 120 * len(rows)


def _spots(schema: Schema) -> dict[str, tuple[int, int]]:
    """Where each type stands: those of things in a row, what groups them beside or below."""
    things = [node.name for node in schema.nodes if not node.groups]
    spots = {name: (_ACROSS * at, 0) for at, name in enumerate(things, start=1)}
    for at, thing in enumerate(things, start=1):
        groups = [node.name for node in schema.nodes if node.groups == thing]
        for row, name in enumerate(groups):
            if 1 < at < len(things):
                spots[name] = (_ACROSS * at, _DOWN * (row + 1))
            else:
                spots[name] = (_ACROSS * (0 if at == 1 else at + 1), _DOWN * row)
    return spots


def _link(pair: tuple[str, str], overview: Overview, used: bool) -> dict[str, Any]:
    parts = [one for one in overview.edges if (one.source, one.target) == pair]
    edges = sum(one.edges for one in parts)
    return {
        "source": pair[0],
        "target": pair[1],
        "value": edges,
        "label": {"formatter": _edge_words(parts, edges)},
        "lineStyle": {
            "color": "rose" if used else "line",
            "width": 6 if used else 2,
            "opacity": 1,
        },
    }


def _edge_words(parts: Sequence[EdgeCount], edges: int) -> str:
    if len(parts) == 1 and parts[0].level is None:
        return f"{edges:,}"
    levels = "1 level" if len(parts) == 1 else f"{len(parts)} levels"
    return f"{edges:,}\n{levels}"


def flow_chart(streams: Flow, types: Sequence[NodeType], title: Title) -> dict[str, Any]:
    """Instances of a metapath as streams from step to step.

    Args:
        streams: How many run where.
        types: Of the metapath.
        title: Readable name of a node.
    """
    names = _unique_names(streams, types, title)
    nodes = [
        {
            "name": names[step, at],
            "depth": step,
            "itemStyle": {
                "color": "line" if stop == OTHERS else colour_of(kind),
                "borderWidth": 0,
            },
        }
        for step, (kind, stops) in enumerate(zip(types, streams.stops, strict=True))
        for at, stop in enumerate(stops)
    ]
    return {
        "animationDuration": 400,
        "tooltip": {"confine": True, "valueFormatter": "%,d instances"},
        "series": [
            {
                "id": "streams",
                "type": "sankey",
                **{"left": 8, "top": 8, "bottom": 8},
                "nodeAlign": "left",
                "nodeWidth": 14,
                "nodeGap": 8,
                "layoutIterations": 32,
                "draggable": False,
                "data": nodes,
                "links": [
                    {"source": names[step, a], "target": names[step + 1, b], "value": n}
                    for step, a, b, n in streams.streams
                ],
                "lineStyle": {"color": "gradient", "opacity": 0.35, "curveness": 0.5},
                "label": {"color": "text", "overflow": "truncate"},
                "emphasis": {"focus": "trajectory", "lineStyle": {"opacity": 0.7}},
            }
        ],
        "media": [
            {"query": {"maxWidth": NARROW}, "option": _stream_names(_between_steps(types), 11)},
            {"option": _stream_names(170, 12)},
        ],
    }


def _stream_names(width: int, letters: int) -> dict[str, Any]:
    """The room of names beside the stops, in pixels."""
    label = {"width": width, "fontSize": letters}
    return {"series": [{"id": "streams", "right": width + 20, "label": label}]}


def _between_steps(types: Sequence[NodeType]) -> int:
    """Pixels of a name on a narrow screen, where each step has as much room as the last's names."""
    return max(48, 330 // max(len(types), 1) - 20)


def flow_height(streams: Flow) -> int:
    """Pixels that the streams need."""
    return 40 + STOP_HEIGHT * max((len(stops) for stops in streams.stops), default=1)


def _unique_names(
    streams: Flow, types: Sequence[NodeType], title: Title
) -> Mapping[tuple[int, int], str]:
    """A different name for every stop; those that would read alike differ invisibly."""
    names: dict[tuple[int, int], str] = {}
    taken: set[str] = set()
    for step, stops in enumerate(streams.stops):
        for at in range(len(stops)):
            name = _stop_name(streams, types, title, step, at)
            while name in taken:
                name += _INVISIBLE
            taken.add(name)
            names[step, at] = name
    return names


def instance_chart(
    paths: Sequence[tuple[int, ...]], types: Sequence[NodeType], title: Title
) -> dict[str, Any]:
    """Instances of a metapath drawn one by one, step after step from left to right.

    Args:
        paths: Their nodes, by number.
        types: Of the metapath.
        title: Readable name of a node.
    """
    columns = [list(dict.fromkeys(step)) for step in zip(*paths, strict=True)]
    edges = dict.fromkeys(
        (step, a, b) for path in paths for step, (a, b) in enumerate(pairwise(path))
    )
    return {
        "animationDuration": 300,
        "tooltip": {"show": False},
        "grid": {"left": 24, "top": 8, "bottom": 8},
        "xAxis": {"show": False, "type": "value", "min": 0, "max": max(len(types) - 1, 1)},
        "yAxis": {"show": False, "type": "value", "min": 0, "max": 1, "inverse": True},
        "series": [
            {
                "id": "instances",
                "type": "graph",
                "coordinateSystem": "cartesian2d",
                "data": [
                    {
                        "id": f"{step}:{node}",
                        "name": title((types[step].name, node)),
                        "value": [step, (at + 0.5) / len(column)],
                        "symbol": symbol_of(types[step]),
                        "symbolSize": 16,
                        "itemStyle": {"color": colour_of(types[step])},
                    }
                    for step, column in enumerate(columns)
                    for at, node in enumerate(column)
                ],
                "links": [
                    {
                        "source": f"{step}:{a}",
                        "target": f"{step + 1}:{b}",
                        "lineStyle": {"color": colour_of(types[step])},
                    }
                    for step, a, b in edges
                ],
                "lineStyle": {"width": 1.6, "opacity": 0.6, "curveness": 0.05},
                "label": {
                    "show": True,
                    "position": "right",
                    "color": "text",
                    "textBorderColor": "background",
                    "textBorderWidth": 3,
                    "overflow": "truncate",
                    "formatter": "{b}",
                },
                "labelLayout": {"hideOverlap": True},
                "emphasis": {"focus": "adjacency", "lineStyle": {"width": 3, "opacity": 1}},
            }
        ],
        "media": [
            {"query": {"maxWidth": NARROW}, "option": _instance_names(_between_steps(types), 11)},
            {"option": _instance_names(150, 12)},
        ],
    }


def _instance_names(width: int, letters: int) -> dict[str, Any]:
    """The room of names beside the nodes, in pixels."""
    label = {"width": width, "fontSize": letters}
    return {"grid": {"right": width + 20}, "series": [{"id": "instances", "label": label}]}


def _stop_name(streams: Flow, types: Sequence[NodeType], title: Title, step: int, at: int) -> str:
    stop = streams.stops[step][at]
    return f"{streams.merged[step]:,} others" if stop == OTHERS else title((types[step].name, stop))


def flow_table(streams: Flow, types: Sequence[NodeType], title: Title) -> pl.DataFrame:
    """The streams of `flow_chart`, a row each: `step`, `from`, `to` and `instances`."""
    import polars as pl

    name = partial(_stop_name, streams, types, title)
    rows = [(step + 1, name(step, a), name(step + 1, b), n) for step, a, b, n in streams.streams]
    return pl.DataFrame(rows, ["step", "from", "to", "instances"], orient="row")


def instance_table(
    paths: Sequence[tuple[int, ...]], types: Sequence[NodeType], title: Title
) -> pl.DataFrame:
    """The instances of `instance_chart`, a row each and a column a step."""
    import polars as pl

    steps = zip(types, zip(*paths, strict=True), strict=True)
    return pl.DataFrame(
        {
            f"{at}. {kind.title}": [title((kind.name, node)) for node in nodes]
            for at, (kind, nodes) in enumerate(steps, start=1)
        }
    )


def instance_height(paths: Sequence[tuple[int, ...]]) -> int:
    """Pixels that the instances need."""
    widest = max((len(set(step)) for step in zip(*paths, strict=True)), default=1)
    return min(900, max(140, 32 * widest))
