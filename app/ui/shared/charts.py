"""Charts: what they have in common, and how they get the colours of the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.results.colours import DARK, LIGHT, Palette

Spec = dict[str, Any]
"""An option of ECharts: names from data stand in values alone, never in a `formatter`, and colours
are names of `Palette`, which are looked up when the chart is drawn."""
NARROW = 560
"""Pixels below which a chart has no room for what stands beside something else."""
SHADOW: Spec = {"trigger": "axis", "axisPointer": {"type": "shadow"}}
"""A tooltip for all bars at a place."""
NAMES = frozenset(Palette.__dataclass_fields__)


def palette() -> Palette:
    """The colours of the page as it is shown now, light or dark."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def draw_chart(spec: Spec, *, height: int, alt: str, **more: Any) -> None:
    """Draws a chart in the colours of the page; what it does not name is the theme's.

    Args:
        spec: Of the chart.
        height: In pixels.
        alt: The chart in words.
        more: Of `st.echarts_chart`.
    """
    st.echarts_chart(resolve_colours(spec, palette()), height=height, alt=alt, **more)


def resolve_colours(spec: Any, of: Palette) -> Any:
    """The same with colours in the place of their names; no other text is looked at."""
    if isinstance(spec, dict):
        return {
            key: _colour(value, of) if key.lower().endswith("color") else resolve_colours(value, of)
            for key, value in spec.items()
        }
    if isinstance(spec, list) and any(isinstance(one, (dict, list)) for one in spec):
        return [resolve_colours(one, of) for one in spec]
    return spec


def _colour(value: Any, of: Palette) -> Any:
    if isinstance(value, list):
        return [_colour(one, of) for one in value]
    return of.of(value) if value in NAMES else value


def canvas(*, legend: bool = False, tooltip: Spec | None = None, **grid: Any) -> Spec:
    """What every chart begins with.

    Args:
        legend: Whether there is one, in a line above.
        tooltip: More of it.
        grid: Distances from the edges in pixels, and what else the grid takes.
    """
    words = {"confine": True, "extraCssText": "max-width: 22rem; white-space: normal;"}
    places = {"left": 8, "right": 24, "bottom": 8, "containLabel": True, **grid}
    places["top"] = grid.get("top", 12) + (28 if legend else 0)
    spec: Spec = {"animation": False, "grid": places, "tooltip": words | (tooltip or {})}
    if legend:
        look = {"type": "scroll", "top": 0, "left": 0, "itemWidth": 14, "itemHeight": 10}
        spec["legend"] = {**look, "textStyle": {"color": "text"}}
    return spec


def axis(kind: str = "value", name: str = "", **more: Any) -> Spec:
    """An axis whose name stands in the middle beside it."""
    return {
        "type": kind,
        "name": name,
        "nameLocation": "middle",
        "nameGap": 28,
        "nameTextStyle": {"color": "muted"},
        "axisLabel": {"color": "muted"},
        "splitLine": {"show": kind != "category"},
        **more,
    }


def names_axis(names: Sequence[str], width: int = 180, *, inverse: bool = False) -> Spec:
    """An axis of names, each cut off at a width in pixels; none of them is read as markup."""
    look = {"color": "text", "width": width, "overflow": "truncate", "interval": 0}
    ticks = {"show": False}
    return axis("category", data=list(names), inverse=inverse, axisLabel=look, axisTick=ticks)


def number(value: float | None, digits: int = 4) -> float | None:
    """A number that JSON and a reader can bear; None where there is none."""
    return None if value is None or value != value else round(float(value), digits)
