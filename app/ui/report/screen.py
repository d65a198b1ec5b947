"""The Report screen: an experiment in one file that can be mailed."""

from __future__ import annotations

import streamlit as st

from app.pipeline.records import Record
from app.results.colours import DARK
from app.results.report import as_seen, gather, render
from app.results.results import stamp
from app.ui.shared.charts import palette
from app.ui.shared.experiment import header, require
from app.ui.shared.frame import command, download
from app.ui.shared.results import results_of

HEIGHT = 900
INSIDE = (
    ("In short", "How often the best recommender is right, and what the graph adds to it."),
    ("Examples", "Three people at random: what they are recommended, with reasons."),
    ("Results", "Every recommender against its twin without the graph, with tests."),
    ("The graph", "A picture of it, and what its largest meanings are."),
    ("Descriptions", "Who wrote them, with a prompt and an answer."),
    ("Data and settings", "Statistics, terms, and all that is needed to repeat it."),
)
"""Parts of a report, and what each is about."""


def show() -> None:
    """Draws the screen."""
    header("Report", "All that matters of an experiment, in one file to mail or print.")
    record = require("dataset", "split", "train", "evaluate")
    left, right = st.columns([1, 3], gap="large")
    with right:
        html = _html(record)
        seen = as_seen(html, theme())
        st.iframe(seen, height=HEIGHT, alt=f"The report of {record.experiment.name}")
    with left:
        _download(record, html)


def theme() -> str:
    """Whether the page is light or dark at this moment."""
    return "dark" if palette() is DARK else "light"


def _html(record: Record) -> str:
    """The report of an experiment, made once for each state of its results."""
    results, judged = results_of(record), ("train", "evaluate")
    cells = [record.folder(stage, cell) for cell in record.finished_cells() for stage in judged]
    what = f"report {record.experiment.model_dump_json()} {stamp(*cells)}"
    with st.spinner("Writing the report …"):
        return results.derive(what, lambda: render(gather(results)))


def _download(record: Record, html: str) -> None:
    name = f"{record.experiment.name}.html"
    download("Download", html, name, "text/html", "report", "primary", width="stretch")
    size = len(html.encode()) / 1000
    st.caption(f"{name}, {size:,.0f} kB. It needs no network, and prints well.")
    st.markdown("**What is in it**")
    st.markdown("\n".join(f"- **{title}.** {what}" for title, what in INSIDE))
    command("report", record.experiment.name, "--to", name)
