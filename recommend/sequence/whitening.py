"""The principal axes of centred vectors, and the vectors without their correlations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NOTHING = 1e-6
"""Axes of less than this share of the largest variance hold rounding and no meaning."""


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Axes along which vectors vary, and how much.

    Attributes:
        axes: (k, d) float64 eigenvectors of the covariance, orthonormal, the largest variance
            first; in each, what is largest is positive.
        variances: (k,) float64 eigenvalues, all of them above nothing.
    """

    axes: np.ndarray
    variances: np.ndarray

    @classmethod
    def of(cls, vectors: np.ndarray) -> Spectrum:
        """Of (n, d) vectors whose mean is zero."""
        given = vectors.astype(np.float64)
        variances, columns = np.linalg.eigh(given.T @ given / len(given))
        there = np.flatnonzero(variances > NOTHING * max(variances[-1], 0))[::-1]
        axes = columns[:, there].T
        largest = np.take_along_axis(axes, abs(axes).argmax(1)[:, None], 1)
        return cls(axes * np.sign(largest), variances[there])

    def projection(self, width: int, *, whiten: bool) -> np.ndarray:
        """(w, d) float64 map to the w first axes, at most `width`; whitened, all vary by one."""
        axes, variances = self.axes[:width], self.variances[:width]
        return axes / np.sqrt(variances)[:, None] if whiten else axes

    @property
    def whitening(self) -> np.ndarray:
        """(d, d) float64 W = U diag(1/√λ) Uᵀ: the covariance of x W is the identity.

        Of all maps that whiten it is the one that moves vectors least, and the signs and the order
        of axes do not count in it: it comes out the same on every machine, but for rounding.

        Source: Zhang et al., WhitenRec (arXiv 2402.10602), ZCA; Kessy et al., Optimal whitening and
        decorrelation, The American Statistician 2018.
        """
        found: np.ndarray = self.axes.T @ self.projection(len(self.axes), whiten=True)
        return found
