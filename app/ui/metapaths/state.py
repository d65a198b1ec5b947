"""The metapath that a visitor looks at or builds; the address holds it."""

from __future__ import annotations

import re
from dataclasses import replace

import streamlit as st

from app.ui.shared import address
from app.ui.shared.frame import miss, plain
from data.errors import ConfigError, DataError
from graph.explore.atlas import Atlas
from graph.explore.flat import Node
from graph.explore.paths import check_metapath
from graph.latent import PAPER
from graph.query.query import Query
from graph.schema import CODE

PATH, END = "metapath", "to"
"""Parameters of the address: the path, and the node at which instances end.

A path along all edges is written by the letters of its types, any other as the text of its query.
"""
LONGEST = 6
"""Steps of a metapath that is built here; counts of longer ones say little."""
_TURN = "metapath-turn"


class Chosen:
    """The metapath in the address, and the nodes between which it is looked at."""

    def __init__(self, atlas: Atlas) -> None:
        self.atlas, self.schema = atlas, atlas.schema
        usual = self._written(Query.parse(PAPER[3], self.schema))
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
        query = self._query
        return () if query is None else query.types

    @property
    def metapath(self) -> Query | None:
        """The metapath; None while it has fewer than two types."""
        query = self._query
        return query if query is not None and query.hops else None

    @property
    def _query(self) -> Query | None:
        return self._read(st.query_params.get(PATH, ""))

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
            self.extend(kind) if kind in self.next else self._set(Query.along([kind], self.schema))

    def extend(self, kind: str) -> None:
        """One step further, along all edges."""
        query = self._query
        if query is None:
            self._set(Query.along([kind], self.schema))
        else:
            step = Query.along([query.types[-1], kind], self.schema).hops[0]
            self._set(replace(query, hops=(*query.hops, replace(step, origin=len(query.hops)))))

    def shorten(self) -> None:
        """One step back."""
        query = self._query
        self._set(replace(query, hops=query.hops[:-1]) if query and query.hops else None)

    def clear(self) -> None:
        """From the beginning."""
        self._set(None)

    def take(self, text: str) -> None:
        """Another metapath, as it is written."""
        self._set(Query.parse(text, self.schema))

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

    def _set(self, query: Query | None) -> None:
        st.query_params[PATH] = st.session_state[PATH] = self._written(query)
        st.session_state[_TURN] = self.turn + 1

    def _written(self, query: Query | None) -> str:
        """What the address holds of a path."""
        if query is None:
            return ""
        whole = query == Query.along(query.types, self.schema)
        return self.schema.letters(query.types) if whole else str(query)

    def _read(self, text: str) -> Query | None:
        """The path that the address holds; None before its first type.

        Raises:
            ConfigError: it holds something else.
        """
        if not text:
            return None
        named = {node.letter: node.name for node in self.schema.nodes}
        if text.replace("~", "").isalpha() and text not in self.schema.types:
            if len(text) == 1 and text not in named:
                raise ConfigError(
                    f"The path in the address begins with {text!r}, which is no type."
                )
            codes = re.findall(f"{CODE}|.", text)
            query = Query.along([named.get(code, code) for code in codes], self.schema)
        else:
            query = Query.parse(text, self.schema)
        if len(query.hops) > LONGEST:
            raise ConfigError(f"The path in the address has more than {LONGEST} steps.")
        if query.hops:
            check_metapath(query)
        return query
