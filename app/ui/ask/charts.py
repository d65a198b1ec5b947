"""What was read to answer an ask, how much of it counts, and how it moves, as pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from app.results.asking import EGOS, Answer, Move, Node, hops
from app.ui.shared.charts import NARROW, Spec, canvas, names_axis, number
from recommend.protocols import Region

EACH = 5
"""Neighbours of a type that are drawn beside each of the two who ask, the heaviest."""
BEYOND = 2
"""Neighbours of the second step that are drawn at a node, and nodes of a group that have them."""
PALE = 0.7
"""Share of the largest weight up to which a cell is so pale that its figure is written dark on
light or, where the page is dark, light on dark: contrast is at least 3.1 everywhere."""
PHONE = 400
"""Pixels of a picture on a telephone, at most."""
FEW = 6
"""Columns of weights whose figures have room on a telephone."""
MOVED = 6
"""Neighbours that are drawn of those that stay, leave or come."""
THIN, THICK = 0.8, 9.0
"""Pixels of an edge that counts nothing, and of the one that counts most."""
LAST = 2
"""The step that is furthest away."""
ROW = 27
"""Pixels of a row."""
COLOURS = {"user": "user", "item": "item", "query": "teal"}
SYMBOLS = {"user": "roundRect", "item": "circle", "query": "diamond"}
"""Of types of nodes, so that colour is not all that tells them apart."""
Name = Callable[[str, int], str]
"""What a node is called, by type and number."""
Title = Callable[[str, int], str]
"""What so many nodes of a type are called."""


def drawn_places(region: Region) -> list[int]:
    """Places of the nodes that are drawn: the egos, the heaviest beside them, some beyond these.

    Every node stands right before what is drawn beyond it.
    """
    found = list(range(len(EGOS)))
    for ego in range(len(EGOS)):
        for group in _groups(region, ego).values():
            for rank, edge in enumerate(group[:EACH]):
                place = int(region.sources[edge])
                found.append(place)
                beyond = [e for of in _groups(region, place).values() for e in of]
                beyond.sort(key=lambda e: -region.weights[e])
                found += region.sources[beyond[: BEYOND if rank < BEYOND else 0]].tolist()
    return list(dict.fromkeys(found))


def _groups(region: Region, target: int) -> dict[str, list[int]]:
    """Edges of a target by the type of what it hears, the heaviest first."""
    groups: dict[str, list[int]] = {}
    heard = np.flatnonzero(region.targets == target)
    for edge in heard[np.argsort(-region.weights[heard], kind="stable")].tolist():
        groups.setdefault(region.kinds[region.sources[edge]], []).append(edge)
    return groups


def region_chart(region: Region, name: Name, title: Title) -> Spec:
    """The ECharts option that draws a region: who asks on the left, a column a step.

    Names come from data and may hold anything: they stand in `name`, which ECharts escapes, and
    in no template.

    Args:
        region: To draw.
        name: Of nodes.
        title: Of types, for the legend.
    """
    places, step = drawn_places(region), hops(region)
    rows = _rows(region, places, step)
    columns = int(step[places].max(initial=1))
    nodes = [
        _node(
            str(place),
            (region.kinds[place], int(region.numbers[place])),
            name,
            (float(step[place]), rows[place]),
            strong=place < len(EGOS),
        )
        for place in places
    ]
    shown, heard_by = {*places}, dict(zip(region.sources, region.targets, strict=True))
    hubs = {heard_by[place] for place in places if step[place] == LAST}
    for place, node in zip(places, nodes, strict=True):
        if place in hubs:
            above = rows[place] < rows[heard_by[place]]
            node["label"] = {"position": "top" if above else "bottom", "align": "right"}
    edges = [
        edge
        for edge in range(len(region.sources))
        if region.sources[edge] in shown and region.targets[edge] in shown
    ]
    most = float(region.weights[edges].max(initial=0))
    links = [
        _link(
            str(region.sources[edge]),
            str(region.targets[edge]),
            region.kinds[region.sources[edge]],
            float(region.weights[edge]),
            most,
            against=bool(region.shares[edge] < 0),
        )
        for edge in edges
    ]
    counts = Counter(region.kinds[place] for place in places)
    spec = _picture(nodes, links, counts, title, columns)
    words = (96, 150, 220) if columns == 1 else (78, 110, 220)
    spec["media"] = _rooms(words, (52, 52, 84), tuple(width + 16 for width in words))
    return spec


def _rows(region: Region, places: Sequence[int], step: np.ndarray) -> dict[int, float]:
    """The row of every drawn place: each of the last column its own, others amid their own."""
    heard_by = dict(zip(region.sources.tolist(), region.targets.tolist(), strict=True))
    rows: dict[int, float] = {}
    at = 0.0
    for place in places[len(EGOS) :]:
        if step[place] == 1:
            beyond = [one for one in places if heard_by.get(one) == place]
            rows |= {one: at + n for n, one in enumerate(beyond)}
            rows[place] = at + max(len(beyond) - 1, 0) / 2
            at += max(len(beyond), 1)
    for ego in range(len(EGOS)):
        own = [rows[p] for p in places[len(EGOS) :] if step[p] == 1 and heard_by[p] == ego]
        rows[ego] = sum(own) / len(own) if own else at * (0.25 + 0.5 * ego)
    return rows


def _node(
    id: str, node: Node, name: Name, place: tuple[float, float], *, strong: bool = False
) -> Spec:
    kind, called = node[0], name(*node)
    label: Spec = {"position": "bottom", "fontWeight": "bold", "overflow": "break"}
    label |= {"lineHeight": 14}
    return {
        "id": id,
        "name": called,
        "value": [place[0], round(place[1], 2)],
        "category": list(COLOURS).index(kind) if kind in COLOURS else len(COLOURS),
        "symbol": SYMBOLS.get(kind, "rect"),
        "symbolSize": 18 if strong else 11,
        "tooltip": {"formatter": "{b}"},
        **({"label": label} if strong else {}),
    }


def _link(
    source: str, target: str, kind: str, weight: float, most: float, *, against: bool = False
) -> Spec:
    width = THIN + (THICK - THIN) * (weight / most if most > 0 else 0)
    look = {"color": COLOURS.get(kind, "slate"), "width": round(width, 2), "opacity": 0.5}
    dashed = {"type": [5, 4]} if against else {}
    ends = {"source": source, "target": target, "value": number(weight, 3)}
    return {**ends, "lineStyle": {**look, **dashed}}


def _picture(
    nodes: list[Spec], links: list[Spec], counts: Mapping[str, int], title: Title, columns: int
) -> Spec:
    """Nodes where they stand, names beside them; where there is little room, shorter ones."""
    kinds = [*COLOURS, *(kind for kind in counts if kind not in COLOURS)]
    categories = [
        {"name": _legend(kind, counts, title), "itemStyle": {"color": COLOURS.get(kind, "slate")}}
        for kind in kinds
    ]
    spec = canvas(legend=True, tooltip={"valueFormatter": "weight %.3f"})
    hidden = {"show": False, "type": "value"}
    spec["xAxis"] = {**hidden, "min": 0, "max": columns}
    last = max(node["value"][1] for node in nodes)
    spec["yAxis"] = {**hidden, "inverse": True, "min": -0.5, "max": last + 0.5}
    spec["legend"] |= {
        "selectedMode": False,
        "data": [
            {"name": _legend(kind, counts, title), "icon": SYMBOLS.get(kind, "rect")}
            for kind in kinds
            if counts.get(kind)
        ],
    }
    label = {"color": "text", "textBorderColor": "background", "textBorderWidth": 3}
    spec["series"] = [
        {
            "id": "region",
            "type": "graph",
            "coordinateSystem": "cartesian2d",
            "layout": "none",
            "categories": categories,
            "data": nodes,
            "links": links,
            "label": {"show": True, "position": "right", "overflow": "truncate", **label},
            "itemStyle": {"borderColor": "background", "borderWidth": 1},
            "emphasis": {"focus": "adjacency", "lineStyle": {"opacity": 0.95}},
        }
    ]
    return spec


def _rooms(words: Sequence[int], left: Sequence[int], right: Sequence[int]) -> list[Spec]:
    """Room in pixels for names, and on the left and right: on a telephone, in a column, and wide.

    A picture that is wider than a telephone and stands beside something else has room for more.
    """
    widths = ({"maxWidth": PHONE}, {"minWidth": PHONE + 1, "maxWidth": NARROW}, None)
    found: list[Spec] = []
    for at, (width, size) in enumerate(zip(widths, (10, 11, 12), strict=True)):
        label = {"width": words[at], "fontSize": size}
        grid = {"left": left[at], "right": right[at], "top": 44, "bottom": 40}
        option: Spec = {"grid": grid | {"containLabel": False}}
        option["series"] = [{"id": "region", "label": label}]
        found.append(({"query": width} if width else {}) | {"option": option})
    return found


def _legend(kind: str, counts: Mapping[str, int], title: Title) -> str:
    n = counts.get(kind, 0)
    return f"{n:,} {title(kind, n)}"


def height_of(spec: Spec) -> int:
    """Pixels that a picture of rows needs."""
    return 100 + round(ROW * (spec["yAxis"]["max"] + 0.5))


def region_in_words(region: Region, name: Name) -> str:
    """The picture of a region in words, for who does not see it: what is heard most."""
    told = []
    for ego in range(len(EGOS)):
        for group in _groups(region, ego).values():
            places = region.sources[group[:EACH]].tolist()
            called = [name(region.kinds[at], int(region.numbers[at])) for at in places]
            of = name(region.kinds[ego], int(region.numbers[ego]))
            told.append(f"{of} hears {', '.join(called)}")
    return "; ".join(told)


@dataclass(frozen=True, slots=True)
class Moved:
    """A neighbour of two asks.

    Attributes:
        node: Type and number.
        weights: The largest weight that it has for who asks, under each; None where it is not read.
    """

    node: Node
    weights: tuple[float | None, float | None]


def moved_nodes(first: Answer, second: Answer, move: Move) -> list[Moved]:
    """Neighbours that are drawn: heaviest of those that leave, then that stay, then that come."""
    one, other = _heard(first.region), _heard(second.region)
    found = []
    for nodes in (move.leave, move.stay, move.come):
        heavy = sorted(nodes, key=lambda node: -max(one.get(node, 0), other.get(node, 0)))
        own = [n for n in heavy if n in one or n in other][:MOVED]
        found += [Moved(node, (one.get(node), other.get(node))) for node in own]
    return found


def _heard(region: Region) -> dict[Node, float]:
    """The largest weight of each node that an ego hears."""
    found: dict[Node, float] = {}
    for source, target, weight in zip(
        region.sources.tolist(), region.targets.tolist(), region.weights.tolist(), strict=True
    ):
        if target < len(EGOS):
            node = region.kinds[source], int(region.numbers[source])
            found[node] = max(found.get(node, 0.0), weight)
    return found


def moves_chart(moved: Sequence[Moved], asks: tuple[Node, Node], name: Name, title: Title) -> Spec:
    """Two asks left and right, and between them what is read for one, for the other, or for both.

    Args:
        moved: As `moved_nodes` gives them.
        asks: The queries.
        name: Of nodes.
        title: Of types, for the legend.
    """
    middle = max(len(moved) - 1, 0) / 2
    nodes = [
        _node("first", asks[0], name, (0, middle), strong=True),
        _node("second", asks[1], name, (2, middle), strong=True),
    ]
    every = [weight for one in moved for weight in one.weights if weight is not None]
    most, links = max(every, default=0.0), []
    for row, one in enumerate(moved):
        free = "right" if one.weights[1] is None else "left" if one.weights[0] is None else "top"
        nodes.append(_node(str(row), one.node, name, (1, row)) | {"label": {"position": free}})
        for end, weight in zip(("first", "second"), one.weights, strict=True):
            if weight is not None:
                links.append(_link(str(row), end, one.node[0], weight, most))
    counts = Counter([asks[0][0], asks[1][0], *(one.node[0] for one in moved)])
    spec = _picture(nodes, links, counts, title, 2)
    edges = (46, 60, 90)
    spec["media"] = _rooms((90, 130, 170), edges, edges)
    spec["yAxis"]["max"] = max(spec["yAxis"]["max"], 1.5)
    return spec


def weights_chart(weights: pl.DataFrame) -> Spec:
    """Weights of items by asks, the darker the heavier.

    Args:
        weights: As `app.results.asking.Asking.weights` gives them.
    """
    asks = weights["ask"].unique(maintain_order=True).to_list()
    items = weights["item"].unique(maintain_order=True).to_list()
    names = dict(weights.select("ask", "name").rows())
    titles = dict(weights.select("item", "title").rows())
    spec = canvas(top=4, right=8, bottom=4, tooltip={"valueFormatter": "weight %.3f"})
    spec["xAxis"] = names_axis(_apart([titles[item] for item in items]), 110)
    spec["xAxis"]["axisLabel"] |= {"rotate": 40, "fontSize": 11}
    spec["yAxis"] = names_axis(_apart([names[ask] for ask in asks]), 190, inverse=True)
    top = float(weights["weight"].max() or 1)  # type: ignore[arg-type]
    cells = [
        {
            "value": [items.index(row["item"]), asks.index(row["ask"]), number(row["weight"], 4)],
            "label": {
                "formatter": f"{row['weight']:.2f}",
                "color": "background" if row["weight"] > PALE * top else "text",
            },
        }
        for row in weights.iter_rows(named=True)
    ]
    shades = {"color": ["background", "item"]}
    spec["visualMap"] = {"min": 0, "max": number(top, 4), "show": False, "inRange": shades}
    label = {"show": True, "fontSize": 11}
    look = {"itemStyle": {"borderColor": "line", "borderWidth": 0.5}, "label": label}
    spec["series"] = [{"id": "weights", "type": "heatmap", "name": "", "data": cells, **look}]
    little: Spec = {"yAxis": {"axisLabel": {"width": 84, "fontSize": 10}}}
    little["xAxis"] = {"axisLabel": {"width": 70, "fontSize": 10, "rotate": 60}}
    if len(items) > FEW:
        little["series"] = [
            {"id": "weights", "data": [{"value": cell["value"]} for cell in cells]}
            | {"label": {"show": False}}
        ]
    spec["media"] = [{"query": {"maxWidth": NARROW}, "option": little}]
    return spec


def _apart(names: Sequence[str]) -> list[str]:
    """Names of an axis; those of which there are several are numbered, for they are places.

    >>> _apart(["Ida", "Bo", "Ida"])
    ['Ida', 'Bo', 'Ida (2)']
    """
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found
