"""Training of an RQ-VAE: seeded, interruptible, without dead codes."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data import atomic
from quantize.rq_vae import RqVae
from quantize.settings import RqVaeConfig

Progress = Callable[[int, int, str], None]
"""Called with what is done, the total and what is being counted."""

CHECKPOINT = "rq_vae.safetensors"
_HASHED = 65536


def train(
    matrix: np.ndarray,
    config: RqVaeConfig,
    *,
    seed: int,
    scratch: Path,
    on_progress: Progress | None = None,
    every_s: float = 5.0,
) -> tuple[RqVae, np.ndarray]:
    """A trained RQ-VAE and its curves, (epochs, 2 + 2T) float64.

    A checkpoint in `scratch` lets a killed training continue to the same result: every random
    number is drawn from a generator of (seed, epoch).

    Args:
        matrix: (n, width) float32 vectors; of a memory map only what a step needs is read.
        config: Settings of this side.
        seed: Of everything random.
        scratch: Folder for checkpoints.
        on_progress: Told of every epoch.
        every_s: Seconds between checkpoints.
    """
    run = _Run(np.asarray(matrix, dtype=np.float32), config, seed, scratch / CHECKPOINT)
    run.resume()
    saved = time.monotonic()
    while not run.done:
        run.epoch()
        if on_progress:
            on_progress(len(run.curves), run.epochs, "epochs of RQ-VAE")
        if time.monotonic() - saved >= every_s and not run.done:
            run.save()
            saved = time.monotonic()
    return run.model.eval(), np.array(run.curves)


class _Run:
    """State of one training; `curves` has a row an epoch and so says how far it is."""

    def __init__(self, vectors: np.ndarray, config: RqVaeConfig, seed: int, path: Path) -> None:
        self.vectors, self.config, self.seed, self.path = vectors, config, seed, path
        self.large = len(vectors) > config.sample
        self.curves: list[list[float]] = []
        self.epochs = config.epochs_for(len(vectors))
        self.warm_up = int(config.warm_up * self.epochs)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = RqVae(vectors.shape[1], config.codes_for(len(vectors)), config)
        self.model.fit_standard(self._sample(self._generator(self.epochs)))
        others = [*self.model.encoder.parameters(), *self.model.decoder.parameters()]
        groups: list[dict[str, Any]] = [
            {"params": others},
            {"params": [self.model.codebooks], "weight_decay": 0.0},
        ]
        # One kernel takes a third of the time, and rounds otherwise: small sets can do without.
        self.optimizer = torch.optim.AdamW(
            groups, lr=config.lr, weight_decay=config.weight_decay, fused=self.large
        )

    @property
    def done(self) -> bool:
        """Whether the last epoch is over."""
        return len(self.curves) >= self.epochs

    def epoch(self) -> None:
        """One pass over the vectors in a new order, then dead codes are revived."""
        number = len(self.curves)
        generator = self._generator(number)
        if number == self.warm_up:
            self.model.place_codes(self._sample(generator), generator)
        order = torch.randperm(len(self.vectors), generator=generator)[: self.config.sample]
        batches = torch.split(order, self.config.batch)
        sums = np.zeros(2 + 2 * self.config.levels)
        for step, rows in enumerate(batches):
            self._set_lr(number + step / len(batches))
            sums += self._step(self._take(rows)) * len(rows)
        self.curves.append((sums / len(order)).tolist())
        if self.warm_up <= number < self.epochs - 1:
            self._revive(generator)

    def _step(self, batch: Tensor) -> np.ndarray:
        """(2 + 2T,) losses of a batch, before the step that they lead to."""
        if len(self.curves) < self.warm_up:
            total = reconstruction = self.model.autoencode(batch)
            by_level = [torch.zeros(2 * self.config.levels)]
        else:
            losses = self.model(batch)
            total, reconstruction = losses.total(self.config.beta), losses.reconstruction
            by_level = [losses.codebook, losses.commitment]
        self.optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return torch.cat([total[None], reconstruction[None], *by_level]).detach().double().numpy()

    def _revive(self, generator: torch.Generator) -> None:
        moved = self.model.revive(self._sample(generator), generator)
        state = self.optimizer.state[self.model.codebooks]
        for name in ("exp_avg", "exp_avg_sq"):
            state[name][moved] = 0

    def _sample(self, generator: torch.Generator) -> Tensor:
        """Vectors drawn without replacement, all of them in a small set."""
        if not self.large:
            return torch.from_numpy(np.array(self.vectors))
        rows = torch.randperm(len(self.vectors), generator=generator)[: self.config.sample]
        return self._take(rows)

    def _take(self, rows: Tensor) -> Tensor:
        return torch.from_numpy(self.vectors[rows.numpy()])

    def _set_lr(self, epoch: float) -> None:
        fall = 0.5 * (1 + math.cos(math.pi * epoch / self.epochs))
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.lr * max(fall, 0.01)

    def _generator(self, epoch: int) -> torch.Generator:
        mixed = np.random.SeedSequence([self.seed, epoch]).generate_state(1, np.uint64)[0]
        return torch.Generator().manual_seed(int(mixed >> np.uint64(1)))

    def save(self) -> None:
        """Write the whole state in one file, by atomic rename."""
        arrays = {f"model.{n}": v.detach().numpy() for n, v in self.model.state_dict().items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            arrays |= {f"optimizer.{number}.{n}": v.numpy() for n, v in state.items()}
        curves = np.array(self.curves)
        atomic.write_arrays(self.path, {**arrays, "curves": curves, "made_for": self._purpose()})

    def resume(self) -> None:
        """Take up the checkpoint, if there is one of these vectors, settings and seed."""
        if not self.path.exists():
            return
        arrays = atomic.read_arrays(self.path)
        if not np.array_equal(arrays["made_for"], self._purpose()):
            return
        tensors = {name: torch.from_numpy(a.copy()) for name, a in arrays.items()}
        self.model.load_state_dict(_under("model.", tensors))
        described = self.optimizer.state_dict()
        described["state"] = {}
        for name, value in _under("optimizer.", tensors).items():
            number, field = name.split(".")
            described["state"].setdefault(int(number), {})[field] = value
        self.optimizer.load_state_dict(described)
        self.curves = arrays["curves"].tolist()

    def _purpose(self) -> np.ndarray:
        """(32,) uint8 digest of what this training is of."""
        digest = hashlib.blake2b(digest_size=32)
        for start in range(0, len(self.vectors), _HASHED):
            digest.update(np.ascontiguousarray(self.vectors[start : start + _HASHED]).data)
        digest.update(f"{self.config.model_dump_json()} {self.seed}".encode())
        return np.frombuffer(digest.digest(), dtype=np.uint8)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
