"""The metapath that a visitor looks at or builds; the address holds it."""

from __future__ import annotations

import streamlit as st

from app.ui.shared import address
from app.ui.shared.frame import miss, plain
from data.errors import ConfigError, DataError
from graph.explore.atlas import Atlas
from graph.explore.flat import Node
from graph.latent import PAPER
from graph.metapath import Metapath

PATH, END = "metapath", "to"
"""Parameters of the address: the types of the path, and the node at which instances end."""
LONGEST = 6
"""Steps of a metapath that is built here; counts of longer ones say little."""
_TURN = "metapath-turn"


class Chosen:
    """The metapath in the address, and the nodes between which it is looked at."""

    def __init__(self, atlas: Atlas) -> None:
        self.atlas, self.schema = atlas, atlas.schema
        usual = self.schema.letters(PAPER[3].types)
        if PATH not in st.query_params:
            kept = st.session_state.get(PATH)
            st.query_params[PATH] = usual if kept is None else kept
        try:
            self._read(st.query_params[PATH])
        except ConfigError as error:
            st.query_params[PATH] = usual
            st.warning(plain(f"{error} Instead, this is {usual!r}."), icon=":material/warning:")
        st.session_state[PATH] = st.query_params[PATH]
        if (end := st.query_params.get(END)) and self._known(end) is None:
            miss("node", end, "this graph")
            del st.query_params[END]

    @property
    def types(self) -> tuple[str, ...]:
        """Its types; fewer than two are the beginning of one."""
        return self._read(st.query_params.get(PATH, ""))

    @property
    def metapath(self) -> Metapath | None:
        """The metapath; None while it has fewer than two types."""
        types = self.types
        return Metapath.along(types, self.schema) if len(types) > 1 else None

    @property
    def turn(self) -> int:
        """Raised with every change, so that charts and tables forget what was clicked."""
        return int(st.session_state.get(_TURN, 0))

    @property
    def chart(self) -> str:
        """Key of the schema's chart."""
        return f"schema-{self.turn}"

    @property
    def next(self) -> tuple[str, ...]:
        """Types by which it can go on."""
        types = self.types
        if len(types) > LONGEST:
            return ()
        return self.schema.neighbours(types[-1]) if types else self.schema.types

    @property
    def start(self) -> Node | None:
        """Where instances start: what is selected, else the node with most neighbours."""
        path = self.metapath
        if path is None:
            return None
        node = self._known(st.query_params.get(address.NODE))
        if node is not None and node[0] == path.types[0]:
            return node
        degrees = self.atlas.flat.degrees[self.atlas.flat.of_type(path.types[0])]
        return (path.types[0], int(degrees.argmax())) if len(degrees) else None

    @property
    def end(self) -> Node | None:
        """Where instances have to end; None is anywhere."""
        path = self.metapath
        node = self._known(st.query_params.get(END))
        return node if path is not None and node is not None and node[0] == path.types[-1] else None

    def click(self, key: str) -> None:
        """Goes on by the type that was clicked in the schema, or begins anew with it."""
        groups = st.session_state[key]["selection"]["selected"]
        at = [n for group in groups if group["data_type"] == "node" for n in group["data_indices"]]
        if at:
            kind = self.schema.types[at[0]]
            self.extend(kind) if kind in self.next else self._set((kind,))

    def extend(self, kind: str) -> None:
        """One step further."""
        self._set((*self.types, kind))

    def shorten(self) -> None:
        """One step back."""
        self._set(self.types[:-1])

    def clear(self) -> None:
        """From the beginning."""
        self._set(())

    def take(self, path: Metapath) -> None:
        """Another metapath."""
        self._set(path.types)

    def start_at(self, node: Node | None) -> None:
        """Selects where instances start, for the whole page."""
        address.select(address.Node.parse(self.atlas.key(node)) if node else None)

    def end_at(self, node: Node | None) -> None:
        """Sets where instances have to end."""
        if node is not None:
            st.query_params[END] = self.atlas.key(node)
        elif END in st.query_params:
            del st.query_params[END]

    def _known(self, text: str | None) -> Node | None:
        try:
            return self.atlas.node(text) if text else None
        except DataError:
            return None

    def _set(self, types: tuple[str, ...]) -> None:
        st.query_params[PATH] = st.session_state[PATH] = self.schema.letters(types)
        st.session_state[_TURN] = self.turn + 1

    def _read(self, text: str) -> tuple[str, ...]:
        """The types that the address holds.

        Raises:
            ConfigError: it holds something else.
        """
        if len(text) > LONGEST + 1:
            raise ConfigError(f"The path in the address has more than {LONGEST} steps.")
        named = {node.letter: node.name for node in self.schema.nodes}
        types = tuple(named.get(letter, letter) for letter in text)
        if len(types) == 1 and types[0] not in self.schema.types:
            raise ConfigError(f"The path in the address begins with {text!r}, which is no type.")
        return Metapath.along(types, self.schema).types if len(types) > 1 else types
