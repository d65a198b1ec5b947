"""Reasons as pictures: from the person on the left to the item on the right, a step a column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise, product

from app.ui.shared.charts import NARROW, Spec
from recommend.reasons.showcase import Why
from recommend.reasons.ways import Named

COLUMN, ROW = 250, 58
"""Distance of columns and of rows, in pixels."""
WIDTH = 172
"""Of the words in a node, in pixels."""
MOST = 3
"""Nodes of a column; what is more is counted in the last one."""
LETTERS = 26
WAYS = 5
"""Ways that are drawn, those that gave most."""
THIN, THICK = 1.2, 9.0
"""Pixels of the edges of a way that gave nothing, and of the one that gave most."""


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
    return _picture(nodes, links)


def _picture(nodes: list[Spec], links: list[Spec]) -> Spec:
    """Boxes where they stand; where there is little room, narrow ones of several lines."""
    line = {"color": "muted", "width": 1.6, "curveness": 0, "opacity": 0.8}
    series: Spec = {
        "type": "graph",
        "layout": "none",
        "roam": False,
        "silent": True,
        "preserveAspect": "contain",
        **{"left": 100, "right": 100, "top": 28, "bottom": 28},
        "data": nodes,
        "links": links,
        "lineStyle": line,
    }
    little = {"left": 38, "right": 38, "data": [_narrow(node) for node in nodes]}
    return {
        "animationDuration": 500,
        "tooltip": {"show": False},
        "series": [series],
        "media": [{"query": {"maxWidth": NARROW}, "option": {"series": [series | little]}}],
    }


def _narrow(node: Spec) -> Spec:
    look = {"width": 62, "fontSize": 10, "lineHeight": 12, "padding": [4, 3], "overflow": "break"}
    return {**node, "y": node["y"] * 3, "label": node["label"] | look}


def ways_chart(ways: Sequence[Named], person: str, item: str) -> Spec:
    """The ECharts option that draws the ways to an item, the thicker the more they gave.

    Args:
        ways: With names, those first that gave most; all that are not drawn are left out.
        person: How the person at the beginning is called.
        item: How the item at the end is.
    """
    drawn, most = _drawn(ways), max((one.given for one in ways), default=0.0)
    middle = (len(drawn) - 1) / 2
    nodes = [_box("person", person, "user", 0, 0, strong=True), _box("item", item, "item", 3, 0)]
    links = []
    for first, of in _by_first(drawn).items():
        rows = [drawn.index(one) for one in of]
        own = f"first-{rows[0]}"
        if any(one.over for one in of):
            nodes.append(_box(own, first, "item", 1, sum(rows) / len(rows) - middle))
            links.append(_link("person", own, max(_width(one, most) for one in of)))
        for row, one in zip(rows, of, strict=True):
            width = _width(one, most)
            if not one.over:
                links.append(_link("person", "item", width))
                continue
            nodes.append(
                _box(f"over-{row}", _fitting(one.over), one.kind or "muted", 2, row - middle)
            )
            links += [_link(own, f"over-{row}", width), _link(f"over-{row}", "item", width)]
    return _picture(nodes, links)


def _drawn(ways: Sequence[Named]) -> list[Named]:
    """The first ways, those that begin with the same item beside each other."""
    return [one for of in _by_first(ways[:WAYS]).values() for one in of]


def _by_first(ways: Sequence[Named]) -> dict[str, list[Named]]:
    found: dict[str, list[Named]] = {}
    for one in ways:
        found.setdefault(one.first, []).append(one)
    return found


def _fitting(words: str) -> str:
    """As many of several words as fit a box.

    >>> _fitting("‘icebreaker’, ‘convoy’, ‘storm’")
    '‘icebreaker’, ‘convoy’'
    """
    while len(words) > LETTERS and ", " in words:
        words = words.rpartition(", ")[0]
    return words


def _width(one: Named, most: float) -> float:
    """Of an edge, in pixels."""
    if one.given <= 0 or most <= 0:
        return THIN
    return round(THICK if one.given == most else THIN + (THICK - THIN) * one.given / most, 2)


def _link(source: str, target: str, width: float) -> Spec:
    return {"source": source, "target": target, "lineStyle": {"width": width, "opacity": 0.5}}


def ways_height(ways: Sequence[Named]) -> int:
    """Pixels that the picture of ways needs."""
    return 28 + ROW * max(1, len(ways[:WAYS]))


def ways_in_words(ways: Sequence[Named], person: str, item: str) -> str:
    """The picture of ways in words, for those who do not see it."""
    return "; ".join(
        " → ".join((person, *((one.first, one.over) if one.over else ()), item))
        for one in _drawn(ways)
    )


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
    place = row - (rows - 1) / 2
    return _box(f"{column}-{row}", name, kind, column, place, strong=column == 0)


def _box(id: str, name: str, kind: str, column: int, row: float, *, strong: bool = False) -> Spec:
    """A name in a frame, so many columns and rows from the middle of the left edge."""
    return {
        "id": id,
        "name": shorten(name),
        "x": column * COLUMN,
        "y": row * ROW,
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
            "fontWeight": "bold" if strong else "normal",
        },
    }


def shorten(name: str, letters: int = LETTERS) -> str:
    """A name that fits a box.

    >>> shorten("The Long and Winding Road Home (1999)", 20)
    'The Long and Windin…'
    """
    plain = " ".join(name.split())
    return plain if len(plain) <= letters else f"{plain[: letters - 1].rstrip()}…"
