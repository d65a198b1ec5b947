"""Fitted quantisers behind one interface: assign codes, give back vectors, save and load."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np

from data import atomic
from data.config import Config
from data.errors import ArtifactError
from quantize.methods.hierarchical import HierarchicalQuantizer
from quantize.methods.lsh import LshQuantizer
from quantize.methods.product import ProductQuantizer
from quantize.methods.rq_kmeans import RqKMeansQuantizer
from quantize.methods.rq_vae import RqVaeQuantizer
from quantize.methods.storage import ABOUT
from quantize.settings import (
    HierarchicalConfig,
    LshConfig,
    PqConfig,
    RqKMeansConfig,
    RqVaeConfig,
)


class Quantizer(Protocol):
    """A fitted quantiser of vectors of one width."""

    curves: np.ndarray
    """(epochs, columns) float64 training curves; no rows where nothing is trained by epochs."""

    @property
    def codebooks(self) -> np.ndarray:
        """(T, K, d_q) float32 code vectors; their sum over the levels stands for a vector.

        A method that finds codes without code vectors has in their place what the members of a
        code have in common, see `quantize.methods.storage.mean_books`.
        """
        ...

    def assign(self, matrix: np.ndarray) -> np.ndarray:
        """(n, T) int32 codes of vectors (n, width), the same for a vector alone and in a batch."""
        ...

    def encode(self, matrix: np.ndarray) -> np.ndarray:
        """(n, d_q) float32, what the codebooks stand for."""
        ...

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(n, width) float32 vectors for codes of the first levels (n, t), as `assign` gives."""
        ...

    def save(self, directory: Path) -> None:
        """Weights and settings in `directory`."""
        ...


METHODS: dict[str, tuple[Any, type[Config]]] = {
    "rq-vae": (RqVaeQuantizer, RqVaeConfig),
    "rq-kmeans": (RqKMeansQuantizer, RqKMeansConfig),
    "hierarchical": (HierarchicalQuantizer, HierarchicalConfig),
    "lsh": (LshQuantizer, LshConfig),
    "pq": (ProductQuantizer, PqConfig),
}
"""Ways to quantise, by the name a person types."""


def load_quantizer(directory: Path) -> Quantizer:
    """The fitted quantiser in `directory`, of whichever method.

    Raises:
        ArtifactError: the files are missing, damaged or of an unknown method.
    """
    method = atomic.read_json(directory / ABOUT).get("method")
    if method not in METHODS:
        raise ArtifactError(
            f"{directory / ABOUT} names the method {method!r}, and there are {', '.join(METHODS)}. "
            "Delete its folder and run the same command: only this stage is computed again."
        )
    quantizer: Quantizer = METHODS[method][0].load(directory)
    return quantizer
