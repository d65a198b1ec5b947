"""What is said of the graph of a log beside that of latent factors."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from app.results.log_graph import LOG
from app.ui.shared.experiment import current_record
from app.ui.shared.frame import command_line, hint
from app.ui.shared.results import results_of
from data.errors import AutoGraphError


def tell_log() -> None:
    """Where the data of the chosen experiment have a log: that its graph is another one than this.

    It says so of an experiment that has no graph of latent factors, too.
    """
    with suppress(AutoGraphError):
        record = current_record()
        if record is None or results_of(record).dataset.log is None:
            return
        st.caption(
            "This screen is about the graph of latent factors. What users asked for has a graph of "
            "its own, of users, queries and items; it is asked on the command line:",
            help=hint("log"),
        )
        words = ("graph", "query", record.experiment.name, "user:5 > query:3 topk > item:3 topk")
        st.code(command_line(*words, "--graph", LOG), language="shell", wrap_lines=True)
