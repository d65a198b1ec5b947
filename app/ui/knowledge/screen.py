"""The Knowledge screen: what was said of every user and item, how much of it, and by whom."""

from __future__ import annotations

import streamlit as st

from app.pipeline.own_texts import pending
from app.pipeline.records import Record
from app.ui.knowledge.checks import show_checks, show_compare
from app.ui.knowledge.texts import show_browse, show_changes
from app.ui.prompts.choice import choose_side
from app.ui.shared import frame
from app.ui.shared.experiment import header, require
from app.ui.shared.jobs import run_button
from app.ui.shared.results import results_of
from llm.review import Coverage
from llm.workshop.scene import WITHOUT_MODEL
from prompts.template import Side


def show() -> None:
    """Draws the screen."""
    header(
        "Knowledge",
        "What was said of every user and item: read it, check it, correct it by hand, and compare "
        "versions of it.",
    )
    side = choose_side()
    record = require(f"knowledge-{side}")
    show_overview(record, side)
    tabs = {
        "Texts": lambda: show_browse(record, side),
        "Checks": lambda: show_checks(record, side),
        "By hand": lambda: show_changes(record, side),
        "Compare": lambda: show_compare(record, side),
    }
    frame.draw_tabs(tabs)


def show_overview(record: Record, side: Side) -> None:
    """Draws the figures of one side."""
    found = results_of(record).coverage(side)
    cells = (
        ("Described", _percent(found.share), f"{found.described:,} of {found.entities:,}", None),
        ("Failed", f"{found.failed:,}", "without a text", None),
        ("By hand", f"{found.by_hand:,}", "of the texts", None),
        ("Middle length", f"{found.words:,}", "words a text", None),
        ("Tokens", _short(found.tokens_in + found.tokens_out), _tokens(found), "token"),
    )
    for column, (label, value, below, term) in zip(st.columns(len(cells)), cells, strict=True):
        with column, st.container(border=True, height="stretch"):
            st.metric(label, value, help=frame.hint(term) if term else None)
            st.caption(below)
    _badges(record, side, found)
    _waiting(record, side)


def _badges(record: Record, side: Side, found: Coverage) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        backend = getattr(record.experiment.llm, side).backend
        if backend in WITHOUT_MODEL:
            st.badge(
                "no LLM",
                icon=":material/smart_toy:",
                color="gray",
                help="The texts state the entity's own facts; no language model was asked."
                if backend == "facts"
                else "The texts were recorded elsewhere; no language model was asked.",
            )
        for model in found.models[:4]:
            frame.name_badge(model, "blue", "Who answered.")
        for template in found.templates[:4]:
            frame.name_badge(template, "violet", "The template that was sent.")
        if found.cut_off:
            st.badge(
                f"{found.cut_off:,} cut off",
                icon=":material/content_cut:",
                color="orange",
                help="These texts ended at max_tokens. A greater sampling.max_tokens lets them "
                "end; all are asked for again then.",
            )
        if found.leaking:
            st.badge(
                "has seen held-out interactions",
                icon=":material/warning:",
                color="red",
                help="These texts were written by somebody who had seen what is to be predicted: "
                "no result that uses them is honest.",
            )


def _waiting(record: Record, side: Side) -> None:
    """Says what the next run takes in, and starts it."""
    waiting = pending(results_of(record).knowledge(side), record.experiment, side, record.workspace)
    if not waiting:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        how_many = "1 change" if len(waiting) == 1 else f"{len(waiting):,} changes"
        st.markdown(
            f":material/edit_note: **{how_many} by hand** "
            f"{'is' if len(waiting) == 1 else 'are'} not in the results yet."
        )
        run_button("Run it again", record.experiment.name, record)


def _short(number: int) -> str:
    """A large number in few letters.

    >>> _short(950), _short(12_345), _short(2_500_000)
    ('950', '12.3k', '2.50M')
    """
    if number < 10_000:
        return f"{number:,}"
    return f"{number / 1e3:.1f}k" if number < 1_000_000 else f"{number / 1e6:.2f}M"


def _percent(share: float) -> str:
    """A share that says 100 % only of all.

    >>> _percent(1.0), _percent(0.99996), _percent(0.5)
    ('100 %', '99.9 %', '50.0 %')
    """
    return "100 %" if share == 1 else f"{int(share * 1000) / 10:.1f} %"


def _tokens(found: Coverage) -> str:
    return f"{_short(found.tokens_in)} in, {_short(found.tokens_out)} out"
