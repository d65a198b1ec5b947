"""All texts by hand of one side, and what waits for the next run."""

from __future__ import annotations

import streamlit as st

from app.pipeline.own_texts import overrides_of, pending
from app.pipeline.records import Record
from app.ui.shared import frame
from app.ui.shared.results import results_of
from prompts.template import Side


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
