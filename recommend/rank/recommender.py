"""RankGraph: a vector of every user and of every item of every domain, of one graph.

Every step passes over the whole graph without the edges that it predicts: a part of what the users
of the step had is hidden from everybody, and predicted. Edges between what is alike are made once,
of all of training, what a step predicts included; those of one user alone are left out of them
(`shared`). Nothing of validation and test is in the graph.

After a history that is not that of training, users keep their own vectors and hear the items of
that history; all other vectors are as training left them.

Source: Wu et al., RankGraph: unified heterogeneous graph learning for cross-domain recommendation,
2025, https://arxiv.org/abs/2509.02942. It has no code and few formulas; what is ours is said where
it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor

from data.relation import Relation, offsets_of
from recommend.protocols import Asked, Products, World
from recommend.rank.anchors import Likeness, Pairs, alike_items, alike_users, edges_of
from recommend.rank.losses import info_nce, triplet
from recommend.rank.messages import Hidden
from recommend.rank.negatives import (
    LEAST,
    Against,
    Known,
    Pool,
    against,
    draw_near,
    drawn_cosines,
    near_cosines,
)
from recommend.rank.network import RankGraphNetwork, own_settings
from recommend.rank.past import Past
from recommend.settings import ModelConfig
from recommend.settings.rankgraph import RankGraphConfig

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
        alike: Of users of each type, and of items, who is drawn together; the place of the type,
            where they are users.
    """

    users: Tensor
    rows: Tensor
    items: Tensor
    near: Tensor
    known_rows: Tensor
    known: Tensor
    hidden: Tensor
    alike: tuple[tuple[int | None, Pairs], ...] = ()


@dataclass(frozen=True, slots=True)
class RankGraph:
    """A recommender of vectors of one graph.

    Attributes:
        config: What it is.
        past: What it knows.
        network: The weights.
        likeness: Of users of each type, and of items, who is alike, as far as it is drawn together.
    """

    config: ModelConfig
    past: Past
    network: RankGraphNetwork
    likeness: tuple[tuple[int | None, Likeness], ...] = ()

    @classmethod
    def of(cls, config: ModelConfig, world: World) -> RankGraph:
        """A fresh network over training interactions.

        Raises:
            ConfigError: settings read codes, texts or times that are not there.
        """
        return cls._over(config, Past.of(own_settings(config), world))

    @classmethod
    def restore(cls, config: ModelConfig, arrays: dict[str, np.ndarray]) -> RankGraph:
        """A network over the past that was stored; its weights are loaded afterwards."""
        return cls._over(config, Past.read(own_settings(config), arrays))

    @classmethod
    def _over(cls, config: ModelConfig, past: Past) -> RankGraph:
        network, anchors = RankGraphNetwork(config, past), own_settings(config).anchors
        found: list[tuple[int | None, Likeness]] = []
        if "user-user" in anchors:
            found += [(at, alike_users(past.graph, one)) for at, one in enumerate(network.people)]
        if "item-item" in anchors:
            names = network.domains
            groups = [names] if len(network.people) == 1 else [(name,) for name in names]
            found += [(None, alike_items(past.graph, some, past.had.n_targets)) for some in groups]
        return cls(config, past, network, tuple(found))

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
        rows, edges = edges_of(had, users)
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
        some = np.unique(items[predicted])
        alike = tuple(
            (at, one.draw(some if at is None else users, rng, self.device))
            for at, one in self.likeness
        )
        return Step._make((*(torch.from_numpy(part).to(self.device) for part in parts), alike))

    def loss(self, batch: Step) -> tuple[Tensor, int]:
        """λ times the triplet loss and 1 - λ times InfoNCE, mean over what is predicted.

        Where several kinds of anchors are asked for, it is the mean of their losses.
        """
        own, layers = own_settings(self.config), self.network.layers(self._hidden(batch.hidden))
        people, items = self.network.of_people(layers), self.network.of_items(layers)
        total = items[:0].sum()  # nothing, with a gradient
        if "user-item" in own.anchors:
            total = self._users_and_items(batch, people, items)
        for name, are_users in (("user-user", True), ("item-item", False)):
            if name in own.anchors:
                pairs = [one for one in batch.alike if (one[0] is not None) == are_users]
                total = total + self._alike(pairs, people, items)
        return total / len(own.anchors), len(batch.items)

    def _users_and_items(self, batch: Step, people: list[Tensor], items: Tensor) -> Tensor:
        """() of users and items that they had, mean over all of the step."""
        known = Known(batch.known_rows, batch.known, (len(batch.users), len(items)))
        of_item = self.network.of_item[batch.items]
        total = items.new_zeros(())
        for at, kind in enumerate(self.network.people):
            mine = torch.arange(len(of_item), device=self.device)
            if len(people) > 1:
                mine = mine[of_item == at]
            if len(mine):
                some = people[at][batch.users]
                total = total + self._of_kind(kind, batch, mine, some, items, known) * len(mine)
        return total / len(batch.items)

    def _of_kind(
        self, kind: str, batch: Step, mine: Tensor, users: Tensor, items: Tensor, known: Known
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
            some = torch.unique(true)
            pool.push(some[torch.randperm(len(some), device=some.device)])
        near = near_cosines(users, rows, items, batch.near[mine], known)
        popular = own.corrected * self.network.popularity if own.corrected else None
        return _mixed(own, pairs, sets, rows, near, popular)

    def _alike(
        self, pairs: Sequence[tuple[int | None, Pairs]], people: list[Tensor], items: Tensor
    ) -> Tensor:
        """() of nodes and their like against those that others of the step are like, mean."""
        own, total = own_settings(self.config), items.new_zeros(())
        for at, one in pairs:
            if not len(one):
                continue
            vectors = items if at is None else people[at]
            anchors, others = vectors[one.anchors], torch.unique(one.others)
            sets = [against(anchors, others, vectors[others], one.apart_from(len(vectors)))]
            true, rows = (anchors * vectors[one.others]).sum(1), torch.arange(len(one))
            loss = _mixed(own, true, sets, rows.to(self.device), anchors[:, :0])
            total = total + loss * len(one)
        return total / max(sum(len(one) for _, one in pairs), 1)

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
        items, of_users = self.products(asked)
        for users, vectors in of_users:
            yield users, vectors[:, 0] @ items.T

    def products(self, asked: Asked) -> Products:
        """Vectors of items, and of users after their histories."""
        layers = self.network.layers({})
        items, alike = self._wide(self.network.of_items(layers)), self.network.alike(layers)
        had = self.past.after(asked.histories, own_settings(self.config).half_life_days)

        def of_users() -> Iterator[tuple[np.ndarray, Tensor]]:
            for at in range(0, len(asked.users), USERS_AT_ONCE):
                some = np.asarray(asked.users[at : at + USERS_AT_ONCE], dtype=np.int64)
                numbers = torch.from_numpy(some).to(self.device)
                people = self.network.after(layers, alike, numbers, _rows(had, some))
                yield some, torch.cat(people, 1)[:, None]

        return items, of_users()

    def _wide(self, items: Tensor) -> Tensor:
        """(n_items, e) items beside whose domain's users all others' are zero."""
        n = len(self.network.people)
        if n == 1:
            return items
        wide = items.new_zeros(len(items), n, items.shape[1])
        wide[torch.arange(len(items), device=items.device), self.network.of_item] = items
        return wide.flatten(1)


def _mixed(
    own: RankGraphConfig,
    true: Tensor,
    sets: Sequence[Against],
    rows: Tensor,
    near: Tensor,
    popular: Tensor | None = None,
) -> Tensor:
    """() λ times the triplet loss and 1 - λ times InfoNCE, mean over pairs.

    Args:
        own: λ, margin and temperature.
        true: (p,) cosines of pairs.
        sets: What all anchors are set against.
        rows: (p,) place of the anchor of each pair.
        near: (p, k) cosines of what else each is set against; k may be 0.
        popular: (n,) what is taken off the logit of a negative in the sets.
    """
    loss = true.new_zeros(())
    if own.balance < 1:
        parts = [one.total(own.temperature, popular)[rows] for one in sets]
        if near.shape[1]:
            parts.append((near / own.temperature).clamp_min(LEAST).logsumexp(1))
        negatives = torch.stack(parts).logsumexp(0) if parts else torch.full_like(true, LEAST)
        loss = loss + (1 - own.balance) * info_nce(true, negatives, own.temperature)
    if own.balance > 0:
        loss = loss + own.balance * triplet(true, drawn_cosines(sets, rows, near), own.margin)
    return loss


def _rows(of: Relation, users: np.ndarray) -> Relation:
    """Weighted edges of (b,) users, who are its sources in that order."""
    assert of.weights is not None
    rows, places = edges_of(of, users)
    offsets, weights = offsets_of(rows, len(users)), of.weights[places]
    return replace(of, offsets=offsets, targets=of.targets[places], times=None, weights=weights)
