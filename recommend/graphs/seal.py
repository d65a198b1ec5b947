"""SEAL: whether two nodes are joined, from where the nodes around them stand to both.

Seeds are edges of a type that holds the pairs to judge, drawn and not, so that the sampler keeps
its rules of time; a query with `induced` gives each pair its enclosing subgraph:

    -asked-:64 > (source as a -buys-> item:8, target as b -rev_buys-> user:8) induced

Source: Zhang and Chen, Link prediction based on graph neural networks, NeurIPS 2018. Different
here: a pair's vector is the product of the vectors of its two ends, not sort-pooling.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from data.errors import ConfigError
from graph.sample.sample import Sample
from graph.schema import Schema
from recommend.graphs.edges import EdgeList
from recommend.graphs.network import Network
from recommend.graphs.samples import NODE, ONE, edges_of, in_one_row, numbers_of


@dataclass(frozen=True, slots=True)
class Enclosure:
    """The subgraphs around pairs, side by side, with nodes of all types in one row.

    Attributes:
        numbers: (n_t,) int64 numbers of the nodes, by type, in the order in which they stand.
        ends: (b, 2) int64 places of both ends of every pair.
        labels: (n,) int64 of `label_nodes`.
        edges: Both ways, without those that are seeds; each type and way is a kind.
    """

    numbers: Mapping[str, Tensor]
    ends: Tensor
    labels: Tensor
    edges: EdgeList


def enclose(sample: Sample, schema: Schema) -> Enclosure:
    """The subgraph around every pair of a sample whose seeds are edges.

    Raises:
        ConfigError: the seeds are no edges, an end of them is not among the hops, or the sample is
            merged.
    """
    query = sample.query
    ends = {hop.end: n for n, hop in enumerate(query.hops, 1) if hop.end and hop.origin == 0}
    if query.start.edge is None or set(ends) != {"source", "target"}:
        raise ConfigError(
            "SEAL judges pairs: begin the query with edges, and go on from both ends, such as "
            "-asked-:64 > (source > item:8, target > user:8) induced."
        )
    if any((owners < 0).any() for owners in sample.owners.values()):
        raise ConfigError("Each pair needs nodes of its own; make the sampler disjoint.")
    asked = schema.edge(query.start.edge)
    edges = edges_of(sample, schema)
    edges = {key: e for key, e in edges.items() if key not in (asked.key, asked.reverse_key)}
    numbers = numbers_of(sample)
    row = in_one_row({kind: len(some) for kind, some in numbers.items()}, edges, list(edges))
    firsts = dict(zip(numbers, accumulate([0, *map(len, numbers.values())]), strict=False))
    pairs = np.stack(
        [firsts[query.types[ends[end]]] + sample.places[ends[end]] for end in ("source", "target")],
        axis=1,
    )
    labels = label_nodes(pairs, row.rows.numpy(), row.columns.numpy(), row.n_targets)
    return Enclosure(numbers, torch.from_numpy(pairs), torch.from_numpy(labels), row)


def label_nodes(pairs: np.ndarray, rows: np.ndarray, columns: np.ndarray, n: int) -> np.ndarray:
    """(n,) int64 double-radius labels: 1 of both ends, 0 of what does not reach both.

    Others have 1 + min(a, b) + (d // 2) · (d // 2 + d % 2 - 1), where a and b are the distances to
    the ends, each with the other end taken out, and d = a + b.

    Args:
        pairs: (b, 2) places of ends; no subgraph has two pairs.
        rows: (e,) sources of edges that are there both ways.
        columns: (e,) their targets.
        n: Nodes.

    Source: Zhang and Chen, 2018, eq. 3.
    """
    a, b = (_distances(pairs[:, end], pairs[:, 1 - end], rows, columns, n) for end in (0, 1))
    d = a + b
    labels: np.ndarray = 1 + np.minimum(a, b) + (d // 2) * (d // 2 + d % 2 - 1)
    labels[(a < 0) | (b < 0)] = 0
    labels[pairs.reshape(-1)] = 1
    return labels


def _distances(
    starts: np.ndarray, without: np.ndarray, rows: np.ndarray, columns: np.ndarray, n: int
) -> np.ndarray:
    """(n,) int64 steps from the start of each node's subgraph; -1 where there is no way."""
    free = ~(np.isin(rows, without) | np.isin(columns, without))
    ones = np.ones(int(free.sum()), np.int32)
    ways = sparse.csr_array((ones, (columns[free], rows[free])), shape=(n, n))
    steps = np.full(n, -1, np.int64)
    steps[starts] = 0
    at, step = (steps == 0).astype(np.int32), 0
    while at.any():
        step += 1
        at = ((ways @ at > 0) & (steps < 0)).astype(np.int32)
        steps[at > 0] = step
    return steps


class Seal(nn.Module):
    """Scores of pairs, by layers over labels (and features) of the nodes around them."""

    def __init__(
        self,
        width: int = 32,
        depth: int = 2,
        *,
        layer: str = "gcn",
        features: int = 0,
        most: int = 100,
        **options: Any,
    ) -> None:
        """A model of enclosing subgraphs.

        Args:
            width: Of labels' vectors and of every layer.
            depth: Layers.
            layer: Their name in `recommend.graphs.network.LAYERS`.
            features: Width of features of nodes, if they have any.
            most: Largest label that has a vector; larger ones share its.
            options: Of the layers.
        """
        super().__init__()
        self.labels = nn.Embedding(most + 1, width)
        widths = (width + features, *(width,) * depth)
        self.network = Network(layer, [ONE], widths, **options)
        self.judge = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, enclosure: Enclosure, x: Mapping[str, Tensor] | None = None) -> Tensor:
        """(b,) scores of pairs.

        Args:
            enclosure: Subgraphs around them.
            x: (n_t, features) of the nodes of every type, if they have any.
        """
        vectors = self.labels(enclosure.labels.clamp_max(self.labels.num_embeddings - 1))
        if x is not None:
            known = torch.cat([x[kind] for kind in enclosure.numbers])
            vectors = torch.cat([vectors, known], 1)
        nodes = self.network.subgraph({NODE: vectors}, {ONE: enclosure.edges})[NODE]
        a, b = nodes[enclosure.ends].unbind(1)
        scores: Tensor = self.judge(a * b)[:, 0]
        return scores
