"""What a link names is looked for before it is drawn, so that nothing else passes for it."""

from __future__ import annotations

from collections.abc import Container
from contextlib import suppress

import streamlit as st

from app.pipeline.records import Record
from app.ui.shared import address, opened
from app.ui.shared.frame import chosen, miss
from app.ui.shared.telling import told
from data.errors import AutoGraphError


@told("The selection")
def find_selected() -> None:
    """Says so, and selects nothing, where what is selected is not in the chosen experiment."""
    asked = st.query_params.get(address.NODE)
    if asked and address.Node.parse(asked) is None:
        address.select(None)
        miss("node", asked, "a graph: one is written TYPE:ID, for instance item:1")
    node = address.selected()
    with suppress(AutoGraphError):
        record = chosen()
        if node is not None and record is not None and not _there(record, node):
            address.select(None)
            miss(address.TYPES[node.type], node.id, record.experiment.name)


def find_named(name: str, known: Container[str], what: str, where: str) -> None:
    """Says which of what a link names, under `name` in the address, is not there.

    Args:
        name: In the address.
        known: What there is.
        what: A person calls one of it.
        where: It is looked for.
    """
    for one in st.query_params.get_all(name):
        if one and one not in known:
            miss(what, one, where)


def _there(record: Record, node: address.Node) -> bool:
    """Whether an experiment has a node.

    Raises:
        ArtifactError: what says so is not finished, or damaged.
    """
    if node.type in ("user", "item"):
        data = opened.dataset(record)
        return node.id in (data.user_ids if node.type == "user" else data.item_ids)
    codes = opened.codes(record, node.type.removesuffix("_factor")).codes
    level, _, code = node.id.partition("-")
    known = level.isdecimal() and code.isdecimal()
    return known and int(level) < codes.levels and int(code) < codes.k
