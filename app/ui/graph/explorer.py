"""A visitor's way through the graph: what shows now, what showed before, what is selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import streamlit as st

from app.ui.shared import address
from data.errors import ConfigError, DataError
from graph.explore.atlas import Atlas, Picture
from graph.explore.flat import Node
from graph.explore.layout import Places, layout
from graph.explore.subgraph import look
from graph.explore.view import View, read_view, view_text

VIEW = "view"
"""The parameter of the address that holds the view."""
_STATE = "graph-explorer"
_MOST_STEPS = 100
"""Steps that can be undone."""


@dataclass
class _State:
    """What one visitor did, on one graph.

    Attributes:
        graph: What tells the graph from others.
        text: The view that shows.
        before: Views that showed before, each with the places of its nodes.
        places: Of every node that showed since the picture was laid out anew.
        picture: What was drawn last, and for which view.
        order: Nodes in the order in which a click counts them.
        clicked: The node that was selected by a click in the picture.
        marked: The node that the picture marks by itself.
        turn: Raised when the picture has to forget what was clicked.
        path_from: One end of a path whose other end is to be selected.
        selected: What was selected when the screen was last drawn.
    """

    graph: str
    text: str = ""
    before: list[tuple[str, Places]] = field(default_factory=list)
    places: Places = field(default_factory=dict)
    picture: tuple[str, Picture] | None = None
    order: tuple[Node, ...] = ()
    clicked: Node | None = None
    marked: Node | None = None
    turn: int = 0
    path_from: Node | None = None
    selected: Node | None = None


class Explorer:
    """The graph as one visitor sees it; the address holds the view and what is selected."""

    def __init__(self, atlas: Atlas, graph: str) -> None:
        self.atlas = atlas
        known: _State | None = st.session_state.get(_STATE)
        asked = st.query_params.get(VIEW)
        if known is None or known.graph != graph:
            stale = known is not None and asked == known.text
            self.state = _State(graph, "" if stale else asked or "")
            self._arrive(linked=bool(self.state.text))
        else:
            self.state = known
            if asked is not None and asked != known.text:
                self._turn_to(asked, anew=True)
            if self.selected != known.selected:
                self._arrive(linked=False)
        st.session_state[_STATE] = self.state
        self._write()

    @property
    def view(self) -> View:
        """What shows.

        Raises:
            ConfigError: the address holds no view.
        """
        return read_view(self.state.text, self.atlas.schema)

    @property
    def selected(self) -> Node | None:
        """The node that is selected on the whole page, if this graph has it."""
        node = address.selected_node()
        try:
            return self.atlas.node(str(node)) if node else None
        except DataError:
            return None

    @property
    def path_from(self) -> Node | None:
        """One end of a path whose other end is to be selected."""
        return self.state.path_from

    def picture(self) -> Picture:
        """What shows, laid out; nodes that showed before stand where they stood.

        Raises:
            ConfigError: the view is not one of this graph.
        """
        state = self.state
        if state.picture is None or state.picture[0] != state.text:
            subgraph = look(self.atlas.flat, self.view)
            places = layout(subgraph, state.places)
            state.places.update(places)
            state.picture = (state.text, Picture(subgraph, places))
        return state.picture[1]

    def order(self, picture: Picture) -> tuple[tuple[int, ...], int | None, str]:
        """How to draw a picture so that what was clicked stays what is marked.

        Streamlit marks again the number that was clicked, so that node keeps its number.

        Returns:
            Indices of nodes in the order to draw, the index to mark, the key of the chart.
        """
        state, nodes = self.state, picture.subgraph.nodes
        order, selected = slots(state.order, nodes), self.selected
        held = state.clicked is not None and state.clicked == selected
        if held and selected in state.order:
            at = state.order.index(selected)
            held = at < len(order) and order[at] == selected
        if not held and (state.clicked is not None or selected != state.marked):
            state.turn += 1
            state.clicked, state.marked = None, selected
        state.order, state.selected = order, selected
        index = {node: at for at, node in enumerate(nodes)}
        marked = index.get(state.marked) if state.marked is not None else None
        return tuple(index[node] for node in order), marked, f"graph-{state.turn}"

    def choose(self, node: Node | None, clicked: bool = False) -> None:
        """Selects a node for the whole page; shows it if it does not show; ends a path."""
        state = self.state
        address.select(address.Node.parse(self.atlas.key(node)) if node else None)
        state.selected, state.clicked = node, node if clicked else None
        if node is None:
            return
        if state.path_from is not None and state.path_from != node:
            self.go(self.view.join(state.path_from, node))
            state.path_from = None
        elif node not in self.picture().subgraph.nodes:
            self.go(self.view.add(node))

    def click(self, key: str) -> None:
        """Selects what was clicked in the picture."""
        groups = st.session_state[key]["selection"]["selected"]
        at = [n for group in groups if group["data_type"] == "node" for n in group["data_indices"]]
        inside = [self.state.order[n] for n in at if n < len(self.state.order)]
        self.choose(inside[-1] if inside else None, clicked=True)

    def go(self, view: View, anew: bool = False) -> None:
        """Shows another view; `anew` lays everything out again."""
        self._turn_to(view_text(view, self.atlas.schema), anew)

    def tidy(self) -> None:
        """Lays out again what shows."""
        self.state.places, self.state.picture = {}, None

    def undo(self) -> None:
        """Back to the view before."""
        if self.state.before:
            self.state.text, self.state.places = self.state.before.pop()
            self.state.picture = None
        self._write()

    @property
    def can_undo(self) -> bool:
        """Whether there is a view before."""
        return bool(self.state.before)

    def dismiss(self, node: Node) -> None:
        """Takes a node out of the picture, and out of the selection."""
        self.go(self.view.dismiss(node))
        self.choose(None)

    def begin_path(self, node: Node | None) -> None:
        """The next node that is selected becomes the other end of a path; None calls it off."""
        self.state.path_from = node

    def start_again(self) -> None:
        """The overview, without filters."""
        self.state.path_from = None
        self.go(View(), anew=True)

    def _arrive(self, linked: bool) -> None:
        """A node that was selected elsewhere becomes the start, unless a link says what shows."""
        node = self.state.selected = self.selected
        if node is None or linked:
            return
        try:
            shown = bool(self.state.text) and node in look(self.atlas.flat, self.view).nodes
            view = self.view
        except ConfigError:
            return
        if not shown:
            self._turn_to(view_text(view.start(node), self.atlas.schema), anew=True)

    def _turn_to(self, text: str, anew: bool) -> None:
        state = self.state
        if text == state.text:
            return
        state.before = [*state.before[1 - _MOST_STEPS :], (state.text, state.places)]
        state.text = text
        if anew:
            state.places = {}
        self._write()

    def _write(self) -> None:
        if self.state.text:
            st.query_params[VIEW] = self.state.text
        elif VIEW in st.query_params:
            del st.query_params[VIEW]


def slots(before: Sequence[Node], nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes in an order in which as many as possible keep the number they had.

    >>> slots(["a", "b", "c", "d"], ["d", "e", "b"])
    ('d', 'b', 'e')
    >>> slots(["a", "b"], ["b", "c", "a", "d"])
    ('a', 'b', 'c', 'd')
    """
    wanted, size = set(nodes), len(nodes)
    kept: list[Node | None] = [node if node in wanted else None for node in before[:size]]
    kept += [None] * (size - len(kept))
    placed = set(kept)
    rest = iter([node for node in nodes if node not in placed])
    return tuple(node if node is not None else next(rest) for node in kept)


def with_filters(view: View, **changes: object) -> View:
    """A view with other filters."""
    return replace(view, filters=replace(view.filters, **changes))  # type: ignore[arg-type]
