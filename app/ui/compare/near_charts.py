"""How near items are, and what samples hold of them, as pictures."""

from __future__ import annotations

import polars as pl

from app.pipeline.stages.near import LIST_LENGTH
from app.results.colours import SERIES
from app.results.nearness import STEPS, WAYS
from app.ui.shared.charts import SHADOW, Spec, axis, canvas, names_axis, number

BARS = {
    "within": f"next items within {STEPS} steps",
    "covered": "next items in the sample",
    "of_list": f"first {LIST_LENGTH} of lists in the sample",
}
"""Columns of `closeness_table` that are drawn, in words."""
_COLOURS = dict(zip(WAYS.values(), ("slate", "teal", "rose"), strict=True))
_PERCENT = {"formatter": "{value} %", "color": "muted"}


def score_lines(scores: pl.DataFrame) -> Spec:
    """s_k by k, a line a way, and dashed in the same colour the share of all items there.

    Args:
        scores: Of one experiment, as `app.results.nearness.scores_table` gives them.
    """
    spec = canvas(legend=True, left=20, bottom=30, tooltip={"formatter": "{b}"})
    steps = [str(k) for k in scores["k"].unique().sort()]
    spec["xAxis"] = axis("category", "steps", data=steps, nameGap=26, boundaryGap=False)
    spec["yAxis"] = axis(min=0, max=100, axisLabel=_PERCENT)
    spec["series"] = []
    for (way,), rows in scores.group_by("way", maintain_order=True):
        for column, of, kind in (("score", "next items", "solid"), ("near", "all items", "dashed")):
            points = [
                {"value": number(100 * share, 2), "name": f"{way}: {share:.1%} of {of}"}
                for share in rows[column]
            ]
            look = {"color": _COLOURS[str(way)]}
            spec["series"].append(
                {
                    "type": "line",
                    "name": way,
                    "data": points,
                    "symbol": "circle" if kind == "solid" else "emptyCircle",
                    "symbolSize": 8 if kind == "solid" else 5,
                    "itemStyle": look,
                    "lineStyle": {**look, "type": kind, "width": 2 if kind == "solid" else 1},
                }
            )
    return spec


def group_bars(groups: pl.DataFrame) -> Spec:
    """s_3 of every group of users, a bar a way.

    Args:
        groups: Of one experiment, as `app.results.nearness.groups_table` gives them.
    """
    spec = canvas(legend=True, tooltip=SHADOW | {"valueFormatter": "%.1f %%"})
    names = groups["group"].unique(maintain_order=True).to_list()
    spec["xAxis"] = axis(min=0, max=100, axisLabel=_PERCENT, interval=25)
    spec["yAxis"] = names_axis(names, 130, inverse=True)
    spec["series"] = [
        {
            "type": "bar",
            "name": way,
            "data": [number(100 * share, 2) for share in rows["score"]],
            "itemStyle": {"color": _COLOURS[str(way)]},
            "barMaxWidth": 14,
        }
        for (way,), rows in groups.group_by("way", maintain_order=True)
    ]
    return spec


def sample_bars(samples: pl.DataFrame) -> Spec:
    """What samples hold, three bars a recommender.

    Args:
        samples: From `app.results.nearness.closeness_table`.
    """
    spec = canvas(legend=True, tooltip=SHADOW | {"valueFormatter": "%.1f %%"})
    spec["xAxis"] = axis(min=0, max=100, axisLabel=_PERCENT, interval=25)
    spec["yAxis"] = names_axis(samples["run"].to_list(), 150, inverse=True)
    spec["series"] = [
        {
            "type": "bar",
            "name": name,
            "data": [None if one is None else number(100 * one, 2) for one in samples[column]],
            "itemStyle": {"color": colour},
            "barMaxWidth": 18,
        }
        for (column, name), colour in zip(BARS.items(), SERIES[4:7], strict=True)
    ]
    return spec


def gate_boxes(gates: pl.DataFrame, unit: str) -> Spec:
    """What users make of near items: a box a recommender and group.

    Args:
        gates: Of one meeting, as `app.results.nearness.gates_table` gives them.
        unit: Of the axis.
    """
    several = gates["run"].n_unique() > 1
    names, boxes = [], []
    for row in gates.iter_rows(named=True):
        names.append(f"{row['run']}: {row['group']}" if several else row["group"])
        marks = [row[one] for one in ("low", "quarter", "median", "three_quarters", "high")]
        low, *_, high = marks
        said = f"{names[-1]}: {row['median']:.3f} ({low:.3f} … {high:.3f}), {row['users']:,} users"
        boxes.append({"name": said, "value": [number(one, 4) for one in marks]})
    spec = canvas(top=6, bottom=30, tooltip={"formatter": "{b}"})
    spec["xAxis"] = axis(name=unit, nameGap=26, scale=True)
    spec["yAxis"] = names_axis(names, 150, inverse=True)
    line = {"color": "transparent", "borderColor": "teal", "borderWidth": 2}
    boxplot = {"type": "boxplot", "data": boxes, "boxWidth": [6, 14], "itemStyle": line}
    spec["series"] = [boxplot]
    return spec
