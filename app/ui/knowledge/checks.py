"""What may be wrong with the texts of one side, and what differs from another version of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.pipeline.records import Record, settings_file
from app.results.knowledge_versions import Version, knowledge_versions
from app.results.results import stamp
from app.ui.knowledge.charts import failures_by_reason, kept_words, lengths
from app.ui.shared import frame
from app.ui.shared.charts import draw_chart
from app.ui.shared.jobs import begin, latest_job, tell_end, watch
from app.ui.shared.marked import show_diff
from app.ui.shared.results import keep, results_of
from llm.review import WHAT, duplicates, failures
from prompts.template import Side

if TYPE_CHECKING:
    import polars as pl


def show_checks(record: Record, side: Side) -> None:
    """Draws all checks of one side."""
    table = results_of(record).reviewed(side)
    _failures(record, side)
    _lengths(side, table)
    _shared(side, table)


def _failures(record: Record, side: Side) -> None:
    st.subheader("Failures", anchor=False)
    found = failures(results_of(record).knowledge(side))
    words = ("knowledge", "update", settings_file(record), "--side", side)
    job = latest_job("knowledge", words)
    running = job is not None and job.active
    if found.is_empty():
        frame.empty("Nobody is without a text", f"Every {side} is described.", ":material/check:")
    else:
        _reasons(side, found)
    if not found.is_empty() or running:
        st.button(
            "Retry failed",
            type="primary",
            icon=":material/refresh:",
            disabled=running,
            help="Asks again about those without a text, and about nobody else. What was made "
            "without their texts is made again by the next run.",
            on_click=begin,
            args=("knowledge", words, f"Retry {side}s of {record.experiment.name}"),
        )
    if job is not None and running:
        watch(job, lambda: None)
    elif job is not None:
        tell_end(job)
    frame.command(*words)


def _reasons(side: Side, found: pl.DataFrame) -> None:
    left, right = st.columns([2, 3])
    with left:
        draw_chart(
            failures_by_reason(found),
            height=60 + 32 * found.height,
            alt="Entities without a text, by reason",
        )
    with right:
        frame.table(
            found,
            f"failures-{side}",
            columns={
                "reason": "Reason",
                "rows": "Entities",
                "attempts": st.column_config.NumberColumn("Attempts", format="%.1f"),
                "example": "For example",
                "error": st.column_config.TextColumn("What was said", width="large"),
            },
        )


def _lengths(side: Side, table: pl.DataFrame) -> None:
    import polars as pl

    st.subheader("Lengths", anchor=False)
    if not table["words"].count():
        frame.empty("No texts", "There is nothing to measure yet.")
        return
    draw_chart(
        lengths(table["words"].drop_nulls()),
        height=240,
        alt="How many texts have how many words",
    )
    unusual = table.filter(pl.col("length").is_not_null()).sort("words")
    if unusual.is_empty():
        st.caption("No text is unusually short or long.")
        return
    few, many = ((unusual["length"] == kind).sum() for kind in ("short", "long"))
    st.caption(
        f"Unusually short: {few:,}. Unusually long: {many:,}. The others lie as closely together "
        "as most do."
    )
    frame.table(
        unusual.select("title", "entity", "length", "words", "said"),
        f"unusual-{side}",
        columns={
            "title": "Title",
            "entity": "Id",
            "length": "Length",
            "words": "Words",
            "said": st.column_config.TextColumn("Text", width="large"),
        },
    )


def _shared(side: Side, table: pl.DataFrame) -> None:
    st.subheader("Duplicates", anchor=False)
    found = duplicates(table)
    alike = int(table["alike"].count())
    if found.is_empty():
        frame.empty(
            "No text stands twice",
            "Every text is different, whatever its capitals, blanks and punctuation.",
            ":material/check:",
        )
    else:
        rows = int(found["rows"].sum())
        texts = "one text" if found.height == 1 else f"{found.height:,} texts"
        st.caption(f"{rows:,} {side}s share {texts}, so nothing tells them apart.")
        frame.table(
            found,
            f"duplicates-{side}",
            columns={
                "rows": st.column_config.NumberColumn("Entities", width="small"),
                "entities": st.column_config.ListColumn("Ids"),
                "said": st.column_config.TextColumn("Text", width="large"),
            },
        )
    if alike:
        st.caption(f"{alike:,} texts begin with the same eight words as another.")


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
    _show_differences(side, _difference(versions[old].folder, versions[new].folder))


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


def _show_differences(side: Side, table: pl.DataFrame) -> None:
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
