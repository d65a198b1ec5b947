"""ContextGNN as a recommender: trained on samples, one sample a user when it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from data.dataset import Dataset, Histories
from data.errors import ConfigError
from graph import Loader, Sample, Schema
from graph.sample.bars import Numbers
from recommend.context.losses import classes_of, softmax_of_several
from recommend.context.network import ContextNetwork, Near
from recommend.context.newcomers import past_with_item, past_with_user, shares_of, together
from recommend.context.reasons import look_around
from recommend.context.spectrum import item_spectrum
from recommend.context.surroundings import HAD, Past, Seeds, Targets, Time, sampler_of
from recommend.features import Bags, bags
from recommend.protocols import Around, Asked, Code, World
from recommend.settings import ModelConfig
from recommend.settings.contextgnn import ContextGnnConfig
from recommend.sources import standardise

USERS_AT_ONCE = 128
_BAGS = ("categories", "weights", "offsets", "n_categories")


class Step(NamedTuple):
    """What a step of training reads.

    Attributes:
        seeds: Users, and what is to be predicted of them.
        near: Their surroundings.
        classes: Items in the softmax; all where it is no less than there are.
    """

    seeds: Seeds
    near: Near
    classes: int


@dataclass(frozen=True, slots=True)
class ContextGnn:
    """ContextGNN.

    Attributes:
        config: What it is.
        past: Training interactions.
        bags: Attributes of users and items.
        network: The weights.
        texts: (n_items, t) float32, what items' texts mean, standardised; None where nobody reads.
    """

    config: ModelConfig
    past: Past
    bags: dict[str, Bags]
    network: ContextNetwork
    texts: np.ndarray | None = None

    @classmethod
    def of(cls, config: ModelConfig, world: World) -> ContextGnn:
        """A fresh network over training interactions.

        Raises:
            ConfigError: it does not fit what it is given.
        """
        own = _own(config)
        graph = world.sources.graph if own.factors else None
        if own.factors and graph is None:
            raise ConfigError(
                "model.backbone.factors is on, and there is no graph with factors to walk over."
            )
        past = Past.of(world.histories, world.dataset.n_items, graph)
        made = cls.made(config, past, _bags_of(world.dataset), _texts_of(own, world))
        if own.start == "svd" and made.network.table is not None:
            found = torch.from_numpy(item_spectrum(world.histories, past.n_items, config.width))
            if own.skip:
                found = torch.nn.functional.normalize(found, dim=1)
            made.network.table.weight.data.copy_(found)
        if made.network.level is not None:
            had = torch.from_numpy(np.bincount(past.histories.items, minlength=past.n_items))
            made.network.level.data.copy_(had.clamp(min=1).log()[:, None])
        return made

    @classmethod
    def restore(cls, config: ModelConfig, arrays: dict[str, np.ndarray]) -> ContextGnn:
        """A network over the interactions that were stored; its weights are loaded afterwards."""
        about = {
            kind: Bags(**{name: arrays[f"{kind}.{name}"] for name in _BAGS})
            for kind in ("user", "item")
        }
        return cls.made(config, Past.of_arrays(arrays), about, arrays.get("texts"))

    @classmethod
    def made(
        cls, config: ModelConfig, past: Past, about: dict[str, Bags], texts: np.ndarray | None
    ) -> ContextGnn:
        """One with fresh weights."""
        time, levels = past.time_of(_own(config)), past.item_factors.shape[1]
        network = ContextNetwork(config, past.n_items, about, time, levels, past.n_factors, texts)
        return cls(config, past, about, network, texts)

    def arrays(self) -> dict[str, np.ndarray]:
        """Training interactions, attributes and vectors of texts, by name."""
        about = {
            f"{kind}.{name}": getattr(one, name)
            for kind, one in self.bags.items()
            for name in _BAGS
        }
        texts = {} if self.texts is None else {"texts": self.texts}
        return {**self.past.arrays(), **about, **texts}

    @property
    def time(self) -> Time:
        """What decides what a user may see."""
        return self.past.time_of(_own(self.config))

    def batches(self, world: World, rng: np.random.Generator) -> tuple[int, Iterator[Step]]:
        """Users and what they had next, with their surroundings before it, drawn ahead."""
        own, size = _own(self.config), world.settings.batch_size
        targets = Targets(self.past, own)
        graph = self.past.graph(targets.had, self.time, own.followed)
        groups, full = targets.epoch(rng), world.settings.is_full(self.past.n_items)
        count, every = self.past.n_items if full else own.classes, targets.step(groups)

        def hidden(places: np.ndarray) -> Numbers:
            numbers = targets.step([groups[place] for place in places]).hidden
            return {} if numbers is None else {HAD: numbers}

        loader = Loader(
            sampler_of(own, self.past, graph, None),
            every.users,
            every.times,
            batch=size,
            seed=int(rng.integers(1 << 31)),
            values=lambda sample: self._near(sample, graph.schema),
            exclude=hidden,
        )
        starts = range(0, len(groups), size)
        steps = (
            Step(targets.step(groups[at : at + size]), near, count)
            for at, near in zip(starts, loader, strict=True)
        )
        return len(starts), steps

    def _near(self, sample: Sample, schema: Schema) -> Near:
        return Near.of(sample, schema, self.time, self.network.device)

    def loss(self, batch: Step) -> tuple[Tensor, int]:
        """Softmax over items near and far; the items to predict that are among them count.

        Where pairs alone are scored, these are the items near the user.
        """
        device, n_items = self.network.device, self.past.n_items
        rows = torch.from_numpy(batch.seeds.rows).to(device)
        columns = torch.from_numpy(batch.seeds.items).to(device)
        classes = None
        if batch.classes < n_items:
            classes = classes_of(n_items, columns, batch.near.items, batch.classes)
            place = torch.full((n_items,), -1, device=device)
            place[classes] = torch.arange(len(classes), device=device)
            kept = place[columns] >= 0
            rows, columns = rows[kept], place[columns[kept]]
        logits = self.network.scores(batch.near, self._items(), classes, n_items)
        if self.network.tower is None:
            kept = logits[rows, columns].isfinite()
            rows, columns = rows[kept], columns[kept]
        return softmax_of_several(logits, rows, columns), len(rows)

    def scores(self, asked: Asked) -> Iterator[tuple[np.ndarray, Tensor]]:
        """Users and their (b, n_items) scores, by one sample of the surroundings of each."""
        items = self._items()
        for users, near in self.surroundings(asked.histories, asked.users, asked.moment):
            scores = self.network.scores(near, items, None, self.past.n_items)
            yield users, _below(scores) if self.network.tower is None else scores

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        """(n_users, D) and (n_items, D) of its towers, users after their training histories.

        Raises:
            ConfigError: it has no towers.
        """
        self.network.eval()
        with torch.inference_mode():
            items = self._items()
            if items is None:
                raise ConfigError(
                    "model.backbone.parts is pair, which has no vector of every user and item; set "
                    "it to both or tower for what builds upon vectors."
                )
            past = self.past.histories
            around = self.surroundings(past, np.arange(self.past.n_users))
            asked = (self.network.read(near, items).wishes for _, near in around)
            users = torch.cat([one for one in asked if one is not None])
            return users.cpu().numpy(), items.cpu().numpy()

    def opened(self) -> Opened:
        """Itself, as it answers one user, and of newcomers."""
        return Opened(self)

    def surroundings(
        self, histories: Histories, users: np.ndarray, moment: int | None = None
    ) -> Iterator[tuple[np.ndarray, Near]]:
        """Users, and what is around them after their histories, a block of users at a time.

        Args:
            histories: Of all users.
            users: (b,) who is asked about.
            moment: As `Asked` has it.
        """
        had, times = self.past.asked(histories, self.time, moment)
        own = _own(self.config)
        graph = self.past.graph(had, self.time, own.followed)
        sampler = sampler_of(own, self.past, graph, 0)
        for at in range(0, len(users), USERS_AT_ONCE):
            some = np.asarray(users[at : at + USERS_AT_ONCE], dtype=np.int64)
            sample = sampler.sample(some, None if times is None else times[some])
            yield some, self._near(sample, graph.schema)

    def around(self, user: int, history: np.ndarray, items: np.ndarray) -> tuple[Around, ...]:
        """What the sample that scores items for a user has to do with each of some.

        Args:
            user: Number of the user.
            history: (n,) items that the user is taken to have had, oldest first; not none.
            items: (k,) items asked about.
        """
        asked = _of_one(user, np.asarray(history), self.past.n_users)
        self.network.eval()
        with torch.inference_mode():
            ((_, near),) = self.surroundings(asked, np.array([user]))
            return look_around(self.network, near, history, items.tolist(), self.past.n_items)

    def _items(self) -> Tensor | None:
        return None if self.network.tower is None else self.network.item_vectors()


@dataclass(frozen=True, slots=True)
class Opened:
    """Answers of ContextGNN.

    Attributes:
        of: It, with whatever newcomers there are as its last users and items.
    """

    of: ContextGnn

    @property
    def n_items(self) -> int:
        """Items that are ranked, newcomers included."""
        return self.of.past.n_items

    def after(
        self,
        user: int,
        histories: Sequence[np.ndarray],
        known: np.ndarray,  # noqa: ARG002
    ) -> Iterator[Tensor]:
        """(n_items,) scores of all items for one user after each history."""
        for items in histories:
            past = _of_one(user, items, self.of.past.n_users)
            for _, scores in self.of.scores(Asked(past, np.array([user]))):
                yield scores[0]

    def users(self, histories: Histories) -> Tensor:
        """(n_users, 1, 0): what is near a user is no vector's to say, so `scored` looks again."""
        return torch.empty(len(histories), 1, 0)

    def scored(self, vectors: Tensor, histories: Histories, users: np.ndarray) -> Tensor:  # noqa: ARG002
        """(b, n_items) scores of all items, newcomers included, for some users."""
        more = self.of.past.n_users - len(histories)
        past = replace(histories, offsets=np.pad(histories.offsets, (0, more), "edge"))
        with torch.inference_mode():
            return torch.cat([one.cpu() for _, one in self.of.scores(Asked(past, users))])

    def around(self, user: int, history: np.ndarray, items: np.ndarray) -> tuple[Around, ...]:
        """What the sample that scores items for a user has to do with each of some."""
        return self.of.around(user, history, items)

    def with_item(
        self,
        codes: Code | None,
        attributes: Bags,
        alike: np.ndarray | None,
        vector: np.ndarray | None,
        had: np.ndarray | None,
        said: np.ndarray | None = None,  # noqa: ARG002
    ) -> Opened:
        """The same with one more item, whose number is the old `n_items`.

        Its vector is made of what is said of it; where items have one of their own beside, it gets
        the mean over the training interactions of the items that are alike.

        Raises:
            DataError: nothing can be known of the item.
        """
        of = self.of
        past = past_with_item(of.past, _own(of.config), codes, attributes, vector)
        about = {**of.bags, "item": together(of.bags["item"], attributes)}
        texts = of.texts
        if texts is not None:
            texts = np.concatenate([texts, np.asarray(vector, np.float32)[None]])
        return self._grown(past, about, texts, alike, had)

    def with_user(
        self,
        codes: Code | None,  # noqa: ARG002
        attributes: Bags,
        vector: np.ndarray | None,  # noqa: ARG002
    ) -> tuple[Opened, int, str]:
        """The same with one more user, and the user's number; a history says the rest.

        It knows users by their attributes and by what is near them, and has no vectors of theirs.
        """
        past, about = self.of.past, self.of.bags
        about = {**about, "user": together(about["user"], attributes)}
        return self._grown(past_with_user(past), about, self.of.texts), past.n_users, ""

    def _grown(
        self,
        past: Past,
        about: dict[str, Bags],
        texts: np.ndarray | None,
        alike: np.ndarray | None = None,
        had: np.ndarray | None = None,
    ) -> Opened:
        """The same weights with another past; an item's own vector is the mean of those alike."""
        network = self.of.network
        weights = network.state_dict()
        if network.table is not None and past.n_items > self.of.past.n_items:
            table = network.table.weight.detach()
            shares = shares_of(self.of.past, alike, had).to(table)
            weights["table.weight"] = torch.cat([table, shares[None] @ table])
        made = ContextGnn.made(self.of.config, past, about, texts)
        made.network.load_state_dict(weights)
        made.network.to(network.device).eval()
        return Opened(made)


def _below(scores: Tensor) -> Tensor:
    """Scores whose -inf stand one below the lowest of their row; a row of them is zeros."""
    there = scores.isfinite()
    lowest = scores.masked_fill(~there, torch.inf).amin(1, keepdim=True)
    floor = torch.where(lowest.isfinite(), lowest - 1, torch.zeros_like(lowest))
    return torch.where(there, scores, floor)


def _own(config: ModelConfig) -> ContextGnnConfig:
    assert isinstance(config.backbone, ContextGnnConfig)
    return config.backbone


def _of_one(user: int, items: np.ndarray, n_users: int) -> Histories:
    """Histories of which all but one user's are empty."""
    offsets = np.where(np.arange(n_users + 1) > user, len(items), 0)
    return Histories(offsets, items.astype(np.int32), np.arange(len(items)))


def _texts_of(own: ContextGnnConfig, world: World) -> np.ndarray | None:
    """(n_items, t) float32, what texts about items mean, where its settings read that."""
    if "item_vectors" not in own.needs:
        return None
    found = world.sources.item_vectors
    if found is None:
        raise ConfigError(
            "model.backbone.says is texts, and there are no vectors of items' texts. Describe the "
            "items, or set it to attributes."
        )
    return standardise(found, found)


def _bags_of(dataset: Dataset) -> dict[str, Bags]:
    return {"user": bags(dataset.users), "item": bags(dataset.items)}
