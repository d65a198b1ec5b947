"""Parts that charts have in common."""

from __future__ import annotations

from typing import Any

from app.ui.shared.colours import Palette

Spec = dict[str, Any]
"""An option of ECharts. Names from data stand in values alone, never in a `formatter`."""


NARROW = 560
"""Pixels below which a chart has no room for what stands beside something else."""


def canvas(palette: Palette, *, legend: bool = False, top: int = 12, left: int = 8) -> Spec:
    """What every chart begins with: colours, letters, a tooltip that stays inside."""
    spec: Spec = {
        "animation": False,
        "color": list(palette.series),
        "textStyle": {"color": palette.text},
        "grid": {
            "left": left,
            "right": 24,
            "top": top + (28 if legend else 0),
            "bottom": 8,
            "containLabel": True,
        },
        "tooltip": {
            "confine": True,
            "backgroundColor": palette.background,
            "borderColor": palette.line,
            "textStyle": {"color": palette.text},
            "extraCssText": "max-width: 22rem; white-space: normal;",
        },
    }
    if legend:
        spec["legend"] = {
            "type": "scroll",
            "top": 0,
            "left": 0,
            "itemWidth": 14,
            "itemHeight": 10,
            "textStyle": {"color": palette.text},
            "pageTextStyle": {"color": palette.muted},
            "pageIconColor": palette.text,
            "pageIconInactiveColor": palette.line,
        }
    return spec


def axis(palette: Palette, kind: str = "value", name: str = "", **more: Any) -> Spec:
    """An axis whose name stands in the middle beside it."""
    return {
        "type": kind,
        "name": name,
        "nameLocation": "middle",
        "nameGap": 28,
        "nameTextStyle": {"color": palette.muted},
        "axisLabel": {"color": palette.muted},
        "axisLine": {"lineStyle": {"color": palette.line}},
        "splitLine": {
            "show": kind != "category",
            "lineStyle": {"color": palette.line, "opacity": 0.4},
        },
        **more,
    }


def rounded(value: float | None, digits: int = 4) -> float | None:
    """A number that JSON and a reader can bear; None where there is none."""
    return None if value is None or value != value else round(float(value), digits)
