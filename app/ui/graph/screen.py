"""The Graph screen: users, items and latent factors, as far as a person wants to look."""

from __future__ import annotations

import polars as pl
import streamlit as st

from app.results.results import stamp
from app.ui.graph.controls import ALL_NAMES, files, settings
from app.ui.graph.explorer import Explorer
from app.ui.graph.of_log import tell_log
from app.ui.graph.picture import Looks, colour_of, graph_view
from app.ui.metapaths.state import LONGEST
from app.ui.shared.charts import draw_chart, palette
from app.ui.shared.experiment import header, require
from app.ui.shared.frame import command, hint, link, plain, show_error, table
from app.ui.shared.results import results_of
from app.ui.shared.telling import fragment
from data.columns import ITEM
from data.errors import ConfigError
from graph.explore.atlas import Picture
from graph.explore.flat import Node
from graph.explore.overview import count_neighbours, neighbour_table
from graph.explore.view import View
from graph.query.query import Query
from graph.schema import NodeType

HEIGHT = 640
"""Pixels of the picture."""
FOUND = 6
"""Nodes that a search lists."""
SEARCH = "graph-search"
"""What a visitor searches for."""
_CHOSEN = "graph-search-chosen"


def show() -> None:
    """Draws the screen."""
    header("Graph", "Users, items and the meanings they share. Search, start anywhere, go on.")
    tell_log()
    record = require("dataset", "factors-item", "factors-user", "graph")
    explorer = Explorer(results_of(record).atlas, stamp(record.folder("graph")))
    try:
        view, picture = explorer.view, explorer.picture()
    except ConfigError as error:
        show_error(error, ":material/link_off:")
        st.button("Start again", on_click=explorer.start_again, type="primary")
        return
    left, right = st.columns([3, 4], vertical_alignment="top")
    with left:
        search(explorer)
    with right:
        bar(explorer, view, picture)
    selection(explorer, picture)
    path(explorer, view, picture)
    _chart(explorer)
    count_hidden(picture)
    if explorer.atlas.domains is not None:
        st.caption("Items have the colour and shape of their domain.", help=hint("domain"))
    node = explorer.selected
    if node is not None:
        details(explorer, node)
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
        order=order,
        selected=marked,
        all_names=bool(st.session_state.get(ALL_NAMES)),
        domains=explorer.atlas.domains,
    )
    with st.container(border=True):
        draw_chart(
            spec,
            height=HEIGHT,
            key=key,
            on_select=lambda: explorer.click(key),
            alt=f"{len(order)} nodes of the graph; the search finds any of them by its name.",
        )


@fragment
def search(explorer: Explorer) -> None:
    """Finds any node as a person types; what is chosen is for the whole screen to show."""
    if st.session_state.pop(_CHOSEN, False):
        st.rerun()
    words = st.text_input(
        "Search",
        placeholder="Search users, items and latent factors …",
        label_visibility="collapsed",
        type="search",
        icon=":material/search:",
        live=True,
        key=SEARCH,
    )
    if not words.strip():
        return
    found = explorer.atlas.finder.find(words, FOUND)
    with st.container(border=True, gap="xxsmall"):
        if not found:
            st.caption("Nothing holds all these words. Titles, ids, labels and terms are searched.")
        for node in found:
            _hit(explorer, node)


def _hit(explorer: Explorer, node: Node) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", gap="xsmall")
    with row:
        mark(explorer.atlas.schema.node(node[0]), _colour(explorer, node))
        st.button(
            plain(explorer.atlas.names.title(node)),
            key=f"hit-{node}",
            type="tertiary",
            on_click=_take_hit,
            args=(explorer, node),
        )
        st.caption(describe(explorer, node), width="content")


def _take_hit(explorer: Explorer, node: Node) -> None:
    st.session_state[SEARCH], st.session_state[_CHOSEN] = "", True
    explorer.choose(node)


def _start(explorer: Explorer, node: Node) -> None:
    explorer.go(explorer.view.start(node), anew=True)
    explorer.choose(node)


def mark(kind: NodeType, colour: str = "") -> None:
    """The sign of a type of node, in its colour unless another is named."""
    style = f"color:{palette().of(colour or colour_of(kind))};font-size:1.3em;line-height:1"
    sign = "◆" if kind.groups else "●"
    st.html(f'<span aria-hidden="true" style="{style}">{sign}</span>', width="content")


def _colour(explorer: Explorer, node: Node) -> str:
    return Looks(explorer.atlas.schema, explorer.atlas.domains).of(node).colour


def describe(explorer: Explorer, node: Node) -> str:
    """Type, id and neighbours, for a caption."""
    atlas = explorer.atlas
    degree = int(atlas.flat.degrees[atlas.flat.place(node)])
    near = "1 neighbour" if degree == 1 else f"{degree:,} neighbours"
    called, id_ = atlas.schema.node(node[0]).title, atlas.names.id(node)
    if atlas.domains is not None and node[0] == ITEM:
        called += f" of {atlas.domains.names[atlas.domains.of_item[node[1]]]}"
    known = id_ in atlas.names.title(node)
    return f"{called} · {near}" if known else f"{called} {plain(id_)} · {near}"


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
            settings(explorer, view)
        with st.popover("Save", icon=":material/download:"):
            files(explorer, picture)


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
            mark(explorer.atlas.schema.node(node[0]), _colour(explorer, node))
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
    for kind, degree in count_neighbours(explorer.atlas.flat, node).items():
        plural = explorer.atlas.schema.node(kind).plural
        st.button(
            f"{plural} ({degree:,})",
            icon=":material/add:",
            key=f"open-{kind}",
            disabled=not degree,
            help=f"Shows {view.each} more of its {plural.lower()}.",
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
            _path_step(explorer, at, node)
    if 1 < len(along) <= LONGEST + 1:
        kinds = [kind for kind, _ in along]
        link(
            "metapaths",
            f"All paths {Query.along(kinds, explorer.atlas.schema)} between them",
            icon=":material/conversion_path:",
            metapath=explorer.atlas.schema.letters(kinds),
            node=explorer.atlas.key(along[0]),
            to=explorer.atlas.key(along[-1]),
        )


def _path_step(explorer: Explorer, at: int, node: Node) -> None:
    with st.container(
        horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False, width="content"
    ):
        if at:
            st.markdown(":material/arrow_right_alt:", width="content")
        mark(explorer.atlas.schema.node(node[0]), _colour(explorer, node))
        st.button(
            plain(explorer.atlas.names.title(node)),
            key=f"path-{at}",
            type="tertiary",
            on_click=explorer.choose,
            args=(node,),
        )


def count_hidden(picture: Picture) -> None:
    """How much does not show, and why."""
    counts, subgraph = picture.subgraph.counts, picture.subgraph
    shown, total = len(subgraph.nodes), sum(count.total for count in counts.values())
    parts = [f"**{shown:,}** of {total:,} nodes show"]
    for reason, why in (
        ("cap", "left out by the limits"),
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
    called = {kind.name: kind.title for kind in explorer.atlas.schema.nodes}
    st.subheader("Neighbours", anchor=False)
    if more:
        st.text(more)
    chosen = table(
        rows.select(pl.col("type").replace(called), "name", "id", "neighbours"),
        "neighbours",
        key=f"near-{node}",
        select="single-row",
        columns={
            "type": st.column_config.TextColumn("Type"),
            "name": st.column_config.TextColumn("Name", width="large"),
            "id": st.column_config.TextColumn("Id"),
            "neighbours": st.column_config.NumberColumn("Neighbours", format="localized"),
        },
    )
    if chosen:
        kind, number = rows.row(chosen[0])[:2]
        explorer.choose((kind, number))
        st.rerun()
    if explorer.atlas.flat.levels[explorer.atlas.flat.place(node)] >= 0:
        link("factors", "This factor on the Factors screen", icon=":material/category:")
