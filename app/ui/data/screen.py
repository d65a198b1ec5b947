"""The Data screen: an experiment's data, known data sets, and files of one's own."""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st

from app.experiment.drafts import Base
from app.pipeline.starting_points import bases
from app.ui.data.own_files import draw_own_files
from app.ui.data.this_experiment import draw_this_experiment
from app.ui.shared import frame
from app.ui.shared.experiment import header
from app.ui.shared.jobs import job_button
from data.catalogue import CATALOGUE, Card
from data.download import is_downloaded

OWN = "files"
BUILT_IN = "demo"


def show() -> None:
    """Draws the screen."""
    header(
        "Data",
        "What users did with items: look at it, get published data sets, or bring your own files.",
    )
    tabs = {
        "This experiment": draw_this_experiment,
        "Catalogue": draw_catalogue,
        "Your own files": draw_own_files,
    }
    frame.draw_tabs(tabs)


def draw_catalogue() -> None:
    """Draws the tab."""
    cards = [card for card in CATALOGUE.values() if card.name != OWN]
    known = bases(frame.workspace())
    for row in (cards[at : at + 2] for at in range(0, len(cards), 2)):
        for column, card in zip(st.columns(2), row, strict=False):
            with column, st.container(border=True, height="stretch", key=f"card-{card.name}"):
                _card(card, known)
    frame.command("data", "list")


def _card(card: Card, known: list[Base]) -> None:
    here = card.name == BUILT_IN or is_downloaded(card, frame.workspace() / "downloads")
    title, state = st.columns([3, 2], vertical_alignment="center")
    title.subheader(card.title, anchor=False)
    with state, st.container(horizontal=True, horizontal_alignment="right"):
        _state(card, here)
    st.write(frame.plain(card.what))
    _facts(card)
    if here:
        _use(card, known)
    elif card.urls:
        job_button("Download", "download", ("data", "download", card.name), f"Get {card.title}")
    else:
        st.caption(
            "Cannot be downloaded. With its files in a folder, name that folder as Source on the "
            "Train screen, or as --from on the command line."
        )
        _use(card, known)


def _state(card: Card, here: bool) -> None:
    if card.name == BUILT_IN:
        st.badge("built in", icon=":material/check:", color="green")
    elif here:
        st.badge("downloaded", icon=":material/check:", color="green")
    elif card.urls:
        st.badge("to download", icon=":material/cloud_download:", color="blue")
    else:
        st.badge("bring the files", icon=":material/folder_open:", color="gray")


def _facts(card: Card) -> None:
    """Size, terms and origin, aligned."""
    kept = "everything" if card.min_rating is None else f"ratings of {card.min_rating:g} and above"
    facts = {"Size": card.size, "Terms": card.licence, "Publisher": card.publisher, "Kept": kept}
    for name, value in facts.items():
        label, text = st.columns([1, 4], gap="small")
        label.caption(name)
        text.markdown(frame.plain(value))
    if card.urls:
        label, text = st.columns([1, 4], gap="small")
        label.caption("From")
        text.markdown(", ".join(_link(url) for url in card.urls))
    if card.citation:
        with st.popover("Cite", type="tertiary", icon=":material/format_quote:"):
            st.text(card.citation)


def _link(url: str) -> str:
    """A link that names the host and the file; the page itself asks nothing of it."""
    parts = urlsplit(url)
    return f"[{frame.plain(parts.hostname)}: {frame.plain(parts.path.rsplit('/', 1)[-1])}]({url})"


def _use(card: Card, known: list[Base]) -> None:
    """The way to an experiment on these data: its own one, or the demo with other data."""
    own = [base for base in known if base.experiment.data.name == card.name]
    if own:
        where = {"from": own[-1].key}
    else:
        where = {"from": BUILT_IN, "data.name": card.name, "name": card.name}
    frame.link("train", "Choose recommenders", ":material/model_training:", **where)
