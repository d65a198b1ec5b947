"""A fitted recommender: settings, weights and ids; it loads and scores in a fresh process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from data import atomic
from data.errors import ArtifactError
from data.ids import IdMap
from recommend.curve import CURVE
from recommend.protocols import Asked, Recommender
from recommend.settings import ModelConfig
from recommend.settings.registry import ENHANCERS, recommender_of

UPON = "upon"
"""The folder of the recommender that another stands around."""


@dataclass(frozen=True, slots=True)
class Model:
    """A recommender with what it was made of.

    Attributes:
        config: What the recommender is.
        recommender: Scores, and holds the weights.
        user_ids: External user ids.
        item_ids: External item ids.
        curve: One row an epoch: loss, validation metrics, seconds.
        about: Seed, parameters, seconds an epoch and the like.
        upon: The recommender that its enhancer stands around, if it does.
    """

    config: ModelConfig
    recommender: Recommender
    user_ids: IdMap
    item_ids: IdMap
    curve: pl.DataFrame
    about: dict[str, Any] = field(default_factory=dict)
    upon: Model | None = None

    def scores(self, asked: Asked) -> Iterator[tuple[np.ndarray, Tensor]]:
        """User numbers and their (b, n_items) scores, a block of users at a time.

        Raises:
            ArtifactError: a score is no finite number.
        """
        self.recommender.network.eval()
        with torch.inference_mode():
            for users, scores in self.recommender.scores(asked):
                yield users, finite(scores)

    def save(self, directory: Path) -> None:
        """Settings as JSON, weights and inputs as safetensors, ids and curve as Parquet.

        One that stands upon another has that in a folder of its own.
        """
        if self.upon is not None:
            self.upon.save(directory / UPON)
        learnt = {} if self.upon is not None else self.recommender.network.state_dict()
        weights = {k: v.cpu().numpy() for k, v in learnt.items()}
        atomic.write_arrays(directory / "weights.safetensors", weights)
        atomic.write_arrays(directory / "inputs.safetensors", self.recommender.arrays())
        atomic.write_parquet(directory / "users.parquet", _ids(self.user_ids))
        atomic.write_parquet(directory / "items.parquet", _ids(self.item_ids))
        atomic.write_parquet(directory / CURVE, self.curve)
        described = {"config": self.config.model_dump(mode="json"), "about": self.about}
        atomic.write_json(directory / "model.json", described)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path, device: str = "cpu") -> Model:
        """The model stored by `save`.

        Raises:
            ArtifactError: a file is missing, damaged or of another model.
        """
        described = atomic.read_json(directory / "model.json")
        config = ModelConfig.model_validate(described["config"])
        inputs = atomic.read_arrays(directory / "inputs.safetensors")
        upon = None if config.upon is None else Model.load(directory / UPON, device)
        recommender = _restored(config, inputs, upon)
        arrays = atomic.read_arrays(directory / "weights.safetensors")
        try:
            learnt = {k: torch.from_numpy(v) for k, v in arrays.items()}
            if upon is None:
                recommender.network.load_state_dict(learnt)
        except RuntimeError as error:
            raise ArtifactError(
                f"The weights in {directory} do not fit the settings beside them ({error}). Delete "
                "that folder and run the same command: only this model is trained again."
            ) from error
        recommender.network.to(device).eval()
        return cls(
            config,
            recommender,
            IdMap(tuple(atomic.read_parquet(directory / "users.parquet")["id"]), kind="user"),
            IdMap(tuple(atomic.read_parquet(directory / "items.parquet")["id"]), kind="item"),
            atomic.read_parquet(directory / CURVE),
            described["about"],
            upon,
        )


def _restored(
    config: ModelConfig, inputs: dict[str, np.ndarray], upon: Model | None
) -> Recommender:
    made: Recommender
    if upon is None:
        made = recommender_of(config.backbone.name).restore(config, inputs)
    else:
        around = ENHANCERS[config.enhancer.name].load()
        made = around.restore(config.enhancer, inputs, upon.recommender)
    return made


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


def _ids(ids: IdMap) -> pl.DataFrame:
    return pl.DataFrame({"id": ids.external}, schema={"id": pl.String})
