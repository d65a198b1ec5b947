"""The first screen: what this is, how the chosen experiment stands, and where to go on."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from app.pipeline.records import Record
from app.ui.shared.experiment import header, require, show_missing
from app.ui.shared.frame import draw_figures, link, plain
from app.ui.shared.jobs import at_work_on, tell_bad_end
from app.ui.shared.results import results_of
from data.errors import ArtifactError


@dataclass(frozen=True, slots=True)
class Way:
    """A way on, for one kind of visitor.

    Attributes:
        icon: As Streamlit names icons.
        question: That the visitor comes with.
        answer: What there is to do about it.
        links: Screens and what their links say, in the order of the work.
    """

    icon: str
    question: str
    answer: str
    links: tuple[tuple[str, str], ...]


WAYS = (
    Way(
        ":material/live_tv:",
        "Why this one?",
        "See what two recommenders show somebody, and the reasons in words.",
        (("demo", "Open the demo"), ("report", "A report to send on")),
    ),
    Way(
        ":material/edit_note:",
        "What does it know?",
        "Change what a language model is asked, and look at the meanings that come out of it.",
        (
            ("prompts", "Edit prompts"),
            ("knowledge", "Read descriptions"),
            ("factors", "Look at latent factors"),
            ("graph", "Explore the graph"),
        ),
    ),
    Way(
        ":material/leaderboard:",
        "Is it better?",
        "Bring your data, train recommenders with and without the graph, and compare them with one "
        "another and with simple ones.",
        (("data", "Bring data"), ("train", "Train"), ("compare", "Compare")),
    ),
)


def show() -> None:
    """Draws the screen."""
    header(
        "AutoGraph",
        "A language model describes every user and item; what the descriptions share becomes a "
        "graph of meanings; recommenders learn from it, and give reasons.",
    )
    record = require()
    _figures(record)
    for column, way in zip(st.columns(len(WAYS)), WAYS, strict=True):
        with column.container(border=True, height="stretch"):
            st.subheader(f"{way.icon} {way.question}", anchor=False)
            st.write(way.answer)
            for screen, label in way.links:
                link(screen, label, ":material/arrow_forward:")


def _figures(record: Record) -> None:
    """How the chosen experiment stands, in a row of figures."""
    name, note = record.experiment.name, record.experiment.note
    st.markdown(f"**{plain(name)}** {plain(note)}")
    try:
        data = results_of(record).dataset
    except ArtifactError:
        if at_work_on(name) is None:
            show_missing(record, "dataset")
        else:
            st.info("A job is at work on it.", icon=":material/hourglass_top:")
            link("jobs", "See the job", ":material/checklist:")
        return
    if at_work_on(name) is None:
        tell_bad_end(name)
    finished, trained = (
        len(record.finished_cells()),
        len(record.cells or list(record.experiment.grid)),
    )
    draw_figures(
        ("Users", f"{data.n_users:,}", None),
        ("Items", f"{data.n_items:,}", None),
        ("Interactions", f"{data.interactions.height:,}", None),
        ("Recommenders", f"{finished} of {trained}" if finished < trained else f"{trained}", None),
    )
