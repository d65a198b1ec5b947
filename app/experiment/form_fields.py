"""The form of an experiment, without a page: which fields there are, and what was changed in them.

Everything comes from the typed settings: a field's docstring is its help, its type decides what it
is edited with. A field that is added to the settings is in the form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import BaseModel

from app.experiment.form_reader import Field, Group, Reader, configs_in
from app.experiment.settings import BACKBONES, ENHANCERS, PLAIN, Cell, Experiment
from recommend.settings import ModelConfig, TrainConfig


@dataclass(frozen=True, slots=True)
class Room:
    """The groups of one part of the way."""

    title: str
    groups: tuple[Group, ...]


ROOMS: Mapping[str, tuple[str, ...]] = {
    "Data": ("data",),
    "Prompts": ("prompts",),
    "Knowledge": ("llm", "encoder"),
    "Codes": ("quantize", "graph", "phrases", "pairs", ""),
    "Recommenders": ("model",),
    "Training": ("train", "evaluate"),
}
"""Titles of the form's parts, and the tables of settings in each; "" is the top of the tree."""
OWN = "In the place of what all others have. Empty a field, and it has what they have."


def rooms(
    base: Experiment,
    chosen: Mapping[str, Any] | None = None,
    known: Mapping[str, Sequence[str]] | None = None,
) -> tuple[Room, ...]:
    """The form of an experiment.

    Args:
        base: What the form begins with.
        chosen: Values of fields that decide which other fields there are, by key: backends,
            methods, the name of the data, and the grid's backbones and enhancers.
        known: Names that may be chosen, by key, such as those of data sets.
    """
    reader = Reader(base.model_dump(mode="json"), chosen or {}, known or {})
    found = []
    for title, tables in ROOMS.items():
        groups = [group for table in tables for group in reader.groups(Experiment, table)]
        if title == "Recommenders":
            groups += _parts(base, chosen or {})
            groups += _own_settings(base, chosen or {}, "model", ModelConfig)
        if title == "Training":
            groups += _own_settings(base, chosen or {}, "train", TrainConfig)
        found.append(Room(title, tuple(group for group in groups if group.fields)))
    return tuple(found)


def fields_of(form: Sequence[Room]) -> Iterator[Field]:
    """Every field of a form."""
    return (one for room in form for group in room.groups for one in group.fields)


def field_of(base: Experiment, key: str) -> Field:
    """The field of one setting that is in no union, such as "name" or "grid.seeds"."""
    *tables, name = key.split(".")
    config: type[BaseModel] = Experiment
    values = base.model_dump(mode="json")
    for table in tables:
        config, values = configs_in(config.model_fields[table].annotation)[0], values[table]
    return Reader({}, {}, {}).leaf(key, config.model_fields[name], values)


def _parts(base: Experiment, chosen: Mapping[str, Any]) -> Iterator[Group]:
    """Settings of each backbone and enhancer of the grid, which apply to that one alone."""
    names = _chosen_parts(base, chosen)
    for part, all_names in (("backbone", BACKBONES), ("enhancer", ENHANCERS)):
        for name in (name for name in all_names if name in names[part]):
            cell = Cell(name, PLAIN, 0) if part == "backbone" else Cell(BACKBONES[0], name, 0)
            own = getattr(base.model_of(cell), part)
            prefix = f"override.{name}.model.{part}."
            reader = Reader({}, {}, {})
            values = own.model_dump(mode="json")
            fields = [
                reader.leaf(prefix + key, info, values)
                for key, info in type(own).model_fields.items()
                if key != "name"
            ]
            yield Group(prefix[:-1], name, type(own).__doc__ or "", tuple(fields))


def _own_settings(
    base: Experiment, chosen: Mapping[str, Any], table: str, config: type[BaseModel]
) -> Iterator[Group]:
    """What one backbone, enhancer or pair has in the place of what all others have."""
    known = {name for names in _chosen_parts(base, chosen).values() for name in names}
    for name, override in base.override.items():
        values = getattr(override, table)
        prefix = f"override.{name}.{table}."
        reader = Reader({}, {}, {})
        fields = [
            replace(reader.leaf(prefix + key, info, values), optional=True)
            for key, info in config.model_fields.items()
            if key in values and not isinstance(values[key], Mapping)
        ]
        if known.issuperset(name.split("+")):
            title = {"model": "Model", "train": "Training"}[table]
            yield Group(prefix[:-1], f"{title} of {name} alone", OWN, tuple(fields))


def _chosen_parts(base: Experiment, chosen: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    return {
        "backbone": chosen.get("grid.backbones", base.grid.backbones),
        "enhancer": chosen.get("grid.enhancers", base.grid.enhancers),
    }


def part_help(part: str, name: str) -> str:
    """What a backbone or enhancer is, in a sentence: the docstring of its settings."""
    union = ModelConfig.model_fields[part].annotation
    for config in configs_in(union):
        if config.model_fields["name"].default == name:
            return (config.__doc__ or "").split("\n")[0]
    return ""
