"""An export as a stranger meets it: what it is, what it reached, and what is to be known of it."""

from __future__ import annotations

import streamlit as st

from app.ui.serve.about import (
    Card,
    bytes_of,
    figures_of,
    size_in_words,
    tell_answers,
    tell_export,
    tell_index,
    tell_other_data,
    tell_terms,
    tell_test,
)
from app.ui.shared.frame import draw_figures, plain
from app.ui.shared.words import HINTS, heading


def draw_export(card: Card, data: str | None = None, chosen: str = "") -> None:
    """What an export is, in sentences, with its cautions.

    Args:
        card: Of the export.
        data: Name of the data of the chosen experiment; None where none is shown.
        chosen: Name of that experiment.
    """
    with st.container(border=True):
        st.markdown(f":material/inventory_2: **{plain(tell_export(card))}**")
        if figures := figures_of(card):
            told = " · ".join(f"{heading(name)} {value:.4f}" for name, value in figures)
            st.caption(f"In the test: {told}.", help=tell_test(card) or None)
        for caution in card.get("cautions", ()):
            st.warning(plain(caution), icon=":material/warning:")
        if data is not None and (other := tell_other_data(card, chosen, data)):
            st.warning(plain(other), icon=":material/info:")
        st.caption(plain(tell_answers(card)))
        st.caption(plain(tell_terms(card)))


def draw_size(card: Card) -> None:
    """How large an export is, its form, and its index with the recall."""
    kind, recall, index = tell_index(card)
    draw_figures(
        ("On disk", size_in_words(bytes_of(card)), "All files of the folder together."),
        ("Form", str(card["form"]), HINTS["export form"]),
        ("Index", kind, index),
        ("Recall of the index", recall, index),
    )
