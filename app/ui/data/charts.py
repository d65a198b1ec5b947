"""What a data set is like, as pictures."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from app.ui.shared.charts import NARROW, SHADOW, Spec, axis, canvas, number
from data.distributions import FEW, PARTS, Cold
from data.names import with_a

LEFT = 34
"""Room for the name of the axis beside its numbers."""
NAMES = {"train": "Training", "valid": "Validation", "test": "Test"}
COLOURS = dict(zip(PARTS, ("user", "teal", "item"), strict=True))
ALIKE: Spec = {
    "type": "line",
    "name": "all alike",
    "data": [[0, 0], [100, 100]],
    "showSymbol": False,
    "silent": True,
    "tooltip": {"show": False},
    "lineStyle": {"color": "muted", "type": "dashed", "width": 1},
}


def length_bars(bins: pl.DataFrame) -> Spec:
    """Users by length of their history.

    Args:
        bins: As `data.distributions.length_bins` gives them.
    """
    ends = bins.select("first", "last").iter_rows()
    names = [f"{a:,}" if a == b else f"{a:,}–{b:,}" for a, b in ends]
    spec = canvas(left=LEFT, bottom=30, tooltip=SHADOW)
    spec["xAxis"] = _bins("interactions", names)
    spec["yAxis"] = axis(name="users", nameGap=46, minInterval=1)
    spec["series"] = [_bars("users", bins["users"].to_list(), "user")]
    return spec


def _bins(name: str, names: list[str]) -> Spec:
    return axis("category", name, data=names, axisTick={"show": False}, nameGap=30)


def _bars(name: str, data: list[int], colour: str) -> Spec:
    look = {"itemStyle": {"color": colour}, "barCategoryGap": "12%"}
    return {"type": "bar", "name": name, "data": data, **look}


def rank_curve(ranks: pl.DataFrame) -> Spec:
    """Training interactions of items, the most popular first, both scales logarithmic.

    Args:
        ranks: As `data.distributions.popularity` gives them.
    """
    spec = canvas(left=LEFT, bottom=30, tooltip={"trigger": "axis"})
    spec["xAxis"] = axis("log", "rank of the item", min=1)
    spec["yAxis"] = axis("log", "training interactions", min=1, nameGap=46)
    spec["series"] = [_curve(ranks, "rank", "interactions")]
    return spec


def share_curve(shares: pl.DataFrame) -> Spec:
    """What share of interactions the most popular items have; the diagonal is all alike.

    Args:
        shares: As `data.distributions.popularity` gives them.
    """
    percent = {"color": "muted", "formatter": "{value} %"}
    ends: Spec = {"min": 0, "max": 100, "axisLabel": percent}
    spec = canvas(left=LEFT, bottom=30, tooltip={"trigger": "axis"})
    spec["xAxis"] = axis(name="items, the most popular first", **ends)
    spec["yAxis"] = axis(name="training interactions", nameGap=52, **ends)
    spec["series"] = [_curve(shares.select(pl.all() * 100), "items", "interactions"), ALIKE]
    return spec


def _curve(points: pl.DataFrame, x: str, y: str) -> Spec:
    return {
        "type": "line",
        "name": y,
        "data": [[number(a, 2), number(b, 2)] for a, b in points.select(x, y).iter_rows()],
        "showSymbol": False,
        "itemStyle": {"color": "item"},
        "lineStyle": {"color": "item", "width": 2},
        "areaStyle": {"color": "item", "opacity": 0.12},
    }


def timeline_bars(counts: pl.DataFrame, step: str) -> Spec:
    """Interactions over time, by part of the split.

    Args:
        counts: As `data.distributions.timeline` gives them.
        step: The length of time of a bar.
    """
    form = {"year": "%Y", "quarter": "%Y-%m", "month": "%Y-%m"}.get(step, "%Y-%m-%d")
    spec = canvas(legend=True, left=LEFT, tooltip=SHADOW)
    spec["xAxis"] = _bins("", counts["start"].dt.strftime(form).to_list())
    spec["yAxis"] = axis(name=f"interactions {with_a(step)}", nameGap=46, minInterval=1)
    spec["series"] = [
        _bars(NAMES[part], counts[part].to_list(), COLOURS[part]) | {"stack": "all"}
        for part in PARTS
    ]
    return spec


def split_parts(parts: Mapping[str, int]) -> dict[str, int]:
    """Interactions by part of the split, as `split_bar` names them."""
    return {NAMES[part]: parts[part] for part in PARTS}


def cold_parts(cold: Cold) -> dict[str, int]:
    """Test items by how often training saw them, as `cold_bar` names them."""
    known = cold.targets - cold.unseen - cold.rare
    return {"Never": cold.unseen, f"1 to {FEW - 1} times": cold.rare, f"{FEW} or more": known}


def split_bar(parts: Mapping[str, int]) -> Spec:
    """Interactions of each part of the split, in one bar."""
    return _one_bar(split_parts(parts), tuple(COLOURS.values()), "interactions")


def cold_bar(cold: Cold) -> Spec:
    """Test items by how often they were seen in training, in one bar."""
    return _one_bar(cold_parts(cold), ("bad", "item_factor", "user"), "test items")


def _one_bar(parts: Mapping[str, int], colours: tuple[str, ...], unit: str) -> Spec:
    """Parts of a whole, beside each other, with their numbers in the legend."""
    whole = sum(parts.values()) or 1
    spec = canvas(legend=True, tooltip={"trigger": "item", "formatter": f"{{a}} {unit}"})
    spec["legend"] |= {"type": "plain", "selectedMode": False, "itemGap": 14}
    spec["grid"] = {"left": 0, "right": 0, "height": 26, "bottom": 2, "containLabel": False}
    spec["xAxis"] = {"type": "value", "max": whole, "show": False}
    spec["yAxis"] = {"type": "category", "data": [unit], "show": False}
    spec["series"] = [
        {
            "type": "bar",
            "name": f"{name}: {n:,} ({_percent(n / whole)})",
            "stack": "whole",
            "data": [n],
            "barWidth": 26,
            "itemStyle": {"color": colour, "borderColor": "background", "borderWidth": 1},
        }
        for (name, n), colour in zip(parts.items(), colours, strict=True)
    ]
    below = {"orient": "vertical", "itemGap": 4, "textStyle": {"fontSize": 11}}
    spec["media"] = [{"query": {"maxWidth": NARROW}, "option": {"legend": below}}]
    return spec


def _percent(share: float) -> str:
    """A share in few letters.

    >>> _percent(0.8634), _percent(0.034), _percent(0.0)
    ('86%', '3.4%', '0%')
    """
    return f"{share:.0%}" if share == 0 or share >= 0.1 else f"{share:.1%}"
