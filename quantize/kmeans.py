"""k-means in torch, for the first place of code vectors and for residual k-means."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from quantize.residual import distances, nearest


def kmeans(x: Tensor, k: int, *, generator: torch.Generator, iterations: int = 50) -> Tensor:
    """(k, d) centres of `x` (n, d) after k-means++ and Lloyd's iterations.

    None is empty where k vectors or more differ: a centre that loses all its members moves to the
    vector that is farthest from its own centre, as long as one is off its centre at all.
    Where n < k the last k - n centres repeat earlier ones with a little noise.

    Source: Arthur & Vassilvitskii, k-means++, SODA 2007.
    """
    if len(x) < k:
        again = torch.randint(len(x), (k - len(x),), generator=generator)
        noise = torch.randn(k - len(x), x.shape[1], generator=generator, dtype=x.dtype)
        return torch.cat([x, x[again] + 1e-3 * x.std() * noise])
    centres = _spread(x, k, generator)
    members = torch.full((len(x),), -1)
    for _ in range(iterations):
        previous, members = members, nearest(x, centres)
        if torch.equal(members, previous):
            break
        centres = _means(x, members, centres)
    return centres


def _spread(x: Tensor, k: int, generator: torch.Generator) -> Tensor:
    """Greedy k-means++: of a few vectors drawn by squared distance, the one that lowers it most."""
    tries = 2 + int(math.log(k))
    norms = x.square().sum(1, keepdim=True)
    picks = torch.randint(len(x), (1,), generator=generator)
    gap = (norms + distances(x, x[picks])).clamp_min(0)  # (n, 1)
    for _ in range(k - 1):
        cumulative = gap[:, 0].double().cumsum(0)
        at = torch.rand(tries, generator=generator, dtype=torch.float64) * cumulative[-1]
        drawn = torch.searchsorted(cumulative, at).clamp_max(len(x) - 1)
        gaps = torch.minimum(gap, (norms + distances(x, x[drawn])).clamp_min(0))  # (n, tries)
        best = gaps.sum(0).argmin()
        gap = gaps[:, best, None]
        picks = torch.cat([picks, drawn[best, None]])
    return x[picks].clone()


def _means(x: Tensor, members: Tensor, centres: Tensor) -> Tensor:
    """Mean of each centre's members; empty centres go to the worst placed vectors, or stay."""
    counts = torch.bincount(members, minlength=len(centres))
    sums = torch.zeros_like(centres).index_add_(0, members, x)
    means = sums / counts.clamp_min(1).unsqueeze(1)
    empty = (counts == 0).nonzero()[:, 0]
    if len(empty):
        worst = (x - means[members]).square().sum(1).topk(len(empty))
        off = worst.values > 0
        means[empty] = torch.where(off[:, None], x[worst.indices], centres[empty])
    return means
