"""What is reached by how many neighbours are read, and what that takes, as pictures."""

from __future__ import annotations

import polars as pl

from app.results.colours import SERIES
from app.ui.compare.charts import SHAPES
from app.ui.shared.charts import Spec, axis, canvas, number

ALL = "all"
"""Neighbours that are read where there is no bound."""


def _look(at: int) -> tuple[str, str]:
    """Colour and shape of the row at a place."""
    return SERIES[(at + 4) % len(SERIES)], ("circle", *SHAPES)[at % (len(SHAPES) + 1)]


def neighbour_lines(table: pl.DataFrame, unit: str) -> Spec:
    """A line a recommender over the number of neighbours, with ± one standard deviation.

    Args:
        table: As `app.results.sweep.by_neighbours` gives it.
        unit: What is measured.
    """
    spec = canvas(legend=True, left=36, right=20, bottom=32, tooltip={"formatter": "{b}"})
    ks = sorted({*table["k"].to_list()})
    spec["xAxis"] = axis(name="neighbours of a type that are read (K)", nameGap=26)
    low, high = (ks[0], ks[-1]) if ks else (0, 1)
    spec["xAxis"] |= {"min": max(low - 1, 0), "max": high + 1, "minInterval": 1}
    spec["xAxis"]["axisLabel"] |= {"showMinLabel": False, "showMaxLabel": False}
    spec["yAxis"] = axis(name=unit, nameGap=46, scale=True)
    spec["series"] = []
    names = table["row"].unique(maintain_order=True).to_list()
    for at, name in enumerate(names):
        colour, shape = _look(at)
        rows = table.filter(row=name).to_dicts()
        points = [
            {"value": [row["k"], number(row["mean"], 5)], "name": told(name, row)} for row in rows
        ]
        look = {"color": colour}
        line = {"type": "line", "name": name, "data": points, "symbol": shape, "symbolSize": 9}
        spec["series"].append({**line, "itemStyle": look, "lineStyle": {**look, "width": 2}})
        bars = [
            [row["k"], end]
            for row in rows
            if row["sd"] is not None
            for end in (
                number(row["mean"] - row["sd"], 5),
                number(row["mean"] + row["sd"], 5),
                None,
            )
        ]
        if bars:
            thin = {**look, "width": 1.5, "opacity": 0.6}
            drawn = {"type": "line", "data": bars, "showSymbol": False, "silent": True}
            spec["series"].append({**drawn, "lineStyle": thin, "connectNulls": False})
    spec["legend"]["data"] = names
    return spec


def effort_lines(table: pl.DataFrame, column: str, what: str, unit: str) -> Spec:
    """What is reached against what it takes: a line a recommender, from few neighbours to all.

    Args:
        table: As `app.results.sweep.efforts` gives it.
        column: "seconds" or "peak_mb".
        what: It is called.
        unit: What is measured.
    """
    spec = canvas(legend=True, left=36, right=24, bottom=32, tooltip={"formatter": "{b}"})
    spec["xAxis"] = axis("log", what, nameGap=26)
    spec["yAxis"] = axis(name=unit, nameGap=46, scale=True)
    known = table.filter(pl.col(column) > 0)
    names = known["row"].unique(maintain_order=True).to_list()
    spec["series"] = []
    for at, name in enumerate(names):
        colour, shape = _look(at)
        points = [
            {
                "value": [number(row[column], 3), number(row["mean"], 5)],
                "name": f"{told(name, row)}, {row[column]:,.4g}",
                "label": {"show": row["k"] is not None, "formatter": called(row["k"])},
            }
            for row in known.filter(row=name).to_dicts()
        ]
        look = {"color": colour}
        line = {"type": "line", "name": name, "data": points, "symbol": shape, "symbolSize": 9}
        label = {"position": "top", "color": "muted", "fontSize": 10}
        thin = {**look, "width": 1.2, "opacity": 0.7}
        more = {"itemStyle": look, "lineStyle": thin, "label": label}
        spec["series"].append({**line, **more, "labelLayout": {"hideOverlap": True}})
    spec["legend"]["data"] = names
    return spec


def called(k: int | None) -> str:
    """How many neighbours are read, in short.

    >>> called(5), called(0), called(None)
    ('5', 'all', '')
    """
    return "" if k is None else ALL if k == 0 else str(k)


def told(name: str, row: dict[str, object]) -> str:
    """A point in words.

    >>> told("zoomer", {"k": 5, "mean": 0.91234, "sd": 0.01, "seeds": 3})
    'zoomer, K = 5: 0.9123 ± 0.0100 over 3 seeds'
    """
    k, sd, seeds = called(row["k"]), row["sd"], row["seeds"]  # type: ignore[arg-type]
    spread = f" ± {sd:.4f} over {seeds} seeds" if sd is not None else ", one seed"
    return f"{name}{f', K = {k}' if k else ''}: {row['mean']:.4f}{spread}"
