"""The Graph screen: users, items and latent factors, as far as a person wants to look."""

from __future__ import annotations

import streamlit as st

from app.ui.graph import panels
from app.ui.graph.controls import ALL_NAMES
from app.ui.graph.explorer import Explorer
from app.ui.graph.picture import graph_view
from app.ui.shared import opened as results
from app.ui.shared.colours import palette
from app.ui.shared.frame import command, failed, header, opened
from data.errors import ConfigError

HEIGHT = 640
"""Pixels of the picture."""


def show() -> None:
    """Draws the screen."""
    header("Graph", "Users, items and the meanings they share. Search, start anywhere, go on.")
    record = opened("dataset", "factors-item", "factors-user", "graph")
    explorer = Explorer(results.atlas(record), results.stamp(record.folder("graph")))
    try:
        view, picture = explorer.view, explorer.picture()
    except ConfigError as error:
        failed(error, ":material/link_off:")
        st.button("Start again", on_click=explorer.start_again, type="primary")
        return
    left, right = st.columns([3, 4], vertical_alignment="top")
    with left:
        panels.search(explorer)
    with right:
        panels.bar(explorer, view, picture)
    panels.selection(explorer, picture)
    panels.path(explorer, view, picture)
    _chart(explorer)
    panels.hidden(picture)
    node = explorer.selected
    if node is not None:
        panels.details(explorer, node)
    words = ("graph", "save", record.experiment.name, "graph.graphml")
    command(*words, *(("--view", explorer.state.text) if explorer.state.text else ()))


def _chart(explorer: Explorer) -> None:
    picture = explorer.picture()
    order, marked, key = explorer.order(picture)
    names = explorer.atlas.names
    spec = graph_view(
        picture.subgraph,
        picture.places,
        [names.title(node) for node in picture.subgraph.nodes],
        palette(),
        order=order,
        selected=marked,
        all_names=bool(st.session_state.get(ALL_NAMES)),
    )
    with st.container(border=True):
        st.echarts_chart(
            spec,
            height=HEIGHT,
            key=key,
            on_select=lambda: explorer.click(key),
            alt=f"{len(order)} nodes of the graph; the search finds any of them by its name.",
        )
