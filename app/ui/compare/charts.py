"""Recommenders side by side, as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from app.experiment.settings import PLAIN
from app.ui.shared.chart_pieces import NARROW, Spec, axis, canvas, rounded
from app.ui.shared.colours import Palette

LABEL_WIDTH = 220
SHAPES = ("diamond", "triangle", "rect", "pin", "arrow", "roundRect", "emptyDiamond")
"""Of enhancers in a scatter; plain twins are circles."""


def forest(table: pl.DataFrame, palette: Palette, unit: str) -> Spec:
    """Differences with their confidence intervals, a row each; what reaches over 0 is grey.

    Args:
        table: Columns `name`, `difference`, `low`, `high`; rows without an interval are left out.
        palette: Colours.
        unit: Of the axis.
    """
    shown = table.filter(pl.col("low").is_finite() & pl.col("high").is_finite()).reverse()
    spec = canvas(palette)
    spec["tooltip"]["formatter"] = "{b}"
    spec["grid"] |= {"bottom": 30, "top": 6}
    spec["xAxis"] = axis(palette, name=unit, nameGap=26)
    spec["yAxis"] = _names(palette, shown["name"].to_list())
    data = []
    for row in shown.iter_rows(named=True):
        colour = _verdict(row["low"], row["high"], palette)
        low, middle, high = (rounded(row[name], 5) for name in ("low", "difference", "high"))
        said = f"{row['name']}: {middle:+.4f} ({low:+.4f} … {high:+.4f})"
        style = {"color": colour, "borderColor": colour, "borderWidth": 2, "opacity": 0.9}
        data.append({"name": said, "value": [low, low, middle, high, high], "itemStyle": style})
    point = {
        "type": "scatter",
        "data": [[rounded(d, 5), at] for at, d in enumerate(shown["difference"])],
        "symbol": "diamond",
        "symbolSize": 11,
        "itemStyle": {"color": palette.text, "borderColor": palette.background},
        "silent": True,
        "z": 5,
    }
    zero = {"symbol": "none", "silent": True, "label": {"show": False}}
    zero |= {"lineStyle": {"color": palette.text, "type": "solid"}, "data": [{"xAxis": 0}]}
    boxes = {"type": "boxplot", "data": data, "boxWidth": [5, 7], "markLine": zero}
    spec["series"] = [boxes, point]
    return spec


def _verdict(low: float, high: float, palette: Palette) -> str:
    return palette.good if low > 0 else palette.bad if high < 0 else palette.muted


def _names(palette: Palette, names: list[str]) -> Spec:
    """A category axis with room for names; nothing of them is read as markup."""
    labels = {"color": palette.text, "width": LABEL_WIDTH, "overflow": "truncate", "interval": 0}
    return axis(palette, "category", data=names, axisLabel=labels, axisTick={"show": False})


def rank_scatter(users: pl.DataFrame, ours: str, theirs: str, palette: Palette) -> Spec:
    """A dot a user: the rank of the held-out item by both, on logarithmic scales.

    Below the line our recommender puts it higher.

    Args:
        users: What `recommend.compare.user_table` gives for "rank".
        ours: Name of the recommender.
        theirs: Name of the baseline.
        palette: Colours.
    """
    spec = canvas(palette, left=24)
    spec["tooltip"]["formatter"] = "ranks {c}"
    spec["grid"] |= {"bottom": 30, "top": 8}
    spec["xAxis"] = axis(palette, "log", f"rank by {theirs}", min=1, nameGap=26)
    spec["yAxis"] = axis(palette, "log", f"rank by {ours}", min=1, nameGap=38)
    pairs = zip(users["theirs"], users["ours"], strict=True)
    worst = float(users.select(pl.max_horizontal("ours", "theirs").max()).item() or 1)
    better = (users["difference"] < 0).to_list()
    data: dict[bool, list[list[float | None]]] = {True: [], False: []}
    for (their, our), wins in zip(pairs, better, strict=True):
        data[wins].append([rounded(their, 1), rounded(our, 1)])
    dots = {"type": "scatter", "symbolSize": 4, "large": True, "largeThreshold": 4000}
    spec["series"] = [
        {**dots, "name": "higher", "data": data[True], "itemStyle": _dot(palette.good)},
        {**dots, "name": "not higher", "data": data[False], "itemStyle": _dot(palette.muted)},
        {
            "type": "line",
            "data": [[1, 1], [worst, worst]],
            "showSymbol": False,
            "silent": True,
            "lineStyle": {"color": palette.text, "width": 1},
        },
    ]
    return spec


def _dot(colour: str) -> Spec:
    return {"color": colour, "opacity": 0.45}


def histogram(differences: pl.Series, unit: str, palette: Palette, bins: int = 20) -> Spec:
    """How many users differ by how much; those who do not differ at all have no bar.

    Args:
        differences: One a user.
        unit: Of the axis.
        palette: Colours.
        bins: On each side of 0.
    """
    values = differences.to_numpy()
    values = values[values != 0]
    reach = float(np.abs(values).max()) if len(values) else 1.0
    counts, edges = np.histogram(values, bins=2 * bins, range=(-reach, reach))
    spec = canvas(palette, left=38)
    spec["tooltip"]["valueFormatter"] = "%d users"
    spec["grid"] |= {"bottom": 30}
    middles = [f"{middle:+.2f}" for middle in (edges[:-1] + edges[1:]) / 2]
    spec["xAxis"] = axis(palette, "category", unit, data=middles, nameGap=26)
    spec["yAxis"] = axis(palette, name="users", nameGap=38)
    bars = [
        {"value": int(count), "itemStyle": {"color": palette.bad if at < bins else palette.good}}
        for at, count in enumerate(counts)
    ]
    spec["series"] = [{"type": "bar", "data": bars, "barCategoryGap": "8%"}]
    return spec


def bucket_bars(table: pl.DataFrame, ours: str, theirs: str, unit: str, palette: Palette) -> Spec:
    """What both reach in each bucket of users.

    Args:
        table: What `recommend.buckets.bucketed` gives.
        ours: Name of the recommender.
        theirs: Name of the baseline.
        unit: Of the values.
        palette: Colours.
    """
    spec = canvas(palette, legend=True, left=24)
    spec["tooltip"] |= {"trigger": "axis", "axisPointer": {"type": "shadow"}}
    spec["tooltip"]["valueFormatter"] = "%.4f"
    spec["xAxis"] = axis(palette, "category", data=table["bucket"].to_list())
    spec["xAxis"]["axisLabel"] = {"color": palette.text, "interval": 0}
    spec["yAxis"] = axis(palette, name=unit, nameGap=42)
    of = ((theirs, "theirs", palette.muted), (ours, "ours", palette.more[0]))
    spec["series"] = [
        {
            "name": name,
            "type": "bar",
            "data": [rounded(value, 5) for value in table[column]],
            "itemStyle": {"color": colour},
            "barMaxWidth": 34,
            "barGap": "4%",
        }
        for name, column, colour in of
    ]
    return spec


def measure_bars(table: pl.DataFrame, measure: str, palette: Palette) -> Spec:
    """One measure of every recommender; plain twins are grey.

    Args:
        table: Columns `run`, `enhancer` and the measure.
        measure: Name of the column.
        palette: Colours.
    """
    shown = table.filter(pl.col(measure).is_not_null()).reverse()
    spec = canvas(palette)
    spec["tooltip"]["valueFormatter"] = "%.4f"
    spec["grid"] |= {"top": 4, "right": 40}
    spec["xAxis"] = axis(palette, splitNumber=3)
    spec["yAxis"] = _names(palette, shown["run"].to_list())
    spec["yAxis"]["axisLabel"]["width"] = 150
    bars = [
        {"value": rounded(row[measure]), "itemStyle": {"color": _enhanced(row, palette)}}
        for row in shown.iter_rows(named=True)
    ]
    spec["series"] = [{"type": "bar", "name": measure, "data": bars, "barMaxWidth": 16}]
    return spec


def _enhanced(row: dict[str, Any], palette: Palette) -> str:
    return palette.muted if row["enhancer"] == PLAIN else palette.more[0]


def cost_scatter(table: pl.DataFrame, metric: str, unit: str, cost: str, palette: Palette) -> Spec:
    """What recommenders reach against what they cost; a line joins each with its plain twin.

    Args:
        table: From `app.comparison.cost_table`, with `twin`, the name of the plain twin or null.
        metric: Column of the height.
        unit: What the metric is called.
        cost: Column of the width, and what it is called, as "column: name".
        palette: Colours.
    """
    column, _, named = cost.partition(": ")
    spec = canvas(palette, legend=True, left=28)
    spec["tooltip"]["formatter"] = "{b}"
    spec["grid"] |= {"bottom": 34, "right": 170}
    spec["xAxis"] = axis(palette, "log", named, nameGap=28)
    spec["yAxis"] = axis(palette, name=unit, nameGap=46, scale=True)
    known = table.filter(pl.col(column) > 0, pl.col(metric).is_not_null())
    places = {r["run"]: [rounded(r[column], 3), rounded(r[metric])] for r in known.to_dicts()}
    series: list[Spec] = []
    enhanced = [name for name in known["enhancer"].unique(maintain_order=True) if name != PLAIN]
    for enhancer in (PLAIN, *enhanced):
        at = enhanced.index(enhancer) if enhancer in enhanced else -1
        colour = palette.more[at % len(palette.more)] if at >= 0 else palette.muted
        dots = [
            {
                "value": places[row["run"]],
                "name": f"{row['run']}: {row[metric]:.4f}, {row[column]:,.4g}",
                "label": {"formatter": f"{row['backbone']}+{enhancer}"},
            }
            for row in known.filter(enhancer=enhancer).iter_rows(named=True)
        ]
        label = {"show": True, "position": "right", "color": palette.text}
        more = {
            "symbol": SHAPES[at % len(SHAPES)] if at >= 0 else "circle",
            "symbolSize": 13,
            "labelLayout": {"hideOverlap": True},
            "itemStyle": {"color": colour},
            "label": label,
            "z": 3,
        }
        series.append({"name": enhancer, "type": "scatter", "data": dots, **more})
    for row in known.filter(pl.col("twin").is_in(list(places))).iter_rows(named=True):
        style = {"color": palette.line, "type": "dashed", "width": 1}
        ends = {"data": [places[row["twin"]], places[row["run"]]]}
        series.append(
            {"type": "line", **ends, "showSymbol": False, "silent": True, "lineStyle": style}
        )
    spec["series"] = series
    unnamed = [{"label": {"show": False}} for _ in (PLAIN, *enhanced)]
    spec["media"] = [
        {"query": {"maxWidth": NARROW}, "option": {"grid": {"right": 24}, "series": unnamed}}
    ]
    spec["legend"]["data"] = [PLAIN, *enhanced]
    return spec
