"""Answers in JSON: read, checked against a schema, and put into words for the encoder."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from prompts.sandbox import label, listed
from prompts.schema import validator_of

_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*)\n\s*```\s*\Z", re.DOTALL)


def read_aspects(text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The aspects in an answer, which may stand in a Markdown fence.

    Raises:
        ValueError: it is no JSON object, or does not follow the schema; the message says where.
    """
    try:
        aspects = _checked(text, schema)
        in_words(aspects)  # whoever reads them puts them into words
    except RecursionError:
        raise ValueError("it has too many parts inside each other") from None
    return aspects


def _checked(text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    from jsonschema.exceptions import best_match
    from referencing.exceptions import Unresolvable

    fenced = _FENCE.match(text)
    try:
        aspects = json.loads(fenced[1] if fenced else text)
    except ValueError as error:
        raise ValueError(f"it is no JSON ({error})") from None
    if not isinstance(aspects, dict):
        raise ValueError("it is no JSON object")
    try:
        worst = best_match(validator_of(schema).iter_errors(aspects))
    except Unresolvable as error:
        raise ValueError(f"the schema itself is wrong ({error})") from None
    if worst is not None:
        where = ".".join(map(str, worst.absolute_path)) or "the answer"
        raise ValueError(f"{where}: {worst.message[:200]}")
    return aspects


def in_words(aspects: Mapping[str, Any]) -> str:
    """The text that is encoded: a sentence an aspect, in the order of the answer.

    >>> in_words({"genre": ["noir", "drama"], "mood": "tense", "audience": None})
    'Genre: noir, drama. Mood: tense.'
    """
    said = ((label(name), _value(value)) for name, value in aspects.items())
    return " ".join(f"{name}: {value}." for name, value in said if value)


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        parts = ((name, _value(part)) for name, part in value.items())
        return "; ".join(f"{label(name).lower()} {part}" for name, part in parts if part)
    if isinstance(value, list):
        return listed([said for part in value if (said := _value(part))])
    if isinstance(value, bool):
        return "yes" if value else "no"
    return listed(value).strip().rstrip(".")
