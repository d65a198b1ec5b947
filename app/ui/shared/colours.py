"""The colours of the page, the same for a type of node wherever it shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours for one brightness of the page, legible on its background (WCAG AA).

    Attributes:
        user: Of user nodes.
        item: Of item nodes.
        user_factor: Of latent factors of users.
        item_factor: Of latent factors of items.
        more: For series that are no nodes.
        text: Of words on the background.
        muted: Of words that matter less, and of axes.
        line: Of edges and thin lines.
        background: Behind everything.
        good: A gain.
        bad: A loss.
    """

    user: str
    item: str
    user_factor: str
    item_factor: str
    more: tuple[str, ...]
    text: str
    muted: str
    line: str
    background: str
    good: str
    bad: str

    def of(self, node_type: str) -> str:
        """The colour of a type of node: user, item, user_factor or item_factor."""
        return str(getattr(self, node_type))

    @property
    def series(self) -> tuple[str, ...]:
        """All colours, in the order in which series take them."""
        return (self.user, self.item, self.user_factor, self.item_factor, *self.more)


LIGHT = Palette(
    user="#0b5cad",
    item="#c2410c",
    user_factor="#2a8fcf",
    item_factor="#b07700",
    more=("#6d4fc2", "#0d8268", "#b8336a", "#5b6676"),
    text="#1d2733",
    muted="#5b6676",
    line="#aeb8c4",
    background="#ffffff",
    good="#0a7a55",
    bad="#b42318",
)
DARK = Palette(
    user="#6cb2ff",
    item="#ff8f5c",
    user_factor="#5fd3f3",
    item_factor="#f0c04f",
    more=("#b9a2ff", "#58cfae", "#ff8ab5", "#a3afbd"),
    text="#e6ebf1",
    muted="#a3afbd",
    line="#566273",
    background="#12171e",
    good="#5fd6a7",
    bad="#ff8d84",
)


def palette() -> Palette:
    """The colours of the page as it is shown now, light or dark."""
    import streamlit as st

    return DARK if st.context.theme.type == "dark" else LIGHT
