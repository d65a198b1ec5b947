"""The variables that templates may use: what each is, and what it is for one user or item."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data.errors import TemplateError
from prompts.template import Side, Template

VARIABLES: dict[Side, dict[str, str]] = {
    "item": {
        "id": "The item's id.",
        "title": 'Its name; without one the id, or "untitled" where that is a number.',
        "year": "The year it is from, if one is known.",
        "era": "The decade of that year.",
        "description": "What the data set says of it.",
        "gist": "Its kinds and makers, in a line.",
        "attributes": "All other columns of the item table, by name.",
    },
    "user": {
        "id": "The user's id.",
        "attributes": "All columns of the user table, by name.",
        "profile": "Those of them that several users share.",
        "history": "The latest training items, oldest first, each with its weight.",
        "shown": "How many items `history` holds.",
        "total": "How many the user's training history holds.",
        "recent": "Titles of the latest items, latest first.",
        "favourites": "Titles of the items with the greatest weights.",
        "traits": "What the items have in common, by attribute, against everybody's.",
        "themes": "Words that tell the items from everybody's.",
    },
}
"""What each variable is, by side."""
_LONGEST_EXAMPLE = 120


@dataclass(frozen=True, slots=True)
class Variable:
    """One thing that a template may write.

    Attributes:
        name: How it is written, such as `attributes.genres`.
        type: "text", "number", "list of texts", "by name", …; "unknown" where there is no value.
        example: Its value for one user or item, shortened.
        hint: What it is, or how it is used.
    """

    name: str
    type: str
    example: str
    hint: str


def list_variables(side: Side, facts: Mapping[str, Any]) -> list[Variable]:
    """Every variable with its value for one user or item, members of mappings included.

    Args:
        side: Of the template.
        facts: What a template sees, as `Request.facts` holds it.
    """
    found = []
    for name, hint in VARIABLES[side].items():
        found.append(_variable(name, facts.get(name), hint))
        found += _members(name, facts.get(name))
    return found


def check_variables(template: Template) -> None:
    """Nothing, if the template uses only variables that its side has.

    Raises:
        TemplateError: it uses another.
    """
    known = VARIABLES[template.side]
    unknown = sorted(template.variables - known.keys())
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        meant = f" Did you mean {near[0]!r}?" if near else ""
        raise TemplateError(
            f"The template {template.source} uses the variable {unknown[0]!r}, which does not "
            f"exist for the {template.side} side.{meant} Variables are: {', '.join(known)}."
        )


def _members(name: str, value: object) -> Iterator[Variable]:
    """What is inside a mapping, and inside the first member of a list of mappings."""
    if isinstance(value, Mapping):
        for key, member in value.items():
            written = f"{name}.{key}" if str(key).isidentifier() else f"{name}[{str(key)!r}]"
            yield _variable(written, member, _use(written, member))
    elif isinstance(value, Sequence) and value and isinstance(value[0], Mapping):
        for key, member in value[-1].items():
            yield _variable(f"{name}[-1].{key}", member, f"In a loop over {name}: item.{key}")


def _variable(name: str, value: object, hint: str) -> Variable:
    return Variable(name, _type(value), _example(value), hint)


def _type(value: object) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, Mapping):
        return "by name"
    if isinstance(value, Sequence):
        return f"list of {_type(value[0])}s" if value and isinstance(value[0], str) else "list"
    return type(value).__name__


def _use(name: str, value: object) -> str:
    return f"{{{{ {name} | listed }}}}" if isinstance(value, list) else f"{{{{ {name} }}}}"


def _example(value: object) -> str:
    """The value in few words; of a list of mappings, how many there are."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        text = ", ".join(map(str, value))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        members = bool(value) and isinstance(value[0], Mapping)
        text = f"{len(value)} of them" if members else ", ".join(map(str, value))
    else:
        text = str(value)
    return text if len(text) <= _LONGEST_EXAMPLE else f"{text[: _LONGEST_EXAMPLE - 1]}…"
