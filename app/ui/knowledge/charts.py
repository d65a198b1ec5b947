"""Charts of texts: how long they are, how much of them stayed, and why some are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.ui.shared.charts import SHADOW, Spec, axis, canvas, names_axis

if TYPE_CHECKING:
    import polars as pl

BINS = 30
"""Bars of a histogram, at most."""


def lengths(words: pl.Series) -> Spec:
    """How many texts have how many words.

    Args:
        words: Of each text; at least one.
    """
    low, high = int(words.min()), int(words.max())  # type: ignore[arg-type]
    width = max(1, -(-(high - low + 1) // BINS))
    edges = range(low, high + 1, width)
    names = [str(edge) if width == 1 else f"{edge}–{edge + width - 1}" for edge in edges]
    return _histogram(names, ((words - low) // width).cast(int), "words")


def kept_words(kept: pl.Series) -> Spec:
    """How many changed texts kept which share of their words, in tenths.

    Args:
        kept: Share of each, from 0 to 1.
    """
    names = [f"{10 * k}–{10 * (k + 1)} %" for k in range(10)]
    return _histogram(names, (kept * 10).floor().cast(int).clip(0, 9), "of words kept")


def _histogram(names: list[str], places: pl.Series, what: str) -> Spec:
    """How many texts are at which place."""
    counts = dict(places.value_counts().iter_rows())
    spec = canvas(right=16, top=32, bottom=28, tooltip=SHADOW)
    label = {"color": "muted", "hideOverlap": True}
    spec["xAxis"] = axis("category", what, data=names, axisLabel=label, axisTick={"show": False})
    spec["yAxis"] = axis(name="texts", nameLocation="end", nameGap=15, minInterval=1)
    data = [counts.get(k, 0) for k in range(len(names))]
    look = {"barCategoryGap": "8%", "itemStyle": {"color": "user"}}
    spec["series"] = [{"name": "Texts", "type": "bar", "data": data, **look}]
    return spec


def failures_by_reason(found: pl.DataFrame) -> Spec:
    """Entities without a text, a bar a reason.

    Args:
        found: From `llm.review.failures`.
    """
    spec = canvas(right=32, top=8, tooltip=SHADOW)
    spec["xAxis"] = axis(minInterval=1)
    spec["yAxis"] = names_axis(found["reason"].to_list(), 140, inverse=True)
    look = {
        "barMaxWidth": 22,
        "itemStyle": {"color": "bad"},
        "label": {"show": True, "position": "right", "color": "text"},
    }
    spec["series"] = [{"name": "Entities", "type": "bar", "data": found["rows"].to_list(), **look}]
    return spec
