"""Who hears whom: every type of edges of a graph, as matrices of weighted means."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from data.relation import Relation
from graph.build.domains import HAD
from graph.hetero import HeteroGraph
from graph.schema import Key
from recommend.graphs.sparse import product

LEAST = torch.finfo(torch.float32).tiny
"""What stands for a weight of nothing, where it is divided by."""
Hidden = Mapping[Key, Tensor]
"""(m,) bool by declared type of edges: which of them nobody hears in a step."""


@dataclass(frozen=True, slots=True)
class Way:
    """A type of edges, in one of its directions.

    Attributes:
        source: Type that is heard.
        target: Type that hears.
        declared: The type of edges as the schema has it.
        heard: From those that hear to those that are heard.
    """

    source: str
    target: str
    declared: Key
    heard: Relation


def ways(graph: HeteroGraph) -> list[Way]:
    """All directions in which nodes of a graph hear each other.

    Users and their items hear each other. Of what is alike, a node hears its own nearest: that it
    is among the nearest of another says little about itself.
    """
    found = []
    for edge in graph.schema.edges:
        found.append(Way(edge.target, edge.source, edge.key, graph.relation(edge.key)))
        if edge.relation == HAD:
            back = graph.relation(edge.reverse_key)
            found.append(Way(edge.source, edge.target, edge.key, back))
    return found


class Matrices(NamedTuple):
    """Means as a product.

    Attributes:
        shares: (n, s) sparse, what each target hears of each source; rows add up to 1, or 0.
        turned: (s, n) its transpose, which gradients go over.
        weights: (n, 1) of all that a target hears.
    """

    shares: Tensor
    turned: Tensor
    weights: Tensor

    def heard(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, d) means over (s, d) sources, and (n, 1) the weight of what is heard."""
        return product(self.shares, self.turned, x), self.weights


class Hearing(nn.Module):
    """What targets hear of sources along one type of edges, without what is hidden.

    Attributes:
        offsets: (n + 1,) int64 edges of each target, in order of the targets.
        targets: (m,) int64 target of each.
        sources: (m,) int64 source of each.
        numbers: (m,) int64 place of each among the declared edges.
        weights: (m,) float32.
        turned: (m,) int64 the edges in order of their sources; `turned_offsets` and
            `turned_targets` likewise.
    """

    offsets: Tensor
    targets: Tensor
    sources: Tensor
    numbers: Tensor
    weights: Tensor
    turned: Tensor
    turned_offsets: Tensor
    turned_targets: Tensor

    def __init__(self, heard: Relation) -> None:
        """Of edges from those that hear to those that are heard."""
        super().__init__()
        self.shape = (len(heard), heard.n_targets)
        m = len(heard.targets)
        turned = np.argsort(heard.targets, kind="stable")
        counts = np.bincount(heard.targets, minlength=heard.n_targets)
        arrays = {
            "offsets": heard.offsets,
            "targets": heard.sources,
            "sources": heard.targets,
            "numbers": np.arange(m) if heard.numbers is None else heard.numbers,
            "turned": turned,
            "turned_offsets": np.concatenate([[0], np.cumsum(counts)]),
            "turned_targets": heard.sources[turned],
        }
        for name, array in arrays.items():
            tensor = torch.from_numpy(np.asarray(array, dtype=np.int64))
            self.register_buffer(name, tensor, persistent=False)
        weights = np.ones(m) if heard.weights is None else heard.weights
        self.register_buffer("weights", torch.from_numpy(np.float32(weights)), persistent=False)
        self._whole: Matrices | None = None

    def matrices(self, hidden: Tensor | None = None) -> Matrices:
        """What is heard; the whole of it is made once.

        Args:
            hidden: (m,) bool declared edges that are not heard; all are unless given.
        """
        if hidden is not None:
            return self._made(self.weights.masked_fill(hidden[self.numbers], 0.0))
        if self._whole is None:
            self._whole = self._made(self.weights)
        return self._whole

    def _made(self, weights: Tensor) -> Matrices:
        totals = torch.segment_reduce(weights, "sum", offsets=self.offsets, unsafe=True)
        shares = weights / totals.clamp_min(LEAST)[self.targets]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torch says that such matrices are new
            to_targets = torch.sparse_csr_tensor(
                self.offsets, self.sources, shares, self.shape, check_invariants=False
            )
            to_sources = torch.sparse_csr_tensor(
                self.turned_offsets,
                self.turned_targets,
                shares[self.turned],
                self.shape[::-1],
                check_invariants=False,
            )
        return Matrices(to_targets, to_sources, totals[:, None])

    def _apply(self, *given: Any, **named: Any) -> Hearing:
        self._whole = None  # it is where the arrays were
        moved: Hearing = super()._apply(*given, **named)  # type: ignore[no-untyped-call]
        return moved
