"""Draws a form of settings; its values live in the address of the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import Any

import streamlit as st

from app.experiment.drafts import value_of, widget_value
from app.experiment.form import Field, Group, Room
from app.ui.shared.frame import plain

COLUMNS = 3
EMPTY = "not set"
ROOM = "settings-room"
"""Key of the tab that is open."""


class Form:
    """Fields as they are drawn: their values, and the places for what is wrong with them."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self._places: dict[str, Any] = {}
        self._names: dict[str, str] = {}
        self._room = ""

    def draw_rooms(self, rooms: Sequence[Room]) -> None:
        """A tab a part of the form; a browser takes long to draw them all, so one is drawn.

        Others are drawn, too, if anything in them was changed: the address goes on holding it.
        """
        titles = [room.title for room in rooms]
        tabs = st.tabs(titles, key=ROOM, on_change="rerun")
        for tab, room in zip(tabs, rooms, strict=True):
            self._room = f"{room.title}: "
            fields = [one for group in room.groups for one in group.fields]
            if not tab.open and not any(map(_is_changed, fields)):
                self._keep(fields)
                continue
            with tab:
                for group in room.groups:
                    self._group(group)

    def _keep(self, fields: Iterable[Field]) -> None:
        """Fields that nobody looks at, each with the value that it begins with."""
        for one in fields:
            self.values[one.key] = value_of(one, widget_value(one))
            self._names[one.key] = f"{self._room}{one.label}"

    def _group(self, group: Group) -> None:
        first = [one for one in group.fields if one.first]
        rest = [one for one in group.fields if not one.first]
        if first:
            st.markdown(f"**{plain(group.title)}**", help=group.help or None)
            self.draw_fields(first)
        if rest:
            more = f"{group.title}: more settings" if first else group.title
            with st.expander(plain(more)):
                if group.help and not first:
                    st.caption(plain(group.help))
                self.draw_fields(rest)

    def draw_fields(self, fields: Iterable[Field], columns: int = COLUMNS) -> None:
        """Fields beside each other, a few a row."""
        waiting = list(fields)
        while waiting:
            if waiting[0].kind == "several":
                self.draw(waiting.pop(0))
                continue
            row = list(takewhile(lambda one: one.kind != "several", waiting))[:columns]
            waiting = waiting[len(row) :]
            for column, one in zip(st.columns(columns), row, strict=False):
                with column:
                    self.draw(one)

    def draw(self, one: Field, label: str | None = None) -> None:
        """One field, bound to the address under its dotted name."""
        given = _widget(one, label or one.label)
        self.values[one.key] = value_of(one, given)
        self._places[one.key] = st.container()
        self._names[one.key] = f"{self._room}{label or one.label}"

    def tell(self, problems: Mapping[str, str]) -> list[str]:
        """Writes what is wrong below the fields that it is about; gives all of it by name."""
        told = []
        for key, sentence in problems.items():
            place = next((one for one in _upwards(key) if one in self._names), None)
            if place in self._places:
                self._places[place].markdown(f":red[:material/error: {plain(sentence)}]")
            key = self._names.get(place or "", key)
            told.append(f"**{plain(key)}** {plain(sentence)}" if key else plain(sentence))
        return told


def _is_changed(one: Field) -> bool:
    """Whether a field has, in the session or in the address, another value than it begins with."""
    beginning = widget_value(one)
    return one.key in st.query_params or st.session_state.get(one.key, beginning) != beginning


def _upwards(key: str) -> list[str]:
    """A dotted name, and those of the tables that it is in.

    >>> _upwards("grid.seeds.1")
    ['grid.seeds.1', 'grid.seeds', 'grid']
    """
    parts = key.split(".")
    return [".".join(parts[:n]) for n in range(len(parts), 0, -1)]


def _widget(one: Field, label: str) -> Any:
    """What a field is edited with; gives what a person put into it."""
    how: dict[str, Any] = {"key": one.key, "help": one.help or None, "bind": "query-params"}
    value = widget_value(one)
    match one.kind:
        case "switch":
            st.markdown(" ")
            return st.toggle(label, value=bool(value), **how)
        case "whole":
            whole = None if value is None else int(value)
            return st.number_input(label, value=whole, step=1, placeholder=EMPTY, **how)
        case "real":
            real = None if value is None else float(value)
            how |= {"format": "%g", "step": _step(real)}
            return st.number_input(label, value=real, placeholder=EMPTY, **how)
        case "choice":
            return _choice(one, label, value, how)
        case "several":
            return st.pills(
                label, one.choices, selection_mode="multi", default=value, wrap=True, **how
            )
        case "toml" if isinstance(one.value, list | Mapping):
            tip = "[{name = …}, {name = …}]" if isinstance(one.value, list) else "{name = …}"
            return st.text_area(label, value=value, placeholder=tip, **how)
        case _:
            return st.text_input(label, value=value, placeholder=_example(one), **how)


def _step(value: float | None) -> float:
    """What a click adds: a unit of the value's first digit.

    >>> _step(0.002), _step(None)
    (0.001, 0.1)
    """
    return float(10.0 ** math.floor(math.log10(value))) if value and value > 0 else 0.1


def _choice(one: Field, label: str, value: Any, how: Mapping[str, Any]) -> Any:
    options = list(dict.fromkeys([*one.choices, *([] if value is None else [str(value)])]))
    place = None if value is None else options.index(str(value))
    return st.selectbox(label, options, index=place, accept_new_options=one.open, **how)


def _example(one: Field) -> str:
    return "separated by commas" if one.kind in ("wholes", "words") else EMPTY
