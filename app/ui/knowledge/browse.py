"""Looking through the texts of one side: search, filters, and one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.pipeline.records import Record
from app.ui.knowledge.row import show_row
from app.ui.shared import address, frame
from app.ui.shared.remembered import keep, remembered
from app.ui.shared.results import results_of
from llm.review import search
from prompts.template import Side

if TYPE_CHECKING:
    import polars as pl

COLUMNS = {
    "title": st.column_config.TextColumn("Title", width="medium"),
    "entity": st.column_config.TextColumn("Id", width="small"),
    "state": st.column_config.TextColumn("State", width="small"),
    "words": st.column_config.NumberColumn("Words", width="small"),
    "said": st.column_config.TextColumn("Text", width="large"),
    "reason": st.column_config.TextColumn("Reason", width="small"),
}
SHOWN = ["title", "entity", "state", "words", "said"]


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
        key=remembered("texts", list(kinds), "All"),
        label_visibility="collapsed",
    )
    keep("texts", kind)
    found = search(table.filter(kinds[kind or "All"]), words or "", ("title", "entity", "said"))
    _found(record, side, found, f"{side} {kind} {words}")


def _found(record: Record, side: Side, found: pl.DataFrame, key: str) -> None:
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
    node = address.selected()
    if node is not None and node.type == side:
        show_row(record, side, node.id)
    elif not found.is_empty():
        st.caption("Choose a row to see its prompt and where it is from, and to correct it.")
