"""Residual quantisation over given codebooks, the one idea that every method here shares."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

_CELLS = 1 << 24
"""Most distances held at a time: 64 MB in float32."""


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
