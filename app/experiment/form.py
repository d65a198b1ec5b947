"""The form of an experiment, without a page: which fields there are, and what was changed in them.

Everything comes from the typed settings: a field's docstring is its help, its type decides what it
is edited with. A field that is added to the settings is in the form.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from app.experiment.settings import BACKBONES, ENHANCERS, PARTS, PLAIN, Cell, Experiment
from recommend.settings import ModelConfig, TrainConfig

Kind = Literal["switch", "whole", "real", "choice", "several", "wholes", "words", "text", "toml"]
LEFT_OUT = {"name", "note", "grid", "override", "model.backbone", "model.enhancer"}
"""Settings that a screen asks for in another way."""
FIRST = {
    *("data.name", "data.source", "data.min_rating", "data.min_history", "data.max_history"),
    *("prompts.user_template", "prompts.item_template", "prompts.history"),
    *("llm.user.backend", "llm.user.path", "llm.user.model", "llm.user.url"),
    *("llm.item.backend", "llm.item.path", "llm.item.model", "llm.item.url"),
    *("encoder.kind", "encoder.model"),
    *("quantize.user.method", "quantize.user.k", "quantize.user.levels"),
    *("quantize.item.method", "quantize.item.k", "quantize.item.levels"),
    *("model.width", "model.max_history", "model.embedding_dropout"),
    *("train.epochs", "train.patience", "train.batch_size", "train.learning_rate"),
    *("evaluate.candidates", "evaluate.exclude_seen"),
}
"""Settings that most people change; the others are there for who looks for them."""


@dataclass(frozen=True, slots=True)
class Field:
    """One setting, as a form shows it.

    Attributes:
        key: Its dotted name, as in --set.
        help: What it does.
        kind: What it is edited with.
        value: What it is unless somebody changes it; None where nothing is set.
        choices: Values there are to choose from.
        open: Whether others than `choices` may be typed.
        optional: Whether it may be empty.
        whole: Dotted name of the table that it belongs to, where that table is another kind than
            that of the experiment which the form began with, and is given as a whole; else "".
    """

    key: str
    help: str
    kind: Kind
    value: Any
    choices: tuple[str, ...] = ()
    open: bool = False
    optional: bool = False
    whole: str = ""

    @property
    def label(self) -> str:
        """The last part of its name, as words."""
        return self.key.rpartition(".")[2].replace("_", " ").capitalize()

    @property
    def first(self) -> bool:
        """Whether it is one of those that most people change."""
        return self.key in FIRST


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together.

    Attributes:
        key: Dotted name of their table.
        title: What a person calls it.
        help: What it is about.
        fields: In order.
    """

    key: str
    title: str
    help: str
    fields: tuple[Field, ...] = ()


@dataclass(frozen=True, slots=True)
class Room:
    """The groups of one part of the way."""

    title: str
    groups: tuple[Group, ...]


ROOMS: Mapping[str, tuple[str, ...]] = {
    "Data": ("data",),
    "Prompts": ("prompts",),
    "Knowledge": ("llm", "encoder"),
    "Codes": ("quantize", "graph", "phrases", "pairs", "words", ""),
    "Recommenders": ("model",),
    "Training": ("train", "evaluate"),
}
"""Titles of the form's parts, and the tables of settings in each; "" is the top of the tree."""
OWN = "In the place of what all others have. Empty a field, and it has what they have."
SWITCH = {"true": True, "false": False}
"""What a choice says of a value that is true or false, as TOML does."""
TITLES = {
    "data": "Data",
    "data.files": "Your own tables",
    "prompts": "Templates",
    "llm.user": "Who describes users",
    "llm.user.sampling": "How answers about users are drawn",
    "llm.item": "Who describes items",
    "llm.item.sampling": "How answers about items are drawn",
    "llm.gate": "Which answers are accepted",
    "llm.ray": "Many copies of a model",
    "encoder": "Texts to vectors",
    "quantize.user": "Codes of users",
    "quantize.item": "Codes of items",
    "model": "All recommenders",
    "train": "Training",
    "evaluate": "Evaluation",
    "": "Randomness",
}


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
            cell = Cell(name, PLAIN, 0) if part == "backbone" else Cell(PARTS[0], name, 0)
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


class Reader:
    """Turns classes of settings into groups of fields."""

    def __init__(
        self,
        values: Mapping[str, Any],
        chosen: Mapping[str, Any],
        known: Mapping[str, Sequence[str]],
    ) -> None:
        self.values, self.chosen, self.known = values, chosen, known

    def groups(self, root: type[BaseModel], table: str) -> Iterator[Group]:
        """The groups of one table of the tree, those inside it after it."""
        if not table:
            leaves = {k: f for k, f in root.model_fields.items() if not configs_in(f.annotation)}
            fields = [self.leaf(k, f, self.values) for k, f in leaves.items() if k not in LEFT_OUT]
            yield Group("", TITLES[""], "", tuple(fields))
            return
        info = root.model_fields[table]
        yield from self._table(table, info, self.values.get(table), "")

    def _table(self, key: str, info: FieldInfo, values: Any, whole: str) -> Iterator[Group]:
        configs = configs_in(info.annotation)
        config, inside = configs[0], values if isinstance(values, Mapping) else {}
        head: list[Field] = []
        if len(configs) > 1:
            tag = str(info.discriminator or _tag_of(info.annotation))
            tags = tuple(str(get_args(one.model_fields[tag].annotation)[0]) for one in configs)
            now = str(inside.get(tag, tags[0]))
            wanted = str(self.chosen.get(f"{key}.{tag}", now))
            config = configs[tags.index(wanted)] if wanted in tags else configs[tags.index(now)]
            if wanted in tags and wanted != now:
                whole, inside = key, {}
            head.append(Field(f"{key}.{tag}", _help(info), "choice", now, tags, whole=whole))
        yield from self._fields(key, config, inside, whole, head, info)

    def _fields(
        self,
        key: str,
        config: type[BaseModel],
        values: Mapping[str, Any],
        whole: str,
        head: list[Field],
        info: FieldInfo,
    ) -> Iterator[Group]:
        tags = {one.key for one in head}
        own, inner = list(head), list[Group]()
        for name, one in config.model_fields.items():
            place = f"{key}.{name}"
            if place in LEFT_OUT or place in tags:
                continue
            if not configs_in(one.annotation):
                own.append(self.leaf(place, one, values, whole))
            elif values.get(name) is not None or self._is_wanted(place, one):
                inner += self._table(place, one, values.get(name), whole)
        title = TITLES.get(key, key.rpartition(".")[2].replace("_", " ").capitalize())
        yield Group(key, title, (config.__doc__ or _help(info)).split("\n")[0], tuple(own))
        yield from inner

    def _is_wanted(self, key: str, info: FieldInfo) -> bool:
        """Whether a table that may be left out has to be asked for."""
        if type(None) not in get_args(info.annotation):
            return True
        data = self.values.get("data", {})
        name = self.chosen.get("data.name", data.get("name"))
        of_domains = any(one.get("files") for one in data.get("domains", ()))
        return key == "data.files" and name == "files" and not of_domains

    def leaf(self, key: str, info: FieldInfo, values: Mapping[str, Any], whole: str = "") -> Field:
        """The field of a setting that is no table."""
        default = info.get_default(call_default_factory=True)
        unset = None if default is PydanticUndefined else _plain(default)
        value = values.get(key.rpartition(".")[2], unset)
        kind, choices, optional = _kind(info.annotation)
        names = tuple(self.known.get(key, ()))
        if names:
            kind, choices = "choice", names
        return Field(key, _help(info), kind, value, choices, bool(names), optional, whole)


def _help(info: FieldInfo) -> str:
    return " ".join((info.description or "").split())


def _plain(value: Any) -> Any:
    """A default as JSON has it."""
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Path) else value


def configs_in(annotation: Any) -> list[type[BaseModel]]:
    """The classes of settings in an annotation, those of dictionaries left out."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (dict, tuple):
        return []
    return [config for one in get_args(annotation) for config in configs_in(one)]


def _tag_of(annotation: Any) -> str | None:
    """The name by which the members of an annotated union are told apart."""
    if get_origin(annotation) is Annotated:
        for one in get_args(annotation)[1:]:
            if isinstance(one, FieldInfo) and one.discriminator is not None:
                return str(one.discriminator)
    return next((tag for one in get_args(annotation) if (tag := _tag_of(one))), None)


def _kind(annotation: Any) -> tuple[Kind, tuple[str, ...], bool]:
    """What a value of this type is edited with, the choices, and whether it may be empty."""
    bare, optional = _bare(annotation)
    if get_origin(bare) is Literal:
        return "choice", tuple(map(str, get_args(bare))), optional
    if get_origin(bare) is tuple:
        item, _ = _bare(get_args(bare)[0])
        if get_origin(item) is Literal:
            return "several", tuple(map(str, get_args(item))), optional
        kinds: dict[Any, Kind] = {int: "wholes", str: "words"}
        return kinds.get(item, "toml"), (), optional
    parts = get_args(bare) if get_origin(bare) in (Union, types.UnionType) else ()
    if bool in parts:
        words = [word for one in parts if get_origin(one) is Literal for word in get_args(one)]
        return "choice", (*map(str, words), *SWITCH), optional
    simple: dict[Any, Kind] = {bool: "switch", int: "whole", float: "real", str: "text"}
    simple[Path] = "text"
    return simple.get(bare, "toml"), (), optional


def _bare(annotation: Any) -> tuple[Any, bool]:
    """A type without bounds, and whether it may be None."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        others = [one for one in get_args(annotation) if one is not type(None)]
        if len(others) == 1:
            return _bare(others[0])[0], True
    return annotation, False
