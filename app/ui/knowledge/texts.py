"""Texts of one side: looked through, one by one with where each is from, and corrected by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.pipeline.own_texts import overrides_of, pending
from app.pipeline.records import Record
from app.ui.shared import address, frame
from app.ui.shared.marked import show_diff
from app.ui.shared.remembered import keep, remember
from app.ui.shared.results import results_of
from data.errors import AutoGraphError
from llm.review import search
from llm.workshop.scene import WITHOUT_MODEL, Sent, sent_prompt
from prompts.template import Side

if TYPE_CHECKING:
    import polars as pl

    from llm.overrides import Overrides

COLUMNS = {
    "title": st.column_config.TextColumn("Title", width="medium"),
    "entity": st.column_config.TextColumn("Id", width="small"),
    "state": st.column_config.TextColumn("State", width="small"),
    "words": st.column_config.NumberColumn("Words", width="small"),
    "said": st.column_config.TextColumn("Text", width="large"),
    "reason": st.column_config.TextColumn("Reason", width="small"),
}
SHOWN = ["title", "entity", "state", "words", "said"]
TOLD = "knowledge told"


def show_browse(record: Record, side: Side) -> None:
    """Draws the search, the table, and the row that is chosen."""
    import polars as pl

    table = results_of(record).reviewed(side)
    kinds: dict[str, pl.Expr] = {
        "All": pl.lit(True),
        "Failed": pl.col("state") == "failed",
        "By hand": pl.col("state") == "by hand",
        "Length": pl.col("length").is_not_null(),
        "Twice": pl.col("same").is_not_null(),
    }
    counts = table.select(
        one.cast(pl.Int64).sum().alias(name) for name, one in kinds.items() if name != "All"
    )
    numbers = {"All": table.height, **counts.row(0, named=True)}
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    words = left.text_input(
        "Search",
        key="find",
        type="search",
        placeholder="Words in title, id or text",
        icon=":material/search:",
        live=True,
        bind="query-params",
    )
    kind = right.segmented_control(
        "Show",
        list(kinds),
        required=True,
        format_func=lambda name: f"{name} {numbers[name]:,}",
        key=remember("texts", list(kinds), "All"),
        label_visibility="collapsed",
    )
    keep("texts", kind)
    found = search(table.filter(kinds[kind or "All"]), words or "", ("title", "entity", "said"))
    _show_found(record, side, found, f"{side} {kind} {words}")


def _show_found(record: Record, side: Side, found: pl.DataFrame, key: str) -> None:
    if found.is_empty():
        frame.empty(
            "Nothing found",
            "No text is like this. Change the words or the filter.",
            ":material/search_off:",
        )
    else:
        shown = [*SHOWN, "reason"] if found["reason"].count() else SHOWN
        rows = frame.table(
            found.select(shown),
            f"knowledge-{side}",
            key=f"texts {key}",
            columns=COLUMNS,
            height=min(38 + 35 * found.height, 330),
            select="single-row",
        )
        if rows:
            address.select(address.Node(side, found["entity"][rows[0]]))
    node = address.selected_node()
    if node is not None and node.type == side:
        show_row(record, side, node.id)
    elif not found.is_empty():
        st.caption("Choose a row to see its prompt and where it is from, and to correct it.")


def show_row(record: Record, side: Side, entity: str) -> None:
    """Draws one row of the knowledge."""
    import polars as pl

    rows = results_of(record).knowledge(side).table.filter(pl.col("entity") == entity)
    if rows.is_empty():
        frame.empty("Not described", f"This data set has no {side} {frame.plain(entity)}.")
        return
    row = rows.row(0, named=True)
    table = results_of(record).reviewed(side)
    title = table.filter(pl.col("entity") == entity)["title"][0]
    known = f" · {entity}" if title != entity else ""
    st.subheader(frame.plain(f"{title}{known}"), anchor=False, divider="gray")
    left, right = st.columns([3, 2], gap="medium")
    with left:
        log = overrides_of(record.experiment, side, record.workspace)
        _draw_text(row, log)
        _by_hand(row, log, _which(record, side, entity))
    with right:
        _provenance(record, side, row)
        _prompt(record, side, row)


def _which(record: Record, side: Side, entity: str) -> str:
    """Tells a text, and the changes to it, from those of other experiments."""
    key = record.keys[f"knowledge-{side}"]
    return f"{record.experiment.texts_name} {key} {side} {entity}"


def _draw_text(row: dict[str, Any], log: Overrides) -> None:
    by_hand = log.texts().get(row["entity"])
    if by_hand is not None:
        st.caption(
            ":material/edit: By hand"
            + ("" if row["override"] == by_hand else ", taken in by the next run")
        )
        with st.container(border=True):
            st.text(by_hand)
        st.caption("What the model said")
    if row["text"] is None:
        frame.show_error(row["error"] or "There is no text.")
        return
    with st.container(border=True):
        st.text(row["text"])
    if row["aspects"]:
        st.json(json.loads(row["aspects"]), expanded=2)
    if by_hand is not None:
        with st.expander("What differs", icon=":material/difference:"):
            show_diff(row["text"], by_hand)


def _by_hand(row: dict[str, Any], log: Overrides, which: str) -> None:
    """The form that puts a text in the place of the model's, or takes it back.

    Args:
        row: Of the knowledge.
        log: Of the changes by hand.
        which: Stands in the keys of fields, so that none offers another experiment's text.
    """
    entity = row["entity"]
    by_hand = log.texts().get(entity)
    told = st.session_state.pop(TOLD, None)
    if told:
        frame.show_error(told)
    with st.expander("Text by hand", icon=":material/edit:", expanded=bool(told)):
        st.text_area(
            "Text",
            by_hand or row["text"] or "",
            key=f"by hand {which}",
            height=180,
            help="Kept beside the model's text, which stays. The next run makes everything again "
            "that depends on it.",
        )
        st.text_input("Why", key=f"why {which}", placeholder="For those who read it later")
        with st.container(horizontal=True):
            st.button(
                "Keep this text",
                type="primary",
                icon=":material/save:",
                key="keep text",
                on_click=_keep,
                args=(log, entity, which),
            )
            st.button(
                "Back to the model's",
                icon=":material/undo:",
                key="revert text",
                disabled=by_hand is None,
                on_click=_revert,
                args=(log, row, which),
            )
        _history(log, entity)


def _history(log: Overrides, entity: str) -> None:
    changes = [one for one in log.changes() if one.entity == entity]
    for one in reversed(changes):
        what = "Taken back" if one.text is None else f"{len(one.text.split()):,} words by hand"
        note = f": {frame.plain(one.note)}" if one.note else ""
        st.caption(f"{one.at[:16].replace('T', ' ')} UTC · {what}{note}")


def _keep(log: Overrides, entity: str, which: str) -> None:
    state = st.session_state
    try:
        log.write(entity, state[f"by hand {which}"], state[f"why {which}"])
        state[f"why {which}"] = ""
    except AutoGraphError as error:
        state[TOLD] = str(error)


def _revert(log: Overrides, row: dict[str, Any], which: str) -> None:
    state = st.session_state
    try:
        log.revert(row["entity"], state[f"why {which}"])
        state[f"by hand {which}"], state[f"why {which}"] = row["text"] or "", ""
    except AutoGraphError as error:
        state[TOLD] = str(error)


def _provenance(record: Record, side: Side, row: dict[str, Any]) -> None:
    made = record.store.manifest(f"knowledge-{side}", record.keys[f"knowledge-{side}"])["made_at"]
    told = {
        "Model": row["model"],
        "Template": row["template"],
        "Tokens": f"{row['tokens_in']:,} asked, {row['tokens_out']:,} said",
        "Time": f"{row['latency_s']:.2f} s, {_times(row['attempts'])}",
        "Ended": row["finish_reason"],
        "Result": f"{record.keys[f'knowledge-{side}']}, {made[:16].replace('T', ' ')} UTC",
        "Key": row["key"][:16],
    }
    st.caption("Where it is from")
    with st.container(border=True):
        for name, value in told.items():
            first, second = st.columns([2, 5], gap="small")
            first.caption(name)
            second.caption(frame.plain(value))
    name, _, version = row["template"].partition("@")
    with st.container(horizontal=True):
        frame.link(
            "prompts",
            "Its template",
            ":material/edit_note:",
            template=name,
            version=version,
            side=side,
        )
        frame.link("graph", "In the graph", ":material/hub:")


def _times(attempts: int) -> str:
    return "1 attempt" if attempts == 1 else f"{attempts:,} attempts"


def _prompt(record: Record, side: Side, row: dict[str, Any]) -> None:
    with st.expander("Prompt", icon=":material/chat:", key="row prompt", on_change="rerun") as part:
        if not part.open:
            return
        try:
            sent = sent_prompt(results_of(record).scene(side), row)
        except AutoGraphError as error:
            st.warning(frame.plain(error), icon=":material/warning:")
            return
        backend = getattr(record.experiment.llm, side).backend
        st.caption(_of_prompt(sent, backend))
        for message in sent.messages:
            st.caption(message["role"].capitalize())
            st.code(message["content"], language=None, wrap_lines=True)


def _of_prompt(sent: Sent, backend: str) -> str:
    if backend in WITHOUT_MODEL:
        return f"{backend} reads no prompt. A language model would be asked this."
    if sent.same:
        return ":material/check: Just this was sent: its key is that of the answer."
    return (
        ":material/warning: This would be sent today. What was sent differs: data, template, texts "
        "of items or the model's settings have changed since."
    )


def show_changes(record: Record, side: Side) -> None:
    """Draws every change by hand, the latest first."""
    import polars as pl

    log = overrides_of(record.experiment, side, record.workspace)
    changes = log.changes()
    if not changes:
        frame.empty(
            "Nothing by hand yet",
            "Choose a text under Texts and correct it there: your text is kept beside the model's, "
            "and the next run takes it in.",
            ":material/edit:",
        )
        return
    waiting = set(
        pending(results_of(record).knowledge(side), record.experiment, side, record.workspace)
    )
    latest = {change.entity: place for place, change in enumerate(changes)}
    rows = [
        {
            "at": one.at,
            "entity": one.entity,
            "what": "taken back" if one.text is None else "by hand",
            "text": one.text,
            "note": one.note,
            "stands": "replaced by a later one"
            if latest[one.entity] != place
            else ("waits for the next run" if one.entity in waiting else "in the results"),
        }
        for place, one in enumerate(changes)
    ]
    table = pl.DataFrame(rows).with_columns(pl.col("at").str.to_datetime(time_zone="UTC")).reverse()
    frame.table(
        table,
        f"by-hand-{side}",
        columns={
            "at": st.column_config.DatetimeColumn("When", format="calendar"),
            "entity": "Id",
            "what": "What",
            "text": st.column_config.TextColumn("Text", width="large"),
            "note": "Why",
            "stands": "Stands",
        },
    )
    st.caption(f"Kept in `{frame.plain(log.path.relative_to(record.workspace))}` of the workspace.")
