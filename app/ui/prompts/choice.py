"""Which template a visitor works on, what it belongs to, and the list of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.pipeline.own_texts import template_of
from app.pipeline.records import Record
from app.ui.shared import frame
from app.ui.shared.remembered import choose_next, keep, remember
from data.errors import AutoGraphError
from prompts.library import Entry, Library
from prompts.template import own_templates

if TYPE_CHECKING:
    from prompts.template import Side, Template

SIDES: dict[Any, str] = {"item": "Items", "user": "Users"}
SIDE, TEMPLATE, VERSION = "side", "template", "version"
"""In the address."""
LIST = "all templates"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a visitor works on.

    Attributes:
        side: Whom it describes.
        entry: Of the template in the list.
        template: The version that is shown.
        record: The experiment whose users and items it is tried on; None where none was run.
    """

    side: Side
    entry: Entry
    template: Template
    record: Record | None

    @property
    def own(self) -> bool:
        """Whether it is the person's own, so that it can have a next version."""
        return self.entry.own


def library() -> Library:
    """The person's own templates, and those that ship."""
    return Library(own_templates(frame.workspace()))


def choose_side() -> Any:
    """The side that a visitor chose; draws the field to choose with."""
    side = st.segmented_control(
        "Who is described",
        list(SIDES),
        required=True,
        format_func=SIDES.__getitem__,
        key=remember(SIDE, list(SIDES), "item"),
    )
    keep(SIDE, side)
    return side


def choose(record: Record | None) -> Choice:
    """What a visitor chose; draws the fields to choose with."""
    columns = st.columns([1.2, 3, 1.4], vertical_alignment="bottom")
    with columns[0]:
        side = choose_side()
    entries = {one.template.name: one for one in library().entries() if one.template.side == side}
    used = _template_in_use(record, side)
    entry = entries[_template(columns[1], entries, used if used in entries else None)]
    template = entry.template
    if entry.own:
        number = _version(columns[2], entry)
        template = library().load(f"{template.name}@{number}")
    return Choice(side, entry, template, record)


def open_template(name: str) -> None:
    """Shows the latest version of a template from the next run of the page on."""
    choose_next(TEMPLATE, name)
    choose_next(VERSION, None)


def _template(column: Any, entries: dict[str, Entry], used: str | None) -> str:
    names = list(entries)
    first = used or names[0]
    name = column.selectbox(
        "Template",
        names,
        format_func=lambda name: _label(entries[name], name == used),
        key=remember(TEMPLATE, names, first),
        help="Those that ship are not changed: save a copy under a name of your own.",
    )
    keep(TEMPLATE, name)
    return str(name)


def _version(column: Any, entry: Entry) -> int:
    numbers = [str(number) for number in reversed(entry.versions)]
    latest = numbers[0]
    chosen = column.selectbox(
        "Version",
        numbers,
        format_func=lambda number: f"{number}, the latest" if number == latest else number,
        key=remember(VERSION, numbers, latest),
        help="A version is never changed; the next one follows it.",
    )
    keep(VERSION, chosen)
    return int(chosen)


def _label(entry: Entry, used: bool) -> str:
    whose = f"yours, {len(entry.versions)} versions" if entry.own else "ships"
    if entry.own and len(entry.versions) == 1:
        whose = "yours, 1 version"
    return f"{entry.template.name} · {whose}" + (" · in use" if used else "")


def _template_in_use(record: Record | None, side: Side) -> str | None:
    """The name of the template that the experiment uses."""
    if record is None:
        return None
    try:
        return template_of(record.experiment, side, record.workspace).name
    except AutoGraphError:
        return None


def show_list(choice: Choice) -> None:
    """Draws all templates; a row that is chosen is opened."""
    import polars as pl

    entries = library().entries()
    own = sum(entry.own for entry in entries)
    label = f"All templates: {own} of yours, {len(entries) - own} that ship"
    with st.expander(label, icon=":material/list:"):
        table = pl.DataFrame(
            {
                "template": [one.template.name for one in entries],
                "describes": [SIDES[one.template.side] for one in entries],
                "versions": [len(one.versions) for one in entries],
                "whose": ["yours" if one.own else "ships" for one in entries],
                "saved": [one.saved for one in entries],
                "note": [one.template.note for one in entries],
            },
            schema_overrides={"saved": pl.Datetime(time_zone="UTC")},
        )
        turn = st.session_state.get(LIST, 0)
        rows = frame.table(
            table,
            "templates",
            key=f"{LIST} {turn}",
            select="single-row",
            columns={
                "versions": st.column_config.NumberColumn(width="small"),
                "saved": st.column_config.DatetimeColumn(format="calendar", width="small"),
                "note": st.column_config.TextColumn(width="large"),
            },
        )
        st.caption("Choose a row to open it.")
        frame.command("prompts", "list")
    if rows and entries[rows[0]].template.name != choice.template.name:
        st.session_state["open"] = entries[rows[0]].template
        st.session_state[LIST] = turn + 1
        st.rerun()


def open_chosen() -> None:
    """Opens what was chosen in the list; before the fields are drawn."""
    chosen = st.session_state.pop("open", None)
    if chosen is not None:
        choose_next(SIDE, chosen.side)
        open_template(chosen.name)
