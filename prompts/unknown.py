"""Names in a template that do not exist, each with the nearest one that does."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import nodes

from prompts.sandbox import parsed
from prompts.template import Template
from prompts.variables import VARIABLES

_METHODS = ("get", "items", "keys", "values")
_NEAR = 0.5
"""How alike two names must be for one to be offered for the other, from 0 to 1."""


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
        tree = parsed(text)
        for node in tree.find_all(nodes.Name):
            if node.name in missing:
                found[node.name] = Unknown(node.name, _nearest(node.name, known), known)
        found |= {one.name: one for one in _members(tree, facts or {})}
    return list(found.values())


def _members(tree: nodes.Template, facts: Mapping[str, Any]) -> Iterator[Unknown]:
    """Members that a mapping does not have, also of what a loop gives out one by one."""
    own = {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
    scope = {k: v for k, v in facts.items() if k not in own} | _looped(tree, facts)
    for owner, asked in _asked(tree):
        value = scope.get(owner)
        if not isinstance(value, Mapping) or asked in value:
            continue
        near = _nearest(asked, tuple(map(str, value)))
        known = tuple(f"{owner}.{name}" for name in value)
        yield Unknown(f"{owner}.{asked}", f"{owner}.{near}" if near else None, known)


def _looped(tree: nodes.Template, scope: Mapping[str, Any]) -> dict[str, Any]:
    """One value for the target of each loop over a list of mappings."""
    found: dict[str, Any] = {}
    for loop in tree.find_all(nodes.For):
        if isinstance(loop.target, nodes.Name) and isinstance(loop.iter, nodes.Name):
            values = scope.get(loop.iter.name)
            if isinstance(values, list) and values and isinstance(values[0], Mapping):
                found[loop.target.name] = values[0]
    return found


def _asked(tree: nodes.Template) -> Iterator[tuple[str, str]]:
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
