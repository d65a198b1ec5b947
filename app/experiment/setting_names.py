"""Names of settings: which there are, and which are near to one that there is not."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel

MOST_NAMED = 6
"""Names that are told in the place of a wrong one."""


@cache
def setting_names(config: type[BaseModel], prefix: str = "") -> tuple[str, ...]:
    """The dotted name of every setting there is, those of all kinds of a table."""
    found: list[str] = []
    for name, field in config.model_fields.items():
        inner = list(_configs_in(field.annotation))
        found += [f"{prefix}{name}"] if not inner else []
        for one in inner:
            found += setting_names(one, f"{prefix}{name}.")
    return tuple(found)


def _configs_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif getattr(annotation, "__origin__", None) is not dict:
        for inner in get_args(annotation):
            yield from _configs_in(inner)


def unknown_names(
    given: Mapping[str, Any], known: Sequence[str], prefix: str = ""
) -> Iterator[str]:
    """Dotted names in nested tables that are neither settings nor tables of settings.

    >>> list(unknown_names({"a": {"b": 1, "x": 2}, "y": 3}, ["a.b"]))
    ['a.x', 'y']
    """
    for name, value in given.items():
        key = f"{prefix}{name}"
        inside = any(one.startswith(f"{key}.") for one in known)
        if inside and isinstance(value, Mapping):
            yield from unknown_names(value, known, f"{key}.")
        elif not inside and key not in known:
            yield key


def nearest_names(key: str, known: Sequence[str]) -> list[str]:
    """Names that are written much like a wrong one, or stand where it does.

    >>> nearest_names("train.epoch", ["seed", "train.epochs"])
    ['train.epochs']
    """
    close = difflib.get_close_matches(key, known, n=3, cutoff=0.5)
    table = key.rpartition(".")[0]
    beside = [name for name in known if name.rpartition(".")[0] == table]
    return list(dict.fromkeys(close or beside))[:MOST_NAMED]
