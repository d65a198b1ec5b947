"""What recommenders promise, and what only some of them can do.

Whoever trains, judges, lists, explains or places newcomers knows these and nothing else. What only
some can do they declare, and whoever needs it asks with `isinstance`. Read without torch, so that a
page may ask settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor, nn

    from data.dataset import Dataset, Histories
    from recommend.features import Bags
    from recommend.settings import Metapath, ModelConfig, TrainConfig
    from recommend.sources import Sources

B = TypeVar("B")
Code = Sequence[int] | np.ndarray
ALIKE = 20
"""Items that a new one is best taken after: those that share most factors with it, then those whose
texts are most alike. Of 5, 10, 20 and 40, it did best on a tenth of MovieLens-1M's films that were
kept from training (`benchmarks/cold_items.py`, draw 0)."""


@dataclass(frozen=True, slots=True)
class World:
    """What a recommender is fitted on.

    Attributes:
        dataset: Users and items.
        histories: Training interactions.
        sources: What earlier stages give, the same histories among it.
        settings: How it is fitted.
        wanted: (n_users,) the item of each user's validation, for what is chosen by it; None where
            nothing is.
    """

    dataset: Dataset
    histories: Histories
    sources: Sources
    settings: TrainConfig
    wanted: np.ndarray | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose scores are wanted.

    Attributes:
        histories: What each user has done; a recommendation continues it.
        users: (n,) users to score.
        known: (n_users,) positions of each history, from its beginning, that are edges of the
            graph; all of them unless given.
        moment: Seconds at which all users stand, for who looks at times: what others did before it
            may be seen, nothing of later. None: each one right after the own latest interaction.
    """

    histories: Histories
    users: np.ndarray
    known: np.ndarray | None = None
    moment: int | None = None


class Scores(Protocol):
    """Whatever scores items for users."""

    def scores(self, asked: Asked) -> Iterator[tuple[np.ndarray, Tensor]]:
        """User numbers and their (b, n_items) scores, a block of users at a time."""
        ...


class Recommender(Scores, Protocol):
    """What can be fitted, judged, stored and shown.

    Attributes:
        network: Holds all that it has learnt, as parameters and buffers; `model.Model` stores and
            moves it.
    """

    network: nn.Module

    @classmethod
    def of(cls, config: ModelConfig, world: World) -> Self:
        """A fresh one; one that does not learn step by step knows now all that it ever will.

        Raises:
            ConfigError: it does not fit what it is given.
        """
        ...

    @classmethod
    def restore(cls, config: ModelConfig, arrays: dict[str, np.ndarray]) -> Self:
        """One of the same shape, from `arrays` alone; what it had learnt is loaded afterwards."""
        ...

    def arrays(self) -> dict[str, np.ndarray]:
        """What it is built from besides its settings, by name."""
        ...


@runtime_checkable
class Learns(Protocol[B]):
    """A recommender that is trained step by step; others are fitted as soon as they are made."""

    network: nn.Module

    def batches(self, world: World, rng: np.random.Generator) -> tuple[int, Iterator[B]]:
        """How many steps an epoch has, and what each of them reads, in an order of its own."""
        ...

    def loss(self, batch: B) -> tuple[Tensor, int]:
        """() mean loss of a step, and over how many positions it is the mean."""
        ...


class Answers(Protocol):
    """Answers about one user at a time, with what all answers share done before."""

    @property
    def n_items(self) -> int:
        """Items that are ranked, newcomers included."""
        ...

    def after(
        self, user: int, histories: Sequence[np.ndarray], known: np.ndarray
    ) -> Iterator[Tensor]:
        """(n_items,) scores of all items for one user after each of several histories.

        Args:
            user: Number of the user.
            histories: Items, oldest first; none of them empty.
            known: (b,) how many of each, from its beginning, are edges of the graph.
        """
        ...


@runtime_checkable
class Opens(Protocol):
    """A recommender that does once what its answers share, rather than for each of them."""

    def opened(self) -> Answers:
        """What answers in its place, at once."""
        ...


@runtime_checkable
class Vectors(Protocol):
    """Answers whose scores are products of vectors: of a user's several, the best counts."""

    @property
    def items(self) -> Tensor:
        """(n_items, d) vectors of items."""
        ...

    def users(self, histories: Histories) -> Tensor:
        """(n_users, k, d) vectors of all users after their histories, none of them empty."""
        ...


Products = tuple["Tensor", Iterator[tuple[np.ndarray, "Tensor"]]]
"""(n_items, d) items, and a block at a time (b,) users and their (b, k, d) vectors."""


@runtime_checkable
class Multiplies(Protocol):
    """A recommender whose scores are products of vectors: of a user's several, the best counts."""

    def products(self, asked: Asked) -> Products:
        """Vectors whose products are the scores of `Recommender.scores`."""
        ...


@dataclass(frozen=True, slots=True)
class Rows:
    """What items of a history add to the scores of all: scale · Σ_j recency^(items after j) · m_j.

    Attributes:
        of: m, (n_items, n_items) or, of which it is V Vᵀ without its diagonal, V; dense or sparse.
            Or what everybody gets, (1, n_items).
        kind: Which of these: "matrix", "vectors" or "constant".
        scale: What all of it is multiplied by.
        recency: What an item weighs less with every item after it.
        last: Latest items that count; None: all.
    """

    of: Any
    kind: Literal["matrix", "vectors", "constant"] = "matrix"
    scale: float = 1.0
    recency: float = 1.0
    last: int | None = None


@runtime_checkable
class Weighs(Protocol):
    """A recommender whose scores are sums of what the items of a history add, whoever had them."""

    def rows(self) -> Mapping[str, Rows]:
        """What is added up, by name."""
        ...


@runtime_checkable
class Embeds(Protocol):
    """A recommender that has a vector of every user and every item, as training left them.

    Whoever builds upon them has to know that a user's was made with all training interactions of
    that user in view.
    """

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        """(n_users, d) and (n_items, d) float32, whose products rank items."""
        ...


@runtime_checkable
class HasNodes(Protocol):
    """A recommender whose enhancer has a node of every user and every item.

    Whoever builds upon them has to know of users what `Embeds` says.
    """

    def nodes(self) -> tuple[np.ndarray, np.ndarray]:
        """(n_users, d) and (n_items, e) float32."""
        ...


@runtime_checkable
class Surveys(Protocol):
    """Answers for all users at once, of whom it keeps vectors."""

    def users(self, histories: Histories) -> Tensor:
        """(n_users, k, d) vectors of all users after their histories, none of them empty."""
        ...

    def scored(self, vectors: Tensor, histories: Histories, users: np.ndarray) -> Tensor:
        """(b, n_items) scores of all items, newcomers included, for some users.

        Args:
            vectors: (b, k, d) theirs.
            histories: Of all users, by which the vectors were made.
            users: (b,) their numbers.
        """
        ...


@runtime_checkable
class Grows(Protocol):
    """Answers that can be asked of newcomers, too, with which nothing was trained."""

    def with_item(
        self,
        codes: Code | None,
        attributes: Bags,
        alike: np.ndarray | None,
        vector: np.ndarray | None,
        had: np.ndarray | None,
        said: np.ndarray | None = None,
    ) -> Answers:
        """The same with one more item; see `newcomers.placing.with_item`.

        Raises:
            DataError: it cannot know anything of the item.
        """
        ...

    def with_user(
        self, codes: Code | None, attributes: Bags, vector: np.ndarray | None
    ) -> tuple[Answers, int, str]:
        """The same with one more user, the user's number, and a note; see `with_user` there."""
        ...


@runtime_checkable
class Walks(Protocol):
    """Settings of an enhancer that learns along metapaths, each of which can be switched off."""

    metapaths: tuple[Metapath, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Where items would stand if a history lacked one of its items, each in turn.

    Ranks are among all that the rest of the history does not hold, so what was left out is ranked,
    too; `falls` does not count it.

    Attributes:
        items: (m,) int64 items that were left out, the latest first; none of a history of one.
        ranks: (k,) int64 rank of each item asked about after the whole history, best = 1.
        without: (m, k) int64 its rank without each of `items`.
        falls: (m, k) int64 how many more others stand above it then; negative if fewer do.
        whole: Whether `items` are all of the history, or the latest of it.
    """

    items: np.ndarray
    ranks: np.ndarray
    without: np.ndarray
    falls: np.ndarray
    whole: bool


@runtime_checkable
class Explains(Protocol):
    """Can say what moved its scores: it is asked again with one item of the history left out."""

    def left_out(
        self,
        user: int,
        history: np.ndarray,
        items: np.ndarray,
        known: int | None = None,
        among: np.ndarray | None = None,
    ) -> LeftOut:
        """Where `items` would stand without each item of a history.

        Args:
            user: Number by which the recommender knows the user.
            history: (n,) items that the user is taken to have had, oldest first.
            items: (k,) items asked about, none of them in the history.
            known: How many of the history, from its beginning, are edges of the graph; all of
                them unless given.
            among: (n_items,) bool, what is ranked; everything unless given.
        """


@runtime_checkable
class ReadsFactors(Protocol):
    """Reads the codes of users or items, so that a latent factor may have moved its scores."""

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:
        """Levels of the codes of a side that reach its scores; none for a plain recommender.

        Args:
            side: "user" or "item".
            levels: How many there are.
        """


@dataclass(frozen=True, slots=True)
class Ways:
    """Ways to an item within a sample that begin with the same item, along one metapath.

    Attributes:
        metapath: Such as `user > item > user > item`.
        first: Number of the history's item that they begin with; the item itself, where the user
            had it.
        between: (m,) int64 nodes that lead from there to the item, each of them on one way; none
            where there is nothing between the two, or the user had it.
        given: The item's score less its score without the edges of these ways that are on no
            other; infinite where it would have none. Several of them do not add up.
        rank: Its rank without them.
        near: Whether another way leads to it then.
    """

    metapath: str
    first: int
    between: np.ndarray
    given: float
    rank: int
    near: bool

    def __len__(self) -> int:
        return max(len(self.between), 1)


@dataclass(frozen=True, slots=True)
class Around:
    """What a sample of the surroundings of a user has to do with the score of an item.

    Attributes:
        item: Its number.
        score: Its score.
        rank: Its rank among all that the history does not hold, best = 1.
        near: Whether its score is one of the pair: a way leads to it, and pairs are scored.
        ways: All ways that lead to it, those first that gave most.
        pair: The product of what user and item hear of the sample; NaN where it is not near.
        alone: What the vectors of both give it; NaN where none are learnt.
        alone_rank: Its rank if it were scored so, and all else as it is; 0 where none are learnt.
        offset: What is added to the pairs of this user; NaN where nothing is.
        share: What pairs of this user count, and vectors the rest; NaN where they are not mixed.
        first_hop: Items of the history that the sample begins with.
    """

    item: int
    score: float
    rank: int
    near: bool
    ways: tuple[Ways, ...]
    pair: float
    alone: float
    alone_rank: int
    offset: float
    share: float
    first_hop: int


@runtime_checkable
class LooksAround(Protocol):
    """Scores items by a sample of what is around a user, and can say what each way in it gave."""

    def around(self, user: int, history: np.ndarray, items: np.ndarray) -> tuple[Around, ...]:
        """What the sample that scores items for a user has to do with each of some.

        Args:
            user: Number by which the recommender knows the user.
            history: (n,) items that the user is taken to have had, oldest first; not none.
            items: (k,) items asked about.
        """
        ...


@dataclass(frozen=True, slots=True)
class Region:
    """The region of interest of an ask: what was read of the graph to answer it.

    Nodes stand in a row: those of the first hop are heard by an ego, those of the second by nodes
    of the first.

    Attributes:
        kinds: (n,) type of each node, such as "item"; the first two are the egos, user and query.
        numbers: (n,) int64 number of each within its type.
        sources: (e,) int64 place of the node that is heard, of each edge.
        targets: (e,) int64 place of the node that hears it.
        relevance: (e,) float32 of what is heard to the focal points, by which it was chosen; NaN
            where it was not chosen by that.
        weights: (e,) float32 how much the edge counts among those of its target to nodes of the
            same type; these sum to 1.
        shares: (e,) float32 how much that type counts for the target: a cosine, of -1 to 1.
    """

    kinds: tuple[str, ...]
    numbers: np.ndarray
    sources: np.ndarray
    targets: np.ndarray
    relevance: np.ndarray
    weights: np.ndarray
    shares: np.ndarray


@runtime_checkable
class Focuses(Protocol):
    """Chooses what it reads by how relevant nodes are to a focus, the sum of two of them."""

    @property
    def relevance(self) -> Literal["tanimoto", "cosine"]:
        """How that is measured."""
        ...

    def alone(self, kind: str) -> np.ndarray:
        """(n, d) float32 vectors of all nodes of a type by themselves, in one space."""
        ...


@runtime_checkable
class Asks(Protocol):
    """Can be asked for something: a query, beside the user who asks."""

    @property
    def n_queries(self) -> int:
        """How many queries it knows."""
        ...

    @property
    def base_items(self) -> np.ndarray:
        """(n_items, d) float32 vectors of items that depend on no user and no query."""
        ...

    def asking(
        self, users: np.ndarray, queries: np.ndarray, histories: Histories | None = None
    ) -> np.ndarray:
        """(b, d) float32 vectors whose products with `base_items` rank items.

        Args:
            users: (b,) who asks.
            queries: (b,) for what.
            histories: What all users have done; that of training unless given.
        """
        ...

    def query_after(self, histories: Histories, users: np.ndarray) -> np.ndarray:
        """(b,) int64 what a user who says nothing is taken to ask for: by the own past alone."""
        ...

    def region(self, user: int, query: int, histories: Histories | None = None) -> Region:
        """What is read of the graph to answer one ask, and how much each edge of it counts."""
        ...

    def coupling(
        self, ego: Literal["user", "query"], number: int, others: np.ndarray, nodes: np.ndarray
    ) -> np.ndarray:
        """(f, n) float32 weights of the same items around one ego, under several asks.

        Row k is how much an ego hears each of `nodes` when it asks with the k-th of `others`; rows
        sum to 1. Source: ZOOMER, figure 13.

        Args:
            ego: Which side stays.
            number: Of the one that stays.
            others: (f,) numbers of the other side, one an ask.
            nodes: (n,) numbers of items among which the weights are.
        """
        ...
