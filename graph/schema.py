"""What kinds of nodes and edges a graph has, declared once: code and pages read it from here."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import count
from string import ascii_letters
from typing import Any

from data.errors import ConfigError

Key = tuple[str, str, str]
"""Source, relation and target: what tells kinds of edges apart."""
CODE = r"~*[A-Za-z]"
"""What stands for a type in addresses, as a regular expression: no code begins another."""


@dataclass(frozen=True, slots=True)
class NodeType:
    """A kind of nodes; all but the name can be left out.

    Attributes:
        name: What code, files and metapaths call it, such as "item_factor".
        title: What a person calls one, "Item factor".
        plural: What a person calls many, "Item factors".
        letter: Stands for it in addresses; no other type of the schema has it. Of more than 52
            types some have tildes before theirs, such as "~a".
        colour: Its place among the colours of the page.
        groups: The type whose members one of these stands for, if it stands for any: the items that
            have a factor or a genre. Groups are the hubs of an overview.
        help: What one is, for whoever meets it for the first time.
    """

    name: str
    title: str = ""
    plural: str = ""
    letter: str = ""
    colour: int = -1
    groups: str | None = None
    help: str = ""


@dataclass(frozen=True, slots=True)
class EdgeType:
    """A kind of edges; each can be walked both ways.

    Attributes:
        source: Type of node that it leaves.
        relation: What it says, such as "buys".
        target: Type of node that it leads to.
        reverse: What it says the other way round; "rev_" and the relation by default.
        timed: Whether its edges have times.
        level: Of the codebook whose codes its targets are, if they are any.
        title: What a person calls these edges; all between the same two types share the first.
    """

    source: str
    relation: str
    target: str
    reverse: str = ""
    timed: bool = False
    level: int | None = None
    title: str = ""

    @property
    def key(self) -> Key:
        """What tells it from others."""
        return self.source, self.relation, self.target

    @property
    def reverse_key(self) -> Key:
        """The same edges the other way round."""
        return self.target, self.reverse or f"rev_{self.relation}", self.source


@dataclass(frozen=True)
class Schema:
    """Types of nodes and edges, in the order in which they are shown.

    Attributes:
        nodes: At least one; letters, colours and words that are not given are filled in.
        edges: Between these.

    Raises:
        ConfigError: two of a kind have one name, or a type is named that there is not.

    >>> shop = Schema(
    ...     (NodeType("user"), NodeType("item"), NodeType("genre", groups="item")),
    ...     (EdgeType("user", "buys", "item", timed=True), EdgeType("item", "is", "genre")),
    ... )
    >>> shop.neighbours("item"), shop.node("genre").plural, shop.links
    (('user', 'genre'), 'Genres', ('user - item', 'item - genre'))
    """

    nodes: tuple[NodeType, ...]
    edges: tuple[EdgeType, ...] = ()

    def __post_init__(self) -> None:
        _check_distinct("type of node", [node.name for node in self.nodes])
        _check_distinct("letter", [node.letter for node in self.nodes if node.letter])
        object.__setattr__(self, "nodes", tuple(_complete(self.nodes)))
        named = [(node.groups, f"{node.name} groups") for node in self.nodes if node.groups]
        for edge in self.edges:
            named += [(end, _arrow(edge.key)) for end in (edge.source, edge.target)]
        for name, where in named:
            self.check(name, where)
        for word in [*self.types, *(edge.relation for edge in self.edges)]:
            if not word.isidentifier():
                raise ConfigError(
                    f"{word!r} cannot be the name of a type of nodes or edges; write a word of "
                    "letters, digits and underscores."
                )
        _check_distinct(
            "type of edge",
            [_arrow(key) for edge in self.edges for key in (edge.key, edge.reverse_key)],
        )

    @cached_property
    def types(self) -> tuple[str, ...]:
        """Names of the types of nodes."""
        return tuple(node.name for node in self.nodes)

    @cached_property
    def _by_name(self) -> dict[str, NodeType]:
        return {node.name: node for node in self.nodes}

    def node(self, name: str) -> NodeType:
        """The type of nodes of this name.

        Raises:
            ConfigError: there is none.
        """
        self.check(name)
        return self._by_name[name]

    def check(self, name: str, where: str = "") -> None:
        """Nothing, if there is a type of nodes of this name.

        Args:
            name: To look for.
            where: What names it, for the message.

        Raises:
            ConfigError: there is none.
        """
        if name not in self._by_name:
            subject = f"{where} names {name!r}" if where else f"There is no type {name!r}"
            raise ConfigError(
                f"{subject};{near(name, self.types)} the types are {', '.join(self.types)}."
            )

    def index(self, name: str) -> int:
        """The place of a type of nodes in `nodes`."""
        return self.types.index(name)

    def edge(self, key: Key) -> EdgeType:
        """The type of edges of this source, relation and target.

        Raises:
            ConfigError: there is none.
        """
        for edge in self.edges:
            if key in (edge.key, edge.reverse_key):
                return edge
        known = [_arrow(edge.key) for edge in self.edges]
        raise ConfigError(
            f"There are no edges {_arrow(key)};{near(_arrow(key), known)} there are "
            f"{', '.join(known)}."
        )

    def between(self, a: str, b: str) -> tuple[EdgeType, ...]:
        """Types of edges that join two types of nodes, whichever way."""
        return tuple(edge for edge in self.edges if {edge.source, edge.target} == {a, b})

    @cached_property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Every two types that edges join, once."""
        seen: dict[frozenset[str], tuple[str, str]] = {}
        for edge in self.edges:
            seen.setdefault(frozenset((edge.source, edge.target)), (edge.source, edge.target))
        return tuple(seen.values())

    @property
    def links(self) -> tuple[str, ...]:
        """What `pairs` are called, such as "user - item"."""
        return tuple(f"{a} - {b}" for a, b in self.pairs)

    def title_of(self, link: str) -> str:
        """What a person calls the edges of one of `links`."""
        a, b = self.pairs[self.links.index(link)]
        told = next((edge.title for edge in self.between(a, b) if edge.title), "")
        return told or f"{self.node(a).plural} and {self.node(b).plural.lower()}"

    def neighbours(self, name: str) -> tuple[str, ...]:
        """The types that edges join to one."""
        return tuple(b if a == name else a for a, b in self.pairs if name in (a, b))

    def group_of(self, name: str) -> NodeType | None:
        """The first type that stands for members of another, if there is one."""
        return next((node for node in self.nodes if node.groups == name), None)

    def letters(self, types: Iterable[str]) -> str:
        """Types in few letters, as an address holds them."""
        return "".join(self.node(name).letter for name in types)

    def of_letters(self, letters: str) -> tuple[str, ...]:
        """The types that `letters` wrote.

        Raises:
            KeyError: a letter stands for none.
        """
        named = {node.letter: node.name for node in self.nodes}
        return tuple(named[code] for code in re.findall(f"{CODE}|.", letters, re.DOTALL))

    def as_json(self) -> dict[str, Any]:
        """Plain values, from which `read` makes the schema again."""
        return {part: [asdict(one) for one in getattr(self, part)] for part in ("nodes", "edges")}

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Schema:
        """The schema of which `as_json` made these values.

        Raises:
            ConfigError: they say something else.
        """
        try:
            nodes = tuple(NodeType(**one) for one in values["nodes"])
            return cls(nodes, tuple(EdgeType(**one) for one in values["edges"]))
        except (KeyError, TypeError) as error:
            raise ConfigError(f"This is no schema of a graph: {error}.") from None


def _complete(nodes: Iterable[NodeType]) -> Iterator[NodeType]:
    """With a title, a plural, a letter and a colour each."""
    nodes = tuple(nodes)
    taken = {node.letter for node in nodes}
    for place, node in enumerate(nodes):
        title = node.title or node.name.replace("_", " ").capitalize()
        letter = node.letter or next(one for one in _codes(node.name) if one not in taken)
        if not re.fullmatch(CODE, letter):
            raise ConfigError(f"{letter!r} cannot stand for {node.name}; give one letter, a to Z.")
        taken.add(letter)
        yield replace(
            node,
            title=title,
            plural=node.plural or f"{title}s",
            letter=letter,
            colour=place if node.colour < 0 else node.colour,
        )


def _codes(name: str) -> Iterator[str]:
    """What could stand for a type: the letters of its name, all letters, these after tildes."""
    yield from (one for one in name if one in ascii_letters)
    yield from (f"{'~' * n}{one}" for n in count() for one in ascii_letters)


def _check_distinct(kind: str, names: list[str]) -> None:
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if twice is not None:
        raise ConfigError(f"The {kind} {twice!r} is declared twice; give each a name of its own.")


def near(name: str, known: Iterable[str]) -> str:
    """A question after what was meant, where one of the known names is close."""
    written = {one.lower(): one for one in known}
    close = difflib.get_close_matches(name.lower(), list(written), n=1)
    return f" did you mean {written[close[0]]!r}?" if close else ""


def _arrow(key: Key) -> str:
    return "{} -{}-> {}".format(*key)
