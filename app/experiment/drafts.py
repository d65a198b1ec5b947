"""A draft of an experiment: what it begins with, what was changed, and where it is saved."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from app.experiment.file import (
    check_experiment,
    experiment_toml,
    problems,
    put,
    save_experiment,
    settle,
)
from app.experiment.form import SWITCH, Field
from app.experiment.settings import Experiment
from data.errors import ConfigError, DataError
from data.settings import DataConfig


@dataclass(frozen=True, slots=True)
class Base:
    """What a draft may begin with.

    Attributes:
        key: What a person calls it; tells it from the others.
        where: Where it is from.
        tree: What it sets, as nested tables.
        experiment: All settings, those that it leaves at their defaults included.
        path: What `autograph run` calls it; None for what is only known from a run.
    """

    key: str
    where: Literal["ships", "saved", "run"]
    tree: Mapping[str, Any]
    experiment: Experiment
    path: str | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A base and what was changed in it.

    Attributes:
        base: What it begins with.
        changes: New values by dotted name; a whole table where another kind of it was chosen.
        emptied: Dotted names of settings that are to be left out; TOML has no word for nothing.
    """

    base: Base
    changes: Mapping[str, Any] = field(default_factory=dict)
    emptied: tuple[str, ...] = ()

    @property
    def tree(self) -> dict[str, Any]:
        """Everything that is set, as nested tables."""
        tree = copy.deepcopy(dict(self.base.tree))
        for key, value in self.changes.items():
            put(tree, key, copy.deepcopy(value))
        for key in self.emptied:
            _drop(tree, key)
        return tree

    @property
    def problems(self) -> dict[str, str]:
        """What is wrong: a sentence a setting, under "" where it is no single one."""
        return problems(self.tree)

    @property
    def experiment(self) -> Experiment:
        """The experiment.

        Raises:
            ConfigError: a setting is out of range.
        """
        return settle(self.tree, "The form")

    @property
    def sets(self) -> tuple[str, ...]:
        """The changes as `--set` takes them."""
        return tuple(f"{key}={in_toml(value)}" for key, value in self.changes.items())

    @property
    def can_be_set(self) -> bool:
        """Whether a command says it all; otherwise it has to be saved and run as a file."""
        return self.base.path is not None and not self.emptied


def draft_of(base: Base, fields: Iterable[Field], values: Mapping[str, Any]) -> Draft:
    """What a person made of a form.

    Args:
        base: What the form began with.
        fields: Of the form.
        values: What each was set to, by key, as `value_of` gives it.
    """
    changes: dict[str, Any] = {}
    emptied = []
    for one in fields:
        value = values.get(one.key, one.value)
        if one.whole:
            table = changes.setdefault(one.whole, {})
            if not _is_untouched(one, value) or (value is None and not one.optional):
                put(table, one.key.removeprefix(f"{one.whole}."), value)
        elif _is_untouched(one, value):
            continue
        elif value is None and one.optional:
            emptied.append(one.key)
        else:
            changes[one.key] = value
    return Draft(base, changes, tuple(emptied))


def _is_untouched(one: Field, value: Any) -> bool:
    """Whether a value is what its field holds before anybody has touched it.

    An empty field may stand for nothing as well as for an empty list.
    """
    return _same(value, one.value) or _same(value, value_of(one, widget_value(one)))


def _same(one: Any, other: Any) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _drop(tree: dict[str, Any], key: str) -> None:
    *parents, last = key.split(".")
    for parent in parents:
        tree = tree.get(parent, {})
    tree.pop(last, None)


def widget_value(one: Field) -> Any:
    """The value of a field as its widget takes it."""
    if one.kind in ("wholes", "words"):
        return ", ".join(map(str, one.value or ()))
    if one.kind == "toml" and isinstance(one.value, list | Mapping):
        return in_lines(one.value)
    if one.kind in ("text", "toml"):
        return "" if one.value is None else str(one.value)
    if one.kind == "choice" and isinstance(one.value, bool):
        return in_toml(one.value)
    return list(one.value or ()) if one.kind == "several" else one.value


def value_of(one: Field, given: Any) -> Any:
    """What a widget's content means; what cannot be read stays a text, for settings to refuse."""
    if one.kind == "wholes":
        numbers = [_number(part) for part in re.split(r"[\s,;]+", str(given or "")) if part]
        return numbers or (None if one.optional else [])
    if one.kind == "words":
        return [part.strip() for part in str(given or "").split(",") if part.strip()]
    if one.kind in ("text", "choice"):
        text = str(given or "").strip()
        if text in SWITCH and text in one.choices:
            return SWITCH[text]
        return text or (None if one.optional or one.value is None else "")
    if one.kind == "toml":
        text = str(given or "").strip()
        if isinstance(one.value, list | Mapping):
            return _parsed(text) if text else type(one.value)()
        return _number(text)
    return given


def _parsed(text: str) -> Any:
    """A value that is written as TOML; what cannot be read stays a text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _number(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def in_lines(value: Any) -> str:
    """A list of blocks as TOML, a line each, without what is not set; "" of nothing.

    >>> print(in_lines([{"name": "books", "least": None}, {"name": "films", "least": 1.5}]))
    [
    {name = "books"},
    {name = "films", least = 1.5},
    ]
    """
    if not value:
        return ""
    if not isinstance(value, list):
        return in_toml(_set(value))
    return "\n".join(["[", *(f"{in_toml(_set(one))}," for one in value), "]"])


def _set(value: Any) -> Any:
    """A table without what is not set, in the tables inside it, too."""
    if not isinstance(value, Mapping):
        return value
    return {key: _set(one) for key, one in value.items() if one not in (None, [], {})}


def in_toml(value: Any) -> str:
    """A value as TOML in one line.

    >>> in_toml({"backend": "server", "hidden": [1, 2], "deep": {"on": True}})
    '{backend = "server", hidden = [1, 2], deep = {on = true}}'
    >>> in_toml({"add to cart": 3})
    '{"add to cart" = 3}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)} = {in_toml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(in_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if re.fullmatch("[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def saved_folder(workspace: Path) -> Path:
    """Where experiments are saved that were made on the page."""
    return workspace / "experiments"


def save_draft(draft: Draft, workspace: Path) -> Path:
    """The TOML file of a draft, named after its experiment; one of that name is replaced.

    Raises:
        ConfigError: a setting is out of range.
        ArtifactError: the workspace may not be written.
    """
    experiment = draft.experiment
    return save_experiment(experiment, saved_folder(workspace) / f"{experiment.name}.toml")


def is_saved(draft: Draft, workspace: Path) -> bool | None:
    """Whether the file of that name says the same; None where there is none.

    Raises:
        ConfigError: a setting is out of range.
    """
    experiment = draft.experiment
    path = saved_folder(workspace) / f"{experiment.name}.toml"
    if not path.exists():
        return None
    return path.read_text(encoding="utf-8") == experiment_toml(experiment)


def own_experiment(name: str, config: DataConfig, note: str = "") -> Experiment:
    """An experiment on a person's own tables; everything else is as it is by default.

    Raises:
        ConfigError: the name does not do.
    """
    given: dict[str, Any] = {"name": name, "note": note, "data": config.model_dump(mode="json")}
    if len(name) > 80:
        raise ConfigError("The name is longer than 80 letters.")
    return check_experiment(given, "The experiment")


def save_own(experiment: Experiment, workspace: Path, *, replace: bool = False) -> Path:
    """The file that `autograph run` takes.

    Args:
        experiment: To be saved under its name.
        workspace: That keeps it.
        replace: Whether another one of that name may go.

    Raises:
        ConfigError: there is another one of that name.
        ArtifactError: the workspace may not be written.
    """
    path = saved_folder(workspace) / f"{experiment.name}.toml"
    if path.exists() and not replace and not _says(path, experiment):
        raise ConfigError(
            f"There is another experiment {experiment.name!r} in this workspace. Choose another "
            "name, or tick that it is to be replaced."
        )
    return save_experiment(experiment, path)


def _says(path: Path, experiment: Experiment) -> bool:
    try:
        return path.read_text(encoding="utf-8") == experiment_toml(experiment)
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"Cannot read {path} ({error}). Choose another name.") from error
