"""What each setting is worth across domains, as pictures."""

from __future__ import annotations

import math

import polars as pl

from app.results.domains import BETTER, WORSE, verdict
from app.ui.shared.charts import Spec, axis, canvas, names_axis, number

COLOURS = {BETTER: "good", WORSE: "bad"}
"""Of rows, by what may be said of them; all others are grey."""


def points(rows: pl.DataFrame, unit: str, most: float, base: float) -> Spec:
    """Means with their 95 % intervals over users, a row each; a line where the base stands.

    Args:
        rows: As `app.results.domains.reach_table` gives them for one bucket and measure, with
            `name`.
        unit: What is measured.
        most: What the axis has to reach, so that groups share it.
        base: Mean of the one as set.
    """
    shown = rows.reverse()
    spec = canvas(top=6, bottom=30, right=30, tooltip={"formatter": "{b}"})
    end, step = ends(most)
    spec["xAxis"] = axis(name=unit, nameGap=26, min=0, max=end, interval=step)
    spec["yAxis"] = names_axis(shown["name"].to_list(), 128)
    boxes, dots = [], []
    for at, row in enumerate(shown.to_dicts()):
        colour = COLOURS.get(verdict(row), "text" if row["p_holm"] is None else "muted")
        low, mean, high = (number(row[n], 5) for n in ("mean_low", "mean", "mean_high"))
        said = f"{row['name']}: {row['mean']:.4f} ({verdict(row)})"
        style = {"color": colour, "borderColor": colour, "borderWidth": 2, "opacity": 0.9}
        boxes.append({"name": said, "value": [low, low, mean, high, high], "itemStyle": style})
        dots.append([mean, at])
    line = {"symbol": "none", "silent": True, "label": {"show": False}}
    line |= {"lineStyle": {"color": "text", "type": "dashed"}, "data": [{"xAxis": number(base, 5)}]}
    spec["series"] = [
        {"type": "boxplot", "data": boxes, "boxWidth": [4, 6], "markLine": line},
        {
            "type": "scatter",
            "data": dots,
            "symbol": "diamond",
            "symbolSize": 11,
            "itemStyle": {"color": "text", "borderColor": "background"},
            "silent": True,
            "z": 5,
        },
    ]
    return spec


def ends(most: float) -> tuple[float, float]:
    """The end of an axis that reaches a value, and the distance of its marks: round numbers.

    >>> ends(0.298), ends(0.021), ends(0.677)
    ((0.3, 0.1), (0.025, 0.005), (0.8, 0.2))
    """
    step = next((s for s in (0.005, 0.01, 0.02, 0.05, 0.1) if most <= 5 * s), 0.2)
    return round(math.ceil(round(most / step, 6)) * step, 6), step


def sweep(rows: pl.DataFrame, unit: str, what: str) -> Spec:
    """A measure by the value of a setting, with the 95 % interval of its mean.

    Args:
        rows: As `app.results.domains.reach_table` gives them for one bucket and measure, with
            `value`, the smallest first. Intervals are over seeds; where all have one seed, over
            users.
        unit: What is measured.
        what: What the setting is called.
    """
    spec = canvas(left=28, top=12, bottom=30, tooltip={"formatter": "{b}"})
    spec["xAxis"] = axis(name=what, nameGap=26, min=0, max=1, interval=0.25)
    spec["yAxis"] = axis(name=unit, nameGap=42, scale=True)
    over = "mean" if rows["seed_low"].null_count() == rows.height else "seed"
    known = rows.drop_nulls([f"{over}_low", f"{over}_high"])
    edges = [
        {
            "type": "line",
            "data": [[number(row["value"]), number(row[column], 5)] for row in known.to_dicts()],
            "showSymbol": False,
            "silent": True,
            "lineStyle": {"color": "violet", "type": "dotted", "width": 1.5},
        }
        for column in (f"{over}_low", f"{over}_high")
    ]
    means = [
        {
            "value": [number(row["value"]), number(row["mean"], 5)],
            "name": f"{what} = {row['value']:g}: {row['mean']:.4f}, seeds: {row['seeds']}",
        }
        for row in rows.to_dicts()
    ]
    look = {"color": "violet"}
    line = {"type": "line", "data": means, "symbol": "circle", "symbolSize": 9}
    spec["series"] = [*edges, {**line, "itemStyle": look, "lineStyle": {**look, "width": 2}}]
    return spec
