"""A graph of any types of nodes and edges: a schema, and one relation for every type of edges."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data import atomic
from data.columns import LEAST_CLOCK
from data.errors import DataError
from data.relation import Relation
from data.seconds import Times, moments_of
from graph.schema import EdgeType, Key, NodeType, Schema
from graph.stored import OFFSETS, Parts, arrays_of, read_parts, write_parts
from graph.values import Values, take

if TYPE_CHECKING:
    from graph.exchange.build import Edges, Nodes
    from graph.query.gsl import Chain


@dataclass(frozen=True)
class HeteroGraph:
    """Typed nodes, numbered from 0 within their type, and typed edges.

    Attributes:
        schema: The types.
        sizes: Number of nodes, by type.
        edges: A relation for every type of edges, by (source, relation, target). The other way
            round is made when it is asked for, unless it is given as well.
        attributes: What is known of nodes, by type and name. "id", "label" and "terms", texts, are
            how a person finds them; "level", numbers, is that of the codebook of factors; "time",
            int64 seconds, is from when a node exists.
        trusted: Whether the ends of edges, and their order, were checked before.
        edge_attributes: What is known of edges, by the key that the schema declares and by name, in
            the order of the declared relation: the number of an edge is its row.

    Raises:
        ConfigError: a type is named that the schema has not.
        DataError: arrays do not fit each other or the schema.

    >>> from graph.schema import NodeType
    >>> shop = Schema((NodeType("user"), NodeType("item")), (EdgeType("user", "buys", "item"),))
    >>> bought = Relation.between(np.array([0, 1, 1]), np.array([2, 0, 2]), 2, 3)
    >>> graph = HeteroGraph(shop, {"user": 2, "item": 3}, {("user", "buys", "item"): bought})
    >>> graph.relation(("item", "rev_buys", "user")).of(2).tolist()
    [0, 1]
    """

    schema: Schema
    sizes: Mapping[str, int]
    edges: Mapping[Key, Relation]
    attributes: Mapping[str, Mapping[str, Values]] = field(default_factory=dict)
    edge_attributes: Mapping[Key, Mapping[str, Values]] = field(default_factory=dict)
    trusted: InitVar[bool] = False
    _reverses: dict[Key, Relation] = field(default_factory=dict, init=False, repr=False)
    _places: dict[str, dict[Any, int]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self, trusted: bool) -> None:
        for kind in [*self.sizes, *self.attributes]:
            self.schema.check(kind)
        for kind in self.schema.types:
            if kind not in self.sizes:
                raise DataError(f"How many nodes of type {kind} are there? sizes does not say.")
        for key, relation in self.edges.items():
            self._check(key, relation)
            if not trusted:
                self._check_edges(key, relation)
        for edge in self.schema.edges:
            if edge.key not in self.edges:
                raise DataError(
                    "There are no edges {} -{}-> {}; give some, or none.".format(*edge.key)
                )
        for kind, values in self.attributes.items():
            for name, column in values.items():
                if len(column) != self.size(kind):
                    raise DataError(
                        f"The attribute {name} has {len(column)} values for {self.size(kind)} "
                        f"nodes of type {kind}."
                    )

        for key, about in self.edge_attributes.items():
            self._check_about(key, about, trusted)

    def _check_about(self, key: Key, about: Mapping[str, Values], trusted: bool) -> None:
        edge = self.schema.edge(key)
        where = "edges {} -{}-> {}".format(*key)
        if key != edge.key:
            raise DataError(
                f"Attributes of the {where} are those of {edge.source} -{edge.relation}-> "
                f"{edge.target}, which the schema declares; give them by that name, in that order."
            )
        relation = self.edges[key]
        numbers = relation.numbers
        most = len(relation.targets)
        if numbers is not None and not trusted:
            most = int(numbers.max()) + 1 if len(numbers) else 0
        for name, column in about.items():
            if len(column) != most and (numbers is None or len(column) < most):
                raise DataError(
                    f"The attribute {name} has {len(column)} values for {most} {where}."
                )

    def _check(self, key: Key, relation: Relation) -> None:
        """Sizes, which cost nothing to look at."""
        where = "The edges {} -{}-> {}".format(*key)
        ends = len(relation), relation.n_targets
        if ends != (self.size(key[0]), self.size(key[2])):
            raise DataError(
                f"{where} are from {ends[0]} nodes to {ends[1]}; the graph has "
                f"{self.size(key[0])} and {self.size(key[2])}."
            )
        m = len(relation.targets)
        if int(relation.offsets[-1]) != m:
            raise DataError(
                f"{where} have {m} targets, and their offsets say {relation.offsets[-1]}."
            )
        for name, part in arrays_of(relation).items():
            if name != OFFSETS and len(part) != m:
                raise DataError(f"{where} have {len(part)} {name} for {m} edges.")
        if self.schema.edge(key).timed and relation.times is None:
            raise DataError(f"{where} have no times, and the schema says that they have.")

    def _check_edges(self, key: Key, relation: Relation) -> None:
        """Every edge: that it leads to a node, and does not come before an older one."""
        where, targets = "The edges {} -{}-> {}".format(*key), relation.targets
        if len(targets) and not (targets.min() >= 0 and targets.max() < relation.n_targets):
            row = int(np.flatnonzero((targets < 0) | (targets >= relation.n_targets))[0])
            raise DataError(
                f"{where} lead to node {targets[row]} in row {row}; the numbers are 0 to "
                f"{relation.n_targets - 1}."
            )
        if relation.times is not None and len(targets):
            falls = np.flatnonzero(relation.times[1:] < relation.times[:-1]) + 1
            odd = falls[~np.isin(falls, relation.offsets)]
            if len(odd):
                raise DataError(
                    f"{where} are not in the order of their times in row {odd[0]}: each source's "
                    "oldest come first. Make the relation by Relation.between."
                )

    def __repr__(self) -> str:
        many = ", ".join(f"{kind} {self.sizes[kind]:,}" for kind in self.schema.types)
        edges = [
            "{} -{}-> {} {:,}".format(*edge.key, len(self.edges[edge.key].targets))
            for edge in self.schema.edges
        ]
        return f"HeteroGraph({'; '.join([many, *edges])})"

    def size(self, kind: str) -> int:
        """Number of nodes of a type.

        Raises:
            ConfigError: there is no such type.
        """
        self.schema.check(kind)
        return self.sizes[kind]

    def relation(self, key: Key) -> Relation:
        """The edges of a type, in the way that the key says.

        Raises:
            ConfigError: the schema has none.
        """
        edge = self.schema.edge(key)
        if key == edge.key:
            return self.edges[key]
        if key not in self._reverses:
            given = self.edges.get(key)
            if given is None or given.numbers is None:
                turned = self.edges[edge.key].transpose()
                given = turned if given is None else _numbered(given, turned, key)
            self._reverses[key] = given
        return self._reverses[key]

    def edge_values(self, key: Key, name: str) -> Values:
        """An attribute of edges, a row an edge in the order of `relation(key)`, either way.

        Args:
            key: Of the edges, in the way in which they are walked.
            name: Of the attribute; "time" and "weight" are those of the relation.

        Raises:
            ConfigError: there are no such edges.
            DataError: they have no such attribute.
        """
        relation, about = (
            self.relation(key),
            self.edge_attributes.get(self.schema.edge(key).key, {}),
        )
        own = {"time": relation.times, "weight": relation.weights}.get(name)
        if own is not None:
            return own
        if name not in about:
            known = ", ".join([*about]) or "none"
            raise DataError(
                "The edges {} -{}-> {} have no attribute {!r}; there is {}.".format(
                    *key, name, known
                )
            )
        return about[name] if relation.numbers is None else take(about[name], relation.numbers)

    def node_values(self, kind: str, name: str) -> Values:
        """An attribute of nodes, a row a node.

        Raises:
            ConfigError: there is no such type.
            DataError: it has no such attribute.
        """
        self.schema.check(kind)
        about = self.attributes.get(kind, {})
        if name not in about:
            known = ", ".join(about) or "none"
            raise DataError(f"Nodes of type {kind} have no attribute {name!r}; there is {known}.")
        return about[name]

    def numbers(self, kind: str, ids: Sequence[Any] | np.ndarray | str | int) -> np.ndarray:
        """(n,) int64 numbers of the nodes that have these ids.

        Args:
            kind: Their type.
            ids: Several, or one; where ids are texts a number means its text, and where they are
                numbers a text the number that is written so.

        Raises:
            ConfigError: there is no such type.
            DataError: a node is not there.
        """
        size = self.size(kind)
        if kind not in self._places:
            known = self.attributes.get(kind, {}).get("id", range(size))
            listed: Iterable[Any] = known.tolist() if isinstance(known, np.ndarray) else known
            self._places[kind] = {one: number for number, one in enumerate(listed)}
        places = self._places[kind]
        given = np.atleast_1d(ids).tolist() if isinstance(ids, np.ndarray) else ids
        given = [given] if isinstance(given, str | int | np.integer) else list(given)
        texts = isinstance(next(iter(places), None), str)
        wanted = [one if one in places else _as_id(one, texts) for one in given]
        missing = next((one for one in wanted if one not in places), None)
        if missing is not None:
            raise DataError(
                f"There is no {kind} {missing!r} among {size}; ids are such as "
                f"{', '.join(repr(one) for one in list(places)[:3]) or 'none'}."
            )
        return np.array([places[one] for one in wanted], dtype=np.int64)

    def joining(self, a: str, b: str) -> Iterator[tuple[EdgeType, bool, Relation]]:
        """All edges from one type to another: their type, whether that is its own way, and they."""
        for edge in self.schema.between(a, b):
            if (edge.source, edge.target) == (a, b):
                yield edge, True, self.relation(edge.key)
            if (edge.target, edge.source) == (a, b):
                yield edge, False, self.relation(edge.reverse_key)

    def V(self, kind: str, node_from: str = "") -> Chain:  # noqa: N802
        """The beginning of a query, from nodes: `graph.query.gsl` has what follows.

        Args:
            kind: Their type.
            node_from: "source" or "target" where `kind` is a relation whose ends they are.
        """
        from graph.query.gsl import start_at_nodes

        return start_at_nodes(self.schema, kind, node_from)

    def E(self, relation: str, reverse: bool = False) -> Chain:  # noqa: N802
        """The beginning of a query, from edges.

        Args:
            relation: Their name.
            reverse: Whether they are taken the other way round.
        """
        from graph.query.gsl import start_at_edges

        return start_at_edges(self.schema, relation, reverse)

    def neighbours(self, key: Key, node: int) -> np.ndarray:
        """(degree,) int32 nodes that the edges of a type lead to from a node, the oldest first."""
        return self.relation(key).of(node)

    def before(self, times: Mapping[str, Times]) -> HeteroGraph:
        """The part that was there, seen by nodes that stand at a time each.

        An edge with a time stays if it is strictly older than each of its ends that has one; edges
        without times stay.

        Args:
            times: (n,) of the nodes, or one for all of them, by type; seconds, or whatever
                `seconds_of` reads.
        """
        known = {kind: moments_of(one, f"times of {kind}") for kind, one in times.items()}
        seen = dict(self.edges)
        for edge in self.schema.edges:
            if edge.timed:
                seen.pop(edge.reverse_key, None)
                seen[edge.key] = _older(
                    self.edges[edge.key], *map(known.get, (edge.source, edge.target))
                )
        return HeteroGraph(self.schema, self.sizes, seen, self.attributes, self.edge_attributes)

    def extend(
        self,
        edges: Mapping[EdgeType, Relation],
        nodes: Mapping[NodeType, int] | None = None,
        attributes: Mapping[str, Mapping[str, Values]] | None = None,
    ) -> HeteroGraph:
        """The graph with further types of edges, and of the nodes that they lead to.

        Args:
            edges: A relation for each further type of edges.
            nodes: How many there are of each further type of nodes.
            attributes: Of these, by type and name.

        Raises:
            ConfigError: a type is declared twice, or one is named that there is not.
            DataError: arrays do not fit.
        """
        more = nodes or {}
        schema = Schema((*self.schema.nodes, *more), (*self.schema.edges, *edges))
        return HeteroGraph(
            schema,
            {**self.sizes, **{node.name: n for node, n in more.items()}},
            {**self.edges, **{edge.key: relation for edge, relation in edges.items()}},
            {**self.attributes, **(attributes or {})},
            self.edge_attributes,
        )

    @cached_property
    def clock(self) -> bool:
        """Whether the times of edges are times, and not steps that only put them in order."""
        latest = (one.times.max(initial=0) for one in self.edges.values() if one.times is not None)
        return any(time >= LEAST_CLOCK for time in latest)

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays of edges, without what is made when it is asked for."""
        arrays = [part for one in self.edges.values() for part in arrays_of(one).values()]
        return sum({id(array): array.nbytes for array in arrays}.values())

    @classmethod
    def of(cls, nodes: Nodes, edges: Edges, schema: Schema | None = None) -> HeteroGraph:
        """A graph from tables, with ids of any kind; "id" then tells what each node is called.

        Args:
            nodes: By type: columns by name, a table of polars, pandas or Arrow, a CSV or Parquet
                file, a folder of such files, a `Table` that says which column is what, or how many
                there are where edges hold numbers from 0. Nodes of other types are made of the ids
                that edges name.
            edges: By (source, relation, target): the same.
            schema: The types; told from the tables where it is not given.

        Raises:
            ConfigError: a type or a column is named that there is not.
            DataError: a value cannot be used; the sentence says where it stands.

        >>> bought = {"user": ["ann", "bob", "ann"], "item": [7, 7, 9], "time": [3, 2, 1]}
        >>> graph = HeteroGraph.of({}, {("user", "buys", "item"): bought})
        >>> graph.attributes["user"]["id"], graph.relation(("user", "buys", "item")).of(0).tolist()
        (('ann', 'bob'), [1, 0])
        """
        from graph.exchange.build import build

        return cls(*build(nodes, edges, schema).all)

    def save(self, directory: Path, both_ways: bool = False) -> None:
        """All of it in `directory`: arrays as safetensors, the rest as JSON.

        Args:
            directory: Made if it is not there.
            both_ways: Whether reverses are stored as well. A graph that is too large for memory
                has to hold them; of others they are made when they are asked for.
        """
        edges = dict(self.edges)
        if both_ways:
            edges |= {one.reverse_key: self.relation(one.reverse_key) for one in self.schema.edges}
        parts = Parts(self.schema, self.sizes, edges, self.attributes, self.edge_attributes)
        write_parts(directory, parts)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path, mapped: bool = False) -> HeteroGraph:
        """The graph stored by `save`.

        Args:
            directory: Where it is.
            mapped: Whether arrays stay on disk and are read as they are used. Edges are then not
                looked at again: they were when they were stored.

        Raises:
            ArtifactError: it is missing or damaged.
        """
        return cls(*read_parts(directory, mapped).all, trusted=mapped)


def _as_id(given: Any, texts: bool) -> Any:
    """An id of the other kind that is written the same, or what was given."""
    if texts:
        whole = isinstance(given, int | np.integer) and not isinstance(given, bool)
        return str(given) if whole else given
    plain = isinstance(given, str) and re.fullmatch("0|-?[1-9][0-9]{0,18}", given)
    return int(given) if plain else given


def _numbered(given: Relation, turned: Relation, key: Key) -> Relation:
    """The edges that were given the other way round, with the numbers of those they reverse.

    Raises:
        DataError: they are others.
    """
    one, other = (
        np.lexsort((edges.targets, *([] if edges.times is None else [edges.times]), edges.sources))
        for edges in (given, turned)
    )
    same = np.array_equal(given.offsets, turned.offsets) and all(
        part is not None and np.array_equal(part[one], turned_part[other])
        for part, turned_part in ((given.targets, turned.targets), (given.times, turned.times))
        if turned_part is not None
    )
    if not same or turned.numbers is None:
        raise DataError(
            "The edges {} -{}-> {} are not those of their reverse. Leave them out: they are made "
            "when they are asked for.".format(*key)
        )
    numbers = np.empty_like(turned.numbers)
    numbers[one] = turned.numbers[other]
    return replace(given, numbers=numbers)


def _older(relation: Relation, sources: np.ndarray | None, targets: np.ndarray | None) -> Relation:
    """The edges that are older than those of their ends that have times."""
    seen = np.ones(len(relation.targets), dtype=bool)
    if sources is not None:
        seen &= relation.moments < np.broadcast_to(sources, len(relation))[relation.sources]
    if targets is not None:
        seen &= relation.moments < np.broadcast_to(targets, relation.n_targets)[relation.targets]
    return relation.only(seen)
