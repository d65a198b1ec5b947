"""Item vectors as the training interactions alone would have them, for training to begin from."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from data.dataset import Histories

FAINT = 1e-4
"""Share of the largest singular value below which a direction is noise of the arithmetic."""


def item_spectrum(histories: Histories, n_items: int, width: int) -> np.ndarray:
    """(n_items, width) float32 right singular vectors of the users' normalised interactions.

    They are those of the largest singular values of D_u^(-1/2) R D_i^(-1/2), where R has a 1 where
    a user had an item, and scaled so that the rows of items that somebody had have a mean norm of
    1. Items that the same users had get the same row; those that nobody had, and directions beyond
    the rank of the matrix, are zeros.

    Args:
        histories: Training interactions of all users.
        n_items: In the catalogue.
        width: Of the vectors.

    Source: Halko, Martinsson and Tropp, Finding structure with randomness, 2011, for the
    decomposition; Shen et al., How powerful is graph convolution for recommendation? (GF-CF), CIKM
    2021, section 4, for the matrix whose singular vectors are themselves a strong recommender.
    """
    ends = np.ones(len(histories.items)), histories.items, histories.offsets
    had = sparse.csr_array(ends, shape=(len(histories), n_items), copy=True)
    had.sum_duplicates()
    had.data[:] = 1.0
    of_users, of_items = (had.sum(axis).clip(1) ** -0.5 for axis in (1, 0))
    normal = sparse.csr_array(had.multiply(of_users[:, None]).multiply(of_items))
    rank = min(width, *normal.shape)
    _, values, vectors = randomized_svd(normal, rank, n_iter=8, random_state=0)
    vectors = vectors.T * (values > FAINT * values.max(initial=0.0))
    norms = np.linalg.norm(vectors, axis=1)[had.sum(0) > 0]
    found = np.zeros((n_items, width), np.float32)
    found[:, :rank] = vectors / (norms.mean() if norms.any() else 1.0)
    return found
