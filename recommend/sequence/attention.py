"""Graph attention over factors, histories and neighbours, without a graph library.

The logit of eq. (6), `LeakyReLU(aᵀ[W e_t ‖ W e_j])`, is a sum of one number of the target and
one of the neighbour, so no edge ever needs the pair of vectors: only their two numbers.

Shapes: n nodes, h heads, d channels a head, e edges.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2
"""Negative slope of the LeakyReLU (Veličković et al., Graph Attention Networks, 2018)."""
FARTHEST = 30.0
"""Logits over prefixes are held at 30 and below, the node's own at -30 and above.

Their exponentials and cumulative sums then fit a float32 without the maximum of the row, which
would let a position know what comes later; and no total is ever zero."""


class Edges(NamedTuple):
    """Who hears whom, in order of the hearers and in order of the speakers.

    With both, a sum over edges and its gradient write every row once, from edges side by side.

    Attributes:
        speaker: (e,) row of the table that each edge reads.
        hearer: (e,) who hears it, ascending.
        starts: (n,) first edge of each hearer.
        turned: (e,) the edges in order of their speakers.
        turned_starts: (m,) first edge of each speaker in that order.
    """

    speaker: Tensor
    hearer: Tensor
    starts: Tensor
    turned: Tensor
    turned_starts: Tensor

    @classmethod
    def of(cls, speaker: Tensor, hearer: Tensor, hearers: int, speakers: int) -> Edges:
        """Edges (e,) by their two ends; `hearer` ascends."""
        heard, said = (
            ends.bincount(minlength=n) for ends, n in ((hearer, hearers), (speaker, speakers))
        )
        starts, turned_starts = heard.cumsum(0) - heard, said.cumsum(0) - said
        return cls(speaker, hearer, starts, speaker.int().argsort(), turned_starts)

    @classmethod
    def to_each(cls, index: Tensor, speakers: int) -> Edges:
        """Edges of targets that hear k rows each, (n, k)."""
        n, k = index.shape
        hearer = torch.arange(n, device=index.device).repeat_interleave(k)
        return cls.of(index.flatten(), hearer, n, speakers)


class FixedEdges(nn.Module):
    """Edges that never change; they move to a device with the module that has them."""

    def __init__(self, edges: Edges) -> None:
        super().__init__()
        for name, tensor in edges._asdict().items():
            self.register_buffer(name, tensor, persistent=False)

    def forward(self) -> Edges:
        """The edges."""
        return Edges(*(getattr(self, name) for name in Edges._fields))


class AttentionHead(nn.Module):
    """`W` and the two halves of `a` in eq. (6), for every head at once."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"{heads} heads do not divide a width of {width}")
        self.heads = heads
        self.project = nn.Linear(width, width, bias=False)
        self.of_source = nn.Parameter(torch.empty(heads, width // heads))
        self.of_target = nn.Parameter(torch.empty(heads, width // heads))
        nn.init.xavier_uniform_(self.project.weight)
        nn.init.normal_(self.of_source, std=(heads / width) ** 0.5)
        nn.init.normal_(self.of_target, std=(heads / width) ** 0.5)

    def values(self, nodes: Tensor) -> Tensor:
        """(…, h, d) projected nodes, `W e`."""
        projected: Tensor = self.project(nodes)
        return projected.view(*nodes.shape[:-1], self.heads, -1)

    def values_of_sums(self, sums: Tensor) -> Tensor:
        """(n, h, d) projection of what each head has summed of unprojected nodes, (n, h, width).

        It is the sum of their projections, and cheaper where many speak to few.
        """
        return torch.einsum("nhw,hdw->nhd", sums, self._of_heads())

    def source(self, nodes: Tensor) -> Tensor:
        """(h, n) the neighbour's half of the logit of (n, width) nodes."""
        return self._fold(self.of_source) @ nodes.T

    def target(self, nodes: Tensor) -> Tensor:
        """(h, n) the target's half of the logit of (n, width) nodes."""
        return self._fold(self.of_target) @ nodes.T

    def _fold(self, half: Tensor) -> Tensor:
        """(h, width) `aᵀ W`: a logit without the projection of its node."""
        return torch.einsum("hd,hdw->hw", half, self._of_heads())

    def _of_heads(self) -> Tensor:
        """(h, d, width) rows of `W` of each head."""
        weight = self.project.weight
        return weight.view(self.heads, -1, weight.shape[1])


def look_up(of_nodes: Tensor, index: Tensor) -> Tensor:
    """(h, …) numbers of the nodes at `index`, from those of all, (h, n)."""
    flat = index.flatten().expand(len(of_nodes), -1)
    return of_nodes.gather(1, flat).view(len(of_nodes), *index.shape)


def logits(target: Tensor, source: Tensor) -> Tensor:
    """`LeakyReLU(a_dst·W e_t + a_src·W e_j)` of eq. (6)."""
    return F.leaky_relu(target + source, SLOPE)


def groups(logit: Tensor, values: Tensor, edges: Edges) -> Tensor:
    """(n, h, d) attention of each hearer over its edges; one without edges gets zeros.

    Args:
        logit: (h, e) logit of every edge.
        values: (m, h, d) table of what the speakers say, or (m, 1, d), the same to every head.
        edges: Who hears whom.
    """
    index = edges.hearer.expand_as(logit)
    lowest = torch.finfo(logit.dtype).min  # finite: a hearer may have nothing but -inf
    top = logit.new_full((len(logit), len(edges.starts)), lowest)
    top = top.scatter_reduce(1, index, logit.detach(), "amax")
    weight = (logit - look_up(top, edges.hearer)).exp()  # (h, e)
    total = torch.zeros_like(top).scatter_add(1, index, weight)
    summed = weighted_sums(weight, values, edges)
    return summed / total.clamp_min(1.0).T[..., None]  # the largest weight of a hearer is 1


def neighbours(
    logit: Tensor, values: Tensor, edges: Edges, present: Tensor | None = None
) -> Tensor:
    """(n, h, d) attention of each target over k rows of a table; over none of them it is zeros.

    Args:
        logit: (h, n, k) logits of the neighbours.
        values: (m, h, d) table of their values.
        edges: (n k,) rows of that table, k a target.
        present: (n, k) bool, neighbours that exist; all of them unless given.
    """
    if present is not None:
        logit = logit.masked_fill(~present, torch.finfo(logit.dtype).min)
    weight = logit.softmax(-1)
    if present is not None:
        weight = weight * present
    return weighted_sums(weight.flatten(1), values, edges)


def weighted_sums(weight: Tensor, values: Tensor, edges: Edges) -> Tensor:
    """(n, h, d) sums over the edges of each hearer.

    Args:
        weight: (h, e) weight of every edge.
        values: (m, h, d) table of what the speakers say, or (m, 1, d), the same to every head.
        edges: Who hears whom.
    """
    summed: Tensor = _WeightedSums.apply(weight, values, edges)  # type: ignore[no-untyped-call]
    return summed


class _WeightedSums(torch.autograd.Function):
    """Sums over edges, without the (e, h, d) rows in between, neither forward nor back.

    The gradient of the table is the same sum over the edges in order of their speakers; that of a
    weight is the product of what is said and the gradient of who hears it.
    """

    @staticmethod
    def forward(ctx: Any, weight: Tensor, values: Tensor, edges: Edges) -> Tensor:
        ctx.save_for_backward(weight, values, *edges)
        return _bags(weight, values, edges.speaker, edges.starts)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, None]:
        weight, values, *ends = ctx.saved_tensors
        edges, gradient = Edges(*ends), upstream[0]
        to_weight = _products(gradient, values.expand(-1, len(weight), -1), edges)
        given, hearer = look_up(weight, edges.turned), edges.hearer.index_select(0, edges.turned)
        to_values = _bags(given, gradient, hearer, edges.turned_starts)
        shared = to_values.sum(1, keepdim=True) if values.shape[1] == 1 else to_values
        return to_weight, shared, None


def _products(of_hearers: Tensor, of_speakers: Tensor, edges: Edges) -> Tensor:
    """(h, e) products of the rows (n, h, d) and (m, h, d) at both ends of every edge, per head."""
    if len(edges.speaker) > len(of_hearers) * len(of_speakers):  # more than such a matrix may hold
        return (of_hearers[edges.hearer] * of_speakers[edges.speaker]).sum(-1).T
    ends = torch.cat([edges.starts, edges.starts.new_tensor([len(edges.speaker)])])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # torch says that such matrices are new
        pattern = torch.sparse_csr_tensor(
            ends,
            edges.speaker,
            of_hearers.new_zeros(len(edges.speaker)),
            (len(of_hearers), len(of_speakers)),
            check_invariants=False,
        )
        products = [
            torch.sparse.sampled_addmm(pattern, one, other.T, beta=0.0).values()
            for one, other in zip(of_hearers.unbind(1), of_speakers.unbind(1), strict=True)
        ]
    return torch.stack(products)


def _bags(weight: Tensor, table: Tensor, index: Tensor, starts: Tensor) -> Tensor:
    """(n, h, d) weighted sums of rows of a table, (m, h, d) or (m, 1, d), by (h, e) weights."""
    heads, tables = len(weight), table.shape[1]
    head = torch.arange(heads, device=index.device)[:, None]
    own = head if tables == heads else torch.zeros_like(head)
    summed = F.embedding_bag(  # the bags of one head after those of another
        (index * tables + own).flatten(),
        table.flatten(0, 1),
        (starts + head * len(index)).flatten(),
        mode="sum",
        per_sample_weights=weight.flatten(),
    )
    return summed.view(heads, len(starts), -1).transpose(0, 1).contiguous()


def prefixes(
    logit: Tensor,
    values: Tensor,
    first: tuple[Tensor, Tensor],
    prior: tuple[Tensor, Tensor, Edges] | None = None,
) -> Tensor:
    """(b, l, h, d) attention of every position over all neighbours up to and including it.

    The logit of a neighbour does not depend on the position, so the softmax over every prefix is a
    ratio of two cumulative sums: O(l) where one softmax a position would be O(l²).

    Args:
        logit: (b, l, h) logit of the item at each position.
        values: (b, l, h, d) its value.
        first: (b, h) logit and (b, h, d) value of a neighbour that every position has: itself.
        prior: Neighbours before them all: (h, e) logits, (m, h, d) table, edges to the b rows.
    """
    self_logit, self_value = first
    total = self_logit.clamp(-FARTHEST, FARTHEST).exp()  # (b, h)
    summed = total[..., None] * self_value
    if prior is not None:
        before, table, edges = prior
        weight = before.clamp_max(FARTHEST).exp()
        total = total.T.scatter_add(1, edges.hearer.expand_as(weight), weight).T
        summed = summed + weighted_sums(weight, table, edges)
    weight = logit.clamp_max(FARTHEST).exp()  # (b, l, h)
    total = total[:, None] + weight.cumsum(1)
    summed = summed[:, None] + (weight[..., None] * values).cumsum(1)
    return summed / total[..., None]
