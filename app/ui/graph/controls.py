"""Limits, filters and files of the picture of the graph."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import streamlit as st

from app.ui.graph.explorer import Explorer, with_filters
from app.ui.graph.picture import colour_of
from app.ui.shared.charts import palette
from app.ui.shared.frame import hint
from graph.explore.atlas import Picture
from graph.explore.export import gexf, graphml
from graph.explore.view import MOST_HOPS, MOST_NODES, View

ALL_NAMES = "graph-all-names"
"""Whether a visitor wants the names of all nodes."""


def settings(explorer: Explorer, view: View) -> None:
    """What may show, how much of it, and how."""
    _limits(explorer, view)
    _filters(explorer, view)
    st.toggle(
        "Names of all nodes",
        key=ALL_NAMES,
        persist_state="session",
        help="As far as there is room: come closer with the wheel to read more of them.",
    )
    st.button(
        "Tidy up",
        icon=":material/auto_fix_high:",
        on_click=explorer.tidy,
        help="Places all nodes anew. Until then, nodes that show stay where they are.",
    )


def _limits(explorer: Explorer, view: View) -> None:
    st.session_state["graph-hops"] = view.hops
    st.segmented_control(
        "Steps from the start",
        range(1, MOST_HOPS + 1),
        key="graph-hops",
        required=True,
        on_change=lambda: _limit(explorer, "hops"),
        disabled=not view.starts,
    )
    for name, label, choices in (
        ("each", "Neighbours of a type that one node brings in", (5, 10, 20, 50, 100, 200)),
        ("cap", "Nodes at most", (50, 100, 200, 300, 500, 750, MOST_NODES)),
    ):
        value = getattr(view, name)
        st.session_state[f"graph-{name}"] = value
        st.select_slider(
            label,
            sorted({*choices, value}),
            key=f"graph-{name}",
            on_change=lambda name=name: _limit(explorer, name),
        )


def _limit(explorer: Explorer, name: str) -> None:
    value = st.session_state[f"graph-{name}"]
    explorer.go(replace(explorer.view, **{name: value}), anew=True)


def _filters(explorer: Explorer, view: View) -> None:
    filters, flat, schema = view.filters, explorer.atlas.flat, explorer.atlas.schema
    levels = tuple(range(int(flat.levels.max(initial=-1)) + 1))
    for name, chosen, every in (
        ("types", filters.types, schema.types),
        ("relations", filters.relations, schema.links),
        ("levels", filters.levels, levels),
    ):
        st.session_state[f"graph-{name}"] = list(every if chosen is None else chosen)
    more: dict[str, Any] = {
        "selection_mode": "multi",
        "on_change": lambda: _filter(explorer, levels),
    }
    st.pills(
        "Types",
        schema.types,
        format_func=lambda kind: schema.node(kind).plural,
        key="graph-types",
        **more,
    )
    st.pills("Relations", schema.links, format_func=schema.title_of, key="graph-relations", **more)
    st.pills("Levels of factors", levels, key="graph-levels", help=hint("level"), **more)
    least, most = filters.degree
    st.session_state["graph-least"], st.session_state["graph-most"] = least, most
    with st.container(horizontal=True):
        for name, label in (("least", "Neighbours, at least"), ("most", "at most")):
            st.number_input(
                label,
                min_value=0,
                key=f"graph-{name}",
                value=None,
                placeholder="any",
                on_change=lambda: _filter(explorer, levels),
            )


def _filter(explorer: Explorer, levels: tuple[int, ...]) -> None:
    def chosen(name: str, every: tuple[Any, ...]) -> tuple[Any, ...] | None:
        those = tuple(one for one in every if one in st.session_state[f"graph-{name}"])
        return None if those == every else those

    view = with_filters(
        explorer.view,
        types=chosen("types", explorer.atlas.schema.types),
        relations=chosen("relations", explorer.atlas.schema.links),
        levels=chosen("levels", levels),
        degree=(st.session_state["graph-least"] or 0, st.session_state["graph-most"]),
    )
    explorer.go(view)


def files(explorer: Explorer, picture: Picture) -> None:
    """What is visible, to take along."""
    st.caption(
        "What is visible, with its places. The picture as PNG: the arrow that shows above it when "
        "the pointer is on it."
    )
    names, kinds = explorer.atlas.names, explorer.atlas.schema.nodes
    colours = {kind.name: palette().of(colour_of(kind)) for kind in kinds}
    writers = {
        "graph.graphml": lambda: graphml(picture.network(names, colours)),
        "graph.gexf": lambda: gexf(picture.network(names, colours)),
        "nodes.parquet": lambda: _parquet(picture, explorer, 0),
        "edges.parquet": lambda: _parquet(picture, explorer, 1),
    }
    labels = ("GraphML", "GEXF, for Gephi", "Nodes as Parquet", "Edges as Parquet")
    for (name, write), label in zip(writers.items(), labels, strict=True):
        st.download_button(
            label, write, name, on_click="ignore", key=f"save-{name}", width="stretch"
        )


def _parquet(picture: Picture, explorer: Explorer, which: int) -> bytes:
    written = io.BytesIO()
    picture.tables(explorer.atlas.names)[which].write_parquet(written)
    return written.getvalue()
