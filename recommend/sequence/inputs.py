"""What a network knows besides histories: attributes of both sides, and the graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from data.dataset import Dataset, Histories
from data.errors import ConfigError, DataError
from data.relation import Relation, offsets_of
from recommend.features import Bags, bags
from recommend.settings import ModelConfig
from recommend.sources import Sources, standardise

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
    def of(cls, graph: LatentGraph, levels: tuple[int, ...] | None) -> GraphTables:
        """Tables of the given codebook levels, or of all.

        Raises:
            ConfigError: one side of the graph has fewer levels.
        """
        have = min(graph.user_codes.shape[1], graph.item_codes.shape[1])
        if levels is None:
            levels = tuple(range(have))
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

    def members(self, side: str) -> np.ndarray:
        """(n, levels) factor node of each entity of a side, "user" or "item", and level."""
        return self.user_factors if side == "user" else self.item_factors

    def factors_of(self, side: str, codes: np.ndarray, levels: Sequence[int]) -> np.ndarray:
        """(levels,) int64 factor nodes of somebody or something new.

        Args:
            side: "user" or "item".
            codes: (T,) on every level of the graph.
            levels: Those that the tables were made of.

        Raises:
            DataError: the codes are of another graph.
        """
        k = int(self.n_factors[0 if side == "user" else 1]) // len(levels)
        chosen, which = np.asarray(codes, dtype=np.int64), list(levels)
        if len(chosen) <= max(which) or chosen[which].min() < 0 or chosen[which].max() >= k:
            raise DataError(
                f"The codes {chosen.tolist()} do not fit the recommender: it looks at levels "
                f"{which} with codes from 0 to {k - 1}. Assign them with the quantiser of the same "
                "run."
            )
        nodes: np.ndarray = chosen[which] + k * np.arange(len(which))
        return nodes


@dataclass(frozen=True, slots=True)
class EntityVectors:
    """What is known of entities beforehand, centred and of mean square one.

    Attributes:
        items: (n_items, d) float32.
        users: (n_users, d) float32; None where those of items are read alone.
    """

    items: np.ndarray
    users: np.ndarray | None = None

    @classmethod
    def of(cls, items: np.ndarray, users: np.ndarray | None) -> EntityVectors:
        """Of raw vectors; each side is centred and scaled by itself."""
        of_users = None if users is None else standardise(users, users)
        return cls(standardise(items, items), of_users)


@dataclass(frozen=True, slots=True)
class Inputs:
    """Everything a network is built from besides its settings.

    Attributes:
        users: Attributes of users, one bag a user.
        items: Attributes of items, one bag an item.
        graph: The latent-factor graph, where the enhancer reads it; so for the others.
        vectors: What the texts mean, likewise.
        embeddings: Vectors that another recommender has, likewise.
        relations: From items to others, by name; "taken" to the users who had them in training.
    """

    users: Bags
    items: Bags
    graph: GraphTables | None = None
    vectors: EntityVectors | None = None
    embeddings: EntityVectors | None = None
    relations: Mapping[str, Relation] = field(default_factory=dict)

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
        parts = {name: getattr(self, name) for name in _KINDS} | dict(self.relations)
        return {
            f"{part}.{name}": np.asarray(getattr(value, name))
            for part, value in parts.items()
            if value is not None
            for name in value.__slots__
            if getattr(value, name) is not None
        }

    @classmethod
    def of_arrays(cls, arrays: dict[str, np.ndarray]) -> Inputs:
        """The inputs that `arrays` were made from."""
        parts: dict[str, dict[str, np.ndarray]] = {}
        for key, array in arrays.items():
            part, _, name = key.partition(".")
            parts.setdefault(part, {})[name] = array
        own = {part: kind(**parts.pop(part)) for part, kind in _KINDS.items() if part in parts}
        return cls(**own, relations={name: _relation(**named) for name, named in parts.items()})


def _relation(
    offsets: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray | None = None,
    n_targets: np.ndarray | None = None,
    size: np.ndarray | None = None,
) -> Relation:
    """A relation from its arrays; models of earlier versions call the number of targets `size`."""
    n = n_targets if n_targets is not None else size
    assert n is not None
    return Relation(offsets, targets.astype(np.int32), int(n.reshape(-1)[0]), weights=weights)


_KINDS: dict[str, Callable[..., Any]] = {
    **{"users": Bags, "items": Bags, "graph": GraphTables},
    **{"vectors": EntityVectors, "embeddings": EntityVectors},
}
"""What the arrays of a part are of; those of other names are relations."""


def gather_inputs(dataset: Dataset, sources: Sources, config: ModelConfig) -> Inputs:
    """Inputs of the network that `config` describes.

    Raises:
        ConfigError: the enhancer needs what there is not, or other levels than the graph has.
    """
    enhancer = config.enhancer
    for name in enhancer.needs:
        if sources.part(name) is None:
            needed = _SAID.get(name, f"the relation {name!r}")
            raise ConfigError(
                f"The enhancer {enhancer.name!r} needs {needed}. Run the stages before "
                'training first, or choose model.enhancer.name = "none".'
            )
    given: dict[str, Any] = {}
    if "graph" in enhancer.needs:
        levels = getattr(enhancer, "levels", None)
        given["graph"] = GraphTables.of(sources.graph, levels)  # type: ignore[arg-type]
    for kind in ("vectors", "embeddings"):
        if f"item_{kind}" in enhancer.needs:
            users = sources.part(f"user_{kind}") if f"user_{kind}" in enhancer.needs else None
            given[kind] = EntityVectors.of(sources.part(f"item_{kind}"), users)
    relations = {name: of for name, of in sources.relations.items() if name in enhancer.needs}
    if "histories" in enhancer.needs:
        relations["taken"] = _owners(sources.histories, dataset.n_items)  # type: ignore[arg-type]
    return Inputs(bags(dataset.users), bags(dataset.items), **given, relations=relations)


_SAID = {
    "graph": "a graph",
    "user_vectors": "the vectors of the texts about users",
    "item_vectors": "the vectors of the texts about items",
    "item_embeddings": "the vectors that another recommender has of items",
    "user_embeddings": "the vectors that another recommender has of users",
    "histories": "training interactions",
    "phrases": "the phrases of the items' texts",
    "pairs": "pairs of similar items",
}


def _owners(histories: Histories, n_items: int) -> Relation:
    """From items to users; a user who had an item twice has one edge."""
    users = np.repeat(np.arange(len(histories)), histories.lengths)
    once = np.unique(histories.items.astype(np.int64) * len(histories) + users)
    items, users = once // len(histories), once % len(histories)
    return Relation(offsets_of(items, n_items), users.astype(np.int32), len(histories))
