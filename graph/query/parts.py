"""What a query is made of: its start, its hops, and what they say of nodes and edges."""

from __future__ import annotations

from dataclasses import dataclass, field

from graph.schema import Key

Value = int | float | str
STRATEGIES = (
    "random",
    "random_without_replacement",
    "topk",
    "edge_weight",
    "in_degree",
    "full",
    "latest",
)
"""How a hop chooses among edges; `graph.sample` has them."""
OWN = ("focal",)
"""What a strategy may be called that is given to a sampler; none is there otherwise."""
NEGATIVES = ("random", "in_degree", "node_weight")
"""How a hop chooses nodes to which no edge leads."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What an attribute has to say of a node or an edge for it to stay.

    Attributes:
        attribute: Its name; of edges also "time" and "weight".
        operator: One of = != < <= > >= in.
        value: To compare with; several for "in".
        of_edge: Whether it is an attribute of the edge; of the node otherwise.
        at: Letters before it in the text of the query; -1 where there is none.
    """

    attribute: str
    operator: str
    value: Value | tuple[Value, ...]
    of_edge: bool = False
    at: int = field(default=-1, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Likeness:
    """What negatives have in common with the nodes that they stand against.

    Attributes:
        alias: Of the nodes that they are to be like.
        shares: Attributes, and the share of the negatives of which each is equal; together at most
            1. The rest may be any.
        shared: Whether all seeds of a batch have the same negatives.
        unique: Whether none is drawn twice.
    """

    alias: str
    shares: tuple[tuple[str, float], ...] = ()
    shared: bool = False
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """Where a query begins: nodes of a type, or edges of one.

    Attributes:
        type: Of the nodes; of the source nodes where the seeds are edges.
        edge: The edges that are seeds, if they are.
        batch: Seeds a batch; None leaves it to the loader.
        shuffle: None in their order, True a permutation an epoch, False drawn with replacement
            without end.
        alias: What its nodes (or edges) are called in the answer.
        where: What seeds have to be.
    """

    type: str
    edge: Key | None = None
    batch: int | None = None
    shuffle: bool | None = None
    alias: str = ""
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Walk:
    """A random walk: node2vec's, of second order unless p and q are 1.

    Attributes:
        length: Steps.
        p: Return parameter.
        q: In-out parameter.

    Source: Grover and Leskovec, node2vec, section 3.2.
    """

    length: int
    p: float = 1.0
    q: float = 1.0


@dataclass(frozen=True, slots=True)
class Hop:
    """A step from the nodes of the start or of another hop.

    Attributes:
        origin: Where it starts: 0 is the start, n the n-th hop.
        type: Of the nodes that it leads to.
        edges: Kinds of edges, in the direction in which they are walked; of a negative, those that
            must not be there, and none where any node will do. None for the ends of edges.
        count: How many a node of the origin; None for all.
        by: The strategy, one of `STRATEGIES`, `OWN` or `NEGATIVES`.
        end: "source" or "target" if it is no step but that end of the edges of its origin, which
            are seeds or what the hop there walked; "" otherwise.
        negative: Whether it draws what is not joined.
        like: What negatives have in common with others, if they have to.
        walk: How it walks, if it is a random walk; it then leads to the nodes of every step.
        alias: What its nodes are called in the answer.
        edge_alias: What its edges are called in the answer.
        where: What its nodes and edges have to be.
        without: Alias of nodes that it must not lead to.
    """

    origin: int
    type: str
    edges: tuple[Key, ...]
    count: int | None = None
    by: str = "full"
    end: str = ""
    negative: bool = False
    like: Likeness | None = None
    walk: Walk | None = None
    alias: str = ""
    edge_alias: str = ""
    where: tuple[Condition, ...] = ()
    without: str = ""
