"""Codes as tiles and rings."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.ui.shared.chart_pieces import Spec, canvas
from app.ui.shared.colours import Palette
from quantize.hierarchy import Branch

CODES, INSIDE = "codes", "inside"
"""Ids of series."""
Name = Callable[[int, int], str]
"""What a factor is called, by level and code."""
INK = "#12171e"
"""Of letters on the colours of factors, light or dark page."""


def tree_map(
    tree: Branch, label: Name, level: int, selected: int | None, side: str, palette: Palette
) -> Spec:
    """The codes of one level as tiles, as large as they have members.

    Args:
        tree: One level deep.
        label: Of factors.
        level: That the tiles are codes of.
        selected: The code that stands out.
        side: "user" or "item", for its colour.
        palette: Colours.
    """
    spec = canvas(palette)
    spec["tooltip"]["valueFormatter"] = "%d"
    fill = {"color": palette.of(f"{side}_factor")}
    chosen = {
        "itemStyle": {"color": palette.text},
        "label": {"color": palette.background, "fontWeight": "bold"},
    }
    tiles = [
        {
            "name": label(level, child.codes[-1]).replace(", ", "\n"),
            "value": child.size,
            **(chosen if child.codes[-1] == selected else {"itemStyle": fill}),
        }
        for child in tree.children
    ]
    spec["series"] = [
        {
            "id": CODES,
            "type": "treemap",
            "name": "all",
            "data": tiles,
            "roam": False,
            "nodeClick": False,
            "breadcrumb": {"show": False},
            "selectedMode": "multiple",
            "width": "100%",
            "height": "100%",
            "left": 0,
            "top": 0,
            "label": {
                "color": INK,
                "overflow": "truncate",
                "fontSize": 11,
                "lineHeight": 13,
                "padding": 2,
            },
            "itemStyle": {"borderColor": palette.background, "borderWidth": 1, "gapWidth": 1},
            "select": {"itemStyle": {"borderColor": palette.background}},
            "emphasis": {"itemStyle": {"borderColor": palette.text, "borderWidth": 2}},
        }
    ]
    return spec


def sunburst(tree: Branch, label: Name, levels: Sequence[int], side: str, palette: Palette) -> Spec:
    """How the members of a factor divide on the other levels, from the inside to the outside.

    Args:
        tree: Of the members' codes on these levels.
        label: Of factors.
        levels: Of the rings.
        side: "user" or "item", for its colours.
        palette: Colours.
    """
    spec = canvas(palette)
    spec["tooltip"]["valueFormatter"] = "%d"

    def ring(branch: Branch) -> Spec:
        level = levels[len(branch.codes) - 1]
        node: Spec = {"name": label(level, branch.codes[-1]), "value": branch.size}
        if branch.children:
            node["children"] = [ring(child) for child in branch.children]
        return node

    fill = palette.of(f"{side}_factor")
    shades = [{"itemStyle": {"color": fill, "opacity": 0.75 + 0.25 * (t % 2)}} for t in levels]
    wide = 88 / max(1, len(levels))
    spec["series"] = [
        {
            "id": INSIDE,
            "type": "sunburst",
            "name": "inside",
            "data": [ring(child) for child in tree.children],
            "radius": ["16%", "98%"],
            "nodeClick": False,
            "selectedMode": "multiple",
            "sort": None,
            "itemStyle": {"borderColor": palette.background, "borderWidth": 1},
            "label": {
                "color": INK,
                "textBorderWidth": 0,
                "minAngle": 12,
                "width": wide,
                "overflow": "truncate",
            },
            "levels": [{}, *shades],
            "emphasis": {"focus": "ancestor"},
        }
    ]
    return spec


def flat(tree: Branch) -> list[tuple[int, ...]]:
    """The codes of each node in the order in which ECharts counts them, the root first."""
    return [tree.codes, *(codes for child in tree.children for codes in flat(child))]
