"""The heterogeneous graph of users, items and their latent factors."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data import atomic
from data.relation import Relation


@dataclass(frozen=True, slots=True)
class LatentGraph:
    """Nodes user, item, user_factor, item_factor; entity-factor edges are one relation a level.

    A factor node has the number `level * k + code` on its side.

    Attributes:
        n_users: Number of users.
        n_items: Number of items.
        user_codes: (n_users, T) int32, the user-factor edges.
        item_codes: (n_items, T) int32, the item-factor edges.
        user_k: User codes a level.
        item_k: Item codes a level.
        user_item: Training interactions by user.
        item_user: The same by item.
        user_labels: (T * user_k) what each user factor means, "" where it is unknown.
        item_labels: (T * item_k) the same of item factors.
    """

    n_users: int
    n_items: int
    user_codes: np.ndarray
    item_codes: np.ndarray
    user_k: int
    item_k: int
    user_item: Relation
    item_user: Relation
    user_labels: tuple[str, ...]
    item_labels: tuple[str, ...]

    def codes(self, side: str) -> np.ndarray:
        """(n, T) int32 codes of `side`, "user" or "item"."""
        return {"user": self.user_codes, "item": self.item_codes}[side]

    def k(self, side: str) -> int:
        """Codes a level of `side`."""
        return {"user": self.user_k, "item": self.item_k}[side]

    def labels(self, side: str) -> tuple[str, ...]:
        """(T * k) labels of the factors of `side`."""
        return {"user": self.user_labels, "item": self.item_labels}[side]

    def levels(self, side: str) -> int:
        """Levels of codes of `side`, T."""
        return int(self.codes(side).shape[1])

    def factors(self, side: str) -> np.ndarray:
        """(n, T) int32 factor nodes of each entity of `side`."""
        shift = self.k(side) * np.arange(self.levels(side), dtype=np.int32)
        return self.codes(side) + shift

    def size(self, node_type: str) -> int:
        """Number of nodes of a type."""
        return {
            "user": self.n_users,
            "item": self.n_items,
            "user_factor": self.user_k * self.levels("user"),
            "item_factor": self.item_k * self.levels("item"),
        }[node_type]

    def save(self, directory: Path) -> None:
        """Arrays, sizes and labels in `directory`."""
        arrays = {"user_codes": self.user_codes, "item_codes": self.item_codes}
        for name in ("user_item", "item_user"):
            edges: Relation = getattr(self, name)
            arrays |= {f"{name}.{f}": getattr(edges, f) for f in _STORED}
        atomic.write_arrays(directory / "graph.safetensors", arrays)
        names = ("n_users", "n_items", "user_k", "item_k", "user_labels", "item_labels")
        atomic.write_json(directory / "graph.json", {name: getattr(self, name) for name in names})

    @classmethod
    @atomic.stored
    def load(cls, directory: Path) -> LatentGraph:
        """The graph stored by `save`."""
        about: dict[str, Any] = atomic.read_json(directory / "graph.json")
        arrays = atomic.read_arrays(directory / "graph.safetensors")
        for name in ("user_labels", "item_labels"):
            about[name] = tuple(about[name])
        for name in ("user_codes", "item_codes"):
            about[name] = arrays[name]
        for name, targets in (("user_item", "n_items"), ("item_user", "n_users")):
            stored = {field: arrays[f"{name}.{field}"] for field in _STORED}
            about[name] = Relation(n_targets=about[targets], **stored)
        return cls(**about)


_STORED = ("offsets", "targets", "times")
