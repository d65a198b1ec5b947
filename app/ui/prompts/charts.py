"""Charts of prompts: how many tokens they take, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from app.ui.shared.charts import SHADOW, Spec, axis, canvas, names_axis


def tokens_by_variant(tried: pl.DataFrame, names: Sequence[str]) -> Spec:
    """Mean tokens of prompts and answers, a bar a variant.

    Args:
        tried: From `llm.workshop.trial`; rows without an answer do not count.
        names: Of the variants, by their place.
    """
    answered = tried.drop_nulls("text").group_by("variant")
    means = answered.agg(pl.col("tokens_in", "tokens_out").mean()).rows_by_key("variant")
    parts = (("Prompt", 0, "user"), ("Answer", 1, "item"))
    spec = _bars("tokens", names, legend=True)
    spec["series"] = [
        {
            "name": name,
            "type": "bar",
            "stack": "tokens",
            "itemStyle": {"color": colour},
            "data": [round(means[k][0][column], 1) if k in means else 0 for k in range(len(names))],
        }
        for name, column, colour in parts
    ]
    return spec


def costs(by_model: pl.DataFrame, currency: str) -> Spec:
    """What the calls cost at each model's price, with the 95 % interval as a line.

    Args:
        by_model: From `llm.workshop.estimate.costs_by_model`.
        currency: Of the prices.
    """
    boxes = []
    for low, mean, high in by_model.select("low", "mean", "high").iter_rows():
        end = high if math.isfinite(high) else mean
        boxes.append([round(value, 4) for value in (low, low, mean, end, end)])
    likely = [round(value, 4) for value in by_model["mean"]]
    line = {"color": "transparent", "borderColor": "text"}
    spec = _bars(currency, by_model["model"].to_list())
    spec["series"] = [
        {"name": "Likely", "type": "bar", "itemStyle": {"color": "user"}, "data": likely},
        {
            "name": "95 % interval",
            "type": "boxplot",
            "itemStyle": line,
            "boxWidth": [4, 8],
            "data": boxes,
        },
    ]
    return spec


def _bars(unit: str, names: Sequence[str], *, legend: bool = False) -> Spec:
    """Bars from left to right, the first on top."""
    spec = canvas(legend=legend, bottom=28, tooltip=SHADOW)
    return spec | {"xAxis": axis(name=unit, nameGap=26), "yAxis": names_axis(names, inverse=True)}
