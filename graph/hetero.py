"""A graph of any types of nodes and edges: a schema, and one relation for every type of edges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data import atomic
from data.errors import DataError
from data.relation import Relation
from graph.schema import EdgeType, Key, NodeType, Schema

Values = np.ndarray | tuple[str, ...]
"""An attribute: an array with a row a node, or a text a node."""
_ARRAYS, _ABOUT = "hetero.safetensors", "hetero.json"


@dataclass(frozen=True)
class HeteroGraph:
    """Typed nodes, numbered from 0 within their type, and typed edges.

    Attributes:
        schema: The types.
        sizes: Number of nodes, by type.
        edges: A relation for every type of edges, by (source, relation, target). The other way
            round is made when it is asked for, unless it is given as well.
        attributes: What is known of nodes, by type and name. "id", "label" and "terms", texts, are
            how a person finds them; "level", numbers, is that of the codebook of factors.

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
    _reverses: dict[Key, Relation] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for kind in [*self.sizes, *self.attributes]:
            self.schema.check(kind)
        for kind in self.schema.types:
            if kind not in self.sizes:
                raise DataError(f"How many nodes of type {kind} are there? sizes does not say.")
        for key, relation in self.edges.items():
            self._check(key, self.schema.edge(key).timed, relation)
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

    def _check(self, key: Key, timed: bool, relation: Relation) -> None:
        where = f"The edges {key[0]} -{key[1]}-> {key[2]}"
        ends = len(relation), relation.n_targets
        if ends != (self.size(key[0]), self.size(key[2])):
            raise DataError(
                f"{where} are from {ends[0]} nodes to {ends[1]}; the graph has "
                f"{self.size(key[0])} and {self.size(key[2])}."
            )
        if len(relation.targets) and not (
            relation.targets.min() >= 0 and relation.targets.max() < relation.n_targets
        ):
            odd = (relation.targets < 0) | (relation.targets >= relation.n_targets)
            row = int(np.flatnonzero(odd)[0])
            raise DataError(
                f"{where} lead to node {relation.targets[row]} in row {row}; the numbers are 0 to "
                f"{relation.n_targets - 1}."
            )
        if timed and relation.times is None:
            raise DataError(f"{where} have no times, and the schema says that they have.")

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
        if key in self.edges:
            return self.edges[key]
        if key not in self._reverses:
            self._reverses[key] = self.edges[edge.key].transpose()
        return self._reverses[key]

    def joining(self, a: str, b: str) -> Iterator[tuple[EdgeType, bool, Relation]]:
        """All edges from one type to another: their type, whether that is its own way, and they."""
        for edge in self.schema.between(a, b):
            if (edge.source, edge.target) == (a, b):
                yield edge, True, self.relation(edge.key)
            if (edge.target, edge.source) == (a, b):
                yield edge, False, self.relation(edge.reverse_key)

    def neighbours(self, key: Key, node: int) -> np.ndarray:
        """(degree,) int32 nodes that the edges of a type lead to from a node, the oldest first."""
        return self.relation(key).of(node)

    def before(self, times: Mapping[str, np.ndarray | int]) -> HeteroGraph:
        """The part that was there, seen by nodes that stand at a time each.

        An edge with a time stays if it is strictly older than each of its ends that has one; edges
        without times stay.

        Args:
            times: (n,) seconds of the nodes, or one number for all of them, by type.
        """
        seen = dict(self.edges)
        for edge in self.schema.edges:
            if edge.timed:
                seen.pop(edge.reverse_key, None)
                seen[edge.key] = _older(
                    self.edges[edge.key], *map(times.get, (edge.source, edge.target))
                )
        return HeteroGraph(self.schema, self.sizes, seen, self.attributes)

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
        )

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays of edges, without what is made when it is asked for."""
        arrays = [part for one in self.edges.values() for part in _parts(one).values()]
        return sum({id(array): array.nbytes for array in arrays}.values())

    def save(self, directory: Path) -> None:
        """All of it in `directory`: arrays as safetensors, the rest as JSON."""
        arrays: dict[str, np.ndarray] = {}
        texts: dict[str, dict[str, tuple[str, ...]]] = {}
        for key, relation in self.edges.items():
            arrays |= {"/".join((*key, name)): part for name, part in _parts(relation).items()}
        for kind, values in self.attributes.items():
            for name, column in values.items():
                if isinstance(column, tuple):
                    texts.setdefault(kind, {})[name] = column
                else:
                    arrays[f"{kind}/{name}"] = column
        atomic.write_arrays(directory / _ARRAYS, arrays)
        about = {"schema": self.schema.as_json(), "sizes": dict(self.sizes), "texts": texts}
        atomic.write_json(directory / _ABOUT, about)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> HeteroGraph:
        """The graph stored by `save`."""
        about = atomic.read_json(directory / _ABOUT)
        sizes = about["sizes"]
        parts: dict[Key, dict[str, np.ndarray]] = {}
        attributes: dict[str, dict[str, Values]] = {
            kind: {name: tuple(column) for name, column in values.items()}
            for kind, values in about["texts"].items()
        }
        for path, array in atomic.read_arrays(directory / _ARRAYS).items():
            if path.count("/") == 1:
                kind, name = path.split("/")
                attributes.setdefault(kind, {})[name] = array
            else:
                source, relation, target, name = path.split("/")
                parts.setdefault((source, relation, target), {})[name] = array
        edges = {key: Relation(n_targets=sizes[key[2]], **part) for key, part in parts.items()}
        return cls(Schema.read(about["schema"]), sizes, edges, attributes)


def _older(
    relation: Relation, sources: np.ndarray | int | None, targets: np.ndarray | int | None
) -> Relation:
    """The edges that are older than those of their ends that have times."""
    seen = np.ones(len(relation.targets), dtype=bool)
    if sources is not None:
        seen &= relation.moments < np.broadcast_to(sources, len(relation))[relation.sources]
    if targets is not None:
        seen &= relation.moments < np.broadcast_to(targets, relation.n_targets)[relation.targets]
    return relation.only(seen)


def _parts(relation: Relation) -> dict[str, np.ndarray]:
    """The arrays of a relation that it has."""
    named = {name: getattr(relation, name) for name in ("offsets", "targets", "times", "weights")}
    return {name: array for name, array in named.items() if array is not None}
