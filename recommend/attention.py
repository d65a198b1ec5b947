"""Graph attention over factors, histories and neighbours, without a graph library.

The logit of eq. (6), `LeakyReLU(aᵀ[W e_t ‖ W e_j])`, is a sum of one number of the target and
one of the neighbour, so no edge ever needs the pair of vectors: only their two numbers.

Shapes: n nodes, h heads, d channels a head.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE = 0.2
"""Negative slope of the LeakyReLU (Veličković et al., Graph Attention Networks, 2018)."""
FARTHEST = 30.0
"""Logits over prefixes are held at 30 and below, the node's own at -30 and above.

Their exponentials and cumulative sums then fit a float32 without the maximum of the row, which
would let a position know what comes later; and no total is ever zero."""


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

    def source(self, values: Tensor) -> Tensor:
        """(…, h) the neighbour's half of the logit."""
        return (values * self.of_source).sum(-1)

    def target(self, values: Tensor) -> Tensor:
        """(…, h) the target's half of the logit."""
        return (values * self.of_target).sum(-1)


def logits(target: Tensor, source: Tensor) -> Tensor:
    """`LeakyReLU(a_dst·W e_t + a_src·W e_j)` of eq. (6)."""
    return F.leaky_relu(target + source, SLOPE)


def grouped(logit: Tensor, values: Tensor, group: Tensor, groups: int) -> Tensor:
    """(g, h, d) attention of each group over its members; a group without members gives zeros.

    Args:
        logit: (n, h) logit of every member.
        values: (n, h, d) value of every member.
        group: (n,) group of every member.
        groups: g.
    """
    index = group[:, None].expand_as(logit)
    lowest = torch.finfo(logit.dtype).min  # finite: a group may hold nothing but -inf
    top = logit.new_full((groups, logit.shape[1]), lowest)
    top = top.scatter_reduce(0, index, logit.detach(), "amax")
    weight = (logit - top[group]).exp()  # (n, h)
    total = torch.zeros_like(top).index_add(0, group, weight)
    summed = values.new_zeros(groups, *values.shape[1:])
    summed = summed.index_add(0, group, weight[..., None] * values)
    return summed / total.clamp_min(1.0)[..., None]  # the largest weight of a group is 1


def neighbours(
    logit: Tensor, values: Tensor, index: Tensor, present: Tensor | None = None
) -> Tensor:
    """(n, h, d) attention of each target over k rows of a table; over none of them it is zeros.

    Args:
        logit: (n, k, h) logits of the neighbours.
        values: (m, h, d) table of their values.
        index: (n, k) rows of that table.
        present: (n, k) bool, neighbours that exist; all of them unless given.
    """
    if present is not None:
        logit = logit.masked_fill(~present[..., None], torch.finfo(logit.dtype).min)
    weight = logit.softmax(1)  # (n, k, h)
    if present is not None:
        weight = weight * present[..., None]
    n, heads = len(index), values.shape[1]
    rows = index[:, None] * heads + torch.arange(heads, device=index.device)[:, None]  # (n, h, k)
    summed: Tensor = _WeightedRows.apply(  # type: ignore[no-untyped-call]
        values.flatten(0, 1), weight.transpose(1, 2).flatten(0, 1), rows.flatten(0, 1)
    )
    return summed.view(n, heads, -1)


class _WeightedRows(torch.autograd.Function):
    """(r, d) sums of k weighted rows of a table, without the (r, k, d) rows in between.

    The gradient of the table is the same sum over the transposed relation: rows in order of what
    they were picked by, instead of an addition a row.
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, weight: Tensor, index: Tensor) -> Tensor:
        ctx.save_for_backward(table, weight, index)
        return F.embedding_bag(index, table, mode="sum", per_sample_weights=weight)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, None]:
        table, weight, index = ctx.saved_tensors
        flat, gradient = index.flatten(), upstream[0].contiguous()
        to_weight = torch.bmm(F.embedding(index, table), gradient[..., None])[..., 0]
        order = flat.argsort()
        counts = flat.bincount(minlength=len(table))
        to_table = F.embedding_bag(
            order // index.shape[1],
            gradient,
            counts.cumsum(0) - counts,
            mode="sum",
            per_sample_weights=weight.flatten()[order],
        )
        return to_table, to_weight, None


def prefixes(
    logit: Tensor,
    values: Tensor,
    first: tuple[Tensor, Tensor],
    prior: tuple[Tensor, Tensor, Tensor] | None = None,
) -> Tensor:
    """(b, l, h, d) attention of every position over all neighbours up to and including it.

    The logit of a neighbour does not depend on the position, so the softmax over every prefix is a
    ratio of two cumulative sums: O(l) where one softmax a position would be O(l²).

    Args:
        logit: (b, l, h) logit of the item at each position.
        values: (b, l, h, d) its value.
        first: (b, h) logit and (b, h, d) value of a neighbour that every position has: itself.
        prior: (m, h) logits, (m, h, d) values and (m,) rows of the neighbours before them all.
    """
    self_logit, self_value = first
    total = self_logit.clamp(-FARTHEST, FARTHEST).exp()  # (b, h)
    summed = total[..., None] * self_value
    if prior is not None:
        weight = prior[0].clamp_max(FARTHEST).exp()
        total = total.index_add(0, prior[2], weight)
        summed = summed.index_add(0, prior[2], weight[..., None] * prior[1])
    weight = logit.clamp_max(FARTHEST).exp()  # (b, l, h)
    total = total[:, None] + weight.cumsum(1)
    summed = summed[:, None] + (weight[..., None] * values).cumsum(1)
    return summed / total[..., None]
