"""A fitted recommender: settings, weights and ids; it loads and scores in a fresh process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from data import atomic
from data.dataset import Histories
from data.errors import ArtifactError
from data.ids import IdMap
from recommend.curve import CURVE
from recommend.sequence.chunks import Batch, Layout, batches, last_chunks
from recommend.sequence.inputs import Inputs
from recommend.sequence.network import Network
from recommend.settings import ModelConfig

SCORED_AT_ONCE = 512
"""Users whose scores exist at a time."""
SPAN = 32
"""Positions of a training chunk that a window slides over, at least."""


@dataclass(frozen=True, slots=True)
class Model:
    """A network with what it was built from.

    Attributes:
        config: What the recommender is.
        inputs: Attributes and graph.
        network: The weights, ready to score.
        user_ids: External user ids.
        item_ids: External item ids.
        curve: One row an epoch: loss, validation metrics, seconds.
        about: Seed, parameters, seconds an epoch and the like.
    """

    config: ModelConfig
    inputs: Inputs
    network: Network
    user_ids: IdMap
    item_ids: IdMap
    curve: pl.DataFrame
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        """Shape of the batches that the network reads."""
        return Layout(self.config.max_history, self.inputs.n_items)

    @property
    def training_layout(self) -> Layout:
        """Shape of the batches that it is trained on, with longer chunks if its window slides."""
        slides = self.network.backbone.slides
        width = max(self.config.max_history, SPAN) if slides else self.config.max_history
        return replace(self.layout, width=width)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.network.item.weight.device

    def score_blocks(
        self, histories: Histories, users: np.ndarray, known: np.ndarray | None = None
    ) -> Iterator[tuple[np.ndarray, Tensor]]:
        """User numbers and their (b, n_items) scores, a block of users at a time.

        Args:
            histories: What each user has done; a recommendation continues it.
            users: (n,) users to score.
            known: (n_users,) positions of each history that are edges of the graph; all of them
                unless given.

        Raises:
            ArtifactError: a score is no finite number.
        """
        self.network.eval()
        edges = histories.lengths if known is None else known
        chunks = last_chunks(histories.lengths, self.config.max_history, users)
        with torch.inference_mode():
            shared = self.network.propagate(torch.empty(0, dtype=torch.int64, device=self.device))
            for batch in batches(histories, chunks, self.layout, edges, SCORED_AT_ONCE):
                vectors = self.network.users(shared, batch.to(self.device))
                yield batch.users.numpy(), finite(best_interest(vectors, batch, shared.items))

    def save(self, directory: Path) -> None:
        """Settings as JSON, weights and inputs as safetensors, ids and curve as Parquet."""
        weights = {k: v.cpu().numpy() for k, v in self.network.state_dict().items()}
        atomic.write_arrays(directory / "weights.safetensors", weights)
        atomic.write_arrays(directory / "inputs.safetensors", self.inputs.arrays())
        atomic.write_parquet(directory / "users.parquet", _ids(self.user_ids))
        atomic.write_parquet(directory / "items.parquet", _ids(self.item_ids))
        atomic.write_parquet(directory / CURVE, self.curve)
        described = {"config": self.config.model_dump(mode="json"), "about": self.about}
        atomic.write_json(directory / "model.json", described)

    @classmethod
    @atomic.stored
    def load(cls, directory: Path, device: str = "cpu") -> Model:
        """The model stored by `save`.

        Raises:
            ArtifactError: a file is missing, damaged or of another model.
        """
        described = atomic.read_json(directory / "model.json")
        config = ModelConfig.model_validate(described["config"])
        inputs = Inputs.of_arrays(atomic.read_arrays(directory / "inputs.safetensors"))
        network = Network(config, inputs)
        arrays = atomic.read_arrays(directory / "weights.safetensors")
        try:
            network.load_state_dict({k: torch.from_numpy(v) for k, v in arrays.items()})
        except RuntimeError as error:
            raise ArtifactError(
                f"The weights in {directory} do not fit the settings beside them ({error}). Delete "
                "that folder and run the same command: only this model is trained again."
            ) from error
        return cls(
            config,
            inputs,
            network.to(device).eval(),
            IdMap(tuple(atomic.read_parquet(directory / "users.parquet")["id"]), kind="user"),
            IdMap(tuple(atomic.read_parquet(directory / "items.parquet")["id"]), kind="item"),
            atomic.read_parquet(directory / CURVE),
            described["about"],
        )


def best_interest(users: Tensor, batch: Batch, items: Tensor) -> Tensor:
    """(b, n) scores at each row's last position: the best of the user's interests for each item.

    Args:
        users: (b, l, k, d) user vectors.
        batch: The rows that they belong to.
        items: (n, d) item vectors.
    """
    return (last_position(users, batch, len(items)) @ items.T).amax(1)


def finite(scores: Tensor) -> Tensor:
    """`scores`, each of them a finite number: an order of others would look like any other.

    Raises:
        ArtifactError: one is NaN or infinite.
    """
    wrong = int(scores.numel() - scores.isfinite().sum())
    if wrong:
        raise ArtifactError(
            f"{wrong:,} of {scores.numel():,} scores of this recommender are no finite numbers, so "
            "there is no order to show: its weights are damaged, or its training ran away. Train "
            "it again: delete its folder below artifacts/train and run its experiment; if that is "
            "no cure, lower train.learning_rate."
        )
    return scores


def last_position(users: Tensor, batch: Batch, pad: int) -> Tensor:
    """(b, k, d) user vectors at each row's last item.

    Args:
        users: (b, l, k, d) user vectors.
        batch: The rows that they belong to.
        pad: Number that fills empty places.
    """
    length = (batch.items < pad).sum(1)
    return users[torch.arange(len(users), device=users.device), (length - 1).clamp_min(0)]


def _ids(ids: IdMap) -> pl.DataFrame:
    return pl.DataFrame({"id": ids.external}, schema={"id": pl.String})
