"""Two versions of the knowledge of one side: which texts differ, and how."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.pipeline.records import Record
from app.results.knowledge_versions import Version, knowledge_versions
from app.results.results import stamp
from app.ui.knowledge.charts import kept_words
from app.ui.shared import frame
from app.ui.shared.charts import draw_chart
from app.ui.shared.marked import show_diff
from app.ui.shared.results import keep
from llm.review import WHAT
from prompts.template import Side

if TYPE_CHECKING:
    import polars as pl


def show_compare(record: Record, side: Side) -> None:
    """Draws the choice of two versions and what differs between them."""
    versions = {one.key: one for one in knowledge_versions(record.workspace, side)}
    mine = record.keys[f"knowledge-{side}"]
    if len(versions) < 2:
        frame.empty(
            "Only one version",
            "Another template, model or text by hand makes another version; run the experiment "
            "with it, and the two are compared here.",
            ":material/difference:",
        )
        return
    others = [key for key in versions if key != mine]
    left, right = st.columns(2)
    old = left.selectbox(
        "From",
        list(versions),
        index=list(versions).index(others[0]),
        format_func=lambda key: _called(versions[key]),
        key=f"old {side}",
    )
    new = right.selectbox(
        "To",
        list(versions),
        index=list(versions).index(mine),
        format_func=lambda key: _called(versions[key]),
        key=f"new {side}",
    )
    _compared(side, _difference(versions[old].folder, versions[new].folder))


def _difference(old: Path, new: Path) -> pl.DataFrame:
    """What differs between two versions, by their folders."""
    from llm.knowledge import Knowledge
    from llm.review import compare_knowledge

    def make() -> pl.DataFrame:
        return compare_knowledge(Knowledge.load(old), Knowledge.load(new))

    found: pl.DataFrame = keep(f"compared {stamp(old, new)}", make)
    return found


def _called(version: Version) -> str:
    return version.label


def _compared(side: Side, table: pl.DataFrame) -> None:
    import polars as pl

    counts = dict(table["what"].value_counts().iter_rows())
    for column, what in zip(st.columns(len(WHAT)), WHAT, strict=True):
        with column, st.container(border=True):
            st.metric(what.capitalize(), f"{counts.get(what, 0):,}")
    differ = table.filter(pl.col("what") != "same")
    if differ.is_empty():
        frame.empty("They say the same", "Not a text differs.", ":material/check:")
        return
    if differ["kept"].count():
        draw_chart(
            kept_words(differ["kept"].drop_nulls()),
            height=200,
            alt="How many changed texts kept which share of their words",
        )
    rows = frame.table(
        differ,
        f"changes-{side}",
        key=f"differ {side}",
        columns={
            "entity": "Id",
            "what": "What",
            "kept": st.column_config.ProgressColumn(
                "Words kept",
                help="Of the different words of both texts, the share that both have.",
                min_value=0.0,
                max_value=1.0,
                format="percent",
            ),
            "old": st.column_config.TextColumn("From", width="large"),
            "new": st.column_config.TextColumn("To", width="large"),
        },
        height=min(38 + 35 * differ.height, 330),
        select="single-row",
    )
    row = differ.row(rows[0] if rows else 0, named=True)
    st.caption(f"What differs for {frame.plain(row['entity'])}")
    show_diff(row["old"] or "", row["new"] or "")
