"""Training curves of all recommenders in one chart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.experiment.settings import BACKBONES, ENHANCERS, PLAIN
from app.results.colours import SERIES
from app.ui.shared.charts import NARROW, Spec, axis

if TYPE_CHECKING:
    import polars as pl


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


def curves_chart(curves: pl.DataFrame) -> Spec:
    """Loss and validation NDCG@10 by epoch, beside each other.

    A backbone has a colour and an enhancer a dash; of one backbone alone, each enhancer has a
    colour.

    Args:
        curves: As `app.results.curves.training_curves` gives them.
    """
    parts = curves.partition_by("recommender", maintain_order=True)
    seeds = curves["seed"].n_unique() > 1
    alone = curves["backbone"].n_unique() == 1
    legend = {"type": "scroll", "bottom": 0, "itemWidth": 44, "textStyle": {"color": "text"}}
    bold = {"fontSize": 13, "fontWeight": "bold", "color": "text"}
    return {
        "animation": False,
        "title": [{"text": text, "textStyle": bold} for _, text in PANELS],
        "grid": _beside_each_other()["grid"],
        "xAxis": [_epochs(panel, curves) for panel in range(len(PANELS))],
        "yAxis": [axis(gridIndex=panel, scale=True) for panel in range(len(PANELS))],
        "tooltip": {"trigger": "axis", "confine": True, "order": "valueDesc"},
        "legend": legend,
        "media": [
            {"query": {"maxWidth": NARROW}, "option": _one_below_the_other()},
            {"option": _beside_each_other()},
        ],
        "series": [
            _line(part, panel, column, seeds, alone)
            for part in parts
            for panel, (column, _) in enumerate(PANELS)
        ],
    }


def _one_below_the_other() -> Spec:
    """Places of the panels where there is no room beside each other."""
    place = {"left": 44, "right": 12, "width": "auto", "bottom": "auto", "height": "29%"}
    return {
        "title": [{"left": 0, "top": top} for top in ("0%", "46%")],
        "grid": [{**place, "top": top} for top in ("8%", "54%")],
    }


def _beside_each_other() -> Spec:
    """Places of the panels where there is."""
    lefts = [f"{50 * panel + 4}%" for panel in range(len(PANELS))]
    place = {"right": "auto", "width": "43%", "top": 36, "bottom": 80, "height": "auto"}
    return {
        "title": [{"left": left, "top": 2} for left in lefts],
        "grid": [{"left": left, **place} for left in lefts],
    }


def _line(part: pl.DataFrame, panel: int, column: str, seeds: bool, alone: bool) -> Spec:
    """One recommender in one panel; a point at its end while it is trained."""
    first = part.row(0, named=True)
    points = [[epoch, round(value, 5)] for epoch, value in part.select("epoch", column).iter_rows()]
    known, name = (ENHANCERS, "enhancer") if alone else (BACKBONES, "backbone")
    colour = SERIES[known.index(first[name]) % len(SERIES)]
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


def _epochs(panel: int, curves: pl.DataFrame) -> Spec:
    """The axis of epochs, from the first to the last there is, but to the second at least."""
    last: int = curves["epoch"].max()  # type: ignore[assignment]
    ends: Spec = {"min": 1, "max": max(2, last), "minInterval": 1, "splitLine": {"show": False}}
    return axis(name="epoch", nameGap=24, gridIndex=panel, **ends)
