"""What a network knows besides histories: attributes of both sides, and the graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data.dataset import Dataset
from data.errors import ConfigError
from recommend.features import Bags, bags
from recommend.settings import AutoGraphConfig, ModelConfig

if TYPE_CHECKING:
    from graph import LatentGraph


@dataclass(frozen=True, slots=True)
class GraphTables:
    """The latent-factor graph as arrays that a step can index.

    Attributes:
        user_factors: (n_users, levels) int64 factor node of each user and level.
        item_factors: (n_items, levels) int64 the same of items.
        n_factors: (2,) int64 factor nodes of users and of items.
        offsets: (n_items + 1,) int64; item i owns `users[offsets[i]:offsets[i + 1]]`.
        users: (n,) int32 users of training interactions, by item and time.
    """

    user_factors: np.ndarray
    item_factors: np.ndarray
    n_factors: np.ndarray
    offsets: np.ndarray
    users: np.ndarray

    @classmethod
    def of(cls, graph: LatentGraph, levels: tuple[int, ...]) -> GraphTables:
        """Tables of the given codebook levels.

        Raises:
            ConfigError: one side of the graph has fewer levels.
        """
        have = min(graph.user_codes.shape[1], graph.item_codes.shape[1])
        if not levels or max(levels) >= have or min(levels) < 0:
            raise ConfigError(
                f"model.enhancer.levels is {list(levels)}, and both sides of the graph have levels "
                f"0 to {have - 1}. Choose among them, or raise quantize.levels."
            )
        chosen, place = list(levels), np.arange(len(levels))
        return cls(
            graph.user_codes[:, chosen].astype(np.int64) + place * graph.user_k,
            graph.item_codes[:, chosen].astype(np.int64) + place * graph.item_k,
            np.array([len(levels) * graph.user_k, len(levels) * graph.item_k]),
            graph.item_user.offsets,
            graph.item_user.targets,
        )


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything a network is built from besides its settings.

    Attributes:
        users: Attributes of users, one bag a user.
        items: Attributes of items, one bag an item.
        graph: The graph, or None for a plain network.
    """

    users: Bags
    items: Bags
    graph: GraphTables | None

    @property
    def n_users(self) -> int:
        """Number of users."""
        return len(self.users.offsets)

    @property
    def n_items(self) -> int:
        """Number of items."""
        return len(self.items.offsets)

    def arrays(self) -> dict[str, np.ndarray]:
        """Every array by name; `of_arrays` takes them back."""
        parts = {"users": self.users, "items": self.items, "graph": self.graph}
        return {
            f"{part}.{name}": getattr(value, name)
            for part, value in parts.items()
            if value is not None
            for name in value.__slots__
        }

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> Inputs:
        """The inputs that `arrays` were made from."""

        def part(name: str) -> dict[str, np.ndarray]:
            head = f"{name}."
            return {k.removeprefix(head): v for k, v in arrays.items() if k.startswith(head)}

        graph = part("graph")
        return cls(
            Bags(**part("users")), Bags(**part("items")), GraphTables(**graph) if graph else None
        )


def gather_inputs(dataset: Dataset, graph: LatentGraph | None, config: ModelConfig) -> Inputs:
    """Inputs of the network that `config` describes.

    Raises:
        ConfigError: the enhancer needs a graph and there is none, or other levels than it has.
    """
    tables = None
    if isinstance(config.enhancer, AutoGraphConfig):
        if graph is None:
            raise ConfigError(
                f"The enhancer {config.enhancer.name!r} needs a graph. Run the stages up to "
                "'graph' first, or choose model.enhancer.name = \"none\"."
            )
        tables = GraphTables.of(graph, config.enhancer.levels)
    return Inputs(bags(dataset.users), bags(dataset.items), tables)
