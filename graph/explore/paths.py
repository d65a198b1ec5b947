"""Instances of a metapath: how many there are and how far they reach, one by one, in streams.

A metapath is a query that goes one way and takes all edges: a chain without counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Any

import numpy as np

from data.errors import ConfigError
from data.relation import Relation
from graph.hetero import HeteroGraph
from graph.query.check import opposite
from graph.query.query import Condition, Query
from graph.sample.conditions import holds_of_edges, holds_of_nodes
from graph.schema import Key

OTHERS = -1
"""Stands for all nodes of a step that are not shown by themselves."""
_EXACT = 2.0**62


@dataclass(frozen=True, slots=True)
class Coverage:
    """Reach of a metapath.

    Attributes:
        metapath: As text.
        instances: All of them.
        starts: Share of start nodes from which at least one instance goes.
        ends: Share of end nodes at which at least one arrives.
        median_per_end: Median number of instances that arrive at an end node.
    """

    metapath: str
    instances: int
    starts: float
    ends: float
    median_per_end: float


def coverage(graph: HeteroGraph, metapath: Query) -> Coverage:
    """Instances of a metapath and the shares of nodes it touches.

    Raises:
        ConfigError: the query is no metapath, or there are more than 2^62.
    """
    steps = _Steps.of(graph, metapath)
    ends, starts = _arrivals(steps, str(metapath)), _arrivals(steps.backwards, str(metapath))
    return Coverage(
        str(metapath),
        int(ends.sum()),
        float((starts > 0).mean()),
        float((ends > 0).mean()),
        float(np.median(ends)),
    )


def count_instances(graph: HeteroGraph, metapath: Query, start: int | None = None) -> int:
    """The number of instances: walks along distinct edges that never step straight back.

    Two interactions of one user with one item are one edge. `u > q > u` thus counts ordered pairs
    of different users once for every factor they share.

    Args:
        graph: To walk in.
        metapath: To follow.
        start: Number of the node that they start from; any by default.

    Raises:
        ConfigError: the query is no metapath, or there are more than 2^62.
    """
    return int(arrivals(graph, metapath, start).sum())


def arrivals(graph: HeteroGraph, metapath: Query, start: int | None = None) -> np.ndarray:
    """(size of the last type,) int64 instances that end at each node, from `start` if it is given.

    Raises:
        ConfigError: the query is no metapath, or there are more than 2^62.
    """
    steps = _Steps.of(graph, metapath)
    if start is not None:
        _check_node(graph, metapath.types[0], start)
        steps.allowed[0] &= np.arange(len(steps.allowed[0])) == start
    return _arrivals(steps, str(metapath))


def _arrivals(steps: _Steps, metapath: str) -> np.ndarray:
    """(size of the last type,) int64 walks that end at each node.

    With A the edges of a step and p the walks that end at each node, the next p is Aᵀ p, less the
    walks that would return to where they just came from. A node w that p(w) walks had reached sent
    p(w) * (degree of w) of them on, each but to its own predecessor, and each could return once.
    """
    returns = [steps.returns(number) for number in range(len(steps.hops))]
    if None in returns:
        return _arrivals_by_edge(steps, metapath)
    walks, sent_on = steps.allowed[0].astype(np.int64), None
    for number, may_return in enumerate(returns):
        matrix = steps.matrix(number)
        _check_exact(matrix, walks, metapath)
        after = matrix.T @ walks
        if may_return:
            after = after - sent_on
        sent_on = walks * (np.diff(matrix.indptr) - int(bool(may_return)))
        walks = after
    return walks


def _arrivals_by_edge(steps: _Steps, metapath: str) -> np.ndarray:
    """The same where only some walks have an edge to return by.

    With X the walks whose last step was each edge, the next X is diag(p) A, less what Xᵀ and A
    have in common.
    """
    walks, by_edge = steps.allowed[0].astype(np.int64), None
    for number in range(len(steps.hops)):
        matrix = steps.matrix(number)
        _check_exact(matrix, walks, metapath)
        last, by_edge = by_edge, matrix.multiply(walks[:, None]).tocsr()
        if last is not None and steps.types[number - 1] == steps.types[number + 1]:
            by_edge = by_edge - matrix.multiply(last.T)
        walks = np.asarray(by_edge.sum(0)).ravel()
    return walks


def _check_exact(edges: Any, walks: np.ndarray, metapath: str) -> None:
    total = float((edges.T @ walks.astype(float)).sum())
    if total > _EXACT:
        raise ConfigError(
            f"The metapath {metapath!r} has more than 2^62 instances. Count a shorter one."
        )


def instances(
    graph: HeteroGraph,
    metapath: Query,
    start: int,
    end: int | None = None,
    *,
    limit: int = 1000,
) -> list[tuple[int, ...]]:
    """At most `limit` instances, each a node number for every type of the metapath.

    Those through the latest interactions come first. What counts as an instance is what
    `count_instances` counts.

    Args:
        graph: To walk in.
        metapath: To follow.
        start: Number of a node of the first type.
        end: Number of a node of the last type; any by default.
        limit: Most instances.

    Raises:
        ConfigError: the query is no metapath, or the graph has no such node.
    """
    steps = _Steps.of(graph, metapath)
    _check_node(graph, metapath.types[0], start)
    if not steps.allowed[0][start]:
        return []
    reaching = None
    if end is not None:
        _check_node(graph, metapath.types[-1], end)
        reaching = steps.towards(end)
    return list(islice(_walk(steps, (start,), reaching), limit))


def _walk(
    steps: _Steps, path: tuple[int, ...], reaching: list[np.ndarray] | None
) -> Iterator[tuple[int, ...]]:
    at = len(path)
    if at > len(steps.hops):
        yield path
        return
    near = _near(steps.hops[at - 1].relations, path[-1])
    if reaching is not None:
        near = near[reaching[at][near]]
    back = path[-2] if at > 1 and steps.types[at - 2] == steps.types[at] else None
    for node in near.tolist():
        if node != back:
            yield from _walk(steps, (*path, node), reaching)


def _check_node(graph: HeteroGraph, node_type: str, node: int) -> None:
    if not 0 <= node < graph.size(node_type):
        raise ConfigError(
            f"There is no {node_type} {node}; the graph has the numbers 0 to "
            f"{graph.size(node_type) - 1}."
        )


def neighbours(graph: HeteroGraph, a: str, b: str, node: int) -> np.ndarray:
    """(degree,) int32 distinct nodes of type `b` next to `node` of type `a`.

    Along edges with times the latest come first; factors come by level, members of a factor by
    number.
    """
    return _near([relation for _, _, relation in graph.joining(a, b)], node)


def _near(relations: Sequence[Relation], node: int) -> np.ndarray:
    rows = [one.of(node)[:: 1 if one.times is None else -1] for one in relations]
    every = rows[0] if len(rows) == 1 else np.concatenate([np.zeros(0, dtype=np.int32), *rows])
    distinct = dict.fromkeys(every.tolist())
    return every if len(distinct) == len(every) else np.array(list(distinct), dtype=np.int32)


def check_metapath(query: Query) -> None:
    """Nothing, if a query is a metapath: one way on, along all edges.

    Raises:
        ConfigError: it is not.
    """
    where = f"The metapath {str(query)!r}"
    if not query.hops:
        raise ConfigError(
            f"{where} has fewer than two nodes; write types with > between them, for instance "
            "'user > item'."
        )
    if not query.is_path or query.start.edge is not None:
        raise ConfigError(f"{where} is none: it starts at nodes and goes on one way, a > b > c.")
    for hop in query.hops:
        if hop.negative or hop.walk or hop.end or hop.without or hop.count or hop.by != "full":
            raise ConfigError(
                f"{where} draws of what leads to {hop.type}, and a metapath takes all edges: "
                "leave out the count and what follows it, up to where."
            )


@dataclass(frozen=True, slots=True)
class _Hop:
    """The edges of one step that may be walked.

    Attributes:
        keys: Their kinds.
        relations: They, a relation a kind.
        whole: Whether all edges of these kinds are among them.
    """

    keys: tuple[Key, ...]
    relations: tuple[Relation, ...]
    whole: bool


@dataclass(frozen=True)
class _Steps:
    """A metapath in a graph: where walks may start, and the edges of every step.

    Attributes:
        graph: To walk in.
        types: Of the nodes, one more than steps.
        allowed: (size,) bool which nodes of each type may be on a walk.
        hops: What may be walked, step by step.
        matrices: Of steps that take all edges of their kinds, once they are made.
    """

    graph: HeteroGraph
    types: tuple[str, ...]
    allowed: list[np.ndarray]
    hops: list[_Hop]
    matrices: dict[tuple[Key, ...], Any] = field(default_factory=dict)

    @classmethod
    def of(cls, graph: HeteroGraph, query: Query) -> _Steps:
        """The steps of a metapath."""
        check_metapath(query)
        wheres = [query.start.where, *(hop.where for hop in query.hops)]
        allowed = []
        for kind, where in zip(query.types, wheres, strict=True):
            mask = np.ones(graph.size(kind), dtype=bool)
            for condition in where:
                if not condition.of_edge:
                    mask &= holds_of_nodes(graph, kind, condition)
            allowed.append(mask)
        hops = [
            _hop(graph, hop.edges, hop.where, mask)
            for hop, mask in zip(query.hops, allowed[1:], strict=True)
        ]
        return cls(graph, query.types, allowed, hops)

    @property
    def backwards(self) -> _Steps:
        """The same from its end."""
        hops = [
            _Hop(
                tuple(opposite(self.graph.schema, key) for key in hop.keys),
                tuple(
                    self.graph.relation(opposite(self.graph.schema, key))
                    if hop.whole and mask.all()
                    else one.only(mask[one.sources]).transpose()
                    for key, one in zip(hop.keys, hop.relations, strict=True)
                ),
                hop.whole and bool(mask.all()),
            )
            for hop, mask in zip(self.hops, self.allowed, strict=False)
        ]
        return _Steps(self.graph, self.types[::-1], self.allowed[::-1], hops[::-1])

    def returns(self, number: int) -> bool | None:
        """Whether walks can step back by the step of a number; None if only some can."""
        if number == 0 or self.types[number - 1] != self.types[number + 1]:
            return False
        before, hop = self.hops[number - 1], self.hops[number]
        back = {opposite(self.graph.schema, key) for key in before.keys}
        return True if hop.whole and back <= set(hop.keys) else None

    def matrix(self, number: int) -> Any:
        """(size of a type, size of the next) scipy CSR of int64 ones, an edge each, none twice."""
        from scipy.sparse import csr_matrix

        keys = self.hops[number].keys
        if self.hops[number].whole and keys in self.matrices:
            return self.matrices[keys]
        relations, (a, b) = self.hops[number].relations, self.types[number : number + 2]
        targets = np.concatenate([np.zeros(0, dtype=np.int32), *(one.targets for one in relations)])
        ones, shape = (
            np.ones(len(targets), dtype=np.int64),
            (self.graph.size(a), self.graph.size(b)),
        )
        if len(relations) == 1:
            matrix = csr_matrix((ones, targets, relations[0].offsets.copy()), shape=shape)
            matrix.sum_duplicates()
        else:
            sources = np.concatenate([targets[:0], *(one.sources for one in relations)])
            matrix = csr_matrix((ones, (sources, targets)), shape=shape)
        matrix.data[:] = 1
        if self.hops[number].whole:
            self.matrices[keys] = matrix
        return matrix

    def towards(self, end: int) -> list[np.ndarray]:
        """For every type of the path, a mask of the nodes from which the end can be reached."""
        mask = np.zeros(self.graph.size(self.types[-1]), dtype=bool)
        mask[end] = self.allowed[-1][end]
        masks = [mask]
        for hop, kind in zip(self.backwards.hops, self.types[-2::-1], strict=True):
            reaching = np.zeros(self.graph.size(kind), dtype=bool)
            for relation in hop.relations:
                reaching[relation.targets[np.repeat(masks[-1], relation.degrees)]] = True
            masks.append(reaching)
        return masks[::-1]


def _hop(
    graph: HeteroGraph, keys: Sequence[Key], where: Sequence[Condition], allowed: np.ndarray
) -> _Hop:
    """The edges of these kinds that meet conditions, to nodes that are allowed."""
    asked = [condition for condition in where if condition.of_edge]
    whole = not asked and bool(allowed.all())
    relations = []
    for key in keys:
        relation = graph.relation(key)
        if not whole:
            kept = allowed[relation.targets]
            for condition in asked:
                kept &= holds_of_edges(graph, key, condition)
            relation = relation.only(kept)
        relations.append(relation)
    return _Hop(tuple(keys), tuple(relations), whole)


@dataclass(frozen=True, slots=True)
class Flow:
    """How instances run through the steps of a metapath.

    Attributes:
        stops: For every step, numbers of its nodes with the most instances, most first; `OTHERS`
            last if there are more.
        passing: For every step, instances through each of its stops.
        merged: For every step, how many nodes `OTHERS` stands for.
        streams: (step, stop there, stop at the next step, instances), by indices into `stops`.
    """

    stops: tuple[tuple[int, ...], ...]
    passing: tuple[tuple[int, ...], ...]
    merged: tuple[int, ...]
    streams: tuple[tuple[int, int, int, int], ...]


def flow(paths: Sequence[tuple[int, ...]], most: int = 12) -> Flow:
    """The streams of some instances of one metapath, from `instances`.

    Args:
        paths: A node number for every step.
        most: Nodes that a step shows by themselves.

    >>> flow([(0, 5, 1), (0, 5, 2), (0, 6, 2)]).streams
    ((0, 0, 0, 2), (0, 0, 1, 1), (1, 0, 0, 1), (1, 0, 1, 1), (1, 1, 0, 1))
    """
    steps = list(zip(*paths, strict=True))
    through = [Counter(step) for step in steps]
    ranked = [
        [node for node, _ in sorted(count.items(), key=lambda pair: (-pair[1], pair[0]))]
        for count in through
    ]
    kept = [{node: at for at, node in enumerate(nodes[:most])} for nodes in ranked]
    places = [
        [at.get(node, len(at)) for node in step] for at, step in zip(kept, steps, strict=True)
    ]
    streams: Counter[tuple[int, int, int]] = Counter()
    for number, (here, there) in enumerate(pairwise(places)):
        streams.update((number, a, b) for a, b in zip(here, there, strict=True))
    merged = tuple(len(nodes) - len(at) for nodes, at in zip(ranked, kept, strict=True))
    sums = [Counter(place) for place in places]
    return Flow(
        tuple((*at, OTHERS) if more else tuple(at) for at, more in zip(kept, merged, strict=True)),
        tuple(tuple(count[at] for at in range(len(count))) for count in sums),
        merged,
        tuple((*stream, n) for stream, n in sorted(streams.items())),
    )
