"""Codes from a trained RQ-VAE."""

from __future__ import annotations

from copy import deepcopy
from functools import cached_property
from pathlib import Path
from typing import Self, cast

import numpy as np
import torch
from torch import nn

from data import atomic
from quantize.codes import decode
from quantize.methods import storage
from quantize.residual import Encode, assign
from quantize.rq_vae import RqVae
from quantize.settings import RqVaeConfig
from quantize.train import Progress, train


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
        rows = np.split(storage.checked(matrix, len(self.model.centre)), _starts(matrix))
        return torch.cat([self._exact(torch.from_numpy(b)).float() for b in rows]).numpy()

    def assign(self, matrix: np.ndarray) -> np.ndarray:
        """(n, T) int32 codes; the same for a vector alone and in a batch."""
        rows = storage.checked(matrix, len(self.model.centre))
        return assign(rows, self.model.codebooks, self._quick, self._exact)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(n, width) float32 vectors for codes of the first levels (n, t)."""
        return self.reconstruct(decode(codes, self.codebooks[: codes.shape[1]]))

    def reconstruct(self, quantised: np.ndarray) -> np.ndarray:
        """(n, width) float32 decoder output for sums of code vectors."""
        rows = torch.split(torch.from_numpy(np.array(quantised, dtype=np.float32)), storage.ROWS)
        return torch.cat([self.model.decode(block) for block in rows]).numpy()

    @cached_property
    def _quick(self) -> Encode:
        """The encoder in float32, with the standardisation inside its first layer."""
        encoder = deepcopy(self.model.encoder)
        first = cast(nn.Linear, encoder[0])
        weight = first.weight.double() / self.model.scale.double()
        first.bias.copy_(first.bias.double() - weight @ self.model.centre.double())
        first.weight.copy_(weight)
        return torch.no_grad()(encoder)

    @cached_property
    def _exact(self) -> Encode:
        """The encoder in float64, so that rounding decides nothing."""
        model = deepcopy(self.model).double()
        return torch.no_grad()(lambda block: model.encode(block.double()))

    def save(self, directory: Path) -> None:
        """Weights, settings and curves in `directory`."""
        state = {name: value.numpy() for name, value in self.model.state_dict().items()}
        storage.save(directory, {**state, "curves": self.curves}, self.config)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Self:
        """The quantiser stored by `save`."""
        state = atomic.read_arrays(directory / storage.WEIGHTS)
        config = RqVaeConfig.model_validate(atomic.read_json(directory / storage.ABOUT))
        curves = state.pop("curves")
        model = RqVae(len(state["centre"]), state["codebooks"].shape[1], config)
        model.load_state_dict({name: torch.from_numpy(a.copy()) for name, a in state.items()})
        return cls(model, config, curves)


def _starts(matrix: np.ndarray) -> range:
    return range(storage.ROWS, len(matrix), storage.ROWS)
