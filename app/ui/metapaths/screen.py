"""The Metapaths screen: what kinds of paths there are, how many, between whom, and their use."""

from __future__ import annotations

import polars as pl
import streamlit as st

from app.pipeline.records import Record
from app.ui.metapaths import panels
from app.ui.metapaths.charts import schema_chart
from app.ui.metapaths.state import Chosen
from app.ui.shared import opened as results
from app.ui.shared.colours import palette
from app.ui.shared.frame import command, header, hint, opened, table
from graph.metapath import PAPER


def show() -> None:
    """Draws the screen."""
    header("Metapaths", "Kinds of paths through the graph: how many there are, and between whom.")
    record = opened("dataset", "factors-item", "factors-user", "graph")
    atlas = results.atlas(record)
    chosen = Chosen(atlas)
    _schema(record, chosen)
    panels.builder(chosen)
    _catalogue(record, chosen)
    path = chosen.metapath
    if path is not None:
        panels.instances_of(atlas, chosen, path)
    panels.switch(record)
    words = ["graph", "metapaths", record.experiment.name]
    own = path is not None and path not in PAPER
    command(*words, *(("--path", str(path)) if own else ()))


def _schema(record: Record, chosen: Chosen) -> None:
    schema = results.graph_schema(record)
    with st.container(border=True):
        st.echarts_chart(
            schema_chart(schema, chosen.types, palette()),
            height=180,
            key=chosen.chart,
            on_select=lambda: chosen.click(chosen.chart),
            alt="The types of nodes and edges; the buttons below extend the path as a click does.",
        )


def _catalogue(record: Record, chosen: Chosen) -> None:
    paths = list(PAPER)
    if chosen.metapath is not None and chosen.metapath not in paths:
        paths.append(chosen.metapath)
    rows = results.metapaths(record, tuple(map(str, paths)))
    named = rows.with_columns(
        source=pl.Series(["paper" if path in PAPER else "yours" for path in paths])
    )
    picked = table(
        named.select("metapath", "source", "instances", "starts", "ends", "median_per_end"),
        "metapaths",
        select="single-row",
        key=f"catalogue-{len(paths)}-{chosen.turn}",
        columns={
            "metapath": st.column_config.TextColumn("Metapath", help=hint("metapath")),
            "source": st.column_config.TextColumn("From"),
            "instances": st.column_config.NumberColumn("Instances", format="localized"),
            "starts": st.column_config.NumberColumn(
                "Starts", format="percent", help="Nodes of the first type from which one goes."
            ),
            "ends": st.column_config.NumberColumn(
                "Ends", format="percent", help="Nodes of the last type at which one arrives."
            ),
            "median_per_end": st.column_config.NumberColumn(
                "Median per end",
                format="localized",
                help="Instances that arrive at half of the last type's nodes or more.",
            ),
        },
    )
    if picked and paths[picked[0]] != chosen.metapath:
        chosen.take(paths[picked[0]])
        st.rerun()
