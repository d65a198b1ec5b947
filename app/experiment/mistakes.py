"""What is wrong with settings, in words; and the names that are near to one that there is not."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

SECRETIVE = frozenset({"key_variable", "url", "endpoints"})
"""Settings in which a key may stand by mistake: what they are set to is never shown."""
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


def sentence(
    error: ValidationError, given: Mapping[str, Any], where: str, known: Sequence[str]
) -> str:
    """What is wrong first, in words.

    Args:
        error: Of pydantic.
        given: The tables that it is about.
        where: They stand.
        known: Dotted names of all settings.
    """
    first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    key = key_of(first, given)
    if first["type"] == "union_tag_not_found":
        tag = first["ctx"]["discriminator"].strip("'")
        return f"{where}: {key} does not say which {tag} it is about. Set {key}.{tag}, too."
    if first["type"] != "extra_forbidden":
        reason = " or ".join(_reasons(error, key, given))
        hidden = isinstance(first["input"], Mapping) or not SECRETIVE.isdisjoint(first["loc"])
        stands = "" if hidden else f" (it is {_short(first['input'])})"
        return f"{where}: {key}{stands}: {reason}." if key else f"{where}: {reason}."
    if key in known:
        kind = key.rpartition(".")[0]
        return (
            f"{where}: {key} does not go with what {kind} is set to. Leave it out, or change that."
        )
    nearest = ", ".join(nearest_names(key, known))
    return f"There is no setting {key} ({where}). The nearest are: {nearest}."


def _reasons(error: ValidationError, key: str, given: Mapping[str, Any]) -> Iterator[str]:
    """What is said of one setting; of one that may be of several kinds, what each of them asks."""
    said = (_reason(one) for one in error.errors() if key_of(one, given) == key)
    return iter(dict.fromkeys(said))


def _short(value: Any) -> str:
    """A value as a person typed it, its middle left out where it is long."""
    text = repr(value)
    return text if len(text) <= 2 * _SHOWN else f"{text[:_SHOWN]} … {text[-20:]}"


_SHOWN = 60
"""Characters of a value that are shown from its beginning."""
WORDS = {
    "missing": "Has to be given.",
    "int_parsing": "Has to be a whole number.",
    "int_type": "Has to be a whole number.",
    "int_from_float": "Has to be a whole number.",
    "float_parsing": "Has to be a number.",
    "float_type": "Has to be a number.",
    "greater_than": "Has to be greater than {gt:g}.",
    "greater_than_equal": "Has to be at least {ge:g}.",
    "less_than": "Has to be less than {lt:g}.",
    "less_than_equal": "Has to be at most {le:g}.",
    "literal_error": "Has to be {expected}.",
    "too_short": "Has to have at least {min_length}.",
    "string_too_short": "Has to have at least {min_length} characters.",
    "string_too_long": "Has to have at most {max_length} characters.",
}
"""What is wrong with one value, by pydantic's names of errors."""

KINDS = {
    "missing": "it has to be given",
    "tuple_type": "it has to be a list: [ … ] around values, [[ … ]] around the name of a table",
    "string_type": 'it has to be a text, in quotation marks: "…"',
}
"""What kind of value has to stand there, by pydantic's names of errors."""


def _reason(error: Any) -> str:
    """What is wrong with one value, as a part of a sentence."""
    if error["type"] == "string_pattern_mismatch":
        return (
            "it has to begin with a letter or digit and hold nothing but letters, digits, dot, "
            f"hyphen and underscore, as {name_like(error['input'])} does"
        )
    if error["type"] in KINDS:
        return KINDS[error["type"]]
    return str(error["msg"]).removeprefix("Value error, ")


def name_like(text: str) -> str:
    """A name that an experiment may have, as much like a text as can be.

    >>> name_like("My Shop"), name_like("  ")
    ('My-Shop', 'my-experiment')
    """
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("._-") or "my-experiment"


def in_words(error: Any) -> str:
    """What is wrong with one value, as a sentence."""
    if error["input"] is None:
        return WORDS["missing"]
    if error["type"] in WORDS:
        return WORDS[error["type"]].format(**error.get("ctx", {}))
    reason = _reason(error)
    return f"{reason[:1].upper()}{reason[1:]}."


def key_of(error: Any, given: Any) -> str:
    """Dotted name of what an error is about, as the person wrote it.

    Pydantic adds tags of unions, and what is missing, of which the latter is kept.
    """
    parts = []
    for place, part in enumerate(error["loc"], 1):
        fits = int if isinstance(given, list | tuple) else str
        there = isinstance(given, list | tuple | Mapping) and isinstance(part, fits)
        there = there and (part in given if isinstance(given, Mapping) else part < len(given))
        if there:
            given = given[part]
        if there or (place == len(error["loc"]) and error["type"] == "missing"):
            parts.append(str(part))
    return ".".join(parts)
