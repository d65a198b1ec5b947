"""Latent factors as pictures: a map, tiles, rings, and how well codes do as bars and lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from app.results.colours import SERIES
from app.ui.shared.charts import SHADOW, Spec, axis, canvas, names_axis, number
from quantize.codebook_map import CODE, MEMBER
from quantize.codes import Branch

SYMBOLS = ("circle", "diamond", "triangle", "rect")
"""Of levels that are shown together, in turn: colours alone are too few for many."""
CODES, MEMBERS, SELECTED, INSIDE = "codes", "members", "selected", "inside"
"""Ids of series, or what they begin with."""
Factor = tuple[int, int]
"""Level and code."""
Name = Callable[[int, int], str]
"""What a factor is called, by level and code."""
INK = "#12171e"
"""Of letters on the colours of factors, light or dark page."""


def map_chart(
    points: pl.DataFrame,
    sizes: Mapping[Factor, int],
    name: Name,
    selected: Factor | None,
    side: str,
) -> Spec:
    """The map of codebooks: a dot a code, as large as it has members; small dots are members.

    Codes are a series a level, with the id "codes-LEVEL" and the rows of `points` in their order.

    Args:
        points: From `quantize.codebook_map.draw_map`.
        sizes: Members by level and code.
        name: Of factors.
        selected: The factor that stands out.
        side: "user" or "item", for its colours.
    """
    codes = points.filter(kind=CODE)
    levels = codes["level"].unique().sort().to_list()
    grid = {"left": 8, "right": 8, "containLabel": False}
    spec = canvas(legend=len(levels) > 1, tooltip={"formatter": "{b}"}, **grid)
    if "legend" in spec:
        spec["legend"]["data"] = [f"level {level}" for level in levels]
    hidden = {"type": "value", "show": False, "scale": True}
    spec |= {"xAxis": hidden, "yAxis": hidden}
    zoom = {"type": "inside", "zoomOnMouseWheel": "ctrl", "filterMode": "none"}
    spec["dataZoom"] = [{**zoom, "xAxisIndex": 0}, {**zoom, "yAxisIndex": 0}]
    spec["series"] = [
        *_member_dots(points.filter(kind=MEMBER), name, selected, side),
        *(
            _code_dots(codes.filter(level=level), place, sizes, name, side)
            for place, level in enumerate(levels)
        ),
        *_selected_dot(codes, sizes, name, selected),
    ]
    return spec


def _member_dots(
    members: pl.DataFrame, name: Name, selected: Factor | None, side: str
) -> list[Spec]:
    """Those of the selected factor stand out."""
    if not members.height:
        return []
    out: Spec = {"itemStyle": {"color": side, "opacity": 1}, "symbolSize": 6}
    data = [
        {
            "value": [number(row["x"], 2), number(row["y"], 2)],
            "name": f"One {side} of {name(row['level'], row['code'])}",
            **(out if (row["level"], row["code"]) == selected else {}),
        }
        for row in members.iter_rows(named=True)
    ]
    look = {"symbolSize": 3.5, "itemStyle": {"color": "muted", "opacity": 0.55}}
    named = {"id": MEMBERS, "name": f"a sample of {side}s"}
    return [{**named, "type": "scatter", "data": data, **look}]


def _code_dots(
    codes: pl.DataFrame, place: int, sizes: Mapping[Factor, int], name: Name, side: str
) -> Spec:
    """The codes of a level."""
    level = codes["level"][0]
    return {
        "id": f"{CODES}-{level}",
        "name": f"level {level}",
        "type": "scatter",
        "symbol": SYMBOLS[place % len(SYMBOLS)],
        "data": [
            {
                "value": [number(row["x"], 2), number(row["y"], 2)],
                "name": name(level, row["code"]),
                "symbolSize": _dot(sizes.get((level, row["code"]), 0)),
            }
            for row in codes.iter_rows(named=True)
        ],
        "selectedMode": "multiple",
        "select": {"itemStyle": {"borderColor": "background"}},
        "itemStyle": {
            "color": _colour(place, side),
            "opacity": 0.85,
            "borderColor": "background",
            "borderWidth": 1,
        },
        "emphasis": {"scale": 1.3, "itemStyle": {"opacity": 1}},
        "z": 3,
    }


def _colour(place: int, side: str) -> str:
    """Of a level beside others."""
    colours = (f"{side}_factor", *SERIES[4:])
    return colours[place % len(colours)]


def _selected_dot(
    codes: pl.DataFrame, sizes: Mapping[Factor, int], name: Name, selected: Factor | None
) -> list[Spec]:
    if selected is None:
        return []
    found = codes.filter(level=selected[0], code=selected[1])
    if not found.height:
        return []
    x, y = found.select("x", "y").row(0)
    label = {
        **{"show": True, "formatter": "{b}", "position": "top"},
        **{"color": "text", "fontWeight": "bold"},
        **{"textBorderColor": "background", "textBorderWidth": 3},
        **{"width": 220, "overflow": "truncate"},
    }
    return [
        {
            "id": SELECTED,
            "name": "selected",
            "type": "scatter",
            "data": [{"value": [number(x, 2), number(y, 2)], "name": name(*selected)}],
            "silent": True,
            "symbolSize": _dot(sizes.get(selected, 0)) + 8,
            "itemStyle": {"color": "transparent", "borderColor": "text", "borderWidth": 2.5},
            "label": label,
            "z": 5,
        }
    ]


def _dot(members: int) -> float:
    """Width in pixels: the area grows with the members, within reason."""
    return round(min(26.0, 6 + 2.5 * members**0.5), 1) if members else 4.0


def tree_map(tree: Branch, label: Name, level: int, selected: int | None, side: str) -> Spec:
    """The codes of one level as tiles, as large as they have members.

    Args:
        tree: One level deep.
        label: Of factors.
        level: That the tiles are codes of.
        selected: The code that stands out.
        side: "user" or "item", for its colour.
    """
    spec = canvas(tooltip={"valueFormatter": "%d"})
    fill: Spec = {"itemStyle": {"color": f"{side}_factor"}}
    chosen: Spec = {
        "itemStyle": {"color": "text"},
        "label": {"color": "background", "fontWeight": "bold"},
    }
    tiles = [
        {
            "name": label(level, child.codes[-1]).replace(", ", "\n"),
            "value": child.size,
            **(chosen if child.codes[-1] == selected else fill),
        }
        for child in tree.children
    ]
    words = {"overflow": "truncate", "fontSize": 11, "lineHeight": 13, "padding": 2}
    spec["series"] = [
        {
            "id": CODES,
            "type": "treemap",
            "name": "all",
            "data": tiles,
            "roam": False,
            "nodeClick": False,
            "breadcrumb": {"show": False},
            "selectedMode": "multiple",
            **{"width": "100%", "height": "100%", "left": 0, "top": 0},
            "label": {"color": INK, **words},
            "itemStyle": {"borderColor": "background", "borderWidth": 1, "gapWidth": 1},
            "select": {"itemStyle": {"borderColor": "background"}},
            "emphasis": {"itemStyle": {"borderColor": "text", "borderWidth": 2}},
        }
    ]
    return spec


def sunburst(tree: Branch, label: Name, levels: Sequence[int], side: str) -> Spec:
    """How the members of a factor divide on the other levels, from the inside to the outside.

    Args:
        tree: Of the members' codes on these levels.
        label: Of factors.
        levels: Of the rings.
        side: "user" or "item", for its colours.
    """
    spec = canvas(tooltip={"valueFormatter": "%d"})

    def ring(branch: Branch) -> Spec:
        level = levels[len(branch.codes) - 1]
        node: Spec = {"name": label(level, branch.codes[-1]), "value": branch.size}
        if branch.children:
            node["children"] = [ring(child) for child in branch.children]
        return node

    fill = f"{side}_factor"
    shades = [{"itemStyle": {"color": fill, "opacity": 0.75 + 0.25 * (t % 2)}} for t in levels]
    words = {"minAngle": 12, "width": 88 / max(1, len(levels)), "overflow": "truncate"}
    spec["series"] = [
        {
            "id": INSIDE,
            "type": "sunburst",
            "name": "inside",
            "data": [ring(child) for child in tree.children],
            "radius": ["16%", "98%"],
            "nodeClick": False,
            "selectedMode": "multiple",
            "sort": None,
            "itemStyle": {"borderColor": "background", "borderWidth": 1},
            "label": {"color": INK, "textBorderWidth": 0, **words},
            "levels": [{}, *shades],
            "emphasis": {"focus": "ancestor"},
        }
    ]
    return spec


def flat(tree: Branch) -> list[tuple[int, ...]]:
    """The codes of each node in the order in which ECharts counts them, the root first."""
    return [tree.codes, *(codes for child in tree.children for codes in flat(child))]


def terms_chart(terms: pl.DataFrame, side: str) -> Spec:
    """Distinguishing terms: the share of this factor's texts that mention one, beside all texts."""
    spec = canvas(legend=True, bottom=26, tooltip=SHADOW | {"valueFormatter": "%.1f %%"})
    shown = terms.reverse()
    spec["xAxis"] = axis(name="% of texts that mention it", nameGap=24)
    spec["yAxis"] = names_axis(shown["term"].to_list(), 130)
    bars = {"this factor": ("here", f"{side}_factor"), "all": ("everywhere", "line")}
    spec["series"] = [
        {
            "name": title,
            "type": "bar",
            "data": [number(100 * share, 2) for share in shown[column]],
            "itemStyle": {"color": colour},
            "barGap": "0%",
        }
        for title, (column, colour) in bars.items()
    ]
    spec["legend"]["data"] = list(bars)
    return spec


def contrast_chart(table: pl.DataFrame, names: Mapping[int, str], side: str) -> Spec:
    """Terms by factors, darker where more of a factor's texts mention the term.

    Args:
        table: From `quantize.lexicon.Lexicon.contrast`.
        names: Of the factors, by code; they must differ.
        side: "user" or "item", for its colour.
    """
    terms = table["term"].unique(maintain_order=True).to_list()[::-1]
    codes = table["code"].unique(maintain_order=True).to_list()
    spec = canvas(top=4, right=8, bottom=4, tooltip={"valueFormatter": "%.0f %%"})
    wide = 330 // max(1, len(codes))
    spec["xAxis"] = names_axis([names[code] for code in codes], wide)
    spec["xAxis"]["axisLabel"]["lineHeight"] = 14
    spec["yAxis"] = names_axis(terms, 130)
    cells = [
        [codes.index(row["code"]), terms.index(row["term"]), number(100 * row["share"], 1)]
        for row in table.iter_rows(named=True)
    ]
    shades = {"color": ["background", f"{side}_factor"]}
    spec["visualMap"] = {"min": 0, "max": 100, "show": False, "inRange": shades}
    look = {"itemStyle": {"borderColor": "line", "borderWidth": 0.5}, "label": {"show": False}}
    spec["series"] = [{"type": "heatmap", "name": "% of texts", "data": cells, **look}]
    return spec


def curves_chart(curves: pl.DataFrame) -> Spec:
    """Losses by epoch, on a logarithmic scale; terms of the codes begin after the warm-up."""
    spec = canvas(legend=True, bottom=28, tooltip={"trigger": "axis", "valueFormatter": "%.4g"})
    spec["xAxis"] = axis("category", "epoch", data=curves["epoch"].to_list(), nameGap=26)
    spec["yAxis"] = axis("log")
    shown = [name for name in curves.columns if name != "epoch" and not name.startswith("commit")]
    spec["series"] = [
        {
            "name": name.replace("codebook_", "codes, level "),
            "type": "line",
            "showSymbol": False,
            "data": [number(v, 6) if v > 0 else None for v in curves[name]],
        }
        for name in shown
    ]
    return spec


def usage_chart(usage: pl.DataFrame, side: str) -> Spec:
    """Members of each code, the largest first, a line a level: flat is even."""
    tooltip = {"trigger": "axis", "valueFormatter": "%d"}
    spec = canvas(legend=True, left=24, bottom=28, tooltip=tooltip)
    levels = usage["level"].unique().sort().to_list()
    k = usage.filter(level=levels[0]).height if levels else 0
    numbers = list(range(1, k + 1))
    spec["xAxis"] = axis("category", "codes, the largest first", data=numbers, nameGap=26)
    spec["yAxis"] = axis(name=f"{side}s", nameGap=34)
    spec["series"] = [
        {
            "name": f"level {level}",
            "type": "line",
            "step": "end",
            "showSymbol": False,
            "itemStyle": {"color": _colour(place, side)},
            "data": usage.filter(level=level)["members"].sort(descending=True).to_list(),
        }
        for place, level in enumerate(levels)
    ]
    return spec


def kept_chart(table: pl.DataFrame) -> Spec:
    """How much of the vectors each method gives back, a bar a level, level upon level.

    Args:
        table: From `app.results.alternatives.alternative_table`.
    """
    methods = table["method"].unique(maintain_order=True).to_list()[::-1]
    spec = canvas(legend=True, bottom=28, tooltip=SHADOW | {"valueFormatter": "%.1f %%"})
    spec["xAxis"] = axis(name="% of the vectors' variance", nameGap=26)
    spec["yAxis"] = names_axis(methods)
    series: list[Any] = []
    for level in table["level"].unique().sort().to_list():
        gained = dict(table.filter(level=level).select("method", "gained").rows())
        data = [number(100 * gained[m], 2) if m in gained else None for m in methods]
        stacked = {"type": "bar", "stack": "kept", "barMaxWidth": 26}
        series.append({"name": f"level {level}", **stacked, "data": data})
    spec["series"] = series
    return spec
