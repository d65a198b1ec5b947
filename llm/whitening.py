"""Vectors spread evenly in all directions, as those of sentence models are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

RIDGE = 1e-4
"""Added to every variance, in shares of their mean, so that noise is not blown up."""


@dataclass(frozen=True, slots=True)
class Whitening:
    """Takes the mean away, and makes the variance 1 in every direction.

    Attributes:
        mean: (d,) float32 of the vectors it was fitted to.
        turn: (d, d) float32 that they are multiplied by less their mean; None to centre alone.
    """

    mean: np.ndarray
    turn: np.ndarray | None = None

    @classmethod
    def fit(cls, vectors: np.ndarray, how: Literal["centre", "full"]) -> Whitening:
        """Fitted to (n, d) vectors: ZCA, which moves each as little as whitening can.

        With Σ = U Λ Uᵀ the covariance and ε the ridge, x becomes (x - μ) U (Λ + ε)^(-1/2) Uᵀ.

        Source: WhitenRec (arXiv 2402.10602), eq. 3 with the whitening matrix of ZCA.
        """
        exact = vectors.astype(np.float64)
        mean = exact.mean(axis=0)
        if how == "centre":
            return cls(mean.astype(np.float32))
        covariance = (exact - mean).T @ (exact - mean) / len(exact)
        variances, axes = np.linalg.eigh(covariance)
        scales = 1 / np.sqrt(np.maximum(variances, 0) + RIDGE * variances.mean() + 1e-12)
        return cls(mean.astype(np.float32), ((axes * scales) @ axes.T).astype(np.float32))

    def apply(self, vectors: np.ndarray) -> np.ndarray:
        """(n, d) float32: vectors of that encoder, those it was fitted to and others alike."""
        centred = (vectors - self.mean).astype(np.float32)
        spread: np.ndarray = centred if self.turn is None else centred @ self.turn
        return spread
