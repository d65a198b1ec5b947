"""What a person is looking at, and how an address holds it as a short text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from data.errors import ConfigError
from graph.explore.flat import Node
from graph.schema import CODE, Schema

MOST_NODES = 1000
"""Nodes that may be visible at once."""
MOST_HOPS = 3
"""Steps from a start node."""
MOST_LETTERS = 8000
"""Letters of a view that is read."""
_NONE = "-"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which nodes and edges may show; what a person started from always does.

    Attributes:
        types: Types of nodes; all by default.
        relations: Of the schema's `links`; all by default.
        levels: Levels of factors, on all sides; all by default.
        degree: Least and most neighbours that a node has in the whole graph; no most by default.
    """

    types: tuple[str, ...] | None = None
    relations: tuple[str, ...] | None = None
    levels: tuple[int, ...] | None = None
    degree: tuple[int, int | None] = (0, None)


@dataclass(frozen=True, slots=True)
class View:
    """All that decides which part of a graph shows, and nothing else.

    Attributes:
        starts: Nodes whose surroundings show; none is an overview of the whole.
        expansions: A node and a type: its neighbours of that type show, `each` more a time.
        dismissed: Nodes that must not show.
        ends: Two nodes whose shortest path shows.
        filters: What may show.
        hops: Steps from the start nodes, 1 to 3.
        each: Most neighbours of a type that one node brings in.
        cap: Most nodes, up to 1,000.
    """

    starts: tuple[Node, ...] = ()
    expansions: tuple[tuple[Node, str], ...] = ()
    dismissed: tuple[Node, ...] = ()
    ends: tuple[Node, Node] | None = None
    filters: Filters = Filters()
    hops: int = 1
    each: int = 20
    cap: int = 300

    def __post_init__(self) -> None:
        for name, value, least, most in (
            ("hops", self.hops, 1, MOST_HOPS),
            ("each", self.each, 1, MOST_NODES),
            ("cap", self.cap, 1, MOST_NODES),
        ):
            if not least <= value <= most:
                raise ConfigError(f"{name} is {value}; choose {least} to {most}.")

    @property
    def overview(self) -> bool:
        """Whether nothing is asked for by name."""
        return not self.starts and not self.expansions and self.ends is None

    def start(self, *nodes: Node) -> View:
        """From these nodes afresh; filters and limits stay."""
        return replace(self, starts=nodes, expansions=(), dismissed=(), ends=None)

    def add(self, *nodes: Node) -> View:
        """With further start nodes."""
        return replace(
            self,
            starts=tuple(dict.fromkeys(self.starts + nodes)),
            dismissed=tuple(node for node in self.dismissed if node not in nodes),
        )

    def expand(self, node: Node, towards: str) -> View:
        """With more neighbours of one type of a node."""
        return replace(self, expansions=(*self.expansions, (node, towards)))

    def dismiss(self, *nodes: Node) -> View:
        """Without these nodes, wherever they came from."""
        gone = set(nodes)
        return replace(
            self,
            starts=tuple(node for node in self.starts if node not in gone),
            expansions=tuple(pair for pair in self.expansions if pair[0] not in gone),
            dismissed=tuple(dict.fromkeys(self.dismissed + nodes)),
            ends=None if self.ends and gone & set(self.ends) else self.ends,
        )

    def join(self, a: Node, b: Node) -> View:
        """With the shortest path between two nodes."""
        return replace(
            self,
            ends=(a, b),
            dismissed=tuple(node for node in self.dismissed if node not in (a, b)),
        )

    def check(self, schema: Schema) -> None:
        """Nothing, if what was opened can be opened.

        Raises:
            ConfigError: a type has no neighbours of the type that was asked for.
        """
        for (kind, _), towards in self.expansions:
            if towards not in schema.neighbours(kind):
                raise ConfigError(
                    f"A node of type {kind} has no neighbours of type {towards}, only "
                    f"{' and '.join(schema.neighbours(kind))}."
                )


_PLAIN = View()
_UNSAID = {"g": "0-", "h": str(_PLAIN.hops), "n": str(_PLAIN.each), "c": str(_PLAIN.cap)}
"""Values that every view has unless it says otherwise."""


def view_text(view: View, schema: Schema) -> str:
    """Letters, digits, ".", "_", "-" and "~" for what differs from `View()`.

    >>> from graph.latent import latent_schema
    >>> view_text(View(starts=(("user", 12), ("item_factor", 3)), hops=2), latent_schema())
    'su12.I3_h2'
    """
    filters, letter = view.filters, {node.name: node.letter for node in schema.nodes}
    least, most = filters.degree

    def short(nodes: Iterable[Node]) -> str:
        return ".".join(f"{letter[kind]}{number}" for kind, number in nodes)

    parts = {
        "s": short(view.starts),
        "e": ".".join(short([node]) + letter[to] for node, to in view.expansions),
        "d": short(view.dismissed),
        "p": short(view.ends or ()),
        "t": "" if filters.types is None else schema.letters(filters.types) or _NONE,
        "r": _chosen(filters.relations, schema.links.index),
        "l": _chosen(filters.levels, int),
        "g": f"{least}-{'' if most is None else most}",
        "h": str(view.hops),
        "n": str(view.each),
        "c": str(view.cap),
    }
    return "_".join(
        key + value for key, value in parts.items() if value and _UNSAID.get(key) != value
    )


def read_view(text: str, schema: Schema) -> View:
    """The view that `view_text` wrote.

    Raises:
        ConfigError: it wrote something else, or the view is none of this schema.

    >>> from graph.latent import latent_schema
    >>> read_view("su12_du7.i3_tui", latent_schema()).dismissed
    (('user', 7), ('item', 3))
    """
    if len(text) > MOST_LETTERS:
        raise ConfigError(
            f"The view in the address has {len(text)} letters; {MOST_LETTERS} are read."
        )
    view = _PLAIN
    for part in filter(None, text.split("_")):
        try:
            view = _with(view, part[0], part[1:], schema)
        except (KeyError, ValueError, IndexError):
            raise ConfigError(
                f"The view in the address has the part {part!r}, which says nothing. "
                "Start again, or copy the link once more."
            ) from None
    view.check(schema)
    return view


def _with(view: View, key: str, value: str, schema: Schema) -> View:
    def node(text: str) -> Node:
        code, number = _parted(f"({CODE})(.*)", text)
        return schema.of_letters(code)[0], _number(number)

    if key in "sd":
        nodes = tuple(map(node, value.split(".")))
        return replace(view, starts=nodes) if key == "s" else replace(view, dismissed=nodes)
    if key == "p":
        a, b = map(node, value.split("."))
        return replace(view, ends=(a, b))
    if key == "e":
        pairs = (_parted(f"(.*?)({CODE})", pair) for pair in value.split("."))
        opened = tuple((node(start), schema.of_letters(to)[0]) for start, to in pairs)
        return replace(view, expansions=opened)
    if key == "h":
        return replace(view, hops=_number(value))
    if key == "n":
        return replace(view, each=_number(value))
    if key == "c":
        return replace(view, cap=_number(value))
    return replace(view, filters=_filters(view.filters, key, value, schema))


def _filters(filters: Filters, key: str, value: str, schema: Schema) -> Filters:
    every = [] if value == _NONE else value.split(".")
    if key == "t":
        chosen = schema.of_letters(value.removeprefix(_NONE))
        return replace(filters, types=tuple(kind for kind in schema.types if kind in chosen))
    if key == "r":
        return replace(filters, relations=tuple(schema.links[_number(one)] for one in every))
    if key == "l":
        return replace(filters, levels=tuple(map(_number, every)))
    if key == "g":
        least, dash, most = value.partition("-")
        if not dash:
            raise ValueError(value)
        return replace(filters, degree=(_number(least), _number(most) if most else None))
    raise KeyError(key)


def _chosen(those: Iterable[Any] | None, number: Callable[[Any], int]) -> str:
    """Numbers of what is chosen, nothing where that is all."""
    return "" if those is None else ".".join(str(number(one)) for one in those) or _NONE


def _parted(form: str, text: str) -> tuple[str, str]:
    found = re.fullmatch(form, text, re.DOTALL)
    if found is None:
        raise ValueError(text)
    return found[1], found[2]


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError(text)
    return int(text)
