"""Metapaths as pictures: the schema, streams of instances, and instances one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from app.ui.graph.picture import PLURALS, SYMBOLS
from app.ui.shared.colours import Palette
from graph.explore.flat import Node
from graph.explore.flow import OTHERS, Flow
from graph.explore.names import CALLED
from graph.explore.overview import Relation, Schema

if TYPE_CHECKING:
    import polars as pl

ROW = ("user_factor", "user", "item", "item_factor")
"""Types from left to right: every relation joins two neighbours."""
STOP_HEIGHT = 30
"""Pixels that a node of a stream needs."""
_INVISIBLE = "\u200b"

Title = Callable[[Node], str]


def schema_chart(schema: Schema, path: Sequence[str], colours: Palette) -> dict[str, Any]:
    """The types of nodes and edges, those along a path drawn strongly; a click gives a type.

    Args:
        schema: Types with their counts.
        path: Types of a metapath, or of the beginning of one.
        colours: Light or dark.
    """
    used = {frozenset(pair) for pair in pairwise(path)}
    most = max(schema.nodes.values(), default=1) or 1
    return {
        "animationDuration": 300,
        "tooltip": {"confine": True, "valueFormatter": "%,d"},
        "series": [
            {
                "type": "graph",
                "layout": "none",
                "selectedMode": "single",
                "preserveAspect": "contain",
                **{"left": 90, "right": 90, "top": 44, "bottom": 64},
                "data": [
                    {
                        "id": kind,
                        "name": f"{PLURALS[kind]}\n{schema.nodes[kind]:,}",
                        "value": schema.nodes[kind],
                        **{"x": 300 * at, "y": 0},
                        "symbol": SYMBOLS[kind],
                        "symbolSize": round(30 + 34 * (schema.nodes[kind] / most) ** 0.5),
                        "itemStyle": {
                            "color": colours.of(kind),
                            "borderColor": colours.text,
                            "borderWidth": 3 if path and kind == path[-1] else 0,
                        },
                    }
                    for at, kind in enumerate(ROW)
                ],
                "links": [
                    _relation_link(pair, schema, frozenset(pair) in used, colours)
                    for pair in pairwise(ROW)
                ],
                "label": {
                    "show": True,
                    "position": "bottom",
                    "distance": 8,
                    "fontSize": 14,
                    "lineHeight": 20,
                    "color": colours.text,
                },
                "edgeLabel": {
                    "show": True,
                    "fontSize": 13,
                    "lineHeight": 18,
                    "color": colours.muted,
                    "textBorderColor": colours.background,
                    "textBorderWidth": 4,
                },
                "select": {"itemStyle": {"borderColor": colours.text, "borderWidth": 3}},
                "emphasis": {"focus": "adjacency"},
            }
        ],
    }


def _relation_link(
    pair: tuple[str, str], schema: Schema, used: bool, colours: Palette
) -> dict[str, Any]:
    parts = [r for r in schema.relations if {r.source, r.target} == set(pair)]
    edges = sum(relation.edges for relation in parts)
    return {
        "source": pair[0],
        "target": pair[1],
        "value": edges,
        "label": {"formatter": _edge_words(parts, edges)},
        "lineStyle": {
            "color": colours.more[2] if used else colours.line,
            "width": 6 if used else 2,
            "opacity": 1,
        },
    }


def _edge_words(parts: Sequence[Relation], edges: int) -> str:
    if len(parts) == 1 and parts[0].level is None:
        return f"{edges:,}"
    levels = "1 level" if len(parts) == 1 else f"{len(parts)} levels"
    return f"{edges:,}\n{levels}"


def flow_chart(
    streams: Flow, types: Sequence[str], title: Title, colours: Palette
) -> dict[str, Any]:
    """Instances of a metapath as streams from step to step.

    Args:
        streams: How many run where.
        types: Of the metapath.
        title: Readable name of a node.
        colours: Light or dark.
    """
    names = _unique_names(streams, types, title)
    nodes = [
        {
            "name": names[step, at],
            "depth": step,
            "itemStyle": {
                "color": colours.line if stop == OTHERS else colours.of(kind),
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
                "type": "sankey",
                **{"left": 8, "right": 190, "top": 8, "bottom": 8},
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
                "label": {
                    "color": colours.text,
                    "fontSize": 12,
                    "width": 170,
                    "overflow": "truncate",
                },
                "emphasis": {"focus": "trajectory", "lineStyle": {"opacity": 0.7}},
            }
        ],
    }


def flow_height(streams: Flow) -> int:
    """Pixels that the streams need."""
    return 40 + STOP_HEIGHT * max((len(stops) for stops in streams.stops), default=1)


def _unique_names(
    streams: Flow, types: Sequence[str], title: Title
) -> Mapping[tuple[int, int], str]:
    """A different name for every stop; those that would read alike differ invisibly."""
    names: dict[tuple[int, int], str] = {}
    taken: set[str] = set()
    for step, stops in enumerate(streams.stops):
        for at, stop in enumerate(stops):
            more = f"{streams.merged[step]:,} others"
            name = more if stop == OTHERS else title((types[step], stop))
            while name in taken:
                name += _INVISIBLE
            taken.add(name)
            names[step, at] = name
    return names


def instance_chart(
    paths: Sequence[tuple[int, ...]], types: Sequence[str], title: Title, colours: Palette
) -> dict[str, Any]:
    """Instances of a metapath drawn one by one, step after step from left to right.

    Args:
        paths: Their nodes, by number.
        types: Of the metapath.
        title: Readable name of a node.
        colours: Light or dark.
    """
    columns = [list(dict.fromkeys(step)) for step in zip(*paths, strict=True)]
    edges = dict.fromkeys(
        (step, a, b) for path in paths for step, (a, b) in enumerate(pairwise(path))
    )
    return {
        "animationDuration": 300,
        "tooltip": {"show": False},
        "grid": {"left": 24, "right": 170, "top": 8, "bottom": 8},
        "xAxis": {"show": False, "type": "value", "min": 0, "max": max(len(types) - 1, 1)},
        "yAxis": {"show": False, "type": "value", "min": 0, "max": 1, "inverse": True},
        "series": [
            {
                "type": "graph",
                "coordinateSystem": "cartesian2d",
                "data": [
                    {
                        "id": f"{step}:{node}",
                        "name": title((types[step], node)),
                        "value": [step, (at + 0.5) / len(column)],
                        "symbol": SYMBOLS[types[step]],
                        "symbolSize": 16,
                        "itemStyle": {"color": colours.of(types[step])},
                    }
                    for step, column in enumerate(columns)
                    for at, node in enumerate(column)
                ],
                "links": [
                    {
                        "source": f"{step}:{a}",
                        "target": f"{step + 1}:{b}",
                        "lineStyle": {"color": colours.of(types[step])},
                    }
                    for step, a, b in edges
                ],
                "lineStyle": {"width": 1.6, "opacity": 0.6, "curveness": 0.05},
                "label": {
                    "show": True,
                    "position": "right",
                    "fontSize": 12,
                    "color": colours.text,
                    "textBorderColor": colours.background,
                    "textBorderWidth": 3,
                    "width": 150,
                    "overflow": "truncate",
                    "formatter": "{b}",
                },
                "labelLayout": {"hideOverlap": True},
                "emphasis": {"focus": "adjacency", "lineStyle": {"width": 3, "opacity": 1}},
            }
        ],
    }


def flow_table(streams: Flow, types: Sequence[str], title: Title) -> pl.DataFrame:
    """The streams of `flow_chart`, a row each: `step`, `from`, `to` and `instances`."""
    import polars as pl

    def name(step: int, at: int) -> str:
        stop = streams.stops[step][at]
        merged = f"{streams.merged[step]:,} others"
        return merged if stop == OTHERS else title((types[step], stop))

    rows = [(step + 1, name(step, a), name(step + 1, b), n) for step, a, b, n in streams.streams]
    return pl.DataFrame(rows, ["step", "from", "to", "instances"], orient="row")


def instance_table(
    paths: Sequence[tuple[int, ...]], types: Sequence[str], title: Title
) -> pl.DataFrame:
    """The instances of `instance_chart`, a row each and a column a step."""
    import polars as pl

    steps = zip(types, zip(*paths, strict=True), strict=True)
    return pl.DataFrame(
        {
            f"{at}. {CALLED[kind]}": [title((kind, node)) for node in nodes]
            for at, (kind, nodes) in enumerate(steps, start=1)
        }
    )


def instance_height(paths: Sequence[tuple[int, ...]]) -> int:
    """Pixels that the instances need."""
    widest = max((len(set(step)) for step in zip(*paths, strict=True)), default=1)
    return min(900, max(140, 32 * widest))
