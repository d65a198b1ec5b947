"""Recommenders side by side, as pictures."""

from __future__ import annotations

import numpy as np
import polars as pl

from app.experiment.settings import PLAIN
from app.results.colours import SERIES
from app.ui.shared.charts import NARROW, SHADOW, Spec, axis, canvas, names_axis, number

LABEL_WIDTH = 220
APART = SERIES[4:]
"""Colours of what is no plain twin."""
SHAPES = (
    *("diamond", "triangle", "rect", "pin", "arrow", "roundRect"),
    *("emptyDiamond", "emptyTriangle", "emptyRect", "emptyPin", "emptyArrow", "emptyRoundRect"),
)
"""Of enhancers in a scatter; plain twins are circles."""


def forest(table: pl.DataFrame, unit: str) -> Spec:
    """Differences with their confidence intervals, a row each; what reaches over 0 is grey.

    Args:
        table: Columns `name`, `difference`, `low`, `high`; rows without an interval are left out.
        unit: Of the axis.
    """
    shown = table.filter(pl.col("low").is_finite() & pl.col("high").is_finite()).reverse()
    spec = canvas(top=6, bottom=30, tooltip={"formatter": "{b}"})
    spec["xAxis"] = axis(name=unit, nameGap=26)
    spec["yAxis"] = names_axis(shown["name"].to_list(), LABEL_WIDTH)
    data = []
    for row in shown.iter_rows(named=True):
        colour = _verdict(row["low"], row["high"])
        low, middle, high = (number(row[name], 5) for name in ("low", "difference", "high"))
        said = f"{row['name']}: {middle:+.4f} ({low:+.4f} … {high:+.4f})"
        style = {"color": colour, "borderColor": colour, "borderWidth": 2, "opacity": 0.9}
        data.append({"name": said, "value": [low, low, middle, high, high], "itemStyle": style})
    point = {
        "type": "scatter",
        "data": [[number(d, 5), at] for at, d in enumerate(shown["difference"])],
        "symbol": "diamond",
        "symbolSize": 11,
        "itemStyle": {"color": "text", "borderColor": "background"},
        "silent": True,
        "z": 5,
    }
    zero = {"symbol": "none", "silent": True, "label": {"show": False}}
    zero |= {"lineStyle": {"color": "text", "type": "solid"}, "data": [{"xAxis": 0}]}
    boxes = {"type": "boxplot", "data": data, "boxWidth": [5, 7], "markLine": zero}
    spec["series"] = [boxes, point]
    return spec


def _verdict(low: float, high: float) -> str:
    return "good" if low > 0 else "bad" if high < 0 else "muted"


def rank_scatter(users: pl.DataFrame, ours: str, theirs: str) -> Spec:
    """A dot a user: the rank of the held-out item by both, on logarithmic scales.

    Below the line our recommender puts it higher.

    Args:
        users: What `recommend.judge.compare.user_table` gives for "rank".
        ours: Name of the recommender.
        theirs: Name of the baseline.
    """
    spec = canvas(left=24, top=8, bottom=30, tooltip={"formatter": "ranks {c}"})
    spec["xAxis"] = axis("log", f"rank by {theirs}", min=1, nameGap=26)
    spec["yAxis"] = axis("log", f"rank by {ours}", min=1, nameGap=38)
    pairs = zip(users["theirs"], users["ours"], strict=True)
    worst = float(users.select(pl.max_horizontal("ours", "theirs").max()).item() or 1)
    better = (users["difference"] < 0).to_list()
    data: dict[bool, list[list[float | None]]] = {True: [], False: []}
    for (their, our), wins in zip(pairs, better, strict=True):
        data[wins].append([number(their, 1), number(our, 1)])
    dots = {"type": "scatter", "symbolSize": 4, "large": True, "largeThreshold": 4000}
    spec["series"] = [
        {**dots, "name": "higher", "data": data[True], "itemStyle": _dot("good")},
        {**dots, "name": "not higher", "data": data[False], "itemStyle": _dot("muted")},
        {
            "type": "line",
            "data": [[1, 1], [worst, worst]],
            "showSymbol": False,
            "silent": True,
            "lineStyle": {"color": "text", "width": 1},
        },
    ]
    return spec


def _dot(colour: str) -> Spec:
    return {"color": colour, "opacity": 0.45}


def histogram(differences: pl.Series, unit: str, bins: int = 20) -> Spec:
    """How many users differ by how much; those who do not differ at all have no bar.

    Args:
        differences: One a user.
        unit: Of the axis.
        bins: On each side of 0.
    """
    values = differences.to_numpy()
    values = values[values != 0]
    reach = float(np.abs(values).max()) if len(values) else 1.0
    counts, edges = np.histogram(values, bins=2 * bins, range=(-reach, reach))
    spec = canvas(left=38, bottom=30, tooltip={"valueFormatter": "%d users"})
    middles = [f"{middle:+.2f}" for middle in (edges[:-1] + edges[1:]) / 2]
    spec["xAxis"] = axis("category", unit, data=middles, nameGap=26)
    spec["yAxis"] = axis(name="users", nameGap=38)
    bars = [
        {"value": int(count), "itemStyle": {"color": "bad" if at < bins else "good"}}
        for at, count in enumerate(counts)
    ]
    spec["series"] = [{"type": "bar", "data": bars, "barCategoryGap": "8%"}]
    return spec


def bucket_bars(table: pl.DataFrame, ours: str, theirs: str, unit: str) -> Spec:
    """What both reach in each bucket of users.

    Args:
        table: What `recommend.judge.buckets.in_buckets` gives.
        ours: Name of the recommender.
        theirs: Name of the baseline.
        unit: Of the values.
    """
    spec = canvas(legend=True, left=24, tooltip=SHADOW | {"valueFormatter": "%.4f"})
    label = {"color": "text", "interval": 0}
    spec["xAxis"] = axis("category", data=table["bucket"].to_list(), axisLabel=label)
    spec["yAxis"] = axis(name=unit, nameGap=42)
    of = ((theirs, "theirs", "muted"), (ours, "ours", APART[0]))
    spec["series"] = [
        {
            "name": name,
            "type": "bar",
            "data": [number(value, 5) for value in table[column]],
            "itemStyle": {"color": colour},
            "barMaxWidth": 34,
            "barGap": "4%",
        }
        for name, column, colour in of
    ]
    return spec


def measure_bars(table: pl.DataFrame, measure: str) -> Spec:
    """One measure of every recommender; plain twins are grey.

    Args:
        table: Columns `run`, `enhancer` and the measure.
        measure: Name of the column.
    """
    shown = table.filter(pl.col(measure).is_not_null()).reverse()
    spec = canvas(top=4, right=40, tooltip={"valueFormatter": "%.4f"})
    spec["xAxis"] = axis(splitNumber=3)
    spec["yAxis"] = names_axis(shown["run"].to_list(), 150)
    bars = [
        {"value": number(row[measure]), "itemStyle": {"color": _apart(row["enhancer"])}}
        for row in shown.iter_rows(named=True)
    ]
    spec["series"] = [{"type": "bar", "name": measure, "data": bars, "barMaxWidth": 16}]
    return spec


def _apart(enhancer: str, at: int = 0) -> str:
    """The colour of the enhancer at a place; grey for none."""
    return "muted" if enhancer == PLAIN else APART[at % len(APART)]


def cost_scatter(table: pl.DataFrame, metric: str, unit: str, cost: str) -> Spec:
    """What recommenders reach against what they cost; a line joins each with its plain twin.

    Args:
        table: From `app.results.comparison.cost_table`, with `twin`, the name of the plain twin or
            null.
        metric: Column of the height.
        unit: What the metric is called.
        cost: Column of the width, and what it is called, as "column: name".
    """
    column, _, named = cost.partition(": ")
    spec = canvas(legend=True, left=28, right=170, bottom=34, tooltip={"formatter": "{b}"})
    spec["xAxis"] = axis("log", named, nameGap=28)
    spec["yAxis"] = axis(name=unit, nameGap=46, scale=True)
    known = table.filter(pl.col(column) > 0, pl.col(metric).is_not_null())
    places = {r["run"]: [number(r[column], 3), number(r[metric])] for r in known.to_dicts()}
    enhanced = [name for name in known["enhancer"].unique(maintain_order=True) if name != PLAIN]
    every = (PLAIN, *enhanced)
    dots = [
        {
            "name": enhancer,
            "type": "scatter",
            "data": [
                {
                    "value": places[row["run"]],
                    "name": f"{row['run']}: {row[metric]:.4f}, {row[column]:,.4g}",
                    "label": {"formatter": f"{row['backbone']}+{enhancer}"},
                }
                for row in known.filter(enhancer=enhancer).iter_rows(named=True)
            ],
            "symbol": SHAPES[at % len(SHAPES)] if at >= 0 else "circle",
            "symbolSize": 13,
            "labelLayout": {"hideOverlap": True},
            "itemStyle": {"color": _apart(enhancer, at)},
            "label": {"show": True, "position": "right", "color": "text"},
            "z": 3,
        }
        for at, enhancer in enumerate(every, start=-1)
    ]
    joined = [
        {
            "type": "line",
            "data": [places[row["twin"]], places[row["run"]]],
            "showSymbol": False,
            "silent": True,
            "lineStyle": {"color": "line", "type": "dashed", "width": 1},
        }
        for row in known.filter(pl.col("twin").is_in(list(places))).iter_rows(named=True)
    ]
    spec["series"] = [*dots, *joined]
    bare = {"grid": {"right": 24}, "series": [{"label": {"show": False}} for _ in every]}
    spec["media"] = [{"query": {"maxWidth": NARROW}, "option": bare}]
    spec["legend"]["data"] = list(every)
    return spec
