"""What stands around the picture of the graph: search, filters, the selected node."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import streamlit as st

from app.atlas import Picture
from app.ui.charts.graph_view import PLURALS
from app.ui.colours import palette
from app.ui.explorer import Explorer, with_filters
from app.ui.frame import hint, link, plain, table
from graph.details import degree_by_type, neighbour_table
from graph.export import gexf, graphml
from graph.flat import Node
from graph.metapath import NODE_TYPES
from graph.names import CALLED
from graph.view import MOST_HOPS, MOST_NODES, RELATIONS, View

FOUND = 8
"""Nodes that a search lists."""
ALL_NAMES = "graph-all-names"
"""Whether a visitor wants the names of all nodes."""
_MARKS = {"user": "●", "item": "●", "user_factor": "◆", "item_factor": "◆"}
_RELATIONS = {
    "user - item": "interactions",
    "user - user_factor": "users' factors",
    "item - item_factor": "items' factors",
}


@st.fragment
def search(explorer: Explorer) -> None:
    """Finds any node as a person types."""
    words = st.text_input(
        "Search",
        placeholder="Search users, items and latent factors …",
        label_visibility="collapsed",
        type="search",
        icon=":material/search:",
        live=True,
        max_chars=200,
        key="graph-search",
    )
    if not words.strip():
        return
    found = explorer.atlas.finder.find(words, FOUND)
    with st.container(border=True, gap="xsmall"):
        if not found:
            st.caption("Nothing holds all these words. Titles, ids, labels and terms are searched.")
        for node in found:
            _hit(explorer, node)


def _hit(explorer: Explorer, node: Node) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", gap="xsmall")
    with row:
        mark(node[0])
        chosen = st.button(
            plain(explorer.atlas.names.title(node)),
            key=f"hit-{node}",
            type="tertiary",
            help=describe(explorer, node),
            on_click=explorer.choose,
            args=(node,),
        )
    if chosen:
        st.rerun()


def _start(explorer: Explorer, node: Node) -> None:
    explorer.go(explorer.view.start(node), anew=True)
    explorer.choose(node)


def mark(kind: str) -> None:
    """The sign of a type of node, in its colour."""
    st.html(f'<span style="color:{palette().of(kind)}">{_MARKS[kind]}</span>', width="content")


def describe(explorer: Explorer, node: Node) -> str:
    """Type, id and neighbours, for a caption."""
    atlas = explorer.atlas
    degree = int(atlas.flat.degrees[atlas.flat.place(node)])
    near = "1 neighbour" if degree == 1 else f"{degree:,} neighbours"
    return f"{CALLED[node[0]]} {plain(atlas.names.id(node))} · {near}"


def bar(explorer: Explorer, view: View, picture: Picture) -> None:
    """Undo, the overview, limits and filters, files."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button(
            "Undo",
            icon=":material/undo:",
            disabled=not explorer.can_undo,
            on_click=explorer.undo,
        )
        st.button(
            "Start again",
            icon=":material/restart_alt:",
            disabled=view == View(),
            on_click=explorer.start_again,
            help="The overview: the largest factors of the first level and their members.",
        )
        with st.popover("Show", icon=":material/tune:"):
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
        with st.popover("Save", icon=":material/download:"):
            _files(explorer, picture)


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
    filters, flat = view.filters, explorer.atlas.flat
    levels = tuple(range(int(flat.levels.max(initial=-1)) + 1))
    st.session_state["graph-types"] = list(filters.types)
    st.session_state["graph-relations"] = list(filters.relations)
    st.session_state["graph-levels"] = list(levels if filters.levels is None else filters.levels)
    more: dict[str, Any] = {
        "selection_mode": "multi",
        "on_change": lambda: _filter(explorer, levels),
    }
    st.pills("Types", NODE_TYPES, format_func=PLURALS.get, key="graph-types", **more)
    st.pills("Relations", RELATIONS, format_func=_RELATIONS.get, key="graph-relations", **more)
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
    chosen = tuple(sorted(st.session_state["graph-levels"]))
    types, relations = st.session_state["graph-types"], st.session_state["graph-relations"]
    view = with_filters(
        explorer.view,
        types=tuple(kind for kind in NODE_TYPES if kind in types),
        relations=tuple(name for name in RELATIONS if name in relations),
        levels=None if chosen == levels else chosen,
        degree=(st.session_state["graph-least"] or 0, st.session_state["graph-most"]),
    )
    explorer.go(view)


def _files(explorer: Explorer, picture: Picture) -> None:
    st.caption("What is visible, with its places. The picture itself: PNG, at its top right.")
    names, colours = explorer.atlas.names, {kind: palette().of(kind) for kind in NODE_TYPES}
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


def selection(explorer: Explorer, picture: Picture) -> None:
    """The selected node and what can be done with it."""
    node = explorer.selected
    if explorer.path_from is not None:
        _other_end(explorer, explorer.path_from)
    if node is None:
        st.caption("Click a node, or search for one: it is then selected on the whole page.")
        return
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            mark(node[0])
            st.markdown(f"**{plain(explorer.atlas.names.title(node))}**", width="content")
            st.caption(describe(explorer, node), width="content")
        with st.container(horizontal=True, gap="small"):
            _actions(explorer, node, node in picture.subgraph.nodes)


def _other_end(explorer: Explorer, end: Node) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        title = plain(explorer.atlas.names.title(end))
        st.info(f"Path from {title} to …: click or search its other end.", icon=":material/route:")
        st.button("Cancel", on_click=explorer.begin_path, args=(None,))


def _actions(explorer: Explorer, node: Node, visible: bool) -> None:
    view = explorer.view
    for kind, degree in degree_by_type(explorer.atlas.flat, node).items():
        st.button(
            f"{PLURALS[kind]} ({degree:,})",
            icon=":material/add:",
            key=f"open-{kind}",
            disabled=not degree,
            help=f"Shows {view.each} more of its {PLURALS[kind].lower()}.",
            on_click=lambda kind=kind: explorer.go(explorer.view.expand(node, kind)),
        )
    st.button(
        "Start here",
        icon=":material/my_location:",
        disabled=view.starts == (node,) and not view.expansions,
        on_click=_start,
        args=(explorer, node),
        help="Shows what surrounds this node, and nothing else.",
    )
    st.button("Path to …", icon=":material/route:", on_click=explorer.begin_path, args=(node,))
    st.button(
        "Dismiss",
        icon=":material/visibility_off:",
        disabled=not visible,
        on_click=explorer.dismiss,
        args=(node,),
        help="Takes it out of the picture. Undo brings it back.",
    )


def path(explorer: Explorer, view: View, picture: Picture) -> None:
    """The path that was asked for, node by node."""
    if view.ends is None:
        return
    names, along = (
        explorer.atlas.names,
        [picture.subgraph.nodes[at] for at in picture.subgraph.path],
    )
    if not along:
        a, b = (plain(names.title(end)) for end in view.ends)
        st.info(f"Nothing that the filters let through joins {a} and {b}.", icon=":material/route:")
        return
    steps = "1 step" if len(along) == 2 else f"{len(along) - 1} steps"
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(f":material/route: **{steps}**", width="content")
        for at, node in enumerate(along):
            if at:
                st.markdown(":material/arrow_right_alt:", width="content")
            mark(node[0])
            st.button(
                plain(names.title(node)),
                key=f"path-{at}",
                type="tertiary",
                on_click=explorer.choose,
                args=(node,),
            )


def hidden(picture: Picture) -> None:
    """How much does not show, and why."""
    counts, subgraph = picture.subgraph.counts, picture.subgraph
    shown, total = len(subgraph.nodes), sum(count.total for count in counts.values())
    parts = [f"**{shown:,}** of {total:,} nodes show"]
    for reason, why in (
        ("cap", "left out to keep the picture readable"),
        ("filter", "filtered out"),
        ("dismissed", "dismissed"),
    ):
        n = sum(getattr(count, reason) for count in counts.values())
        parts += [f"{n:,} {why}"] if n else []
    edges = len(subgraph.edges)
    if subgraph.edges_hidden:
        parts.append(f"{edges:,} of the {edges + subgraph.edges_hidden:,} edges between them")
    else:
        parts.append(f"all {edges:,} edges between them")
    st.caption(" · ".join(parts))


def details(explorer: Explorer, node: Node) -> None:
    """The neighbours of the selected node; one can be selected in turn."""
    rows = neighbour_table(explorer.atlas.flat, explorer.atlas.names, node)
    more = explorer.atlas.names.more[node[0]][node[1]]
    st.subheader("Neighbours", anchor=False)
    if more:
        st.text(more)
    chosen = table(
        rows.select("type", "name", "id", "neighbours"),
        "neighbours",
        key=f"near-{node}",
        select="single-row",
        columns={"neighbours": st.column_config.NumberColumn(format="localized")},
    )
    if chosen:
        kind, number = rows.row(chosen[0])[:2]
        explorer.choose((kind, number))
        st.rerun()
    if node[0].endswith("_factor"):
        link("factors", "This factor on the Factors screen", icon=":material/category:")
