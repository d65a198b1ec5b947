"""What a person is looking at: where they started, what they opened, hid and filtered."""

from __future__ import annotations

from dataclasses import dataclass, replace

from data.errors import ConfigError
from graph.explore.flat import Node
from graph.metapath import NEIGHBOURS, NODE_TYPES

RELATIONS = ("user - item", "user - user_factor", "item - item_factor")
"""Kinds of edges; those to factors are one relation a level."""
MOST_NODES = 1000
"""Nodes that may be visible at once."""
MOST_HOPS = 3
"""Steps from a start node."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which nodes and edges may show; what a person started from always does.

    Attributes:
        types: Types of nodes.
        relations: Of `RELATIONS`.
        levels: Levels of factors, on both sides; all by default.
        degree: Least and most neighbours that a node has in the whole graph; no most by default.
    """

    types: tuple[str, ...] = NODE_TYPES
    relations: tuple[str, ...] = RELATIONS
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
        for (kind, _), towards in self.expansions:
            if towards not in NEIGHBOURS[kind]:
                raise ConfigError(
                    f"A node of type {kind} has no neighbours of type {towards}, only "
                    f"{' and '.join(NEIGHBOURS[kind])}."
                )

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
