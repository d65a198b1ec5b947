"""Charts of the Knowledge screen, as ECharts options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.ui.shared.colours import Palette

if TYPE_CHECKING:
    import polars as pl

BINS = 30
"""Bars of a histogram, at most."""


def lengths(words: pl.Series, colours: Palette) -> dict[str, Any]:
    """How many texts have how many words.

    Args:
        words: Of each text; at least one.
        colours: Of the page.
    """
    low, high = int(words.min()), int(words.max())  # type: ignore[arg-type]
    width = max(1, -(-(high - low + 1) // BINS))
    edges = list(range(low, high + 1, width))
    places = ((words - low) // width).cast(int).value_counts()
    counts = dict(places.iter_rows())
    names = [str(edge) if width == 1 else f"{edge}–{edge + width - 1}" for edge in edges]
    return _histogram(names, [counts.get(k, 0) for k in range(len(edges))], "words", colours)


def kept_words(kept: pl.Series, colours: Palette) -> dict[str, Any]:
    """How many changed texts kept which share of their words, in tenths.

    Args:
        kept: Share of each, from 0 to 1.
        colours: Of the page.
    """
    places = (kept * 10).floor().cast(int).clip(0, 9).value_counts()
    counts = dict(places.iter_rows())
    names = [f"{10 * k}–{10 * (k + 1)} %" for k in range(10)]
    return _histogram(names, [counts.get(k, 0) for k in range(10)], "of words kept", colours)


def failures_by_reason(found: pl.DataFrame, colours: Palette) -> dict[str, Any]:
    """Entities without a text, a bar a reason.

    Args:
        found: From `llm.review.failures`.
        colours: Of the page.
    """
    return {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "grid": {"left": 8, "right": 32, "top": 8, "bottom": 8, "containLabel": True},
        "xAxis": {
            "type": "value",
            "minInterval": 1,
            "axisLabel": {"color": colours.muted},
            "splitLine": {"lineStyle": {"color": colours.line, "opacity": 0.4}},
        },
        "yAxis": {
            "type": "category",
            "inverse": True,
            "data": found["reason"].to_list(),
            "axisLabel": {"color": colours.text, "overflow": "truncate", "width": 140},
            "axisTick": {"show": False},
            "axisLine": {"lineStyle": {"color": colours.line}},
        },
        "series": [
            {
                "name": "Entities",
                "type": "bar",
                "barMaxWidth": 22,
                "itemStyle": {"color": colours.bad},
                "label": {"show": True, "position": "right", "color": colours.text},
                "data": found["rows"].to_list(),
            }
        ],
    }


def _histogram(names: list[str], counts: list[int], what: str, colours: Palette) -> dict[str, Any]:
    return {
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}},
        "grid": {"left": 8, "right": 16, "top": 32, "bottom": 28, "containLabel": True},
        "xAxis": {
            "type": "category",
            "data": names,
            "name": what,
            "nameLocation": "middle",
            "nameGap": 28,
            "nameTextStyle": {"color": colours.muted},
            "axisLabel": {"color": colours.muted, "hideOverlap": True},
            "axisTick": {"show": False},
            "axisLine": {"lineStyle": {"color": colours.line}},
        },
        "yAxis": {
            "type": "value",
            "name": "texts",
            "minInterval": 1,
            "nameTextStyle": {"color": colours.muted},
            "axisLabel": {"color": colours.muted},
            "splitLine": {"lineStyle": {"color": colours.line, "opacity": 0.4}},
        },
        "series": [
            {
                "name": "Texts",
                "type": "bar",
                "barCategoryGap": "8%",
                "itemStyle": {"color": colours.user},
                "data": counts,
            }
        ],
    }
