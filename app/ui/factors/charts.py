"""What latent factors mean and how well codes do, as bars, lines and cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from app.ui.shared.chart_pieces import Spec, axis, canvas, rounded
from app.ui.shared.colours import Palette


def terms_chart(terms: pl.DataFrame, side: str, palette: Palette) -> Spec:
    """Distinguishing terms: the share of this factor's texts that mention one, beside all texts."""
    spec = canvas(palette, legend=True)
    shown = terms.reverse()
    spec["tooltip"] |= {"trigger": "axis", "axisPointer": {"type": "shadow"}}
    spec["tooltip"]["valueFormatter"] = "%.1f %%"
    spec["xAxis"] = axis(palette, name="% of texts that mention it", nameGap=24)
    spec["grid"]["bottom"] = 26
    spec["yAxis"] = axis(palette, "category", data=shown["term"].to_list())
    spec["yAxis"]["axisLabel"] = {"color": palette.text, "width": 130, "overflow": "truncate"}
    bars = {
        "this factor": ("here", palette.of(f"{side}_factor")),
        "all": ("everywhere", palette.line),
    }
    spec["series"] = [
        {
            "name": title,
            "type": "bar",
            "data": [rounded(100 * share, 2) for share in shown[column]],
            "itemStyle": {"color": colour},
            "barGap": "0%",
        }
        for title, (column, colour) in bars.items()
    ]
    spec["legend"]["data"] = list(bars)
    return spec


def contrast_chart(
    table: pl.DataFrame, names: Mapping[int, str], side: str, palette: Palette
) -> Spec:
    """Terms by factors, darker where more of a factor's texts mention the term.

    Args:
        table: From `quantize.lexicon.Lexicon.contrast`.
        names: Of the factors, by code; they must differ.
        side: "user" or "item", for its colour.
        palette: Colours.
    """
    terms = table["term"].unique(maintain_order=True).to_list()[::-1]
    codes = table["code"].unique(maintain_order=True).to_list()
    spec = canvas(palette)
    spec["grid"] |= {"bottom": 4, "top": 4, "right": 8}
    spec["tooltip"]["valueFormatter"] = "%.0f %%"
    labels = {"color": palette.text, "overflow": "truncate", "interval": 0}
    wide = 330 // max(1, len(codes))
    spec["xAxis"] = axis(palette, "category", data=[names[code] for code in codes])
    spec["xAxis"]["axisLabel"] = {**labels, "width": wide, "lineHeight": 14}
    spec["yAxis"] = axis(palette, "category", data=terms)
    spec["yAxis"]["axisLabel"] = {**labels, "width": 130}
    cells = [
        [codes.index(row["code"]), terms.index(row["term"]), rounded(100 * row["share"], 1)]
        for row in table.iter_rows(named=True)
    ]
    spec["visualMap"] = {
        "min": 0,
        "max": 100,
        "show": False,
        "inRange": {"color": [palette.background, palette.of(f"{side}_factor")]},
    }
    spec["series"] = [
        {
            "type": "heatmap",
            "name": "% of texts",
            "data": cells,
            "itemStyle": {"borderColor": palette.line, "borderWidth": 0.5},
            "label": {"show": False},
        }
    ]
    return spec


def curves_chart(curves: pl.DataFrame, palette: Palette) -> Spec:
    """Losses by epoch, on a logarithmic scale; terms of the codes begin after the warm-up."""
    spec = canvas(palette, legend=True)
    spec["tooltip"] |= {"trigger": "axis", "valueFormatter": "%.4g"}
    spec["xAxis"] = axis(palette, "category", "epoch", data=curves["epoch"].to_list(), nameGap=26)
    spec["yAxis"] = axis(palette, "log", axisLabel={"color": palette.muted})
    spec["grid"]["bottom"] = 28
    shown = [name for name in curves.columns if name != "epoch" and not name.startswith("commit")]
    spec["series"] = [
        {
            "name": name.replace("codebook_", "codes, level "),
            "type": "line",
            "showSymbol": False,
            "data": [rounded(v, 6) if v > 0 else None for v in curves[name]],
        }
        for name in shown
    ]
    return spec


def usage_chart(usage: pl.DataFrame, side: str, palette: Palette) -> Spec:
    """Members of each code, the largest first, a line a level: flat is even."""
    spec = canvas(palette, legend=True)
    levels = usage["level"].unique().sort().to_list()
    k = usage.filter(level=levels[0]).height if levels else 0
    spec["tooltip"] |= {"trigger": "axis", "valueFormatter": "%d"}
    spec["xAxis"] = axis(
        palette, "category", "codes, the largest first", data=list(range(1, k + 1)), nameGap=26
    )
    spec["yAxis"] = axis(palette, name=f"{side}s", nameGap=34)
    spec["grid"] |= {"bottom": 28, "left": 24}
    colours = [palette.of(f"{side}_factor"), *palette.more]
    spec["series"] = [
        {
            "name": f"level {level}",
            "type": "line",
            "step": "end",
            "showSymbol": False,
            "itemStyle": {"color": colours[place % len(colours)]},
            "data": usage.filter(level=level)["members"].sort(descending=True).to_list(),
        }
        for place, level in enumerate(levels)
    ]
    return spec


def kept_chart(table: pl.DataFrame, palette: Palette) -> Spec:
    """How much of the vectors each method gives back, a bar a level, level upon level.

    Args:
        table: From `app.alternatives.alternative_table`, or `level_table` with `method`.
        palette: Colours.
    """
    spec = canvas(palette, legend=True)
    methods = table["method"].unique(maintain_order=True).to_list()[::-1]
    spec["tooltip"] |= {"trigger": "axis", "axisPointer": {"type": "shadow"}}
    spec["tooltip"]["valueFormatter"] = "%.1f %%"
    spec["xAxis"] = axis(palette, name="% of the vectors' variance", nameGap=26)
    spec["yAxis"] = axis(palette, "category", data=methods)
    spec["yAxis"]["axisLabel"] = {"color": palette.text}
    spec["grid"]["bottom"] = 28
    series: list[Any] = []
    for level in table["level"].unique().sort().to_list():
        gained = dict(table.filter(level=level).select("method", "gained").rows())
        data = [rounded(100 * gained[m], 2) if m in gained else None for m in methods]
        series.append(
            {
                "name": f"level {level}",
                "type": "bar",
                "stack": "kept",
                "barMaxWidth": 26,
                "data": data,
            }
        )
    spec["series"] = series
    return spec
