"""What the page's address holds: the experiment, and the node that is selected everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from graph.latent import latent_schema

EXPERIMENT = "experiment"
NODE = "node"
TYPES = {node.name: node.title.lower() for node in latent_schema().nodes}
"""Types of nodes, and how they are called on the page."""


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the graph, by what it is called outside.

    Attributes:
        type: One of `TYPES`.
        id: External id of a user or item; "level-code", counted from 0, of a factor.
    """

    type: str
    id: str

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"

    @classmethod
    def parse(cls, text: str | None) -> Node | None:
        """The node that `str` wrote; None for anything else.

        >>> Node.parse("item_factor:1-24")
        Node(type='item_factor', id='1-24')
        """
        kind, colon, name = (text or "").partition(":")
        return cls(kind, name) if kind in TYPES and colon and name else None


def experiment() -> str | None:
    """The name of the experiment that the page shows, if one was chosen."""
    return st.session_state.get(f"chosen {EXPERIMENT}") or st.query_params.get(EXPERIMENT)


def selected_node() -> Node | None:
    """The node that a person selected on any screen."""
    return Node.parse(st.query_params.get(NODE) or st.session_state.get(NODE))


def change(values: Mapping[str, str | Sequence[str] | None]) -> None:
    """Writes into the address at once: each of several writes were a step of the way back.

    Args:
        values: By name in the address; None or nothing takes a name out.
    """
    query = st.query_params
    new = {
        name: [] if not value else [value] if isinstance(value, str) else [*value]
        for name, value in values.items()
    }
    if any(query.get_all(name) != value for name, value in new.items()):
        query.update(new)  # an empty list takes a name out, and what a widget holds stays its own


def select(node: Node | None, beside: Mapping[str, str | None] | None = None) -> None:
    """Selects a node for the whole page, or none.

    Args:
        node: To select.
        beside: What else changes in the address, as of `change`.
    """
    st.session_state[NODE] = str(node) if node else None
    change({NODE: str(node) if node else None, **(beside or {})})


def keep() -> None:
    """Puts what is selected back into the address after a change of screen."""
    node = selected_node()
    if node is not None:
        select(node)


def parameters(**more: str) -> dict[str, str]:
    """Parameters of a link to another screen, which keeps the experiment and the node."""
    kept = {EXPERIMENT: experiment(), NODE: st.query_params.get(NODE)}
    return {**{name: value for name, value in kept.items() if value}, **more}
