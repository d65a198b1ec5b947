"""Charts of the Prompts screen, as ECharts options."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.ui.shared.colours import Palette

if TYPE_CHECKING:
    import polars as pl


def tokens_by_variant(
    tried: pl.DataFrame, names: Sequence[str], colours: Palette
) -> dict[str, Any]:
    """Mean tokens of prompts and answers, a bar a variant.

    Args:
        tried: From `app.trial`; rows without an answer do not count.
        names: Of the variants, by their place.
        colours: Of the page.
    """
    import polars as pl

    means = (
        tried.drop_nulls("text").group_by("variant").agg(pl.col("tokens_in", "tokens_out").mean())
    )
    by_place = {row["variant"]: row for row in means.iter_rows(named=True)}
    series = [
        {
            "name": name,
            "type": "bar",
            "stack": "tokens",
            "itemStyle": {"color": colour},
            "data": [
                round(by_place[k][column], 1) if k in by_place else 0 for k in range(len(names))
            ],
        }
        for name, column, colour in (
            ("Prompt", "tokens_in", colours.user),
            ("Answer", "tokens_out", colours.item),
        )
    ]
    return {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "legend": {"top": 0, "textStyle": {"color": colours.text}},
        "grid": {"left": 8, "right": 24, "top": 32, "bottom": 28, "containLabel": True},
        "xAxis": _values("tokens", colours),
        "yAxis": _names(names, colours),
        "series": series,
    }


def costs(by_model: pl.DataFrame, currency: str, colours: Palette) -> dict[str, Any]:
    """What the calls cost at each model's price, with the 95 % interval as a line.

    Args:
        by_model: From `app.prices.costs_by_model`.
        currency: Of the prices.
        colours: Of the page.
    """
    names = by_model["model"].to_list()
    ends = [
        [low, high if math.isfinite(high) else mean]
        for low, mean, high in by_model.select("low", "mean", "high").iter_rows()
    ]
    bars = {
        "name": "Likely",
        "type": "bar",
        "itemStyle": {"color": colours.user},
        "data": [round(value, 4) for value in by_model["mean"]],
    }
    intervals = {
        "name": "95 % interval",
        "type": "boxplot",
        "itemStyle": {"color": "transparent", "borderColor": colours.text},
        "boxWidth": [4, 8],
        "data": [
            [round(low, 4), round(low, 4), round(mean, 4), round(high, 4), round(high, 4)]
            for (low, high), mean in zip(ends, by_model["mean"], strict=True)
        ],
    }
    return {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "grid": {"left": 8, "right": 24, "top": 16, "bottom": 28, "containLabel": True},
        "xAxis": _values(currency, colours),
        "yAxis": _names(names, colours),
        "series": [bars, intervals],
    }


def _values(name: str, colours: Palette) -> dict[str, Any]:
    return {
        "type": "value",
        "name": name,
        "nameLocation": "middle",
        "nameGap": 26,
        "nameTextStyle": {"color": colours.muted},
        "axisLabel": {"color": colours.muted},
        "splitLine": {"lineStyle": {"color": colours.line, "opacity": 0.4}},
    }


def _names(names: Sequence[str], colours: Palette) -> dict[str, Any]:
    return {
        "type": "category",
        "data": list(names),
        "inverse": True,
        "axisLabel": {"color": colours.text, "overflow": "truncate", "width": 180},
        "axisLine": {"lineStyle": {"color": colours.line}},
        "axisTick": {"show": False},
    }
