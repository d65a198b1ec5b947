"""The recommender that reads a history: a network over it, trained at every position at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from recommend.fit.losses import NextItem
from recommend.protocols import Asked, Products, World
from recommend.sequence.chunks import Block, Layout, batches, last_chunks, training_chunks
from recommend.sequence.inputs import Inputs, gather_inputs
from recommend.sequence.network import Network, Propagated
from recommend.sequence.opened import SCORED_AT_ONCE, Opened, best_scores, last_vectors
from recommend.sequence.protocols import Regularises, StandsBefore
from recommend.settings import ModelConfig

SPAN = 32
"""Positions of a training chunk that a window slides over, at least."""


class Step(NamedTuple):
    """What a step of training reads.

    Attributes:
        rows: Chunks of histories.
        softmax: The loss of an epoch.
    """

    rows: Block
    softmax: NextItem


@dataclass(frozen=True, slots=True)
class SequenceRecommender:
    """A backbone with an enhancer.

    Attributes:
        config: What it is.
        inputs: Attributes and graph.
        network: The weights.
    """

    config: ModelConfig
    inputs: Inputs
    network: Network

    @classmethod
    def of(cls, config: ModelConfig, world: World) -> SequenceRecommender:
        """A fresh network.

        Raises:
            ConfigError: the enhancer does not fit what it is given.
        """
        inputs = gather_inputs(world.dataset, world.sources, config)
        return cls(config, inputs, Network(config, inputs))

    @classmethod
    def restore(cls, config: ModelConfig, arrays: dict[str, np.ndarray]) -> SequenceRecommender:
        """A network from its inputs, whose weights are loaded afterwards."""
        inputs = Inputs.of_arrays(arrays)
        return cls(config, inputs, Network(config, inputs))

    def arrays(self) -> dict[str, np.ndarray]:
        """The inputs, by name, without texts that are never read again."""
        once = self.config.enhancer.read_once
        return (replace(self.inputs, vectors=None) if once else self.inputs).arrays()

    @property
    def layout(self) -> Layout:
        """Shape of the batches that the network reads."""
        return Layout(self.config.max_history, self.inputs.n_items)

    @property
    def training_layout(self) -> Layout:
        """Shape of the batches that it is trained on, with longer chunks if its window slides."""
        slides = self.network.backbone.slides
        width = max(self.config.max_history, SPAN) if slides else self.config.max_history
        return replace(self.layout, width=width)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.network.item.weight.device

    def batches(self, world: World, rng: np.random.Generator) -> tuple[int, Iterator[Step]]:
        """Every position of every history once, in chunks."""
        histories, layout, size = world.histories, self.training_layout, world.settings.batch_size
        chunks = training_chunks(histories.lengths, layout.width, rng)
        chunks = chunks[rng.permutation(len(chunks))]
        softmax = NextItem(histories.items, self.inputs.n_items, world.settings, self.device)
        rows = batches(histories, chunks, layout, histories.lengths, size)
        return -(-len(chunks) // size), (Step(one.to(self.device), softmax) for one in rows)

    def loss(self, batch: Step) -> tuple[Tensor, int]:
        """Which item came next at each position, and what the enhancer adds."""
        network, parts = self.network, batch.rows.parts
        if isinstance(network.enhancer, StandsBefore):
            parts = tuple(network.enhancer.cut(part) for part in parts)
        shared = network.propagate(hidden=torch.cat([part.users for part in parts]))
        there = [part.targets >= 0 for part in parts]
        target = torch.cat([part.targets[at] for part, at in zip(parts, there, strict=True)])
        after = zip(network.users_of(shared, parts), there, strict=True)
        interests = torch.cat([vectors[at] for vectors, at in after])  # (p, k, d)
        users = network.backbone.attend(interests, shared.items[target])
        loss = batch.softmax(users, shared.items, target)
        if isinstance(network.enhancer, Regularises):
            loss = loss + network.enhancer.penalty(shared.items, parts)
        return loss, len(target)

    def scores(self, asked: Asked) -> Iterator[tuple[np.ndarray, Tensor]]:
        """Users and the best of their interests for each item, a block of users at a time."""
        items, of_users = self.products(asked)
        for users, vectors in of_users:
            yield users, best_scores(vectors, items)

    def products(self, asked: Asked) -> Products:
        """Vectors of items, and of users, one an interest."""
        histories, shared = asked.histories, self._propagate()
        edges = histories.lengths if asked.known is None else asked.known
        chunks = last_chunks(histories.lengths, self.config.max_history, asked.users)
        rows = batches(histories, chunks, self.layout, edges, SCORED_AT_ONCE)
        some = (
            asked.users[at : at + SCORED_AT_ONCE]
            for at in range(0, len(asked.users), SCORED_AT_ONCE)
        )
        return shared.items, (
            (users, last_vectors(self.network, shared, block.to(self.device)))
            for users, block in zip(some, rows, strict=True)
        )

    def nodes(self) -> tuple[np.ndarray, np.ndarray]:
        """(n_users, d) and (n_items, e) what the enhancer knows of everybody after training."""
        self.network.eval()
        with torch.inference_mode():
            users, items = self._propagate().nodes
        return users.detach().cpu().numpy(), items.detach().cpu().numpy()

    def opened(self) -> Opened:
        """The network after one pass over its graph."""
        self.network.eval()
        with torch.inference_mode():
            return Opened(self.config, self.inputs, self.network, self._propagate())

    def _propagate(self) -> Propagated:
        """What a pass over the graph gives outside training, where nobody is hidden."""
        return self.network.propagate(torch.empty(0, dtype=torch.int64, device=self.device))
