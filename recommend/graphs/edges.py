"""Where messages go: a list of edges (sparse), or as many places for every node (dense).

A layer is written once, against `Edges`; which of the two it is given decides how it sums. Sums
over a list are products with a CSR matrix, those of gradients with its transpose, without an array
of (e, d); benchmarks/layers.py measures them beside PyG's, which make one.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any, Protocol

import numpy as np
import torch
from scipy import sparse
from torch import Tensor


class Edges(Protocol):
    """Edges from sources, whose vectors are sent, to n targets, which sum them up.

    Where there are e edges, a row an edge is (e, …), whichever the order of edges is.
    """

    @property
    def kinds(self) -> Tensor | None:
        """(e,) int64 kind of each edge, where there are several."""
        ...

    @property
    def counts(self) -> Tensor:
        """(n, 1) int64 edges that lead to each target."""
        ...

    def pull(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """(n, d) sum, over the edges to each target, of what their sources have.

        Args:
            x: (s, d) of the sources.
            weights: (e,) that each edge's is multiplied by; 1 by default.
        """
        ...

    def largest(self, x: Tensor) -> Tensor:
        """(n, d) largest, column by column, of what a target's sources have; 0 without any."""
        ...

    def send(self, x: Tensor) -> Tensor:
        """(e, …) what the source of each edge has, of (s, …)."""
        ...

    def own(self, x: Tensor) -> Tensor:
        """(e, …) what the target of each edge has, of (n, …)."""
        ...

    def softmax(self, scores: Tensor, itself: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Shares of the edges to each target, and its own share: they add up to 1.

        Args:
            scores: (e, h) of the edges.
            itself: (n, h) of the target itself; by default it has no share.

        Returns:
            (e, h) and (n, h).
        """
        ...

    def of_kind(self, kind: int) -> Edges:
        """The edges of one kind, of those that have kinds."""
        ...

    def listed(self) -> EdgeList:
        """The same as a list."""
        ...


class EdgeList:
    """Any edges.

    Attributes:
        rows: (e,) int64 source of each.
        columns: (e,) int64 target of each.
        n_sources: How many sources there are.
        n_targets: How many targets there are.
        kinds: (e,) int64 kind of each, where there are several.

    >>> edges = EdgeList(torch.tensor([0, 1, 2]), torch.tensor([1, 1, 0]), 3, 2)
    >>> edges.pull(torch.tensor([[1.0], [2.0], [4.0]])).tolist()
    [[4.0], [3.0]]
    """

    def __init__(
        self,
        rows: Tensor,
        columns: Tensor,
        n_sources: int,
        n_targets: int,
        kinds: Tensor | None = None,
    ) -> None:
        self.rows, self.columns, self.kinds = rows, columns, kinds
        self.n_sources, self.n_targets = n_sources, n_targets
        self._of_kinds: dict[int, EdgeList] = {}

    @classmethod
    def none(cls, x: Tensor, own: Tensor) -> EdgeList:
        """No edges between (s, …) sources and (n, …) targets."""
        ends = torch.empty(0, dtype=torch.int64, device=own.device)
        return cls(ends, ends, len(x), len(own), ends)

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def counts(self) -> Tensor:
        """(n, 1) int64 edges that lead to each target."""
        return torch.bincount(self.columns, minlength=self.n_targets)[:, None]

    @cached_property
    def _by_target(self) -> sparse.csr_array:
        """Numbers of the edges, a row a target; edges that are there twice stay two."""
        ends = self.columns.cpu().numpy(), self.rows.cpu().numpy()
        shape = self.n_targets, self.n_sources
        matrix = sparse.coo_array((np.arange(len(self)), ends), shape=shape)
        matrix.has_canonical_format = True
        return matrix.tocsr()

    @cached_property
    def _to_targets(self) -> tuple[Tensor, Tensor, Tensor]:
        return self._parts(self._by_target)

    @cached_property
    def _to_sources(self) -> tuple[Tensor, Tensor, Tensor]:
        return self._parts(self._by_target.tocsc())

    def _parts(self, matrix: sparse.csr_array | sparse.csc_array) -> tuple[Tensor, Tensor, Tensor]:
        parts = matrix.indptr, matrix.indices, matrix.data
        offsets, ends, numbers = (
            torch.from_numpy(part.astype(np.int64)).to(self.rows.device) for part in parts
        )
        return offsets, ends, numbers

    def matrix(self, weights: Tensor, transposed: bool = False) -> Tensor:
        """(n, s) CSR of the (e,) weights, or its (s, n) transpose."""
        offsets, ends, numbers = self._to_sources if transposed else self._to_targets
        shape = self.n_targets, self.n_sources
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return torch.sparse_csr_tensor(
                offsets, ends, weights[numbers], size=shape[::-1] if transposed else shape
            )

    def products(self, own: Tensor, x: Tensor) -> Tensor:
        """(e,) product of what the target of each edge has, of (n, d), and its source, of (s, d).

        By sampled_addmm, which makes no (e, d) array.
        """
        pattern = self.matrix(x.new_zeros(len(self)))
        sampled = torch.sparse.sampled_addmm(pattern, own.contiguous(), x.T, beta=0.0)
        products = x.new_empty(len(self))
        products[self._to_targets[2]] = sampled.values()
        return products

    def pull(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """(n, d) sums of (s, d), as of `Edges`."""
        weights = x.new_ones(len(self)) if weights is None else weights
        summed: Tensor = _Pull.apply(self, x, weights)  # type: ignore[no-untyped-call]
        return summed

    def largest(self, x: Tensor) -> Tensor:
        """(n, d) largest of (s, d), as of `Edges`."""
        where = self.columns[:, None].expand(-1, x.shape[1])
        start = x.new_zeros(self.n_targets, x.shape[1])
        return start.scatter_reduce(0, where, x[self.rows], "amax", include_self=False)

    def send(self, x: Tensor) -> Tensor:
        """(e, …) of (s, …) sources."""
        return x.index_select(0, self.rows)

    def own(self, x: Tensor) -> Tensor:
        """(e, …) of (n, …) targets."""
        return x.index_select(0, self.columns)

    def softmax(self, scores: Tensor, itself: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(e, h) and (n, h) shares, as of `Edges`."""
        where = self.columns[:, None].expand_as(scores)
        least = scores.new_full((self.n_targets, scores.shape[1]), -torch.inf)
        top = least if itself is None else itself.detach()
        top = top.scatter_reduce(0, where, scores.detach(), "amax").nan_to_num(neginf=0.0)
        own = torch.zeros_like(top) if itself is None else (itself - top).exp()
        odds = (scores - self.own(top)).exp()
        total = own.index_add(0, self.columns, odds).clamp_min(torch.finfo(odds.dtype).tiny)
        return odds / self.own(total), own / total

    def of_kind(self, kind: int) -> EdgeList:
        """The edges of one kind; found once."""
        if kind not in self._of_kinds:
            kept = self.kinds == kind
            ends = self.rows[kept], self.columns[kept]
            self._of_kinds[kind] = EdgeList(*ends, self.n_sources, self.n_targets)
        return self._of_kinds[kind]

    def listed(self) -> EdgeList:
        """These."""
        return self

    def reverse(self) -> EdgeList:
        """The same edges the other way round, in the same order."""
        return EdgeList(self.columns, self.rows, self.n_targets, self.n_sources, self.kinds)


class _Pull(torch.autograd.Function):
    """A product with a CSR matrix of weights, and with its transpose on the way back."""

    @staticmethod
    def forward(ctx: Any, edges: EdgeList, x: Tensor, weights: Tensor) -> Tensor:
        ctx.edges = edges
        ctx.save_for_backward(x, weights)
        return edges.matrix(weights) @ x

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[None, Tensor | None, Tensor | None]:
        (grad,), edges = upstream, ctx.edges
        x, weights = ctx.saved_tensors
        to_x = to_weights = None
        if ctx.needs_input_grad[1]:
            to_x = edges.matrix(weights, transposed=True) @ grad.contiguous()
        if ctx.needs_input_grad[2]:
            to_weights = edges.products(grad, x)
        return None, to_x, to_weights


class Fanout:
    """As many places for every target: the sources of target i are i · k to i · k + k - 1.

    Attributes:
        mask: (n, k) bool, whether a place is taken; what stands in the others counts for nothing.
        kinds: (n · k,) int64 kind of each edge, where there are several.

    >>> edges = Fanout(torch.tensor([[True, True], [True, False]]))
    >>> edges.pull(torch.tensor([[1.0], [2.0], [4.0], [8.0]])).tolist()
    [[3.0], [4.0]]
    """

    def __init__(self, mask: Tensor, kinds: Tensor | None = None) -> None:
        self.mask, self.kinds = mask, kinds

    @property
    def counts(self) -> Tensor:
        """(n, 1) int64 edges that lead to each target."""
        return self.mask.sum(1, keepdim=True)

    def pull(self, x: Tensor, weights: Tensor | None = None) -> Tensor:
        """(n, d) sums of (s, d), as of `Edges`."""
        there = self._wide(x).masked_fill(~self.mask[..., None], 0.0)
        if weights is None:
            return there.sum(1)
        return torch.bmm(self._wide(weights)[:, None], there)[:, 0]

    def largest(self, x: Tensor) -> Tensor:
        """(n, d) largest of (s, d), as of `Edges`."""
        top = self._wide(x).masked_fill(~self.mask[..., None], -torch.inf).amax(1)
        return top.masked_fill(self.counts == 0, 0.0)

    def send(self, x: Tensor) -> Tensor:
        """(e, …) of (s, …) sources."""
        return x

    def own(self, x: Tensor) -> Tensor:
        """(e, …) of (n, …) targets."""
        return x.repeat_interleave(self.mask.shape[1], 0)

    def softmax(self, scores: Tensor, itself: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(e, h) and (n, h) shares, as of `Edges`."""
        n, k = self.mask.shape
        wide = self._wide(scores).masked_fill(~self.mask[..., None], -torch.inf)  # (n, k, h)
        last = wide.new_full((n, scores.shape[1]), -torch.inf) if itself is None else itself
        every = torch.cat([wide, last[:, None]], 1)
        nobody = every.isneginf().all(1, keepdim=True)
        shares = every.masked_fill(nobody, 0.0).softmax(1).masked_fill(nobody, 0.0)
        return shares[:, :k].flatten(0, 1), shares[:, k]

    def of_kind(self, kind: int) -> Fanout:
        """The places of one kind; all others are empty."""
        assert self.kinds is not None
        return Fanout(self.mask & self._wide(self.kinds == kind))

    def listed(self) -> EdgeList:
        """The places that are taken."""
        rows = torch.nonzero(self.mask.reshape(-1))[:, 0]
        n, k = self.mask.shape
        kinds = None if self.kinds is None else self.kinds[rows]
        return EdgeList(rows, rows // max(k, 1), n * k, n, kinds)

    def _wide(self, x: Tensor) -> Tensor:
        """(n, k, …) of (n · k, …)."""
        return x.reshape(*self.mask.shape, *x.shape[1:])


def beside(parts: Sequence[Edges]) -> Edges:
    """Edges from the sources of all parts, one after another, to the same targets.

    Args:
        parts: At least one; all of them with kinds, or none.
    """
    if len(parts) == 1:
        return parts[0]
    lists = [part.listed() for part in parts]
    firsts = accumulate([0, *(one.n_sources for one in lists)])
    kinds = [one.kinds for one in lists if one.kinds is not None]
    return EdgeList(
        torch.cat([one.rows + first for one, first in zip(lists, firsts, strict=False)]),
        torch.cat([one.columns for one in lists]),
        sum(one.n_sources for one in lists),
        lists[0].n_targets,
        torch.cat(kinds) if kinds else None,
    )
