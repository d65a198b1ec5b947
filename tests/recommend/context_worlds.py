"""Small worlds of ContextGNN."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from small_worlds import checkerboard, dataset_of, enliven, graph_of, sources_of

from data.split import leave_one_out
from recommend.context.network import Near
from recommend.context.recommender import ContextGnn
from recommend.context.surroundings import (
    HAD,
)
from recommend.protocols import World
from recommend.settings import BACKBONES, PLAIN, ModelConfig, TrainConfig
from recommend.settings.contextgnn import ContextGnnConfig

BOARD = checkerboard()
ALONE = [name for name, spec in BACKBONES.items() if spec.config is ContextGnnConfig]
TRAINING = TrainConfig(epochs=8, patience=8, batch_size=8, learning_rate=2e-2)


def config_of(**own: object) -> ModelConfig:
    (name,) = ALONE
    return ModelConfig.model_validate(
        {
            "backbone": {"name": name, **own},
            "enhancer": {"name": PLAIN},
            "width": 8,
            "embedding_dropout": 0,
        }
    )


def world_of(dataset=BOARD, **training: object) -> World:
    past = leave_one_out(dataset).histories(dataset)
    sources = sources_of(dataset, graph_of(dataset))
    return World(dataset, past, sources, TRAINING.model_copy(update=training))


def fresh(world: World | None = None, **own: object) -> ContextGnn:
    torch.manual_seed(0)
    made = ContextGnn.of(config_of(**own), world or world_of())
    enliven(made.network)
    return made


def shop(*sequences: list[int], n_items: int = 6):
    """A world whose k-th interactions are at second 10 k, so that there is a clock."""
    dataset = dataset_of([[*one, 0, 0] for one in sequences], n_items)
    times = dataset.interactions["time"] * 10 + dataset.interactions["user"]
    return world_of(replace(dataset, interactions=dataset.interactions.with_columns(time=times)))


def pairs_in(sample) -> set[tuple[int, int]]:
    """(place of the seed, item) of the edges of those who are asked about."""
    had = sample.edges[HAD]
    users = sample.owners["user"][had.rows]
    return set(zip(users.tolist(), sample.nodes["item"][had.columns].tolist(), strict=True))


def near_of(made: ContextGnn, users: list[int]) -> Near:
    past = leave_one_out(BOARD).histories(BOARD)
    ((_, near),) = made.surroundings(past, np.array(users))
    return near
