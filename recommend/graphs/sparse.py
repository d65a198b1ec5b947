"""Sparse matrices times vectors of nodes, with a gradient that reads rows as well."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor


def csr(parts: tuple[np.ndarray, ...], shape: tuple[int, int]) -> Tensor:
    """A CSR matrix of (offsets, columns, values), without torch's word that such are new."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        offsets, targets, weights = map(torch.from_numpy, parts)
        return torch.sparse_csr_tensor(offsets, targets, weights, size=shape)


def product(matrix: Tensor, transposed: Tensor, nodes: Tensor) -> Tensor:
    """(n, d) a CSR matrix (n, m) times (m, d) nodes; `transposed` is it the other way round."""
    found: Tensor = _Product.apply(matrix, transposed, nodes)  # type: ignore[no-untyped-call]
    return found


class _Product(torch.autograd.Function):
    """A sparse matrix times nodes; its gradient reads the transpose, which is there by rows."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transposed: Tensor, nodes: Tensor) -> Tensor:
        ctx.transposed = transposed
        return matrix @ nodes

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[None, None, Tensor]:
        return None, None, ctx.transposed @ upstream[0].contiguous()
