"""The graph of users, items and their latent factors: a schema, and the arrays it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data import atomic
from data.relation import Relation
from graph.hetero import HeteroGraph
from graph.schema import EdgeType, NodeType, Schema

INTERACTIONS = ("user", "interacts", "item")
"""The edges between users and items."""


def latent_schema(user_levels: int = 1, item_levels: int = 1) -> Schema:
    """The schema of latent factors: the edges to them are a relation a level of codes."""
    levels = {"user": user_levels, "item": item_levels}
    return Schema(
        nodes=(
            NodeType("user", letter="u", help="Somebody who interacted with items."),
            NodeType("item", letter="i", help="Something that users interacted with."),
            *(
                NodeType(
                    f"{side}_factor",
                    letter=side[0].upper(),
                    groups=side,
                    help=f"A meaning that {side}s share: a code of their texts.",
                )
                for side in levels
            ),
        ),
        edges=(
            EdgeType(*INTERACTIONS, reverse="of", timed=True, title="interactions"),
            *(
                EdgeType(*_has(side, level), level=level, title=f"{side}s' factors")
                for side, n in levels.items()
                for level in range(n)
            ),
        ),
    )


def _has(side: str, level: int) -> tuple[str, str, str]:
    """The edges from a side to its factors of one level."""
    return side, f"has_level_{level}", f"{side}_factor"


PAPER = (
    "item > user",
    "user > user_factor > user",
    "user > item",
    "item > item_factor > item",
)
"""The metapaths of the paper. Source: AutoGraph, section 3.3.1."""


@dataclass(frozen=True)
class LatentGraph:
    """The latent-factor graph as models read it: codes are a matrix, for each has one a level.

    A factor node has the number `level * k + code` on its side. `hetero` is the same graph for
    whatever reads graphs of any schema.

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

    @cached_property
    def hetero(self) -> HeteroGraph:
        """The same nodes and edges, typed; factors have "id" (level-code), "level" and "label"."""
        schema = latent_schema(self.levels("user"), self.levels("item"))
        interactions = schema.edge(INTERACTIONS)
        edges = {interactions.key: self.user_item, interactions.reverse_key: self.item_user}
        attributes: dict[str, dict[str, Any]] = {}
        for side in ("user", "item"):
            factors, k = self.factors(side), self.k(side)
            offsets = np.arange(len(factors) + 1, dtype=np.int64)
            for level, column in enumerate(np.ascontiguousarray(factors.T)):
                key = _has(side, level)
                edges[key] = Relation(offsets, column, self.size(key[2]))
            numbers = range(self.size(f"{side}_factor"))
            attributes[f"{side}_factor"] = {
                "id": tuple(f"{number // k}-{number % k}" for number in numbers),
                "level": np.array([number // k for number in numbers], dtype=np.int16),
                "label": self.labels(side),
            }
        sizes = {name: self.size(name) for name in schema.types}
        return HeteroGraph(schema, sizes, edges, attributes)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        arrays = [self.user_codes, self.item_codes]
        for edges in (self.user_item, self.item_user):
            arrays += [edges.offsets, edges.targets, edges.moments]
        return sum(array.nbytes for array in arrays)

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
    @atomic.report_damage
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
