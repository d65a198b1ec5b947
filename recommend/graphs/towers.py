"""LightGCN, NGCF and GraphSAGE: a tower of users and one of items over the graph of interactions.

Every step passes over the whole graph of training, the pairs that it predicts among its edges: so
were these methods published, and so it is here. Of validation and test nothing is in it.

Attributes of users and items are not read. After a history that is not that of training, a user
keeps the own vector of training and hears the items of that history, whose vectors stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data.dataset import Histories
from data.relation import Relation
from recommend.graphs.sparse import csr, product
from recommend.protocols import Asked, Products, World
from recommend.sequence.dropout import Dropout
from recommend.settings import ModelConfig, TrainConfig
from recommend.settings.towers import (
    GraphSageConfig,
    LightGcnTowersConfig,
    NgcfConfig,
    TowersConfig,
)

USERS_AT_ONCE = 512
SIDES = ("user", "item")
TRIES = 8
"""Times that an item which a user had is drawn anew, where it was to be one that the user had not;
who had nearly everything may keep one."""


class Light(nn.Module):
    """e⁽ᵏ⁺¹⁾ = Σ_j e_j⁽ᵏ⁾ / √(|N_i| |N_j|); a node is the mean over layers.

    Source: He et al., LightGCN, SIGIR 2020, equations 3, 4 and 8.
    """

    mean = False

    def __init__(self, config: TowersConfig, width: int) -> None:  # noqa: ARG002
        super().__init__()

    def forward(self, place: int, side: str, own: Tensor, heard: Tensor) -> Tensor:  # noqa: ARG002
        """(n, d) of the next layer, of (n, d) nodes and what they heard."""
        return heard

    def merge(self, layers: Sequence[Tensor]) -> Tensor:
        """(n, d) of all layers, own vectors first."""
        return torch.stack(tuple(layers)).mean(0)


class Ngcf(nn.Module):
    """e⁽ᵏ⁺¹⁾ = LeakyReLU(W₁ (e⁽ᵏ⁾ + m) + W₂ (m ⊙ e⁽ᵏ⁾)), m = Σ_j e_j⁽ᵏ⁾ / √(|N_i| |N_j|).

    A node is all its layers side by side. What is heard is dropped in training, not whole messages.

    Source: Wang et al., Neural graph collaborative filtering, SIGIR 2019, equations 3 to 8.
    """

    mean = False

    def __init__(self, config: TowersConfig, width: int) -> None:
        super().__init__()
        assert isinstance(config, NgcfConfig)
        self.both = _linear(config.layers, width)
        self.shared = _linear(config.layers, width)
        self.dropout = Dropout(config.dropout)

    def forward(self, place: int, side: str, own: Tensor, heard: Tensor) -> Tensor:  # noqa: ARG002
        """(n, d) of the next layer, of (n, d) nodes and what they heard."""
        heard = self.dropout(heard)
        found: Tensor = self.both[place](own + heard) + self.shared[place](heard * own)
        return F.leaky_relu(found, 0.2)

    def merge(self, layers: Sequence[Tensor]) -> Tensor:
        """(n, (layers + 1) d) of all layers, own vectors first."""
        return torch.cat(tuple(layers), 1)


class SageTowers(nn.Module):
    """h⁽ᵏ⁺¹⁾ = W · mean_j h_j⁽ᵏ⁾ + U · h⁽ᵏ⁾ + b, with a ReLU between; weights of each side apart.

    Neighbours are all there are rather than a sample of them.

    Source: Hamilton et al., Inductive representation learning on large graphs, NeurIPS 2017,
    algorithm 1; the norm is that of the cosine by which towers are compared.
    """

    mean = True

    def __init__(self, config: TowersConfig, width: int) -> None:
        super().__init__()
        self.neighbours = nn.ModuleDict(
            {side: _linear(config.layers, width, bias=True) for side in SIDES}
        )
        self.itself = nn.ModuleDict({side: _linear(config.layers, width) for side in SIDES})

    def forward(self, place: int, side: str, own: Tensor, heard: Tensor) -> Tensor:
        """(n, d) of the next layer, of (n, d) nodes and what they heard."""
        neighbours: Any = self.neighbours[side]
        itself: Any = self.itself[side]
        found: Tensor = neighbours[place](heard) + itself[place](own)
        return found if place + 1 == len(neighbours) else F.relu(found)

    def merge(self, layers: Sequence[Tensor]) -> Tensor:
        """(n, d) the last layer."""
        return layers[-1]


CONVOLUTIONS: dict[type[TowersConfig], type[Light | Ngcf | SageTowers]] = {
    LightGcnTowersConfig: Light,
    NgcfConfig: Ngcf,
    GraphSageConfig: SageTowers,
}
"""What makes a layer, by the settings of a backbone."""


def _linear(layers: int, width: int, bias: bool = False) -> nn.ModuleList:
    """A matrix for each layer."""
    return nn.ModuleList(nn.Linear(width, width, bias=bias) for _ in range(layers))


class TowersNetwork(nn.Module):
    """Own vectors of users and items, and what layers make of them.

    Attributes:
        degrees: (n_items,) users of each item in training, 1 at least.
        to_users: (n_users, n_items) sparse, what users hear of items; `to_items` the other way.
        to_users_turned: Its transpose, which gradients go over; `to_items_turned` likewise.
    """

    to_users: Tensor
    to_users_turned: Tensor
    to_items: Tensor
    to_items_turned: Tensor

    def __init__(self, config: ModelConfig, had: Relation) -> None:
        """Over training edges from users to items, each once."""
        super().__init__()
        own = _own(config)
        self.layers, self.cosine = own.layers, own.loss == "softmax"
        self.user = nn.Embedding(len(had), config.width)
        self.item = nn.Embedding(had.n_targets, config.width)
        for one in (self.user, self.item):
            nn.init.normal_(one.weight, std=config.width**-0.5)
        self.convolution: Any = CONVOLUTIONS[type(own)](own, config.width)
        self.dropout = Dropout(config.embedding_dropout)
        self.degrees = np.bincount(had.targets, minlength=had.n_targets).clip(1)
        to_users = self.weighed(had, self.degrees)
        to_items = self.weighed(had.transpose(), had.degrees.clip(1))
        for name, edges in (("to_users", to_users), ("to_items", to_items)):
            self.register_buffer(name, _matrix(edges), persistent=False)
            self.register_buffer(f"{name}_turned", _matrix(edges.transpose()), persistent=False)

    def weighed(self, of: Relation, degrees: np.ndarray) -> Relation:
        """The same edges with what each node weighs for those that hear it.

        Args:
            of: From those that hear to their neighbours, each once.
            degrees: (n_targets,) of neighbours in training, none of them 0.
        """
        weight = 1 / of.degrees.clip(1)[of.sources]
        if not self.convolution.mean:
            weight = np.sqrt(weight / degrees[of.targets])
        return replace(of, weights=weight.astype(np.float32))

    def propagate(self) -> tuple[list[Tensor], list[Tensor]]:
        """(n_users, d) users and (n_items, d) items of every layer, own vectors first."""
        users, items = [self.dropout(self.user.weight)], [self.dropout(self.item.weight)]
        for place in range(self.layers):
            to_users = product(self.to_users, self.to_users_turned, items[place])
            to_items = product(self.to_items, self.to_items_turned, users[place])
            users.append(self.convolution(place, "user", users[place], to_users))
            items.append(self.convolution(place, "item", items[place], to_items))
        return users, items

    def towers(self, ranks: bool = True) -> tuple[Tensor, Tensor]:
        """(n_users, e) and (n_items, e) vectors whose products are scores.

        Args:
            ranks: Whether items are ranked by them; training by softmax compares directions alone.
        """
        users, items = self.propagate()
        return self.tower(users, ranks), self.tower(items, ranks)

    def tower(self, layers: Sequence[Tensor], ranks: bool = True) -> Tensor:
        """(n, e) vectors of nodes, of length 1 where cosines are scores.

        LightGCN's lengths count when items are ranked: what its layers make of them, more the more
        users had an item, stands in for what a softmax over cosines does not learn.

        Source: Wu et al., as `softmax_against_others`, on representation magnitude.
        """
        merged: Tensor = self.convolution.merge(layers)
        keeps = ranks and isinstance(self.convolution, Light)
        return F.normalize(merged, dim=1) if self.cosine and not keeps else merged

    def after(self, items: Sequence[Tensor], users: Tensor, had: Relation) -> Tensor:
        """(b, e) users after histories; items are as training left them.

        Args:
            items: (n_items, d) of every layer.
            users: (b,) numbers.
            had: From (b) users to the items of each history, each once.
        """
        matrix = _matrix(self.weighed(had, self.degrees)).to(users.device)
        layers = [self.user(users)]
        for place in range(self.layers):
            heard = matrix @ items[place]
            layers.append(self.convolution(place, "user", layers[place], heard))
        return self.tower(layers)


class Step(NamedTuple):
    """What a step of training reads.

    Attributes:
        users: (b,) int64 whose items are predicted.
        rows: (p,) int64 place among the users, of every item that they had.
        items: (p,) int64 these items.
        others: (m,) int64 items that all of them are set against, none twice; or (p,) int64 one for
            each item that they had.
    """

    users: Tensor
    rows: Tensor
    items: Tensor
    others: Tensor


@dataclass(frozen=True, slots=True)
class Towers:
    """A recommender of two towers.

    Attributes:
        config: What it is.
        had: Training edges from users to items, each once.
        network: The weights.
    """

    config: ModelConfig
    had: Relation
    network: TowersNetwork

    @classmethod
    def of(cls, config: ModelConfig, world: World) -> Towers:
        """A fresh network over training interactions."""
        had = once(world.histories, world.dataset.n_items)
        return cls(config, had, TowersNetwork(config, had))

    @classmethod
    def restore(cls, config: ModelConfig, arrays: dict[str, np.ndarray]) -> Towers:
        """A network over the interactions that were stored; its weights are loaded afterwards."""
        had = Relation(arrays["offsets"], arrays["items"], int(arrays["n_items"][0]))
        return cls(config, had, TowersNetwork(config, had))

    def arrays(self) -> dict[str, np.ndarray]:
        """Training interactions, by name."""
        told = {"offsets": self.had.offsets, "items": self.had.targets}
        return {**told, "n_items": np.array([self.had.n_targets])}

    def batches(self, world: World, rng: np.random.Generator) -> tuple[int, Iterator[Step]]:
        """`batch_size` users a step with all that they had, in an order of their own."""
        users = rng.permutation(np.flatnonzero(self.had.degrees))
        starts = range(0, len(users), world.settings.batch_size)
        return len(starts), (
            self._step(users[at : at + world.settings.batch_size], world.settings, rng)
            for at in starts
        )

    def _step(self, users: np.ndarray, settings: TrainConfig, rng: np.random.Generator) -> Step:
        some = _rows(self.had, users)
        n_items, items = self.had.n_targets, some.targets.astype(np.int64)
        if _own(self.config).loss == "bpr":
            others = _not_had(self.had, users[some.sources], rng)
        elif settings.is_full(n_items):
            others = np.arange(n_items)
        else:
            others = rng.choice(n_items, min(settings.negatives, n_items), replace=False)
        device = self.network.user.weight.device
        parts = (users, some.sources.astype(np.int64), items, others.astype(np.int64))
        return Step(*(torch.from_numpy(part).to(device) for part in parts))

    def loss(self, batch: Step) -> tuple[Tensor, int]:
        """Mean loss over all that the users of a step had."""
        users, items = self.network.towers(ranks=False)
        users = users[batch.users]
        own = _own(self.config)
        if own.loss == "bpr":
            true, other = (
                (users[batch.rows] * items[some]).sum(1) for some in (batch.items, batch.others)
            )
            return bpr(true, other), len(batch.items)
        loss = softmax_against_others(users / own.temperature, items, batch)
        return loss, len(batch.items)

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        """(n_users, e) and (n_items, e), as of `Embeds`."""
        self.network.eval()
        with torch.inference_mode():
            users, items = self.network.towers()
        return users.cpu().numpy(), items.cpu().numpy()

    def scores(self, asked: Asked) -> Iterator[tuple[np.ndarray, Tensor]]:
        """User numbers and their (b, n_items) scores, a block of users at a time."""
        items, of_users = self.products(asked)
        for users, vectors in of_users:
            yield users, vectors[:, 0] @ items.T

    def products(self, asked: Asked) -> Products:
        """Vectors of items, and of users after their histories."""
        _, layers = self.network.propagate()
        items = self.network.tower(layers)
        had = once(asked.histories, self.had.n_targets)

        def of_users() -> Iterator[tuple[np.ndarray, Tensor]]:
            for at in range(0, len(asked.users), USERS_AT_ONCE):
                some = np.asarray(asked.users[at : at + USERS_AT_ONCE], dtype=np.int64)
                numbers = torch.from_numpy(some).to(items.device)
                yield some, self.network.after(layers, numbers, _rows(had, some))[:, None]

        return items, of_users()


def bpr(true: Tensor, other: Tensor) -> Tensor:
    """() mean of -log σ(s⁺ - s⁻), of (p,) scores each.

    Source: He et al., LightGCN, equation 15, whose L2 term is the optimiser's weight decay here.
    """
    return F.softplus(other - true).mean()


def softmax_against_others(users: Tensor, items: Tensor, batch: Step) -> Tensor:
    """() mean, over all that users had, of -log of its softmax among it and what they had not.

    Of a sample of m of n items, each stands for n / m.

    Args:
        users: (b, e) over the temperature.
        items: (n, e) all of them.
        batch: What the users had, and what it is set against.

    Source: Wu et al., On the effectiveness of sampled softmax loss for item recommendation, TOIS
    2024, equation 5, with cosines; here no item that the user had is among the others.
    """
    true = (users[batch.rows] * items[batch.items]).sum(1)  # (p,)
    against = users @ items[batch.others].T + log(len(items) / len(batch.others))  # (b, m)
    place = torch.full((len(items),), -1, device=users.device)
    place[batch.others] = torch.arange(len(batch.others), device=users.device)
    drawn = place[batch.items]
    there = drawn >= 0
    mask = torch.zeros_like(against, dtype=torch.bool)
    mask[batch.rows[there], drawn[there]] = True
    others = against.masked_fill(mask, torch.finfo(against.dtype).min).logsumexp(1)
    return F.softplus(others[batch.rows] - true).mean()


def once(past: Histories, n_items: int) -> Relation:
    """Edges from users to the items of their histories, each once."""
    owners = np.repeat(np.arange(len(past)), past.lengths)
    codes = np.unique(owners * np.int64(n_items) + past.items)
    return Relation.between(codes // n_items, codes % n_items, len(past), n_items)


def _rows(of: Relation, users: np.ndarray) -> Relation:
    """Edges of (b,) users, who are its sources in that order."""
    lengths = of.degrees[users]
    ends = np.cumsum(lengths)
    starts = np.repeat(of.offsets[users] - ends + lengths, lengths)
    places = starts + np.arange(ends[-1] if len(ends) else 0)
    return Relation(np.concatenate([[0], ends]), of.targets[places], of.n_targets)


def _not_had(had: Relation, users: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(p,) int64 an item drawn evenly for each of (p,) users, of those that the user had not."""
    n_items = np.int64(had.n_targets)
    codes = had.sources * n_items + had.targets
    drawn = rng.integers(n_items, size=len(users))
    for _ in range(TRIES):
        wanted = users * n_items + drawn
        at = np.searchsorted(codes, wanted).clip(max=len(codes) - 1)
        again = np.flatnonzero(codes[at] == wanted)
        drawn[again] = rng.integers(n_items, size=len(again))
    return drawn


def _matrix(of: Relation) -> Tensor:
    """A weighed relation as a sparse matrix, a row a source."""
    assert of.weights is not None
    parts = (of.offsets, of.targets.astype(np.int64), of.weights)
    return csr(parts, (len(of), of.n_targets))


def _own(config: ModelConfig) -> TowersConfig:
    assert isinstance(config.backbone, TowersConfig)
    return config.backbone
