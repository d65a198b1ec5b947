"""Nearest code vectors for many vectors: searched in float32, decided in float64 where it is close.

In float64 rounding practically never changes a code, so a vector gets the same codes alone and in
a batch. In float32 it would, but only where two code vectors are about equally near, and those
rows are few: they alone are worked out again.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from quantize.residual import distances, quantise

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
