"""Switching metapaths of the enhancers on and off for an experiment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import get_args

from app.experiment.file import check_experiment
from app.experiment.settings import PLAIN, Experiment
from data.errors import ConfigError
from recommend.protocols import Walks
from recommend.settings import Metapath as Trainable

TRAINABLE: tuple[str, ...] = get_args(Trainable)
"""The metapaths that an enhancer can learn from; others can be counted and looked at."""


def used_metapaths(experiment: Experiment) -> tuple[str, ...]:
    """The metapaths that any enhanced recommender of an experiment learns from."""
    used = {path for _, paths in _walks(experiment) for path in paths}
    return tuple(path for path in TRAINABLE if path in used)


def walkers(experiment: Experiment) -> tuple[str, ...]:
    """The enhancers of an experiment that learn along metapaths, in the order of its grid."""
    found = {enhancer for enhancer, _ in _walks(experiment)}
    return tuple(name for name in experiment.grid.enhancers if name in found)


def others(experiment: Experiment) -> tuple[str, ...]:
    """The enhancers of an experiment that know no metapaths, in the order of its grid."""
    known = (PLAIN, *walkers(experiment))
    return tuple(name for name in experiment.grid.enhancers if name not in known)


def _walks(experiment: Experiment) -> Iterator[tuple[str, tuple[str, ...]]]:
    for cell in experiment.grid:
        enhancer = experiment.model_of(cell).enhancer
        if isinstance(enhancer, Walks):
            yield cell.enhancer, enhancer.metapaths


def switch_metapaths(experiment: Experiment, metapaths: Sequence[str], name: str) -> Experiment:
    """The experiment in which all that learn along metapaths learn from these alone.

    Every recommender keeps its enhancer, and those without metapaths stay as they are.

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
    for key in _places(experiment):
        *path, last = key
        inside = given
        for part in path:
            inside = inside.setdefault(part, {})
        inside[last] = _in_order(metapaths)
    return check_experiment({**given, "name": name}, "The metapaths")


def metapath_words(experiment: Experiment, metapaths: Sequence[str]) -> tuple[str, ...]:
    """The `--set` changes that do the same to an experiment, its name aside."""
    value, common = json.dumps(_in_order(metapaths)), experiment.model.enhancer.name
    named = [f"model.enhancer.name={common}"] if common in walkers(experiment) else []
    return (*named, *(f"{'.'.join(key)}={value}" for key in _places(experiment)))


def _in_order(metapaths: Sequence[str]) -> list[str]:
    return [path for path in TRAINABLE if path in metapaths]


def _places(experiment: Experiment) -> list[tuple[str, ...]]:
    """The settings that say what metapaths are learnt from, for every enhancer that has them."""
    setting = ("model", "enhancer", "metapaths")
    overridden = [
        name
        for name, override in experiment.override.items()
        if "metapaths" in override.model.get("enhancer", {})
    ]
    common = experiment.model.enhancer.name
    own = [name for name in walkers(experiment) if name not in (common, *overridden)]
    return [
        *([setting] if common in walkers(experiment) else []),
        *(("override", name, *setting) for name in (*overridden, *own)),
    ]
