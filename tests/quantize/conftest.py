"""Small sets of vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pytest
import torch


class Some(NamedTuple):
    ids: tuple[str, ...]
    matrix: np.ndarray
    missing: tuple[int, ...] = ()


def mixture(n: int, width: int = 24, blobs: int = 12, seed: int = 0) -> np.ndarray:
    """Unit vectors around some centres, with structure inside every blob."""
    rng = np.random.default_rng(seed)
    centres, tilts = rng.normal(size=(2, blobs, width))
    blob, side = rng.integers(blobs, size=n), rng.choice([-0.3, 0.3], size=(n, 1))
    vectors = centres[blob] + side * tilts[blob] + 0.05 * rng.normal(size=(n, width))
    unit: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit.astype(np.float32)


@pytest.fixture(scope="session")
def make_vectors() -> Callable[..., Some]:
    def make(n: int = 300, **about: int) -> Some:
        return Some(tuple(f"e{i}" for i in range(n)), mixture(n, **about))

    return make


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
