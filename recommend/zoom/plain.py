"""What answers a user and a query without learning: counts, neighbours and walks.

They stand in every table: without them it does not show that learning was worth it. Each is fitted
on training; what there is to choose in one is chosen by the AUC of validation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from data.relation import Relation
from recommend.settings.item_knn import ItemKnnConfig
from recommend.zoom.judging import Scorer
from recommend.zoom.triples import Task

if TYPE_CHECKING:
    import scipy.sparse as sp

SMOOTH = (1.0, 10.0, 100.0)
"""How many triples the popularity of items weighs beside those of a query: one is chosen."""
SHARES = (0.5, 1.0, 2.0)
"""How much who is alike weighs beside what was asked for: one is chosen."""
NOISES = (0.3, 1.0, 3.0)
"""How much popularity weighs beside what is near: one is chosen."""
WALKS, STEPS = 200, 8
"""Walks from each start, and how many items the longest visits."""
GOES_ON = 0.5
"""How likely a walk goes on after an item."""


def shares(task: Task) -> np.ndarray:
    """(n_items,) float64 share of each item among triples of training, none of them 0."""
    counts = task.popularity + 0.5
    return np.asarray(counts / counts.sum())


def near_share(near: np.ndarray, own: sp.csr_matrix, share: np.ndarray, noise: float) -> np.ndarray:
    """(b, n_items) p(i | u): the share of nearness, and popularity beside it.

    What a user has takes no share, or whoever has much would be near to less of all else. Nothing
    is known of who has nothing near, who takes what all take.

    Args:
        near: (b, n_items) how near items are to users, from 0.
        own: (b, n_items) sparse, above 0 where a user has an item.
        share: (n_items,) p_i, the share of each item.
        noise: How much popularity weighs, where nearness weighs 1.
    """
    near = np.where(own.toarray() > 0, 0, near)
    total = near.sum(1, keepdims=True)
    alone = np.where(total > 0, near / np.where(total > 0, total, 1), share)
    return np.asarray((alone + noise * share) / (1 + noise))


@dataclass(frozen=True)
class Popular:
    """How often each item was tagged, whoever asks for what.

    Attributes:
        logs: (n_items,) float32.
    """

    logs: np.ndarray

    @classmethod
    def every(cls, task: Task, seed: int = 0) -> Iterator[Popular]:  # noqa: ARG003
        """The one there is."""
        yield cls(np.log(shares(task)).astype(np.float32))

    def scores(self, users: Tensor, queries: Tensor) -> Tensor:  # noqa: ARG002
        """The same for everybody."""
        return torch.from_numpy(self.logs).expand(len(users), -1)


@dataclass(frozen=True)
class PopularForQuery:
    """How often each item was taken for the query: log (n_qi + m p_i) / (n_q + m).

    Attributes:
        led_to: (n_queries, n_items) sparse counts n_qi.
        share: (n_items,) p_i, the share of each item.
        smooth: m.
    """

    led_to: sp.csr_matrix
    share: np.ndarray
    smooth: float

    @classmethod
    def every(cls, task: Task, seed: int = 0) -> Iterator[PopularForQuery]:  # noqa: ARG003
        """One for each amount of smoothing."""
        yield from (cls(matrix(task.led_to), shares(task), one) for one in SMOOTH)

    def logs(self, queries: np.ndarray) -> np.ndarray:
        """(b, n_items) float64."""
        counts = self.led_to[queries].toarray()
        total = counts.sum(1, keepdims=True) + self.smooth
        return np.asarray(np.log((counts + self.smooth * self.share) / total))

    def scores(self, users: Tensor, queries: Tensor) -> Tensor:  # noqa: ARG002
        """The same for every user."""
        return torch.from_numpy(self.logs(queries.numpy()).astype(np.float32))


@dataclass(frozen=True)
class ItemNeighbours:
    """How near each item is to those of the user: log `near_share`.

    Nearness is the sum of cosines of who had both. It is a share of all there is around the user,
    because otherwise who has thousands of items would be taken to have everything.

    Attributes:
        had: (n_users, n_items) sparse, of length 1 a column.
        share: (n_items,) p_i, the share of each item.
        noise: How much popularity weighs.
    """

    had: sp.csr_matrix
    share: np.ndarray
    noise: float

    @classmethod
    def every(cls, task: Task, seed: int = 0) -> Iterator[ItemNeighbours]:  # noqa: ARG003
        """One for each weight of popularity."""
        import scipy.sparse as sp

        had = matrix(task.had, ones=True)
        lengths = np.sqrt(np.asarray(had.multiply(had).sum(0)).ravel()).clip(1e-9)
        straight = (had @ sp.diags(1 / lengths)).tocsr()
        yield from (cls(straight, shares(task), noise) for noise in NOISES)

    def scores(self, users: Tensor, queries: Tensor) -> Tensor:  # noqa: ARG002
        """The same for every query."""
        own = self.had[users.numpy()].copy()
        own.data[:] = 1.0
        near = ((own @ self.had.T) @ self.had).toarray()
        found = np.log(near_share(near, own, self.share, self.noise))
        return torch.from_numpy(found.astype(np.float32))


@dataclass(frozen=True)
class QueryAndNeighbours:
    """What was taken for the query, and what users alike had: a mixture of logs.

    log p(i | q) + w (log p(i | u) - log p(i)), where p(i | u) is `near_share` of what users alike
    had, each as often as the cosine of what both had.

    Attributes:
        of_query: p(i | q).
        had: (n_users, n_items) sparse.
        alike: (n_users, n_users) sparse cosines, without oneself.
        weight: w.
        noise: How much popularity weighs in p(i | u).
    """

    of_query: PopularForQuery
    had: sp.csr_matrix
    alike: sp.csr_matrix
    weight: float
    noise: float

    @classmethod
    def every(cls, task: Task, seed: int = 0) -> Iterator[QueryAndNeighbours]:  # noqa: ARG003
        """One for each amount of smoothing, and both weights."""
        import scipy.sparse as sp

        had = matrix(task.had, ones=True)
        lengths = np.sqrt(np.asarray(had.sum(1)).ravel()).clip(1)
        straight = sp.diags(1 / lengths) @ had
        alike = (straight @ straight.T).tocsr()
        alike.setdiag(0)
        alike.eliminate_zeros()
        for one, weight, noise in product(PopularForQuery.every(task), SHARES, NOISES):
            yield cls(one, had, alike, weight, noise)

    def scores(self, users: Tensor, queries: Tensor) -> Tensor:
        """(b, n_items) of a user and a query each."""
        share, own = self.of_query.share, self.had[users.numpy()]
        near = (self.alike[users.numpy()] @ self.had).toarray()
        of_user = np.log(near_share(near, own, share, self.noise)) - np.log(share)
        mixed = self.of_query.logs(queries.numpy()) + self.weight * of_user
        return torch.from_numpy(mixed.astype(np.float32))


@dataclass(frozen=True)
class Pixie:
    """Where random walks from the user and from the query come by: (sum of roots of visits)².

    Users and queries are what Pixie calls boards, items its pins; a walk goes from a board to one
    of its items and on to one of the item's boards, any as likely as another, and ends after an
    item with a probability of a half. All visits are counted, those of the first step too. What no
    walk came by is put in the order of popularity.

    Attributes:
        of_users: (n_users, n_items) sparse visits; `of_queries` likewise.
        share: (n_items,) the share of each item, below 1.

    Source: Eksombatchai et al., Pixie, WWW 2018, algorithms 1 and 3 without the bias of edges and
    early stopping; equation 3.
    """

    of_users: sp.csr_matrix
    of_queries: sp.csr_matrix
    share: np.ndarray

    @classmethod
    def every(cls, task: Task, seed: int = 0) -> Iterator[Pixie]:
        """The one there is, for a seed."""
        import scipy.sparse as sp

        to_items = sp.vstack([matrix(task.had, ones=True), matrix(task.led_to, ones=True)]).tocsr()
        visits = walked(to_items, to_items.T.tocsr(), np.random.default_rng(seed))
        yield cls(visits[: task.n_users], visits[task.n_users :], shares(task))

    def scores(self, users: Tensor, queries: Tensor) -> Tensor:
        """(b, n_items) of a user and a query each."""
        parts = self.of_users[users.numpy()], self.of_queries[queries.numpy()]
        roots = sum(np.sqrt(part.toarray()) for part in parts)
        return torch.from_numpy(np.log(roots**2 + self.share).astype(np.float32))


def walked(
    to_items: sp.csr_matrix, to_boards: sp.csr_matrix, rng: np.random.Generator
) -> sp.csr_matrix:
    """(boards, items) sparse: how often walks from each board came by each item."""
    import scipy.sparse as sp

    starts = np.repeat(np.flatnonzero(np.diff(to_items.indptr)), WALKS)
    here, shape = starts, to_items.shape
    visits = sp.csr_matrix(shape, dtype=np.float32)
    for _ in range(STEPS):
        items = _step(to_items, here, rng)
        ones = np.ones(len(items), dtype=np.float32)
        visits = visits + sp.csr_matrix((ones, (starts, items)), shape)
        goes_on = rng.random(len(items)) < GOES_ON
        starts, here = starts[goes_on], _step(to_boards, items[goes_on], rng)
    return visits.tocsr()


def _step(edges: sp.csr_matrix, nodes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    low, many = edges.indptr[nodes], np.diff(edges.indptr)[nodes]
    return np.asarray(edges.indices[low + (rng.random(len(nodes)) * many).astype(np.int64)])


def matrix(relation: Relation, ones: bool = False) -> sp.csr_matrix:
    """A relation as a sparse float64 matrix of its weights, or of ones."""
    import scipy.sparse as sp

    m = len(relation.targets)
    weights = np.ones(m) if ones or relation.weights is None else relation.weights
    parts = (weights.astype(np.float64), relation.targets, relation.offsets)
    return sp.csr_matrix(parts, (len(relation), relation.n_targets))


PLAIN: Mapping[str, Callable[[Task, int], Iterator[Scorer]]] = {
    "popularity": Popular.every,
    "tag popularity": PopularForQuery.every,
    ItemKnnConfig().name: ItemNeighbours.every,
    "tag × user-knn": QueryAndNeighbours.every,
    "pixie": Pixie.every,
}
"""What makes those that may be chosen among, by the name of the row: of a task, with a seed."""
