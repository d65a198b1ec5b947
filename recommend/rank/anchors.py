"""What else is drawn together: users who had the same items, and items that the same users had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from data.relation import Relation
from graph.hetero import HeteroGraph
from recommend.rank.negatives import Known


class Pairs(NamedTuple):
    """Nodes of a step, each with one that is alike.

    Attributes:
        anchors: (p,) int64, none twice.
        others: (p,) int64 one drawn for each.
        rows: (n,) int64 place among the anchors, of all that is no negative of each.
        known: (n,) int64 that: the anchor, its nearest, and those among whose nearest it is.
    """

    anchors: Tensor
    others: Tensor
    rows: Tensor
    known: Tensor

    def __len__(self) -> int:
        return len(self.anchors)

    def apart_from(self, size: int) -> Known:
        """What is no negative of each, of `size` nodes."""
        return Known(self.rows, self.known, (len(self.anchors), size))


@dataclass(frozen=True, slots=True)
class Likeness:
    """Who is alike, of nodes of one kind.

    Attributes:
        near: Nodes to their nearest along `engaged` edges.
        known: Nodes to what is no negative of them, in order and each once.
    """

    near: Relation
    known: Relation

    @classmethod
    def of(cls, near: Relation) -> Likeness:
        """By edges among n nodes."""
        n, itself = np.int64(len(near)), np.arange(len(near))
        a, b = near.sources.astype(np.int64), near.targets
        codes = np.unique(np.concatenate([a * n + b, b * n + a, itself * n + itself]))
        return cls(near, Relation.between(codes // n, codes % n, len(near), len(near)))

    def draw(self, nodes: np.ndarray, rng: np.random.Generator, device: torch.device) -> Pairs:
        """One of the nearest of each node that has any, alike.

        Args:
            nodes: (m,) numbers, none twice.
            rng: Draws.
            device: Where they are wanted.
        """
        degrees = self.near.degrees
        anchors = nodes[degrees[nodes] > 0]
        places = (rng.random(len(anchors)) * degrees[anchors]).astype(np.int64)
        others = self.near.targets[self.near.offsets[anchors] + places]
        rows, edges = edges_of(self.known, anchors)
        parts = (anchors, others, rows, self.known.targets[edges])
        return Pairs(*(torch.from_numpy(part.astype(np.int64)).to(device) for part in parts))


def alike_users(graph: HeteroGraph, kind: str) -> Likeness:
    """Users of one type."""
    return Likeness.of(graph.relation((kind, "engaged", kind)))


def alike_items(graph: HeteroGraph, domains: tuple[str, ...], n_items: int) -> Likeness:
    """Items of some domains, by their numbers in the catalogue."""
    found = []
    for edge in graph.schema.edges:
        if edge.relation == "engaged" and edge.source in domains and edge.target in domains:
            ours, theirs = (
                np.asarray(graph.attributes[end]["item"]) for end in (edge.source, edge.target)
            )
            relation = graph.relation(edge.key)
            found.append((ours[relation.sources], theirs[relation.targets]))
    sources, targets = (np.concatenate(ends) for ends in zip(*found, strict=True))
    return Likeness.of(Relation.between(sources, targets, n_items, n_items))


def edges_of(relation: Relation, nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n,) int64 places among nodes, and (n,) int64 places among edges, of all their edges.

    Args:
        relation: Edges of all nodes.
        nodes: (m,) numbers.

    >>> edges_of(Relation(np.array([0, 2, 2, 3]), np.array([5, 6, 7]), 9), np.array([2, 0]))
    (array([0, 1, 1]), array([2, 0, 1]))
    """
    lengths = relation.degrees[nodes]
    rows = np.repeat(np.arange(len(nodes)), lengths)
    before = np.cumsum(lengths) - lengths
    return rows, relation.offsets[nodes][rows] + np.arange(len(rows)) - before[rows]
