"""Reproduced figures as pictures: SVG that any browser shows, without a library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np

from app.results.colours import LIGHT

if TYPE_CHECKING:
    import polars as pl

PANEL, GAP, TOP = 360, 40, 58
"""Pixels: side of a square of points, between panels, and above them."""
BAR, LABEL = 17, 150
"""Pixels: height of a bar, and width of the words beside it."""


def scatter(title: str, panels: Mapping[str, pl.DataFrame]) -> str:
    """Points in the plane, a panel a table; a colour a level.

    Args:
        title: Above all.
        panels: By heading, tables with `x`, `y` and `level`.
    """
    levels = sorted({level for table in panels.values() for level in table["level"].unique()})
    width = len(panels) * (PANEL + GAP) + GAP
    svg = _page(title, width, TOP + PANEL + 2 * GAP)
    for at, (heading, table) in enumerate(panels.items()):
        left = GAP + at * (PANEL + GAP)
        _word(svg, heading, left, TOP - 8, LIGHT.text, weight="600")
        frame: dict[str, float | str] = {
            "x": left,
            "y": TOP,
            "width": PANEL,
            "height": PANEL,
            "stroke": LIGHT.line,
        }
        _put(svg, "rect", **frame, fill="none")
        xy = table.select("x", "y").to_numpy().astype(np.float64)
        low, span = xy.min(0), np.maximum(np.ptp(xy, 0), 1e-9)
        places = 8 + (xy - low) / span * (PANEL - 16)
        for (x, y), level in zip(places.tolist(), table["level"], strict=True):
            fill = _colour(levels.index(level))
            _put(svg, "circle", cx=left + x, cy=TOP + y, r=2.6, fill=fill, fill_opacity=0.75)
    for at, level in enumerate(levels):
        left, middle = GAP + 100 * at, TOP + PANEL + GAP
        _put(svg, "circle", cx=left + 5, cy=middle - 4, r=5, fill=_colour(at))
        _word(svg, f"level {level}", left + 16, middle, LIGHT.muted)
    return _text(svg)


def bars(title: str, panels: Mapping[str, Sequence[tuple[str, float, float]]]) -> str:
    """Horizontal bars from 0 to 1, a panel a group: a bar, and a mark where all others are.

    Args:
        title: Above all.
        panels: By heading, a name, a share and the share of all others in each row.
    """
    columns = 2
    tallest = max((len(rows) for rows in panels.values()), default=0) * BAR + GAP
    high = -(-len(panels) // columns) * tallest
    svg = _page(title, columns * (LABEL + PANEL + GAP) + GAP, TOP + high + GAP // 2)
    for at, (heading, rows) in enumerate(panels.items()):
        left = GAP + at % columns * (LABEL + PANEL + GAP)
        top = TOP + at // columns * tallest
        _word(svg, heading, left, top - 6, _colour(at), weight="600")
        if not rows:
            _word(svg, "no term tells it apart", left + LABEL, top + 12, LIGHT.muted)
        for row, (name, share, others) in enumerate(rows):
            y = top + row * BAR
            _word(svg, name, left + LABEL - 8, y + 12, LIGHT.text, anchor="end")
            box = {"x": left + LABEL, "y": y + 2, "width": share * PANEL, "height": BAR - 5}
            _put(svg, "rect", **box, fill=_colour(at))
            mark = {"x": left + LABEL + others * PANEL, "y": y, "width": 2, "height": BAR - 1}
            _put(svg, "rect", **mark, fill=LIGHT.text)
            end = left + LABEL + max(share, others) * PANEL + 6
            _word(svg, f"{share:.0%}", end, y + 12, LIGHT.muted)
    return _text(svg)


def _page(title: str, width: float, height: float) -> ElementTree.Element:
    svg = ElementTree.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width} {height}",
            "width": str(width),
            "height": str(height),
            "font-family": "system-ui, sans-serif",
            "font-size": "12",
            "role": "img",
        },
    )
    ElementTree.SubElement(svg, "title").text = title
    _put(svg, "rect", width=width, height=height, fill=LIGHT.background)
    _word(svg, title, GAP, 24, LIGHT.text, weight="600", size="15")
    return svg


def _put(svg: ElementTree.Element, kind: str, **given: float | str) -> None:
    """One shape; `_` in the names of its attributes stands for `-`."""
    ElementTree.SubElement(
        svg,
        kind,
        {
            name.replace("_", "-"): value if isinstance(value, str) else f"{value:.4g}"
            for name, value in given.items()
        },
    )


def _word(
    svg: ElementTree.Element,
    text: str,
    x: float,
    y: float,
    fill: str,
    *,
    weight: str = "400",
    anchor: str = "start",
    size: str = "12",
) -> None:
    _put(svg, "text", x=x, y=y, fill=fill, font_weight=weight, text_anchor=anchor, font_size=size)
    svg[-1].text = text


def _colour(at: int) -> str:
    apart = (LIGHT.user, LIGHT.item, *LIGHT.more)
    return apart[at % len(apart)]


def _text(svg: ElementTree.Element) -> str:
    ElementTree.indent(svg)
    return ElementTree.tostring(svg, encoding="unicode") + "\n"
