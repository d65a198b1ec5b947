"""The map of codebooks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl

from app.ui.shared.chart_pieces import Spec, canvas, rounded
from app.ui.shared.colours import Palette
from quantize.codebook_map import CODE, MEMBER

SYMBOLS = ("circle", "diamond", "triangle", "rect")
"""Of levels that are shown together, in turn: colours alone are too few for many."""
CODES, MEMBERS, SELECTED = "codes", "members", "selected"
"""Ids of series, or what they begin with."""
Name = Callable[[int, int], str]
"""What a factor is called, by level and code."""


def map_chart(
    points: pl.DataFrame,
    sizes: Mapping[tuple[int, int], int],
    name: Name,
    selected: tuple[int, int] | None,
    side: str,
    palette: Palette,
) -> Spec:
    """The map of codebooks: a dot a code, as large as it has members; small dots are members.

    Codes are a series a level, with the id "codes-LEVEL" and the rows of `points` in their order.

    Args:
        points: From `quantize.codebook_map.draw_map`.
        sizes: Members by level and code.
        name: Of factors.
        selected: Level and code of the factor that stands out.
        side: "user" or "item", for its colours.
        palette: Colours.
    """
    spec = canvas(palette, legend=points.filter(kind=CODE)["level"].n_unique() > 1)
    spec["tooltip"]["formatter"] = "{b}"
    if "legend" in spec:
        spec["legend"]["data"] = [f"level {t}" for t in points["level"].unique().sort()]
    hidden = {"show": False, "scale": True}
    spec |= {"xAxis": {"type": "value", **hidden}, "yAxis": {"type": "value", **hidden}}
    spec["grid"] |= {"left": 8, "right": 8, "containLabel": False}
    spec["dataZoom"] = [
        {"type": "inside", "xAxisIndex": 0, "zoomOnMouseWheel": "ctrl", "filterMode": "none"},
        {"type": "inside", "yAxisIndex": 0, "zoomOnMouseWheel": "ctrl", "filterMode": "none"},
    ]
    spec["series"] = [
        *_member_dots(points, name, selected, side, palette),
        *_code_dots(points, sizes, name, side, palette),
        *_selected_dot(points, sizes, name, selected, palette),
    ]
    return spec


def _member_dots(
    points: pl.DataFrame, name: Name, selected: tuple[int, int] | None, side: str, palette: Palette
) -> list[Spec]:
    """Those of the selected factor stand out."""
    members = points.filter(kind=MEMBER)
    if not members.height:
        return []
    data = [
        {
            "value": [rounded(row["x"], 2), rounded(row["y"], 2)],
            "name": f"One {side} of {name(row['level'], row['code'])}",
            **(
                {"itemStyle": {"color": palette.of(side), "opacity": 1}, "symbolSize": 6}
                if (row["level"], row["code"]) == selected
                else {}
            ),
        }
        for row in members.iter_rows(named=True)
    ]
    return [
        {
            "id": MEMBERS,
            "name": f"a sample of {side}s",
            "type": "scatter",
            "data": data,
            "symbolSize": 3.5,
            "itemStyle": {"color": palette.muted, "opacity": 0.55},
        }
    ]


def _code_dots(
    points: pl.DataFrame,
    sizes: Mapping[tuple[int, int], int],
    name: Name,
    side: str,
    palette: Palette,
) -> list[Spec]:
    codes = points.filter(kind=CODE)
    levels = codes["level"].unique().sort().to_list()
    colours = [palette.of(f"{side}_factor"), *palette.more]
    series = []
    for place, level in enumerate(levels):
        data = [
            {
                "value": [rounded(row["x"], 2), rounded(row["y"], 2)],
                "name": name(level, row["code"]),
                "symbolSize": _dot(sizes.get((level, row["code"]), 0)),
            }
            for row in codes.filter(level=level).iter_rows(named=True)
        ]
        series.append(
            {
                "id": f"{CODES}-{level}",
                "name": f"level {level}",
                "type": "scatter",
                "symbol": SYMBOLS[place % len(SYMBOLS)],
                "data": data,
                "selectedMode": "multiple",
                "select": {"itemStyle": {"borderColor": palette.background}},
                "itemStyle": {
                    "color": colours[place % len(colours)],
                    "opacity": 0.85,
                    "borderColor": palette.background,
                    "borderWidth": 1,
                },
                "emphasis": {"scale": 1.3, "itemStyle": {"opacity": 1}},
                "z": 3,
            }
        )
    return series


def _selected_dot(
    points: pl.DataFrame,
    sizes: Mapping[tuple[int, int], int],
    name: Name,
    selected: tuple[int, int] | None,
    palette: Palette,
) -> list[Spec]:
    if selected is None:
        return []
    found = points.filter(kind=CODE, level=selected[0], code=selected[1])
    if not found.height:
        return []
    x, y = found.select("x", "y").row(0)
    label = {
        "show": True,
        "formatter": "{b}",
        "position": "top",
        "color": palette.text,
        "fontWeight": "bold",
        "textBorderColor": palette.background,
        "textBorderWidth": 3,
        "width": 220,
        "overflow": "truncate",
    }
    dot = {"value": [rounded(x, 2), rounded(y, 2)], "name": name(*selected)}
    return [
        {
            "id": SELECTED,
            "name": "selected",
            "type": "scatter",
            "data": [dot],
            "silent": True,
            "symbolSize": _dot(sizes.get(selected, 0)) + 8,
            "itemStyle": {"color": "transparent", "borderColor": palette.text, "borderWidth": 2.5},
            "label": label,
            "z": 5,
        }
    ]


def _dot(members: int) -> float:
    """Width in pixels: the area grows with the members, within reason."""
    return round(min(26.0, 6 + 2.5 * members**0.5), 1) if members else 4.0
