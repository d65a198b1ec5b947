"""The colours of the page and of reports, the same for a type of node wherever it shows."""

from __future__ import annotations

from dataclasses import dataclass

SERIES = ("user", "item", "user_factor", "item_factor", "violet", "teal", "rose", "slate")
"""Names of colours, in the order in which series take them; those of types of nodes come first."""


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours for one brightness of the page, legible on its background (WCAG AA).

    Attributes:
        user: Of user nodes.
        item: Of item nodes.
        user_factor: Of latent factors of users.
        item_factor: Of latent factors of items.
        violet: For series that are no nodes, as are the next three.
        teal: Likewise.
        rose: Likewise.
        slate: Likewise.
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
    violet: str
    teal: str
    rose: str
    slate: str
    text: str
    muted: str
    line: str
    background: str
    good: str
    bad: str

    def of(self, name: str) -> str:
        """The colour of a name, for instance of a type of node."""
        return str(getattr(self, name))

    @property
    def series(self) -> tuple[str, ...]:
        """All colours, in the order in which series take them."""
        return tuple(map(self.of, SERIES))

    @property
    def more(self) -> tuple[str, ...]:
        """Those of series that are no nodes."""
        return self.series[4:]


LIGHT = Palette(
    user="#0b5cad",
    item="#c2410c",
    user_factor="#2a8fcf",
    item_factor="#b07700",
    violet="#6d4fc2",
    teal="#0d8268",
    rose="#b8336a",
    slate="#5b6676",
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
    violet="#b9a2ff",
    teal="#58cfae",
    rose="#ff8ab5",
    slate="#a3afbd",
    text="#e6ebf1",
    muted="#a3afbd",
    line="#566273",
    background="#12171e",
    good="#5fd6a7",
    bad="#ff8d84",
)
