"""RankGraph: a vector of every user and of every item of every domain, of one graph.

Every step passes over the whole graph without the edges that it predicts: a part of what the users
of the step had is hidden from everybody, and predicted. Nothing of validation and test is in it.

After a history that is not that of training, users keep their own vectors and hear the items of
that history; all other vectors are as training left them.

Source: Wu et al., RankGraph: unified heterogeneous graph learning for cross-domain recommendation,
2025, https://arxiv.org/abs/2509.02942. It has no code and few formulas; what is ours is said where
it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from data.relation import Relation
from graph.build.domains import engagement
from recommend.protocols import Asked, World
from recommend.rank.losses import info_nce, triplet
from recommend.rank.messages import Hidden
from recommend.rank.negatives import (
    LEAST,
    Against,
    Pool,
    against,
    draw_near,
    drawn_cosines,
    near_cosines,
)
from recommend.rank.network import RankGraphNetwork, own_settings
from recommend.rank.past import Past
from recommend.settings import ModelConfig

USERS_AT_ONCE = 512


class Step(NamedTuple):
    """What a step of training reads.

    Attributes:
        users: (b,) int64 whose items are predicted.
        rows: (p,) int64 place among the users, of every item that is predicted.
        items: (p,) int64 these items.
        near: (p, k) int64 items near each of these, -1 for none; k may be 0.
        known_rows: (n,) int64 place among the users, of every item that they had.
        known: (n,) int64 these items.
        hidden: (m,) bool, edges from users to items that nobody hears; none without any.
    """

    users: Tensor
    rows: Tensor
    items: Tensor
    near: Tensor
    known_rows: Tensor
    known: Tensor
    hidden: Tensor


@dataclass(frozen=True, slots=True)
class RankGraph:
    """A recommender of vectors of one graph.

    Attributes:
        config: What it is.
        past: What it knows.
        network: The weights.
    """

    config: ModelConfig
    past: Past
    network: RankGraphNetwork

    @classmethod
    def of(cls, config: ModelConfig, world: World) -> RankGraph:
        """A fresh network over training interactions.

        Raises:
            ConfigError: settings read codes, texts or times that are not there.
        """
        past = Past.of(own_settings(config), world)
        return cls(config, past, RankGraphNetwork(config, past))

    @classmethod
    def restore(cls, config: ModelConfig, arrays: dict[str, np.ndarray]) -> RankGraph:
        """A network over the past that was stored; its weights are loaded afterwards."""
        past = Past.read(own_settings(config), arrays)
        return cls(config, past, RankGraphNetwork(config, past))

    def arrays(self) -> dict[str, np.ndarray]:
        """The past, by name."""
        return self.past.arrays()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.network.item.weight.device

    def batches(self, world: World, rng: np.random.Generator) -> tuple[int, Iterator[Step]]:
        """`batch_size` users a step, in an order of their own."""
        users = rng.permutation(np.flatnonzero(self.past.had.degrees))
        size = world.settings.batch_size
        starts = range(0, len(users), size)
        return len(starts), (self._step(users[at : at + size], rng) for at in starts)

    def _step(self, users: np.ndarray, rng: np.random.Generator) -> Step:
        own, had = own_settings(self.config), self.past.had
        lengths = had.degrees[users]
        rows = np.repeat(np.arange(len(users)), lengths)
        ends = np.cumsum(lengths)
        edges = np.repeat(had.offsets[users] - ends + lengths, lengths) + np.arange(ends[-1])
        items = had.targets[edges].astype(np.int64)
        predicted, hidden = np.ones(len(rows), dtype=bool), np.zeros(0, dtype=bool)
        if own.hide:
            draws = rng.random(len(rows))
            least = np.full(len(users), np.inf)
            np.minimum.at(least, rows, draws)
            predicted = (draws < own.hide) | (draws == least[rows])  # one of each user at least
            hidden = np.zeros(len(had.targets), dtype=bool)
            hidden[edges[predicted]] = True
        drawn = np.empty((int(predicted.sum()), 0), dtype=np.int64)
        if self.past.near is not None:
            drawn = draw_near(self.past.near, items[predicted], own.hard, rng)
        parts = (users, rows[predicted], items[predicted], drawn, rows, items, hidden)
        return Step(*(torch.from_numpy(part).to(self.device) for part in parts))

    def loss(self, batch: Step) -> tuple[Tensor, int]:
        """λ times the triplet loss and 1 - λ times InfoNCE, mean over what is predicted."""
        layers = self.network.layers(self._hidden(batch.hidden))
        people, items = self.network.of_people(layers), self.network.of_items(layers)
        known = torch.zeros(len(batch.users), len(items), dtype=torch.bool, device=self.device)
        known[batch.known_rows, batch.known] = True
        of_item = torch.from_numpy(self.past.domains.of_item).to(self.device)[batch.items]
        total = items.new_zeros(())
        for at, kind in enumerate(self.network.people):
            mine = torch.arange(len(of_item), device=self.device)
            if len(people) > 1:
                mine = mine[of_item == at]
            if len(mine):
                some = people[at][batch.users]
                total = total + self._of_kind(kind, batch, mine, some, items, known) * len(mine)
        return total / len(batch.items), len(batch.items)

    def _of_kind(
        self, kind: str, batch: Step, mine: Tensor, users: Tensor, items: Tensor, known: Tensor
    ) -> Tensor:
        """() mean loss of the pairs at `mine`, whose users are of one type and (b, d)."""
        own = own_settings(self.config)
        rows, true = batch.rows[mine], batch.items[mine]
        pairs = (users[rows] * items[true]).sum(1)
        sets: list[Against] = []
        if "batch" in own.negatives:
            others = torch.unique(true)
            sets.append(against(users, others, items[others], known))
        if "pool" in own.negatives:
            pool = cast(Pool, self.network.pool[kind])
            held = pool.held()
            sets.append(against(users, held, items[held].detach(), known))
            pool.push(torch.unique(true))
        near = near_cosines(users, rows, items, batch.near[mine], known)
        loss = pairs.new_zeros(())
        if own.balance < 1:
            totals = [one.total(own.temperature, self._popular()) for one in sets]
            parts = [total[rows] for total in totals]
            if near.shape[1]:
                parts.append((near / own.temperature).logsumexp(1))
            negatives = torch.stack(parts).logsumexp(0) if parts else torch.full_like(pairs, LEAST)
            loss = loss + (1 - own.balance) * info_nce(pairs, negatives, own.temperature)
        if own.balance > 0:
            negative = drawn_cosines(sets, rows, near)
            loss = loss + own.balance * triplet(pairs, negative, own.margin)
        return loss

    def _popular(self) -> Tensor | None:
        """(n_items,) what is taken off the logits of negatives, which popular items are oftener."""
        corrected = own_settings(self.config).corrected
        if not corrected:
            return None
        had = self.past.had
        counts = np.bincount(had.targets, minlength=had.n_targets).clip(1)
        return corrected * torch.from_numpy(np.log(counts / counts.mean()).astype(np.float32))

    def _hidden(self, hidden: Tensor) -> Hidden:
        """What is hidden, by type of edges."""
        if not len(hidden):
            return {}
        return {key: hidden[places] for key, places in self.network.edges.items()}

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        """(n_users, e) and (n_items, e), as of `Embeds`.

        Where domains stand apart, those of every domain have columns of their own.
        """
        self.network.eval()
        with torch.inference_mode():
            layers = self.network.layers({})
            people, items = self.network.of_people(layers), self.network.of_items(layers)
            return torch.cat(people, 1).cpu().numpy(), self._wide(items).cpu().numpy()

    def scores(self, asked: Asked) -> Iterator[tuple[np.ndarray, Tensor]]:
        """User numbers and their (b, n_items) scores, a block of users at a time."""
        own, layers = own_settings(self.config), self.network.layers({})
        items = self._wide(self.network.of_items(layers))
        had = engagement(asked.histories, len(items), half_life_days=own.half_life_days)
        for at in range(0, len(asked.users), USERS_AT_ONCE):
            some = np.asarray(asked.users[at : at + USERS_AT_ONCE], dtype=np.int64)
            numbers = torch.from_numpy(some).to(self.device)
            people = self.network.after(layers, numbers, _rows(had, some))
            yield some, torch.cat(people, 1) @ items.T

    def _wide(self, items: Tensor) -> Tensor:
        """(n_items, e) items beside whose domain's users all others' are zero."""
        n = len(self.network.people)
        if n == 1:
            return items
        wide = items.new_zeros(len(items), n, items.shape[1])
        of_item = torch.from_numpy(self.past.domains.of_item).to(items.device)
        wide[torch.arange(len(items)), of_item] = items
        return wide.flatten(1)


def _rows(of: Relation, users: np.ndarray) -> Relation:
    """Weighted edges of (b,) users, who are its sources in that order."""
    assert of.weights is not None
    lengths = of.degrees[users]
    ends = np.cumsum(lengths)
    places = np.repeat(of.offsets[users] - ends + lengths, lengths)
    places = places + np.arange(ends[-1] if len(ends) else 0)
    offsets = np.concatenate([[0], ends])
    return replace(
        of, offsets=offsets, targets=of.targets[places], times=None, weights=of.weights[places]
    )
