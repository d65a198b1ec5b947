"""The grids that hyper-parameters are looked for in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.experiment.settings import Cell, Experiment
from recommend.settings.part import HEADS

Choices = Mapping[str, tuple[Any, ...]]
"""Values by dotted name below an override, such as `train.learning_rate`."""

TRAINING: Choices = {
    "train.learning_rate": (1e-3, 2e-3, 1e-2, 2e-2),
    "train.batch_size": (64, 128, 256),
    "train.weight_decay": (1e-3, 1e-2),
}
"""Of every row. Source: AutoGraph, appendix D."""


def space_of(experiment: Experiment, cell: Cell) -> dict[str, tuple[Any, ...]]:
    """What is tried for one row, by dotted name below its override.

    >>> list(space_of(Experiment(), Cell("gru4rec", "none", 0)))[-1]
    'model.backbone.layers'
    """
    model = experiment.model_of(cell)
    whole = dict(TRAINING)
    for part, settings in (("backbone", model.backbone), ("enhancer", model.enhancer)):
        whole |= {f"model.{part}.{name}": of for name, of in settings.space.items()}
    heads = tuple(n for n in HEADS if model.width % n == 0)
    return {name: heads if name.endswith(".heads") else of for name, of in whole.items()}


def as_settings(found: Mapping[str, Any]) -> dict[str, Any]:
    """Chosen values as the nested tables of an override.

    >>> as_settings({"train.batch_size": 64, "model.backbone.hidden": "128, 64"})
    {'train': {'batch_size': 64}, 'model': {'backbone': {'hidden': [128, 64]}}}
    """
    from app.experiment.file import put

    tree: dict[str, Any] = {}
    for name, value in found.items():
        put(tree, name, [int(n) for n in value.split(",")] if isinstance(value, str) else value)
    return tree
