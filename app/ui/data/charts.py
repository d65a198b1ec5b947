"""What a data set is like, as pictures."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from app.ui.shared.chart_pieces import Spec, axis, canvas, rounded
from app.ui.shared.colours import Palette
from data.distributions import FEW, PARTS, Cold
from data.names import with_a

LEFT = 34
"""Room for the name of the axis beside its numbers."""
NAMES = {"train": "Training", "valid": "Validation", "test": "Test"}


def part_colours(palette: Palette) -> dict[str, str]:
    """A colour a part of the split."""
    return dict(zip(PARTS, (palette.user, palette.more[1], palette.item), strict=True))


def length_bars(bins: pl.DataFrame, palette: Palette) -> Spec:
    """Users by length of their history.

    Args:
        bins: As `data.distributions.length_bins` gives them.
        palette: Colours.
    """
    names = [
        f"{first:,}" if first == last else f"{first:,}–{last:,}"
        for first, last in bins.select("first", "last").iter_rows()
    ]
    spec = canvas(palette, left=LEFT)
    spec["tooltip"]["trigger"] = "axis"
    spec["tooltip"]["axisPointer"] = {"type": "shadow"}
    spec["grid"] |= {"bottom": 30}
    spec["xAxis"] = axis(
        palette, "category", "interactions", data=names, axisTick={"show": False}, nameGap=30
    )
    spec["yAxis"] = axis(palette, name="users", nameGap=46, minInterval=1)
    spec["series"] = [
        {
            "type": "bar",
            "name": "users",
            "data": bins["users"].to_list(),
            "itemStyle": {"color": palette.user},
            "barCategoryGap": "12%",
        }
    ]
    return spec


def rank_curve(ranks: pl.DataFrame, palette: Palette) -> Spec:
    """Training interactions of items, the most popular first, both scales logarithmic.

    Args:
        ranks: As `data.distributions.popularity` gives them.
        palette: Colours.
    """
    spec = canvas(palette, left=LEFT)
    spec["tooltip"]["trigger"] = "axis"
    spec["grid"] |= {"bottom": 30}
    spec["xAxis"] = axis(palette, "log", "rank of the item", min=1)
    spec["yAxis"] = axis(palette, "log", "training interactions", min=1, nameGap=46)
    spec["series"] = [_curve(ranks, "rank", "interactions", palette)]
    return spec


def share_curve(shares: pl.DataFrame, palette: Palette) -> Spec:
    """What share of interactions the most popular items have; the diagonal is all alike.

    Args:
        shares: As `data.distributions.popularity` gives them.
        palette: Colours.
    """
    percent = shares.select(pl.all() * 100)
    spec = canvas(palette, left=LEFT)
    spec["tooltip"]["trigger"] = "axis"
    spec["grid"] |= {"bottom": 30}
    ends: Spec = {
        "min": 0,
        "max": 100,
        "axisLabel": {"color": palette.muted, "formatter": "{value} %"},
    }
    spec["xAxis"] = axis(palette, name="items, the most popular first", **ends)
    spec["yAxis"] = axis(palette, name="training interactions", nameGap=52, **ends)
    alike = {
        "type": "line",
        "name": "all alike",
        "data": [[0, 0], [100, 100]],
        "showSymbol": False,
        "silent": True,
        "tooltip": {"show": False},
        "lineStyle": {"color": palette.muted, "type": "dashed", "width": 1},
    }
    spec["series"] = [_curve(percent, "items", "interactions", palette), alike]
    return spec


def _curve(points: pl.DataFrame, x: str, y: str, palette: Palette) -> Spec:
    data = [[rounded(a, 2), rounded(b, 2)] for a, b in points.select(x, y).iter_rows()]
    return {
        "type": "line",
        "name": y,
        "data": data,
        "showSymbol": False,
        "itemStyle": {"color": palette.item},
        "lineStyle": {"color": palette.item, "width": 2},
        "areaStyle": {"color": palette.item, "opacity": 0.12},
    }


def timeline_bars(counts: pl.DataFrame, step: str, palette: Palette) -> Spec:
    """Interactions over time, by part of the split.

    Args:
        counts: As `data.distributions.timeline` gives them.
        step: The length of time of a bar.
        palette: Colours.
    """
    form = {"year": "%Y", "quarter": "%Y-%m", "month": "%Y-%m"}.get(step, "%Y-%m-%d")
    spec = canvas(palette, legend=True, left=LEFT)
    spec["tooltip"]["trigger"] = "axis"
    spec["tooltip"]["axisPointer"] = {"type": "shadow"}
    spec["grid"] |= {"bottom": 8}
    days = counts["start"].dt.strftime(form).to_list()
    spec["xAxis"] = axis(palette, "category", data=days, axisTick={"show": False})
    spec["yAxis"] = axis(palette, name=f"interactions {with_a(step)}", nameGap=46, minInterval=1)
    spec["series"] = [
        {
            "type": "bar",
            "name": NAMES[part],
            "stack": "all",
            "data": counts[part].to_list(),
            "itemStyle": {"color": colour},
            "barCategoryGap": "12%",
        }
        for part, colour in part_colours(palette).items()
    ]
    return spec


def split_parts(parts: Mapping[str, int]) -> dict[str, int]:
    """Interactions by part of the split, as `split_bar` names them."""
    return {NAMES[part]: parts[part] for part in PARTS}


def cold_parts(cold: Cold) -> dict[str, int]:
    """Test items by how often training saw them, as `cold_bar` names them."""
    known = cold.targets - cold.unseen - cold.rare
    seen = (cold.unseen, cold.rare, known)
    return dict(zip(("Never", f"1 to {FEW - 1} times", f"{FEW} or more"), seen, strict=True))


def split_bar(parts: dict[str, int], palette: Palette) -> Spec:
    """Interactions of each part of the split, in one bar."""
    colours = part_colours(palette)
    of = zip(split_parts(parts).items(), (colours[part] for part in PARTS), strict=True)
    named = {name: (n, colour) for (name, n), colour in of}
    return _one_bar(named, palette, "interactions")


def cold_bar(cold: Cold, palette: Palette) -> Spec:
    """Test items by how often they were seen in training, in one bar."""
    colours = (palette.bad, palette.item_factor, palette.user)
    of = zip(cold_parts(cold).items(), colours, strict=True)
    named = {name: (n, colour) for (name, n), colour in of}
    return _one_bar(named, palette, "test items")


def _one_bar(named: dict[str, tuple[int, str]], palette: Palette, unit: str) -> Spec:
    """Parts of a whole, beside each other, with their numbers in the legend."""
    whole = sum(n for n, _ in named.values()) or 1
    spec = canvas(palette, legend=True)
    spec["tooltip"]["trigger"] = "item"
    spec["tooltip"]["formatter"] = f"{{a}} {unit}"
    spec["legend"] |= {"type": "plain", "selectedMode": False, "itemGap": 14}
    spec["grid"] |= {"left": 0, "right": 0, "top": 30, "bottom": 2, "containLabel": False}
    spec["xAxis"] = {"type": "value", "max": whole, "show": False}
    spec["yAxis"] = {"type": "category", "data": [unit], "show": False}
    spec["series"] = [
        {
            "type": "bar",
            "name": f"{name}: {n:,} ({_percent(n / whole)})",
            "stack": "whole",
            "data": [n],
            "barWidth": 26,
            "itemStyle": {"color": colour, "borderColor": palette.background, "borderWidth": 1},
        }
        for name, (n, colour) in named.items()
    ]
    return spec


def _percent(share: float) -> str:
    """A share in few letters.

    >>> _percent(0.8634), _percent(0.034), _percent(0.0)
    ('86%', '3.4%', '0%')
    """
    return f"{share:.0%}" if share == 0 or share >= 0.1 else f"{share:.1%}"
