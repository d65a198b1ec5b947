"""Fitted quantisers behind one interface: assign codes, give back vectors, save and load."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import torch

from data import atomic
from data.config import Config
from data.errors import ArtifactError, ConfigError
from quantize.kmeans import kmeans
from quantize.residual import nearest, quantise
from quantize.rq_vae import RqVae
from quantize.settings import RqKMeansConfig, RqVaeConfig
from quantize.train import Progress, train

WEIGHTS = "quantizer.safetensors"
ABOUT = "quantizer.json"
_ROWS = 8192


class Quantizer(Protocol):
    """A fitted quantiser of vectors of one width."""

    curves: np.ndarray
    """(epochs, columns) float64 training curves; no rows where nothing is trained by epochs."""

    @property
    def codebooks(self) -> np.ndarray:
        """(T, K, d_q) float32 code vectors."""
        ...

    def assign(self, matrix: np.ndarray) -> np.ndarray:
        """(n, T) int32 codes of vectors (n, width): nearest neighbours over fixed codebooks."""
        ...

    def encode(self, matrix: np.ndarray) -> np.ndarray:
        """(n, d_q) float32, what the codebooks quantise."""
        ...

    def reconstruct(self, quantised: np.ndarray) -> np.ndarray:
        """(n, width) float32 vectors for sums of code vectors (n, d_q)."""
        ...

    def save(self, directory: Path) -> None:
        """Weights and settings in `directory`."""
        ...


class RqVaeQuantizer:
    """A trained RQ-VAE. Source: AutoGraph, section 3.2.2 and A.3."""

    def __init__(self, model: RqVae, config: RqVaeConfig, curves: np.ndarray) -> None:
        self.model, self.config, self.curves = model.eval().requires_grad_(False), config, curves

    @classmethod
    def fit(
        cls,
        matrix: np.ndarray,
        config: RqVaeConfig,
        *,
        seed: int,
        scratch: Path,
        on_progress: Progress | None = None,
    ) -> Self:
        """A quantiser trained on `matrix` (n, width); see `quantize.train.train`."""
        model, curves = train(matrix, config, seed=seed, scratch=scratch, on_progress=on_progress)
        return cls(model, config, curves)

    @property
    def codebooks(self) -> np.ndarray:
        """(T, K, d_q) float32 code vectors."""
        return self.model.codebooks.numpy().copy()

    def encode(self, matrix: np.ndarray) -> np.ndarray:
        """(n, d_q) float32 encoder output."""
        return self._encode(_checked(matrix, len(self.model.centre))).float().numpy()

    def assign(self, matrix: np.ndarray) -> np.ndarray:
        """(n, T) int32 codes; the same for a vector alone and in a batch."""
        x = self._encode(_checked(matrix, len(self.model.centre)))
        return quantise(x, self.model.codebooks.double()).codes.int().numpy()

    def reconstruct(self, quantised: np.ndarray) -> np.ndarray:
        """(n, width) float32 decoder output for sums of code vectors."""
        rows = torch.split(torch.from_numpy(np.array(quantised, dtype=np.float32)), _ROWS)
        return torch.cat([self.model.decode(block) for block in rows]).numpy()

    def _encode(self, matrix: np.ndarray) -> torch.Tensor:
        """In float64, so that rounding never makes a batch differ from its single vectors."""
        exact = RqVae(matrix.shape[1], self.codebooks.shape[1], self.config).double()
        exact.load_state_dict(self.model.state_dict())
        with torch.no_grad():
            rows = torch.split(torch.from_numpy(matrix), _ROWS)
            return torch.cat([exact.encode(block.double()) for block in rows])

    def save(self, directory: Path) -> None:
        """Weights, settings and curves in `directory`."""
        state = {name: value.numpy() for name, value in self.model.state_dict().items()}
        _save(directory, {**state, "curves": self.curves}, self.config)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The quantiser stored by `save`."""
        state = atomic.read_arrays(directory / WEIGHTS)
        config = RqVaeConfig.model_validate(atomic.read_json(directory / ABOUT))
        curves = state.pop("curves")
        model = RqVae(len(state["centre"]), state["codebooks"].shape[1], config)
        model.load_state_dict({name: torch.from_numpy(a.copy()) for name, a in state.items()})
        return cls(model, config, curves)


class RqKMeansQuantizer:
    """k-means of the vectors, then of the residuals, level by level; no network."""

    def __init__(self, codebooks: np.ndarray, config: RqKMeansConfig) -> None:
        self.codebooks, self.config, self.curves = codebooks, config, np.zeros((0, 0))

    @classmethod
    def fit(
        cls,
        matrix: np.ndarray,
        config: RqKMeansConfig,
        *,
        seed: int,
        scratch: Path,  # noqa: ARG003
        on_progress: Progress | None = None,
    ) -> Self:
        """Codebooks fitted to `matrix` (n, width); quick enough to need no checkpoint."""
        generator = torch.Generator().manual_seed(seed)
        residual, books = torch.from_numpy(np.array(matrix, dtype=np.float32)), []
        for level in range(config.levels):
            k = config.codes_for(len(matrix))
            books.append(kmeans(residual, k, generator=generator, iterations=config.iterations))
            residual = residual - books[-1][nearest(residual, books[-1])]
            if on_progress:
                on_progress(level + 1, config.levels, "levels of k-means")
        return cls(torch.stack(books).numpy(), config)

    def encode(self, matrix: np.ndarray) -> np.ndarray:
        """(n, width) float32, the vectors themselves."""
        return _checked(matrix, self.codebooks.shape[2])

    def assign(self, matrix: np.ndarray) -> np.ndarray:
        """(n, T) int32 codes; the same for a vector alone and in a batch."""
        books = torch.from_numpy(self.codebooks).double()
        rows = torch.split(torch.from_numpy(self.encode(matrix)), _ROWS)
        return torch.cat([quantise(block.double(), books).codes for block in rows]).int().numpy()

    def reconstruct(self, quantised: np.ndarray) -> np.ndarray:
        """(n, width) float32, the sums of code vectors themselves."""
        return np.asarray(quantised, dtype=np.float32)

    def save(self, directory: Path) -> None:
        """Codebooks and settings in `directory`."""
        _save(directory, {"codebooks": self.codebooks}, self.config)

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The quantiser stored by `save`."""
        config = RqKMeansConfig.model_validate(atomic.read_json(directory / ABOUT))
        return cls(atomic.read_arrays(directory / WEIGHTS)["codebooks"], config)


METHODS: dict[str, tuple[Any, type[Config]]] = {
    "rq-vae": (RqVaeQuantizer, RqVaeConfig),
    "rq-kmeans": (RqKMeansQuantizer, RqKMeansConfig),
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


def _save(
    directory: Path, arrays: dict[str, np.ndarray], config: RqVaeConfig | RqKMeansConfig
) -> None:
    atomic.write_arrays(directory / WEIGHTS, arrays)
    atomic.write_json(directory / ABOUT, config.model_dump(mode="json"))


def _checked(matrix: np.ndarray, width: int) -> np.ndarray:
    """The matrix as float32, if its vectors have the width that the codebooks were fitted to."""
    if matrix.ndim != 2 or matrix.shape[1] != width:
        raise ConfigError(
            f"These vectors have the shape {matrix.shape}, and the codebooks were fitted to "
            f"(n, {width}). Encode the texts with the same encoder as in the run."
        )
    return np.ascontiguousarray(matrix, dtype=np.float32)
