"""MultiVAE: a variational autoencoder of what users had, with a multinomial likelihood."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data.dataset import Histories
from recommend.protocols import Asked, Products, World
from recommend.settings import ModelConfig
from recommend.settings.multivae import MultiVaeConfig
from recommend.simple.behaviour import weighted_histories

USERS_AT_ONCE = 512


class Step(NamedTuple):
    """What users had.

    Attributes:
        items: (p,) int64 items, user by user, each once.
        offsets: (b + 1,) int64 where each user's begin and the last one's end.
    """

    items: Tensor
    offsets: Tensor

    @property
    def lengths(self) -> Tensor:
        """(b,) items of each user."""
        return self.offsets.diff()

    @property
    def rows(self) -> Tensor:
        """(p,) place of the user, of every item."""
        return torch.arange(len(self.lengths), device=self.items.device).repeat_interleave(
            self.lengths
        )


class Vae(nn.Module):
    """Encoder and decoder, a hidden layer each: z ~ N(μ(x), σ(x)²), π ∝ exp f(z).

    Source: Liang et al., Variational autoencoders for collaborative filtering, WWW 2018, section 2
    and equation 2; the input has length 1, as in its authors' code.
    """

    steps: Tensor

    def __init__(self, config: ModelConfig, n_items: int) -> None:
        super().__init__()
        own = _own(config)
        self.own, width = own, config.width
        self.item = nn.Embedding(n_items, own.hidden)
        self.bias = nn.Parameter(torch.zeros(own.hidden))
        self.middle = nn.Linear(own.hidden, 2 * width)
        self.hidden = nn.Linear(width, own.hidden)
        self.out = nn.Linear(own.hidden, n_items)
        for matrix in (self.item.weight, self.middle.weight, self.hidden.weight, self.out.weight):
            nn.init.xavier_uniform_(matrix)
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def encode(self, had: Step) -> tuple[Tensor, Tensor]:
        """(b, d) means and (b, d) log variances of users."""
        weights = had.lengths.clamp_min(1).rsqrt()[had.rows]
        weights = F.dropout(weights, self.own.dropout, self.training)
        inner = F.embedding_bag(
            had.items,
            self.item.weight,
            had.offsets,
            mode="sum",
            per_sample_weights=weights,
            include_last_offset=True,
        )
        mean, log_variance = self.middle(torch.tanh(inner + self.bias)).chunk(2, 1)
        return mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        """(b, n_items) logits of (b, d) users."""
        logits: Tensor = self.out(torch.tanh(self.hidden(z)))
        return logits

    def loss(self, had: Step) -> Tensor:
        """() mean over users of -log p(x | z) + β KL(q(z | x), p(z)), with β of the next step.

        Source: the same, equations 2 to 4, with β as in its section 2.2.2.
        """
        mean, log_variance = self.encode(had)
        drawn = torch.randn_like(mean) if self.training else torch.zeros_like(mean)
        logits = self.decode(mean + drawn * (log_variance / 2).exp())
        missed = (logits.logsumexp(1)[had.rows] - logits[had.rows, had.items]).sum()
        divergence = divergence_of(mean, log_variance).sum()
        if self.training:
            self.steps += 1
        beta = self.own.divergence * min(1.0, int(self.steps) / self.own.annealed)
        return (missed + beta * divergence) / len(mean)


def divergence_of(mean: Tensor, log_variance: Tensor) -> Tensor:
    """(b,) KL(N(μ, σ²), N(0, 1)) of (b, d) each: ½ Σ (σ² + μ² - 1 - log σ²)."""
    return (log_variance.exp() + mean**2 - 1 - log_variance).sum(1) / 2


@dataclass(frozen=True, slots=True)
class MultiVae:
    """MultiVAE as a recommender: it knows users by their histories alone.

    Attributes:
        config: What it is.
        network: The weights.
    """

    config: ModelConfig
    network: Vae

    @classmethod
    def of(cls, config: ModelConfig, world: World) -> MultiVae:
        """A fresh network."""
        return cls(config, Vae(config, world.dataset.n_items))

    @classmethod
    def restore(cls, config: ModelConfig, arrays: dict[str, np.ndarray]) -> MultiVae:
        """A network of the same size; its weights are loaded afterwards."""
        return cls(config, Vae(config, int(arrays["n_items"][0])))

    def arrays(self) -> dict[str, np.ndarray]:
        """How many items there are."""
        return {"n_items": np.array([self.network.out.out_features])}

    def batches(self, world: World, rng: np.random.Generator) -> tuple[int, Iterator[Step]]:
        """`batch_size` users a step with all that they had, in an order of their own."""
        past, size = world.histories, world.settings.batch_size
        users = rng.permutation(np.flatnonzero(past.lengths))
        starts = range(0, len(users), size)
        return len(starts), (self._had(past, users[at : at + size]) for at in starts)

    def _had(self, past: Histories, users: np.ndarray) -> Step:
        had = weighted_histories(past, users, self.network.out.out_features)
        parts = (had.indices, had.indptr)
        device = self.network.bias.device
        return Step(*(torch.from_numpy(part.astype(np.int64)).to(device) for part in parts))

    def loss(self, batch: Step) -> tuple[Tensor, int]:
        """The bound on what users had, and how many users."""
        return self.network.loss(batch), len(batch.lengths)

    def scores(self, asked: Asked) -> Iterator[tuple[np.ndarray, Tensor]]:
        """User numbers and their (b, n_items) scores, a block of users at a time."""
        for at in range(0, len(asked.users), USERS_AT_ONCE):
            users = np.asarray(asked.users[at : at + USERS_AT_ONCE])
            mean, _ = self.network.encode(self._had(asked.histories, users))
            yield users, self.network.decode(mean)

    def products(self, asked: Asked) -> Products:
        """The last layer with the bias in a last column, and what goes into it with a 1."""
        network, at_once = self.network, USERS_AT_ONCE
        items = torch.cat([network.out.weight, network.out.bias[:, None]], 1)

        def of_users() -> Iterator[tuple[np.ndarray, Tensor]]:
            for at in range(0, len(asked.users), at_once):
                users = np.asarray(asked.users[at : at + at_once])
                mean, _ = network.encode(self._had(asked.histories, users))
                inner = torch.tanh(network.hidden(mean))
                yield users, torch.cat([inner, inner.new_ones(len(inner), 1)], 1)[:, None]

        return items, of_users()


def _own(config: ModelConfig) -> MultiVaeConfig:
    assert isinstance(config.backbone, MultiVaeConfig)
    return config.backbone
