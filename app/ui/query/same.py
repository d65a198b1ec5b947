"""The command that answers as the Query screen does, where there is one."""

from __future__ import annotations

import streamlit as st

from app.ui.query.seeds import FIRST, Begin, day_of
from app.ui.shared.frame import command
from graph.explore.walked import Walked

NAMED = 20
"""Most starts that a command names one by one."""


def offer_cypher(name: str, text: str) -> None:
    """The command that asks an experiment in Cypher."""
    command("graph", "cypher", name, *_last(text))


def offer_walk(name: str, text: str, begin: Begin, walked: Walked) -> None:
    """The command that walks the same way from the same starts, or that there is none."""
    options = _options(begin, walked)
    if options is None:
        st.caption(
            f"The command line begins with the first nodes, or with some by name; these are "
            f"{len(walked.starts):,} of chance, so that no short command does the same."
        )
        return
    command("graph", "query", name, *options, *_last(text))


def _last(text: str) -> list[str]:
    """The text as the last word of a command, which is no option whatever it begins with."""
    return ["--", text] if text.startswith("-") else [text]


def _options(begin: Begin, walked: Walked) -> list[str] | None:
    """What a command says of where a walk began; None where it cannot say it."""
    start = walked.query.start
    options = []
    if begin.way == FIRST and start.shuffle is None:
        options += ["--start", str(begin.n)] if start.batch is None else []
    elif start.edge is not None or not 0 < len(walked.starts) <= NAMED:
        return None
    else:
        for number in walked.starts.tolist():
            options += ["--seeds", walked.atlas.key((start.type, number))]
    if begin.seed:
        options += ["--seed", str(begin.seed)]
    if begin.at is not None:
        options += ["--time", day_of(begin.at)]
    return options
