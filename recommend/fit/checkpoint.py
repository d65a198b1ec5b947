"""The state of a training run after an epoch, in one file that appears whole."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from data import atomic
from recommend.curve import CHECKPOINT, ROWS
from recommend.settings import TrainConfig


@dataclass(slots=True)
class Checkpoint:
    """Where a run stands.

    Attributes:
        rows: One a finished epoch: what the curve shows.
        best: Weights of the best epoch so far.
        waited: Epochs since then.
    """

    rows: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    waited: int = 0

    @property
    def epoch(self) -> int:
        """Epochs that are finished."""
        return len(self.rows)

    def is_over(self, settings: TrainConfig) -> bool:
        """Whether the run is over: out of epochs or of patience."""
        return self.epoch >= settings.epochs or self.waited >= settings.patience

    def describe(self, watched: str) -> str:
        """A word on the last epoch."""
        if not self.rows:
            return "epochs"
        last, best = self.rows[-1], max(row[watched] for row in self.rows)
        return f"epochs · loss {last['loss']:.3f} · {watched} {last[watched]:.4f} (best {best:.4f})"

    def record(self, row: dict[str, float], watched: str, network: nn.Module) -> None:
        """Add an epoch; keep the weights if it is the best so far."""
        better = all(row[watched] > earlier[watched] for earlier in self.rows)
        self.rows.append(row)
        self.waited = 0 if better else self.waited + 1
        if better:
            self.best = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}

    def write(self, scratch: Path, network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Everything that the next epoch depends on, as one safetensors file."""
        arrays = {f"network/{k}": v for k, v in network.state_dict().items()}
        arrays |= {f"best/{k}": v for k, v in self.best.items()}
        for number, kept in optimizer.state_dict()["state"].items():
            arrays |= {f"optimizer/{number}/{k}": v for k, v in kept.items()}
        told = json.dumps({"rows": self.rows, "waited": self.waited}).encode()
        numpy = {k: v.detach().cpu().numpy() for k, v in arrays.items()}
        atomic.write_arrays(
            scratch / CHECKPOINT, {**numpy, ROWS: np.frombuffer(told, dtype=np.uint8)}
        )

    @classmethod
    def resume(
        cls, scratch: Path, network: nn.Module, optimizer: torch.optim.Optimizer
    ) -> Checkpoint:
        """The state left in `scratch`, loaded into both, or a fresh one."""
        if not (scratch / CHECKPOINT).exists():
            return cls()
        arrays = atomic.read_arrays(scratch / CHECKPOINT)
        told = json.loads(arrays.pop(ROWS).tobytes())
        tensors = {k: torch.from_numpy(v) for k, v in arrays.items()}
        network.load_state_dict(_part(tensors, "network/"))
        described = optimizer.state_dict()
        for key, value in _part(tensors, "optimizer/").items():
            number, name = key.split("/", 1)
            described["state"].setdefault(int(number), {})[name] = value
        optimizer.load_state_dict(described)
        return cls(told["rows"], _part(tensors, "best/"), told["waited"])


def _part(tensors: dict[str, Tensor], head: str) -> dict[str, Tensor]:
    return {k.removeprefix(head): v for k, v in tensors.items() if k.startswith(head)}
