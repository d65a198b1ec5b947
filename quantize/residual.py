"""Residual quantisation: nearest code vectors, the k-means that finds them, and a search for many.

The search is made in float32, and decided in float64 where it is close. In float64 rounding
practically never changes a code, so a vector gets the same codes alone and in a batch. In float32
it would, but only where two code vectors are about equally near, and those rows are few: they
alone are worked out again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

_CELLS = 1 << 24
"""Most distances held at a time: 64 MB in float32."""
Encode = Callable[[Tensor], Tensor]
"""What gives (n, d_q) for a block of vectors (n, width)."""
ROWS = 8192
"""Vectors a block, so that memory stays bounded."""
_IN_CACHE = 1024
"""Vectors whose distances are worked out at a time, while they are in the processor's cache."""
TOLERANCE = 1e-5
"""Distances that differ by less are too close to call, as a share of the squared lengths."""
_FEW = 32
"""So few vectors are not worth a search in float32."""


class Residuals(NamedTuple):
    """What residual quantisation finds on its way.

    Attributes:
        codes: (n, T) int64 selected code a level.
        residuals: (T + 1, n, d) what is left before each level and after the last.
    """

    codes: Tensor
    residuals: Tensor


def distances(x: Tensor, centres: Tensor) -> Tensor:
    """(n, k) squared Euclidean distances by one matrix product, less the constant ‖x‖² a row."""
    return torch.addmm(centres.square().sum(-1), x, centres.T, alpha=-2)


def nearest(x: Tensor, centres: Tensor) -> Tensor:
    """(n,) int64 number of the nearest of `centres` (k, d), in blocks of bounded memory."""
    rows = max(1, _CELLS // max(1, len(centres)))
    return torch.cat([distances(block, centres).argmin(-1) for block in torch.split(x, rows)])


def quantise(x: Tensor, codebooks: Tensor) -> Residuals:
    """Codes and residuals of `x` (n, d) over `codebooks` (T, K, d), without gradients.

    Source: AutoGraph, eq. 4: m^t = argmin_k ‖r^t - c_k^t‖², r^(t+1) = r^t - c_(m^t)^t.
    """
    residuals, codes = [x.detach()], []
    for codebook in codebooks.detach():
        codes.append(nearest(residuals[-1], codebook))
        residuals.append(residuals[-1] - codebook[codes[-1]])
    return Residuals(torch.stack(codes, 1), torch.stack(residuals))


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


def assign(matrix: np.ndarray, codebooks: Tensor, quick: Encode, exact: Encode) -> np.ndarray:
    """(n, T) int32 codes, those of residual quantisation in float64.

    Args:
        matrix: (n, width) float32 vectors; may be a memory map.
        codebooks: (T, K, d_q) float32.
        quick: Encodes in float32.
        exact: Encodes in float64.

    Source: AutoGraph, eq. 4.
    """
    codes = np.empty((len(matrix), len(codebooks)), dtype=np.int32)
    books, precise = codebooks.detach(), codebooks.detach().double()
    for start in range(0, len(matrix), ROWS):
        block = torch.from_numpy(np.array(matrix[start : start + ROWS]))
        found = codes[start : start + ROWS]
        unsure = np.arange(len(block))
        if len(block) > _FEW:
            close = np.empty(len(block), dtype=bool)
            for begin in range(0, len(block), _IN_CACHE):
                part = slice(begin, begin + _IN_CACHE)
                found[part], close[part] = search(quick(block[part]), books)
            unsure = np.flatnonzero(close)
        if len(unsure):
            found[unsure] = quantise(exact(block[unsure]), precise).codes.numpy()
    return codes


def search(x: Tensor, codebooks: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """(n, T) int64 codes of `x` (n, d_q), and (n,) bool whether a second code was nearly as near.

    After a close call the code is 0, and those of later levels mean nothing. The number of the only
    code within the bound is a sum over the codes within it: a product where a search for the place
    of the least, and then of the next, would go over all distances one by one.
    """
    codes, close = [], torch.zeros(len(x), dtype=torch.bool)
    lengths = x.square().sum(1)
    for codebook in codebooks:
        gaps = distances(x, codebook)  # (n, k)
        longest = codebook.square().sum(1).amax()
        bound = torch.add(gaps.amin(1), lengths + longest, alpha=TOLERANCE)
        near = torch.le(gaps, bound[:, None], out=gaps)  # 1 where it is as near as the nearest
        number = torch.arange(len(codebook), dtype=x.dtype)
        count, total = (near @ torch.stack([torch.ones_like(number), number], 1)).T
        close |= count != 1
        nearest = torch.where(count == 1, total, 0).long()
        codes.append(nearest)
        x = x - codebook[nearest]
    return torch.stack(codes, 1).numpy(), close.numpy()
