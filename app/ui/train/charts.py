"""Training curves of all recommenders in one chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.experiment.settings import BACKBONES, ENHANCERS, PLAIN
from app.ui.shared.chart_pieces import NARROW

if TYPE_CHECKING:
    import polars as pl

    from app.ui.shared.colours import Palette

PANELS = (("loss", "Training loss"), ("ndcg@10", "Validation NDCG@10"))
"""Columns of the curves, and what stands above each panel."""
LINES: tuple[str | list[int], ...] = (
    "solid",
    "dotted",
    [14, 3],
    [10, 3, 2, 3],
    [10, 3, 2, 3, 2, 3],
    [2, 7],
    [3, 3, 9, 9],
)
"""Of enhancers; the plain twin is dashed."""


def curves_chart(curves: pl.DataFrame, palette: Palette) -> dict[str, Any]:
    """Loss and validation NDCG@10 by epoch, beside each other.

    A backbone has a colour and an enhancer a dash; of one backbone alone, each enhancer has a
    colour.

    Args:
        curves: As `app.curves.training_curves` gives them.
        palette: Of the page.
    """
    parts = curves.partition_by("recommender", maintain_order=True)
    seeds = curves["seed"].n_unique() > 1
    alone = curves["backbone"].n_unique() == 1
    return {
        "animation": False,
        "title": [_title(text, palette) for _, text in PANELS],
        "grid": [_grid(panel) for panel in range(len(PANELS))],
        "xAxis": [_epochs(panel, curves, palette) for panel in range(len(PANELS))],
        "yAxis": [{**_axis(panel, palette), "scale": True} for panel in range(len(PANELS))],
        "tooltip": {"trigger": "axis", "confine": True, "order": "valueDesc"},
        "legend": {
            "type": "scroll",
            "bottom": 0,
            "textStyle": {"color": palette.text},
            "itemWidth": 44,
        },
        "media": [
            {"query": {"maxWidth": NARROW}, "option": _one_below_the_other()},
            {"option": _beside_each_other()},
        ],
        "series": [
            _line(part, panel, column, palette, seeds, alone)
            for part in parts
            for panel, (column, _) in enumerate(PANELS)
        ],
    }


def _one_below_the_other() -> dict[str, Any]:
    """Places of the panels where there is no room beside each other."""
    place = {"left": 44, "right": 12, "width": "auto", "bottom": "auto", "height": "29%"}
    return {
        "title": [{"left": 0, "top": top} for top in ("0%", "46%")],
        "grid": [{**place, "top": top} for top in ("8%", "54%")],
    }


def _beside_each_other() -> dict[str, Any]:
    """Places of the panels where there is."""
    return {
        "title": [{"left": _left(panel), "top": 2} for panel in range(len(PANELS))],
        "grid": [_grid(panel) for panel in range(len(PANELS))],
    }


def _left(panel: int) -> str:
    return f"{50 * panel + 4}%"


def _line(
    part: pl.DataFrame, panel: int, column: str, palette: Palette, seeds: bool, alone: bool
) -> dict[str, Any]:
    """One recommender in one panel; a point at its end while it is trained."""
    first = part.row(0, named=True)
    points = [[epoch, round(value, 5)] for epoch, value in part.select("epoch", column).iter_rows()]
    known, name = (ENHANCERS, "enhancer") if alone else (BACKBONES, "backbone")
    colour = palette.series[known.index(first[name]) % len(palette.series)]
    dash = "solid" if alone and first["enhancer"] != PLAIN else _dash(first["enhancer"])
    return {
        "type": "line",
        "name": first["recommender"] if seeds else f"{first['backbone']}+{first['enhancer']}",
        "xAxisIndex": panel,
        "yAxisIndex": panel,
        "data": points,
        "symbol": "none" if first["finished"] else "circle",
        "symbolSize": 5,
        "itemStyle": {"color": colour},
        "lineStyle": {"color": colour, "type": dash, "width": 2},
        "emphasis": {"focus": "series"},
    }


def _dash(enhancer: str) -> str | list[int]:
    if enhancer == PLAIN:
        return "dashed"
    others = [name for name in ENHANCERS if name != PLAIN]
    return LINES[others.index(enhancer) % len(LINES)]


def _title(text: str, palette: Palette) -> dict[str, Any]:
    style = {"fontSize": 13, "fontWeight": "bold", "color": palette.text}
    return {"text": text, "textStyle": style}


def _grid(panel: int) -> dict[str, Any]:
    return {
        "left": _left(panel),
        "right": "auto",
        "width": "43%",
        "top": 36,
        "bottom": 80,
        "height": "auto",
    }


def _axis(panel: int, palette: Palette) -> dict[str, Any]:
    return {
        "type": "value",
        "gridIndex": panel,
        "axisLabel": {"color": palette.muted},
        "splitLine": {"lineStyle": {"color": palette.line, "opacity": 0.35}},
    }


def _epochs(panel: int, curves: pl.DataFrame, palette: Palette) -> dict[str, Any]:
    """The axis of epochs, from the first to the last there is, but to the second at least."""
    last: int = curves["epoch"].max()  # type: ignore[assignment]
    return {
        **_axis(panel, palette),
        "min": 1,
        "max": max(2, last),
        "minInterval": 1,
        "splitLine": {"show": False},
        "name": "epoch",
        "nameLocation": "middle",
        "nameGap": 24,
        "nameTextStyle": {"color": palette.muted},
    }
