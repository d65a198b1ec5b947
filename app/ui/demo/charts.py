"""A reason as a picture: from the person on the left to the item on the right, a step a column."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product

from app.ui.shared.charts import Spec
from recommend.reasons.showcase import Why

COLUMN, ROW = 250, 58
"""Distance of columns and of rows, in pixels."""
WIDTH = 172
"""Of the words in a node, in pixels."""
MOST = 3
"""Nodes of a column; what is more is counted in the last one."""
LETTERS = 26


def reason_chart(why: Why, person: str = "You") -> Spec:
    """The ECharts option that draws a way through the graph.

    Names come from data and may hold anything: they stand in `name`, which ECharts escapes, and
    in no template.

    Args:
        why: The way, with names.
        person: How the person at the beginning is called.
    """
    columns = [list(_boxes(why, at, person)) for at in range(len(why.steps))]
    nodes = [
        _node(name, kind, at, place, len(column))
        for at, column in enumerate(columns)
        for place, (name, kind) in enumerate(column)
    ]
    links = [
        {"source": f"{at}-{a}", "target": f"{at + 1}-{b}"}
        for at, (left, right) in enumerate(pairwise(columns))
        for a, b in product(range(len(left)), range(len(right)))
    ]
    return {
        "animationDuration": 500,
        "tooltip": {"show": False},
        "series": [
            {
                "type": "graph",
                "layout": "none",
                "roam": False,
                "silent": True,
                "preserveAspect": "contain",
                **{"left": 100, "right": 100, "top": 28, "bottom": 28},
                "data": nodes,
                "links": links,
                "lineStyle": {"color": "muted", "width": 1.6, "curveness": 0, "opacity": 0.8},
            }
        ],
    }


def height_of(why: Why) -> int:
    """Pixels that the picture of a way needs."""
    return 28 + ROW * max(len(list(_boxes(why, at, ""))) for at in range(len(why.steps)))


def way_in_words(why: Why, person: str = "You") -> str:
    """The picture in words, for those who do not see it."""
    columns = (list(_boxes(why, at, person)) for at in range(len(why.steps)))
    return " → ".join(", ".join(name for name, _ in column) for column in columns)


def _boxes(why: Why, at: int, person: str) -> Iterator[tuple[str, str]]:
    """Names and types of the nodes of one column."""
    step, names = why.reason.steps[at], why.steps[at]
    kind = step[0][0]
    if at == 0:
        yield person, kind
    elif kind == "user":
        n = why.reason.people
        yield f"{n:,} other {'person' if n == 1 else 'people'}", kind
    else:
        of_factor = at == 1 and kind == "item" and why.reason.factor >= 0
        every = len(why.reason.through) if of_factor else len(names)
        kept = names if every <= MOST else names[: MOST - 1]
        yield from ((name, kind) for name in kept)
        if every > len(kept):
            yield f"{every - len(kept)} more", kind


def _node(name: str, kind: str, column: int, row: int, rows: int) -> Spec:
    return {
        "id": f"{column}-{row}",
        "name": shorten(name),
        "x": column * COLUMN,
        "y": (row - (rows - 1) / 2) * ROW,
        "symbol": "rect",
        "symbolSize": 1,
        "label": {
            "show": True,
            "color": "text",
            "backgroundColor": "background",
            "borderColor": kind,
            "borderWidth": 2,
            "borderRadius": 10,
            "width": WIDTH,
            "lineHeight": 18,
            "padding": [9, 10],
            "align": "center",
            "fontSize": 13,
            "fontWeight": "bold" if column == 0 else "normal",
        },
    }


def shorten(name: str, letters: int = LETTERS) -> str:
    """A name that fits a box.

    >>> shorten("The Long and Winding Road Home (1999)", 20)
    'The Long and Windin…'
    """
    plain = " ".join(name.split())
    return plain if len(plain) <= letters else f"{plain[: letters - 1].rstrip()}…"
