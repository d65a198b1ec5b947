"""A view as a short text that an address keeps as it is, and back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from data.errors import ConfigError
from graph.explore.flat import Node
from graph.explore.view import RELATIONS, Filters, View
from graph.metapath import NODE_TYPES

MOST = 8000
"""Letters of a view that is read."""
_LETTERS = {"user": "u", "item": "i", "user_factor": "U", "item_factor": "I"}
_TYPES = {letter: kind for kind, letter in _LETTERS.items()}
_NONE = "-"
_PLAIN = View()
_UNSAID = {
    "t": "uiUI",
    "r": "0.1.2",
    "g": "0-",
    "h": str(_PLAIN.hops),
    "n": str(_PLAIN.each),
    "c": str(_PLAIN.cap),
}
"""Values that every view has unless it says otherwise."""


def view_text(view: View) -> str:
    """Letters, digits, "." and "_" and "-" for what differs from `View()`.

    >>> view_text(View(starts=(("user", 12), ("item_factor", 3)), hops=2))
    'su12.I3_h2'
    """
    filters = view.filters
    least, most = filters.degree
    parts = {
        "s": _listed(map(_short, view.starts)),
        "e": _listed(_short(node) + _LETTERS[to] for node, to in view.expansions),
        "d": _listed(map(_short, view.dismissed)),
        "p": _listed(map(_short, view.ends or ())),
        "t": "".join(_LETTERS[kind] for kind in filters.types) or _NONE,
        "r": _listed(str(RELATIONS.index(name)) for name in filters.relations) or _NONE,
        "l": "" if filters.levels is None else _listed(map(str, filters.levels)) or _NONE,
        "g": f"{least}-{'' if most is None else most}",
        "h": str(view.hops),
        "n": str(view.each),
        "c": str(view.cap),
    }
    return "_".join(
        key + value for key, value in parts.items() if value and _UNSAID.get(key) != value
    )


def read_view(text: str) -> View:
    """The view that `view_text` wrote.

    Raises:
        ConfigError: it wrote something else.

    >>> read_view("su12_du7.i3_tui").dismissed
    (('user', 7), ('item', 3))
    """
    if len(text) > MOST:
        raise ConfigError(f"The view in the address has {len(text)} letters; {MOST} are read.")
    view = _PLAIN
    for part in filter(None, text.split("_")):
        try:
            view = _with(view, part[0], part[1:])
        except (KeyError, ValueError, IndexError):
            raise ConfigError(
                f"The view in the address has the part {part!r}, which says nothing. "
                "Start again, or copy the link once more."
            ) from None
    return view


def _with(view: View, key: str, value: str) -> View:
    if key in "sd":
        nodes = tuple(map(_node, value.split(".")))
        return replace(view, starts=nodes) if key == "s" else replace(view, dismissed=nodes)
    if key == "p":
        a, b = map(_node, value.split("."))
        return replace(view, ends=(a, b))
    if key == "e":
        pairs = tuple((_node(pair[:-1]), _TYPES[pair[-1]]) for pair in value.split("."))
        return replace(view, expansions=pairs)
    if key == "h":
        return replace(view, hops=_number(value))
    if key == "n":
        return replace(view, each=_number(value))
    if key == "c":
        return replace(view, cap=_number(value))
    return replace(view, filters=_filters(view.filters, key, value))


def _filters(filters: Filters, key: str, value: str) -> Filters:
    every = [] if value == _NONE else value.split(".")
    if key == "t":
        chosen = {_TYPES[letter] for letter in value.removeprefix(_NONE)}
        return replace(filters, types=tuple(kind for kind in NODE_TYPES if kind in chosen))
    if key == "r":
        return replace(filters, relations=tuple(RELATIONS[_number(one)] for one in every))
    if key == "l":
        return replace(filters, levels=tuple(map(_number, every)))
    if key == "g":
        least, dash, most = value.partition("-")
        if not dash:
            raise ValueError(value)
        return replace(filters, degree=(_number(least), _number(most) if most else None))
    raise KeyError(key)


def _listed(parts: Iterable[str]) -> str:
    return ".".join(parts)


def _short(node: Node) -> str:
    return f"{_LETTERS[node[0]]}{node[1]}"


def _node(text: str) -> Node:
    return _TYPES[text[0]], _number(text[1:])


def _number(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError(text)
    return int(text)
