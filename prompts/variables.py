"""The variables that templates may use, their values for an entity, and names that do not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from data.errors import TemplateError
from prompts.sandbox import parse_section
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
_METHODS = ("get", "items", "keys", "values")
_NEAR = 0.5
"""How alike two names must be for one to be offered for the other, from 0 to 1."""


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


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that a template uses and nobody knows.

    Attributes:
        name: As it is written, such as `attributes.genre`.
        nearest: What may have been meant, written the same way; None where nothing is near.
        known: All names that could stand in its place.
    """

    name: str
    nearest: str | None
    known: tuple[str, ...]

    def __str__(self) -> str:
        meant = f" Did you mean {self.nearest}?" if self.nearest else ""
        return f"{self.name} does not exist.{meant}"


def unknown_names(template: Template, facts: Mapping[str, Any] | None = None) -> list[Unknown]:
    """Every unknown name that a template uses, once, in the order of the text.

    Args:
        template: Its syntax must be right, as `parse_template` sees to.
        facts: What a template sees of one user or item; without it, members such as
            `attributes.genre` are not looked at.
    """
    known = tuple(VARIABLES[template.side])
    missing = template.variables - set(known)
    found: dict[str, Unknown] = {}
    for text in template.texts:
        tree = parse_section(text)
        for node in tree.find_all(nodes.Name):
            if node.name in missing:
                found[node.name] = Unknown(node.name, _nearest(node.name, known), known)
        found |= {one.name: one for one in _unknown_members(tree, facts or {})}
    return list(found.values())


def _unknown_members(tree: nodes.Template, facts: Mapping[str, Any]) -> Iterator[Unknown]:
    """Members that a mapping does not have, also of what a loop gives out one by one."""
    own = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
    scope = {k: v for k, v in facts.items() if k not in own} | _loop_targets(tree, facts)
    for owner, asked in _member_reads(tree):
        value = scope.get(owner)
        if not isinstance(value, Mapping) or asked in value:
            continue
        near = _nearest(asked, tuple(map(str, value)))
        known = tuple(f"{owner}.{name}" for name in value)
        yield Unknown(f"{owner}.{asked}", f"{owner}.{near}" if near else None, known)


def _loop_targets(tree: nodes.Template, scope: Mapping[str, Any]) -> dict[str, Any]:
    """One value for the target of each loop over a list of mappings."""
    found: dict[str, Any] = {}
    for loop in tree.find_all(nodes.For):
        if isinstance(loop.target, nodes.Name) and isinstance(loop.iter, nodes.Name):
            values = scope.get(loop.iter.name)
            if isinstance(values, list) and values and isinstance(values[0], Mapping):
                found[loop.target.name] = values[0]
    return found


def _member_reads(tree: nodes.Template) -> Iterator[tuple[str, str]]:
    """Variables, and the names of the members that are asked of them."""
    for dotted in tree.find_all(nodes.Getattr):
        if isinstance(dotted.node, nodes.Name) and dotted.attr not in _METHODS:
            yield dotted.node.name, dotted.attr
    for member in tree.find_all(nodes.Getitem):
        named = isinstance(member.arg, nodes.Const) and isinstance(member.arg.value, str)
        if isinstance(member.node, nodes.Name) and named:
            yield member.node.name, member.arg.value  # type: ignore[attr-defined]


def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    """The known name that is most like `name`, whatever its capitals."""
    plain = {one.lower(): one for one in reversed(known)}
    near = difflib.get_close_matches(name.lower(), plain, n=1, cutoff=_NEAR)
    return plain[near[0]] if near else None
