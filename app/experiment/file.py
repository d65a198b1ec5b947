"""Experiments as TOML files, and changes to them from the command line."""

from __future__ import annotations

import copy
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import BaseModel, ValidationError

from app.experiment.mistakes import in_words, key_of, sentence, setting_names
from app.experiment.settings import Experiment, merge, name_of
from data import atomic
from data.errors import ConfigError
from data.settings import TABLES

SHIPPED = Path(__file__).resolve().parents[2] / "experiments"
"""Experiments that come with AutoGraph and are known by their names."""
PAPER = SHIPPED / "paper.toml"
"""The paper's figures, beside the experiments that are held against them."""
PUBLISHED = SHIPPED / "published.toml"
"""What others published on the same data."""
PATHS = (
    "data.source",
    "data.files.interactions",
    "data.files.users",
    "data.files.items",
    "data.files.log.path",
    "llm.user.path",
    "llm.item.path",
    "prompts.user_template",
    "prompts.item_template",
    "llm.user.model",
    "llm.item.model",
    "encoder.model",
    "encoder.tokenizer",
    "pairs.template",
    "pairs.judge.path",
    "pairs.judge.model",
)
"""Settings that may name a file or folder, the tables of domains apart."""
SOURCE = "{source}"
"""Stands for data.source, at the beginning of another path."""


def load_experiment(
    name_or_path: str, changes: Sequence[str] = (), source: Path | None = None
) -> Experiment:
    """The experiment in a TOML file, or one that ships with AutoGraph, by name.

    A path in a file is taken from that file's folder, a path on the command line from the
    folder the command runs in. `{source}/…` begins at `data.source`.

    Args:
        name_or_path: "demo", or the path of a .toml file.
        changes: "a.b=c", each with c in TOML; what is no TOML is taken as text.
        source: Replaces `data.source`.

    Raises:
        ConfigError: there is no such file, or a setting is unknown or out of range.
    """
    given = change_tree(read_tree(name_or_path), changes)
    if source is not None:
        put(given, "data.source", str(source))
    return settle(given, str(find_experiment(name_or_path)))


def change_tree(tree: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """Nested tables with changes in them, each "a.b=c", c in TOML or as text.

    Raises:
        ConfigError: a change is not of that form, or goes into a value.
    """
    given = copy.deepcopy(dict(tree))
    for text in changes:
        key, value = _change(text)
        put(given, key, value)
        _check_bounds(given, f"--set {key[:80]}")
    return given


def read_tree(name_or_path: str) -> dict[str, Any]:
    """What a TOML file says, as nested tables; its paths are taken from its folder.

    `extends = "ml-1m"` at its top begins with what another experiment says, its name apart. A table
    that is set to another kind, such as another backend, begins anew.

    Raises:
        ConfigError: there is no such file, it is no TOML, or it extends itself.
    """
    return _read(find_experiment(name_or_path), ())


def name_in(name_or_path: str) -> str:
    """What the experiment in a file is called, and so its record.

    Raises:
        ConfigError: there is no such file, it is no TOML, or it extends itself.
    """
    tree = read_tree(name_or_path)
    return name_of(str(tree["name"]), tree.get("control"))


def _read(path: Path, within: tuple[Path, ...]) -> dict[str, Any]:
    if path in within:
        raise ConfigError(f"{within[-1]} extends {path.stem!r}, which extends it. Break that ring.")
    given = _from_folder(_parse(path), path.parent)
    given.setdefault("name", path.stem)
    if "extends" not in given:
        return given
    begun = str(given.pop("extends"))
    beside = path.parent / f"{begun}.toml"
    base = _read(beside if exists(beside) else find_experiment(begun), (*within, path))
    for key in _of_another_kind(base, given):
        put(base, key, {})
    return merge({**base, "name": given["name"]}, given)


def _of_another_kind(base: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """Tables of `base` that `given` makes another kind of, whose settings go with them."""
    usual = _usual()
    return [
        key
        for key, tag in _unions()
        if (kind := get(given, f"{key}.{tag}")) is not None
        and isinstance(get(base, key), Mapping)
        and kind != (get(base, f"{key}.{tag}") or get(usual, f"{key}.{tag}"))
    ]


@cache
def _usual() -> Mapping[str, Any]:
    """All settings at their defaults; nobody changes it."""
    return Experiment().model_dump(mode="json")


@cache
def _unions(config: type[BaseModel] = Experiment, prefix: str = "") -> tuple[tuple[str, str], ...]:
    """Dotted name of every table of which there are several kinds, and of what tells them apart."""
    found: list[tuple[str, str]] = []
    for name, field in config.model_fields.items():
        if isinstance(field.discriminator, str):
            found.append((f"{prefix}{name}", field.discriminator))
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += _unions(field.annotation, f"{prefix}{name}.")
    return tuple(found)


def settle(tree: Mapping[str, Any], where: str) -> Experiment:
    """The experiment that nested tables describe, with every path in its place.

    Raises:
        ConfigError: a setting is unknown or out of range.
    """
    placed = _from_source(_from_folder(copy.deepcopy(dict(tree)), Path.cwd()))
    for key in paths_in(placed):
        if any(_bytes(part) > 255 for part in Path(str(get(placed, key))).parts):
            raise ConfigError(
                f"{where}: {key} holds a name of more than 255 letters, and no file or folder can "
                "be called so. Correct it."
            )
    return check_experiment(placed, where)


def _bytes(name: str) -> int:
    return len(name.encode("utf-8", "surrogatepass"))


def problems(tree: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with nested tables: a sentence a setting, under "" where it is no single one.

    Where every value is sound by itself, a path begins at `{source}` and there is none.
    """
    try:
        settle(tree, "")
    except ConfigError as error:
        whole = str(error).removeprefix(": ")
    else:
        return {}
    try:
        Experiment.model_validate(tree)
    except ValidationError as error:
        found: dict[str, str] = {}
        for one in error.errors():
            found.setdefault(key_of(one, tree), in_words(one))
        return found
    return {"data.source": whole}


def find_experiment(name_or_path: str) -> Path:
    """The file of an experiment.

    Raises:
        ConfigError: there is none.
    """
    for path in (Path(name_or_path), SHIPPED / f"{name_or_path}.toml"):
        if exists(path):
            return path
    known = ", ".join(path.stem for path in shipped_files())
    raise ConfigError(
        f"There is no experiment {name_or_path!r}: neither a file of that name here, nor one that "
        f"ships with AutoGraph ({known})."
    )


def exists(path: Path) -> bool:
    """Whether there is such a file; of a name that no file can have there is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def origin_of(name_or_path: str, workspace: Path) -> str:
    """What tells the file of an experiment from others: a name for one that ships, else its path.

    It is "" for a file that a workspace keeps beside the record of a run: that is nobody's own.

    Raises:
        ConfigError: there is none.
    """
    path = find_experiment(name_or_path).resolve()
    if path.parent == (workspace / "runs").resolve():
        return ""
    return path.stem if path.parent == SHIPPED else str(path)


def shipped_files() -> list[Path]:
    """The files of all experiments that come with AutoGraph, in order of their names."""
    shipped = (path for path in SHIPPED.glob("*.toml") if path not in (PAPER, PUBLISHED))
    return sorted(shipped, key=lambda path: path.stem)


def check_experiment(given: Mapping[str, Any], where: str) -> Experiment:
    """The experiment that nested tables describe.

    Raises:
        ConfigError: a setting is unknown or out of range.
    """
    try:
        return Experiment.model_validate(given)
    except ValidationError as error:
        raise ConfigError(sentence(error, given, where, known_settings())) from None


def save_experiment(experiment: Experiment, path: Path) -> Path:
    """`path`, a TOML file with every setting of `experiment`."""
    return atomic.write_text(path, experiment_toml(experiment))


def experiment_toml(experiment: Experiment) -> str:
    """Every setting of `experiment` as TOML."""
    return tomli_w.dumps(experiment.model_dump(mode="json", exclude_none=True))


def known_settings() -> list[str]:
    """The dotted name of every setting of an experiment."""
    return list(setting_names(Experiment))


def _parse(path: Path) -> dict[str, Any]:
    try:
        tree = _toml(path.read_text(encoding="utf-8-sig"), str(path))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path} is not a TOML file: {error}. Correct that line.") from None
    _check_bounds(tree, str(path))
    return tree


def _toml(text: str, where: str) -> dict[str, Any]:
    """What TOML says.

    Raises:
        tomllib.TOMLDecodeError: it is none.
        ConfigError: it is too deep, or a number in it is too long.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise ConfigError(f"{where}: {_TOO_DEEP}") from None
    except ValueError:  # Python reads no number of more than 4,300 digits
        raise ConfigError(f"{where}: {_TOO_LONG}") from None


def _check_bounds(tree: Any, where: str) -> None:
    """Nothing, where whole numbers have 64 bits at most and tables are as deep as settings can be.

    Raises:
        ConfigError: they are not.
    """
    level = [tree]
    for _ in range(MOST_LEVELS):
        parts = [p for one in level for p in (one.values() if isinstance(one, dict) else one)]
        if any(isinstance(part, int) and part.bit_length() > 63 for part in parts):
            raise ConfigError(f"{where}: {_TOO_LONG}")
        level = [part for part in parts if isinstance(part, dict | list)]
    if level:
        raise ConfigError(f"{where}: {_TOO_DEEP}")


MOST_LEVELS = 20
"""Of tables and lists inside each other; settings have six."""
_TOO_DEEP = (
    f"tables or lists stand more than {MOST_LEVELS} deep inside each other, and no setting is that "
    "deep. Look for brackets or dots that are too many."
)
_TOO_LONG = (
    "a whole number in it has more digits than any setting takes. Write a shorter one, or put "
    "quotation marks around what is a text."
)


def _change(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {text!r} is not of the form a.b=c, for instance train.epochs=5.")
    try:
        return key.strip(), _toml(f"value = {value}", f"--set {key.strip()[:80]}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), value.strip()


def paths_in(tree: Mapping[str, Any]) -> Iterator[str]:
    """Dotted names of the settings in nested tables that may name a file or folder."""
    yield from PATHS
    domains = get(tree, "data.domains")
    for place in range(len(domains) if isinstance(domains, list) else 0):
        yield from (f"data.domains.{place}.files.{table}" for table in TABLES)


def put(tree: dict[str, Any], key: str, value: Any) -> None:
    """Puts a value into nested tables under its dotted name; lists are entered by number.

    Raises:
        ConfigError: a part of the name is a value and no table.
    """
    *parents, last = key.split(".")
    inside: Any = tree
    for parent in parents:
        if isinstance(inside, list):
            inside = get({"": inside}, f".{parent}")
        else:
            inside = inside.setdefault(parent, {})
        if not isinstance(inside, dict | list):
            raise ConfigError(f"--set {key}: {parent} is a value and has no settings inside it.")
    if isinstance(inside, list):
        raise ConfigError(f"--set {key}: what it names is a list; set the whole of it.")
    inside[last] = value


def get(tree: Mapping[str, Any], key: str) -> Any:
    """What nested tables have under a dotted name, None without it; lists are entered by number."""
    value: Any = tree
    for part in key.split("."):
        if isinstance(value, list):
            value = dict(enumerate(value)).get(int(part)) if part.isdecimal() else None
        else:
            value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _from_folder(tree: dict[str, Any], folder: Path) -> dict[str, Any]:
    """With relative paths taken from `folder`; names of templates and models stay names."""
    for key in paths_in(tree):
        value = get(tree, key)
        if isinstance(value, str) and not value.startswith(SOURCE) and _is_path(key, value):
            put(tree, key, str(_absolute(folder / _at_home(value))))
    return tree


def _at_home(value: str) -> Path:
    """A path with `~` in its place; `~` of somebody unknown stays what it is."""
    try:
        return Path(value).expanduser()
    except RuntimeError:
        return Path(value)


def _is_path(key: str, value: str) -> bool:
    if key.startswith("prompts.") or key == "pairs.template":
        return value.endswith(".md")
    return not key.endswith((".model", ".tokenizer")) or value.startswith((".", "/", "~"))


def _from_source(tree: dict[str, Any]) -> dict[str, Any]:
    source = get(tree, "data.source")
    for key in paths_in(tree):
        value = get(tree, key)
        if isinstance(value, str) and value.startswith(SOURCE):
            if source is None:
                raise ConfigError(
                    f"{key} is {value!r}, which begins at the folder of the data, and none is "
                    "named. Add --from FOLDER, or set data.source."
                )
            put(tree, key, str(_absolute(Path(value.replace(SOURCE, str(source), 1)))))
    return tree


def _absolute(path: Path) -> Path:
    return Path(os.path.normpath(Path.cwd() / path))
