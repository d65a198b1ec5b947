"""The grids that hyper-parameters are looked for in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.experiment.settings import Cell, Experiment

Choices = Mapping[str, tuple[Any, ...]]
"""Values by dotted name below an override, such as `train.learning_rate`."""

HEADS = (1, 2, 4)
"""Numbers of attention heads, of which those are tried that divide the width."""
TRAINING: Choices = {
    "train.learning_rate": (1e-3, 2e-3, 1e-2, 2e-2),
    "train.batch_size": (64, 128, 256),
    "train.weight_decay": (1e-3, 1e-2),
}
"""Of every row. Source: AutoGraph, appendix D."""
BACKBONES: Mapping[str, Choices] = {
    "youtubednn": {"model.backbone.hidden": ("128, 64", "128, 64, 32")},
    "gru4rec": {"model.backbone.layers": (1, 2, 3)},
    "sasrec": {"model.backbone.layers": (1, 2, 3), "model.backbone.heads": HEADS},
}
"""Of one backbone; widths are halved layer by layer. Source: AutoGraph, appendix D.2."""
GRAPHS: Choices = {
    "layers": (1, 2, 3),
    "heads": HEADS,
    "neighbours": (12, 14, 16, 18),
}
"""Of every enhancer that has such a setting. Source: AutoGraph, appendix D.3."""


def space_of(experiment: Experiment, cell: Cell) -> dict[str, tuple[Any, ...]]:
    """What is tried for one row, by dotted name below its override.

    >>> list(space_of(Experiment(), Cell("gru4rec", "none", 0)))[-1]
    'model.backbone.layers'
    """
    model = experiment.model_of(cell)
    known = type(model.enhancer).model_fields
    graph = {f"model.enhancer.{name}": of for name, of in GRAPHS.items() if name in known}
    heads = tuple(n for n in HEADS if model.width % n == 0)
    whole = {**TRAINING, **BACKBONES.get(cell.backbone, {}), **graph}
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
