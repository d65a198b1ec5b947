"""Switching metapaths of the enhancer on and off for an experiment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, get_args

from app.experiment_file import checked
from app.settings import PLAIN, Experiment
from data.errors import ConfigError
from recommend.settings import AutoGraphConfig
from recommend.settings import Metapath as Trainable

TRAINABLE: tuple[str, ...] = get_args(Trainable)
"""The metapaths that the enhancer can learn from; others can be counted and looked at."""
ENHANCER = "autograph"


def used_metapaths(experiment: Experiment) -> tuple[str, ...]:
    """The metapaths that any enhanced recommender of an experiment learns from."""
    used: set[str] = set()
    for cell in experiment.grid:
        if cell.enhancer != PLAIN:
            enhancer = experiment.model_of(cell).enhancer
            if isinstance(enhancer, AutoGraphConfig):
                used |= set(enhancer.metapaths)
    return tuple(path for path in TRAINABLE if path in used)


def switched(experiment: Experiment, metapaths: Sequence[str], name: str) -> Experiment:
    """The experiment in which all enhanced recommenders learn from these metapaths alone.

    Args:
        experiment: Stays as it is.
        metapaths: Of `TRAINABLE`.
        name: Of the new experiment, so that results of the old one stay.

    Raises:
        ConfigError: a metapath cannot be learnt from, or the name does not do.
    """
    unknown = [path for path in metapaths if path not in TRAINABLE]
    if unknown:
        raise ConfigError(
            f"No recommender can learn from the metapath {unknown[0]!r} yet; those that it can "
            f"learn from are {', '.join(map(repr, TRAINABLE))}."
        )
    given = experiment.model_dump(mode="json", exclude_none=True)
    enhancer: dict[str, Any] = given["model"]["enhancer"]
    if enhancer.get("name") != ENHANCER:
        given["model"]["enhancer"] = enhancer = {"name": ENHANCER}
    enhancer["metapaths"] = [path for path in TRAINABLE if path in metapaths]
    for override in given["override"].values():
        override["model"].get("enhancer", {}).pop("metapaths", None)
    return checked({**given, "name": name}, "The metapaths")


def metapath_words(experiment: Experiment, metapaths: Sequence[str]) -> tuple[str, ...]:
    """The `--set` changes that do the same to an experiment, its name aside."""
    keys = ["model.enhancer.metapaths"]
    keys += [
        f"override.{name}.model.enhancer.metapaths"
        for name, override in experiment.override.items()
        if "metapaths" in override.model.get("enhancer", {})
    ]
    value = json.dumps([path for path in TRAINABLE if path in metapaths])
    return (f"model.enhancer.name={ENHANCER}", *(f"{key}={value}" for key in keys))
