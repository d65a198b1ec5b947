"""The query language in Python, spelt as in GLE's Graph Sampling Language.

A chain never changes: every method gives a further one. The four names of a step are those of GLE:
`outV` and `inV` lead to nodes, `outE` and `inE` to edges, of which `inV()` and `outV()` are the
target and the source.

Source: Alibaba, Graph-Learn, "Graph Sampling Language (GSL)".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from data.errors import ConfigError
from graph.query import check
from graph.query.parts import Hop, Likeness, Start, Walk
from graph.query.query import Query
from graph.query.text import WORD, read_conditions
from graph.query.write import write
from graph.schema import Key, Schema, near


def start_at_nodes(schema: Schema, kind: str, node_from: str = "") -> Chain:
    """A chain that begins with nodes.

    Args:
        schema: Of the graph.
        kind: Their type; of edges where they are the ends of edges.
        node_from: "source" or "target" for the ends of the edges of a relation.

    Raises:
        ConfigError: there is no such type.
    """
    if node_from:
        if node_from not in ("source", "target"):
            raise ConfigError(f"node_from is {node_from!r}; choose source or target.")
        edges = start_at_edges(schema, kind)
        return edges.outV() if node_from == "source" else edges.inV()
    schema.check(_text(kind, "V takes the name of a type of nodes"))
    return Chain(schema, Start(kind))


def start_at_edges(schema: Schema, relation: str, reverse: bool = False) -> Chain:
    """A chain that begins with edges.

    Args:
        schema: Of the graph.
        relation: Their name; "source -relation- target" where several kinds have it.
        reverse: Whether they are taken the other way round.

    Raises:
        ConfigError: there are no such edges.
    """
    parts = [part.strip() for part in _text(relation, "E takes the name of a relation").split("-")]
    source, name, target = parts if len(parts) == 3 else (None, relation, None)
    key = check.edges_named(schema, name, (source or None, target or None))
    key = check.opposite(schema, key) if reverse else key
    return Chain(schema, Start(key[0], key), at_edges=True)


@dataclass(frozen=True, slots=True)
class Chain:
    """A query in the making, and where in it the next step starts.

    Attributes:
        schema: That it fits.
        start: Where it begins.
        hops: The steps up to here, with no strategy where none was said.
        place: 0 stands at the start, n at the n-th hop.
        at_edges: Whether it stands at the edges that were seeds or walked there.
        induced: Whether edges between the nodes are wanted.

    >>> from graph.latent import latent_schema
    >>> users = start_at_nodes(latent_schema(), "user").batch(64).alias("u")
    >>> str(users.outV("interacts").sample(10).by("latest").alias("i").values())
    'user:64 as u > item:10 latest as i'
    """

    schema: Schema
    start: Start
    hops: tuple[Hop, ...] = ()
    place: int = 0
    at_edges: bool = False
    induced: bool = False

    def __repr__(self) -> str:
        hops = [
            replace(hop, by=hop.by or ("random" if hop.negative or hop.count else "full"))
            for hop in self.hops
        ]
        return f"Chain({write(self.start, hops, self.induced, self.schema)!r})"

    @property
    def query(self) -> Query:
        """What was built.

        Raises:
            ConfigError: a step lacks something, or an alias is not what it should be.
        """
        hops = tuple(map(_complete, self.hops))
        check.check_tree(self.start, hops)
        return Query(self.start, hops, self.induced, self.schema)

    def values(self) -> Query:
        """The query, as `query`: what GLE's chains end with."""
        return self.query

    def batch(self, batch_size: int) -> Chain:
        """With so many seeds a batch."""
        self._at_start("batch")
        n = check.check_amount(batch_size, "The number of seeds", check.MOST_SEEDS)
        return replace(self, start=replace(self.start, batch=n))

    def shuffle(self, traverse: bool = False) -> Chain:
        """With seeds in the order of chance.

        Args:
            traverse: True gives each once an epoch; False draws with replacement, without end.
        """
        self._at_start("shuffle")
        if not isinstance(traverse, bool):
            raise ConfigError(f"shuffle takes True or False, not {traverse!r}.")
        return replace(self, start=replace(self.start, shuffle=traverse))

    def alias(self, name: str) -> Chain:
        """With a name of what it stands at, under which the answer has it."""
        if not WORD.fullmatch(_text(name, "alias takes a name")):
            raise ConfigError(f"{name!r} is no name; write letters, digits and underscores.")
        if self.place == 0:
            return replace(self, start=replace(self.start, alias=name))
        return self._with(**{"edge_alias" if self.at_edges else "alias": name})

    def outV(self, *relations: str) -> Chain:
        """Along edges to the nodes they lead to; of edges, the nodes that they come from.

        Args:
            relations: Names of relations, or one type of nodes for all that lead there.
        """
        return self._end("source", relations) or self._step(relations, back=False)

    def inV(self, *relations: str) -> Chain:
        """Against edges to the nodes they come from; of edges, the nodes that they lead to."""
        return self._end("target", relations) or self._step(relations, back=True)

    def outE(self, *relations: str) -> Chain:
        """As `outV`, to the edges themselves."""
        return replace(self._step(relations, back=False), at_edges=True)

    def inE(self, *relations: str) -> Chain:
        """As `inV`, to the edges themselves."""
        return replace(self._step(relations, back=True), at_edges=True)

    def outNeg(self, *relations: str) -> Chain:
        """To nodes that no such edges lead to."""
        return self._step(relations, back=False, negative=True)

    def inNeg(self, *relations: str) -> Chain:
        """To nodes from which no such edges come."""
        return self._step(relations, back=True, negative=True)

    def Neg(self, kind: str) -> Chain:
        """To any nodes of a type, whatever edges there are."""
        self._here()
        self.schema.check(_text(kind, "Neg takes the name of a type of nodes"))
        return self._go(Hop(self.place, kind, (), by="", negative=True))

    def random_walk(
        self, relation: str, walk_len: int = 1, p: float = 1.0, q: float = 1.0
    ) -> Chain:
        """To the nodes of a random walk.

        Args:
            relation: From a type of nodes to itself.
            walk_len: Steps.
            p: Return parameter.
            q: In-out parameter.
        """
        here = self._here()
        key = self._edges((relation,), back=False)[0]
        if key[2] != here:
            raise ConfigError(
                f"A random walk from {here} stays among {here}, and {relation!r} leads to {key[2]}."
            )
        length = check.check_amount(walk_len, "The number of steps")
        walk = Walk(length, check.check_positive(p, "p"), check.check_positive(q, "q"))
        return self._go(Hop(self.place, here, (key,), by="random", walk=walk))

    def SubGraph(self, relation: str = "", num_nbrs: Sequence[int] = ()) -> Chain:
        """With all edges between the nodes that it leads to.

        Args:
            relation: To walk first, out and back by turns where its ends are of different types.
            num_nbrs: How many a node, a hop each.
        """
        chain = self
        for count in num_nbrs:
            kind = chain._here()
            out = any(
                key[0] == kind and relation in (key[1], key[2])
                for edge in self.schema.edges
                for key in (edge.key, edge.reverse_key)
            )
            chain = (chain.outV(relation) if out else chain.inV(relation)).sample(count)
        return replace(chain, induced=True)

    def sample(self, count: int) -> Chain:
        """With so many draws a node of the step's origin; at random unless `by` says how."""
        self._last("sample")
        return self._with(count=check.check_amount(count, "The count"))

    def by(self, strategy: str) -> Chain:
        """With a strategy of drawing."""
        hop = self._last("by")
        name = _text(strategy, "by takes the name of a strategy")
        return self._with(by=check.check_strategy(name, hop.negative))

    def filter(self, alias: str) -> Chain:
        """Without the nodes of an alias."""
        self._last("filter", ends=True)
        return self._with(without=_text(alias, "filter takes an alias"))

    def where(self, condition: str, like: Mapping[str, Any] | None = None) -> Chain:
        """With what meets conditions alone; or with negatives that are like other nodes.

        Args:
            condition: As text, such as "year >= 2000 and edge.rating > 3"; with `like`, the alias
                of the nodes that negatives are to be like.
            like: "batch_share", "unique", and attributes with their shares as "int_cols" and
                "int_props", "float_…" and "str_…"; or "shares", from attributes to shares.
        """
        text = _text(condition, "where takes conditions as text")
        if like is not None:
            self._last("where")
            return self._with(like=_likeness(text, like))
        edges = self.place == 0 and self.start.edge is not None
        given = tuple(
            replace(one, of_edge=True) if edges or self.at_edges else one
            for one in read_conditions(text)
        )
        if self.place:
            self._last("where", ends=True)
            return self._with(where=self.hops[self.place - 1].where + given)
        if not edges and any(one.of_edge for one in given):
            raise ConfigError(f"No edges lead to the seeds, which are of type {self.start.type}.")
        return replace(self, start=replace(self.start, where=self.start.where + given))

    def each(self, branches: Callable[[Chain], Chain | tuple[Chain, ...]]) -> Chain:
        """With several ways on from here.

        Args:
            branches: From a chain to those that go on from it.

        >>> from graph.latent import latent_schema
        >>> users = start_at_nodes(latent_schema(), "user")
        >>> ways = users.each(lambda u: (u.outV("item").sample(3), u.outNeg("item").sample(2)))
        >>> str(ways.query)
        'user > (item:3, not item:2)'
        """
        rule = "each takes a function from a chain to those that go on from it."
        if not callable(branches):
            raise ConfigError(rule)
        made = branches(self)
        hops, induced = list(self.hops), self.induced
        first = len(hops)
        for branch in made if isinstance(made, tuple | list) else (made,):
            if not isinstance(branch, Chain) or not branch._goes_on_from(self):
                raise ConfigError(rule)
            shift = len(hops) - first
            for at, hop in enumerate(branch.hops[:first]):
                hops[at] = hops[at] if hop == self.hops[at] else hop
            hops += [
                replace(hop, origin=hop.origin + shift * (hop.origin > first))
                for hop in branch.hops[first:]
            ]
            induced = induced or branch.induced
        return replace(self, hops=tuple(hops), induced=induced)

    def _goes_on_from(self, other: Chain) -> bool:
        ways = zip(self.hops, other.hops, strict=False)
        return (
            self.start == other.start
            and len(self.hops) >= len(other.hops)
            and all((a.origin, a.type, a.edges) == (b.origin, b.type, b.edges) for a, b in ways)
        )

    def _here(self) -> str:
        """The type of the nodes that it stands at."""
        if self.at_edges or (self.place == 0 and self.start.edge):
            raise ConfigError("This stands at edges: go on from their ends, with inV() or outV().")
        return self.hops[self.place - 1].type if self.place else self.start.type

    def _at_start(self, what: str) -> None:
        if self.place:
            raise ConfigError(f"{what} is of the seeds: write it before the first step.")

    def _last(self, what: str, ends: bool = False) -> Hop:
        hop = self.hops[self.place - 1] if self.place else None
        if hop is None or hop.walk or (hop.end and not ends):
            raise ConfigError(f"{what} is of a step: write it behind outV, inV, outE, inE or Neg.")
        return hop

    def _with(self, **changes: Any) -> Chain:
        """The same with a changed last hop."""
        at = self.place - 1
        hop = replace(self.hops[at], **changes)
        return replace(self, hops=(*self.hops[:at], hop, *self.hops[at + 1 :]))

    def _go(self, hop: Hop) -> Chain:
        hops = (*self.hops, hop)
        return replace(self, hops=hops, place=len(hops), at_edges=False)

    def _end(self, end: str, relations: tuple[str, ...]) -> Chain | None:
        """An end of the edges that it stands at; None where it stands at nodes."""
        seeds = self.place == 0 and self.start.edge is not None
        if relations or not (seeds or self.at_edges):
            return None
        if seeds:
            assert self.start.edge is not None
            kind = self.start.edge[0] if end == "source" else self.start.edge[2]
            return self._go(Hop(0, kind, (), end=end))
        hop = self.hops[self.place - 1]
        if end == "target":
            return replace(self, at_edges=False)
        origin = self.hops[hop.origin - 1].type if hop.origin else self.start.type
        return self._go(Hop(self.place, origin, (), end=end))

    def _step(self, relations: tuple[str, ...], back: bool, negative: bool = False) -> Chain:
        self._here()
        edges = self._edges(relations, back)
        return self._go(Hop(self.place, edges[0][2], edges, by="", negative=negative))

    def _edges(self, relations: tuple[str, ...], back: bool) -> tuple[Key, ...]:
        here = self._here()
        for name in relations:
            _text(name, "A step takes names of relations")
        if not relations:
            raise ConfigError(f"Along which relation does it go on from {here}?")
        if len(relations) == 1 and relations[0] in self.schema.types:
            return check.edges_between(self.schema, here, relations[0])
        ways = [key for edge in self.schema.edges for key in (edge.key, edge.reverse_key)]
        ways = [check.opposite(self.schema, key) for key in ways] if back else ways
        called = {
            (check.opposite(self.schema, key) if back else key)[1]: key[2]
            for key in ways
            if key[0] == here
        }
        ends = {called[name] for name in relations if name in called}
        for name in relations:
            if name not in called:
                known = ", ".join(called) or "none"
                raise ConfigError(
                    f"No edges {name!r} {'come to' if back else 'go from'} {here};"
                    f"{near(name, called)} there are {known}."
                )
        if len(ends) > 1:
            raise ConfigError(
                f"One step leads to one type, and these lead to {' and '.join(ends)}."
            )
        return check.edges_between(self.schema, here, ends.pop(), relations, back)


def _complete(hop: Hop) -> Hop:
    """With the strategy that a step has when none was said."""
    usual = "random" if hop.negative or hop.count else "full"
    return check.check_hop(replace(hop, by=hop.by or usual))


def _likeness(alias: str, given: Mapping[str, Any]) -> Likeness:
    if not isinstance(given, Mapping):
        raise ConfigError("What negatives are like stands in a dictionary behind the alias.")
    sides = ("int", "float", "str")
    known = ["batch_share", "unique", "shares"]
    known += [f"{side}_{part}" for side in sides for part in ("cols", "props")]
    for name in given:
        if name not in known:
            raise ConfigError(
                f"where knows no {name!r};{near(str(name), known)} it knows {', '.join(known)}."
            )
    shares = dict(given.get("shares", {}))
    for side in sides:
        columns, parts = (list(given.get(f"{side}_{part}", ())) for part in ("cols", "props"))
        if len(columns) != len(parts):
            raise ConfigError(f"{side}_cols and {side}_props are not of one length.")
        shares |= dict(zip(columns, parts, strict=True))
    for name, share in shares.items():
        _text(name, "Attributes that negatives have in common are given by name")
        check.check_positive(share, f"The share of {name!r}")
    pairs = tuple((name, float(share)) for name, share in shares.items())
    flags = bool(given.get("batch_share", False)), bool(given.get("unique", False))
    return check.check_likeness(Likeness(alias, pairs, *flags))


def _text(value: object, rule: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{rule}, not {value!r}.")
    return value
