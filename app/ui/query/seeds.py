"""Where a query begins and at what moment it looks, as a visitor chooses it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import streamlit as st

from app.ui.shared import address
from app.ui.shared.frame import choose, hint, plain
from data.errors import ConfigError, DataError
from graph.explore.atlas import Atlas
from graph.explore.walked import SEEDS
from graph.query.query import Query
from graph.sample.sampler import Sampler

FIRST, RANDOM, SELECTED = "first", "random", "selected"
WAYS = {FIRST: "The first", RANDOM: "Some at random", SELECTED: "The selected node"}
USUAL = 5
"""Nodes that a query begins with where nobody says how many."""
LARGEST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Begin:
    """Where a query begins.

    Attributes:
        way: One of `WAYS`.
        n: How many nodes, where the query does not say.
        seed: Where chance begins: of the nodes, and of what is drawn from them.
        at: Seconds at which they stand; None sees all edges.
        node: The selected one.
    """

    way: str = FIRST
    n: int = USUAL
    seed: int = 0
    at: int | None = None
    node: tuple[str, int] | None = None

    def seeds(self, atlas: Atlas, query: Query) -> np.ndarray:
        """(b,) numbers of nodes, or of edges, with which the query begins.

        Raises:
            ConfigError: a node is to be selected, and none of the query's type is.
        """
        every = Sampler(atlas.graph, query).seeds()
        if self.way == SELECTED:
            kind = query.start.type
            if query.start.edge is not None or self.node is None or self.node[0] != kind:
                raise ConfigError(
                    f"The query begins with {kind}, and no node of that type is selected. Select "
                    "one on the Graph screen, or begin with the first ones."
                )
            return every[every == self.node[1]]
        n = query.start.batch or self.n
        shuffled = self.way == RANDOM or query.start.shuffle is not None
        if not shuffled:
            return every[:n]
        rng = np.random.default_rng(self.seed)
        return np.sort(rng.choice(every, min(n, len(every)), replace=False))


def choose_begin(atlas: Atlas, query: Query | None) -> Begin:
    """What the visitor chose; the address holds it.

    Args:
        atlas: Of the graph.
        query: That is in the box, where it can be read: it may say itself where it begins.
    """
    node = _selected(atlas)
    with st.popover("Where to begin", icon=":material/my_location:"):
        way = choose("Begin with", WAYS, "seeds")
        if way == SELECTED and node is None:
            st.caption("No node is selected: search one on the Graph screen.")
        elif way == SELECTED and node is not None:
            st.caption(f"Selected: {plain(atlas.names.title(node))}")
        n = st.number_input(
            "How many, unless the query says so",
            1,
            SEEDS,
            USUAL,
            key="n",
            bind="query-params",
            disabled=way == SELECTED,
        )
        seed = st.number_input(
            "Seed", 0, LARGEST, 0, key="seed", bind="query-params", help=hint("seed")
        )
        day = st.date_input(
            "As of",
            None,
            key="at",
            bind="query-params",
            help="Only what was there before this day is seen; empty is everything."
            if atlas.graph.clock
            else "The times of this experiment only put things in order: there are no dates.",
            disabled=not atlas.graph.clock,
            min_value=date(1, 1, 2),
            max_value=date(9999, 12, 30),
        )
    at = None
    if isinstance(day, date) and atlas.graph.clock:
        at = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    begin = Begin(way, int(n or USUAL), int(seed or 0), at, node)
    st.caption(told(begin, query))
    return begin


def told(begin: Begin, query: Query | None) -> str:
    """Where a query begins, in short; None is one that cannot be read.

    >>> told(Begin(n=7), None), told(Begin(SELECTED, at=86400), None)
    ('From the first 7', 'From the selected node, as of 1970-01-02')
    """
    way, n, fit, says = begin.way, f"{begin.n:,}", "", ""
    if query is not None:
        fit = " that fit" if query.start.where else ""
        if query.start.batch:
            n, says = f"{query.start.batch:,}", ", as the query says"
        if query.start.shuffle is not None and way != SELECTED:
            way = RANDOM
    said = {
        FIRST: f"From {n}{fit}{says}" if says else f"From the first {n}{fit}",
        RANDOM: f"From {n} at random{fit}{says}",
        SELECTED: "From the selected node",
    }
    return said[way] + ("" if begin.at is None else f", as of {day_of(begin.at)}")


def day_of(at: int) -> str:
    """The day that begins at some seconds.

    >>> day_of(86400)
    '1970-01-02'
    """
    return datetime.fromtimestamp(at, UTC).date().isoformat()


def _selected(atlas: Atlas) -> tuple[str, int] | None:
    node = address.selected_node()
    try:
        return atlas.node(str(node)) if node else None
    except DataError:
        return None
