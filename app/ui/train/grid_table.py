"""The grid of recommenders as a table, a column a backbone and a row an enhancer, each ticked.

Below it stand those that recommend by themselves, such as simple ones without training.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import streamlit as st

from app.experiment.form import part_help
from app.experiment.settings import ALONE, BACKBONES, ENHANCERS, PARTS, PLAIN, Cell, Experiment
from app.jobs.grid import GridState, Standing
from app.ui.shared.words import hint

LOOKS: Mapping[Standing, tuple[Literal["green", "blue", "orange", "gray"], str, str]] = {
    "finished": ("green", ":material/check_circle:", "finished"),
    "running": ("blue", ":material/play_circle:", "training"),
    "begun": ("orange", ":material/timelapse:", "begun"),
    "missing": ("gray", ":material/radio_button_unchecked:", "to train"),
}
"""Colour, icon and word for how a recommender stands."""


GRID = "recommender-grid"
"""Of the table, which scrolls in its own box where a screen is narrow."""
IN_A_ROW = 4
"""Recommenders without enhancers that stand beside each other, so that their names can be read."""


class GridTable:
    """The table as it is drawn: what is ticked, and the places for how each stands."""

    def __init__(self, base: Experiment) -> None:
        st.markdown("**Recommenders**", help=_help())
        with st.container(key=f"{GRID}-hint"):
            st.caption(":material/swipe: The table goes on to the right.")
        with st.container(key=GRID, gap="xsmall"):
            self._draw(base)

    def _draw(self, base: Experiment) -> None:
        widths = [1.2, *(max(0.95, 0.4 + 0.075 * len(name)) for name in PARTS)]
        head = st.columns(widths, vertical_alignment="center", gap="xsmall")
        backbones = [
            name
            for name, column in zip(PARTS, head[1:], strict=True)
            if _tick(column, "backbone", name, name in base.grid.backbones)
        ]
        enhancers = []
        self._places: dict[tuple[str, str], Any] = {}
        for name in ENHANCERS:
            row = st.columns(widths, vertical_alignment="center", gap="xsmall")
            if _tick(row[0], "enhancer", name, name in base.grid.enhancers):
                enhancers.append(name)
            for backbone, column in zip(PARTS, row[1:], strict=True):
                self._places[backbone, name] = column.empty()
        every = list(ALONE)
        for first in range(0, len(every), IN_A_ROW):
            names = every[first : first + IN_A_ROW]
            for name, column in zip(names, st.columns(IN_A_ROW, gap="xsmall"), strict=False):
                if _tick(column, "backbone", name, name in base.grid.backbones):
                    backbones.append(name)
                self._places[name, PLAIN] = column.empty()
        if backbones and not enhancers and set(backbones) <= set(ALONE):
            enhancers = [PLAIN]
        self.backbones = _in_order(backbones, base.grid.backbones)
        self.enhancers = _in_order(enhancers, base.grid.enhancers)

    def tell(self, state: GridState | None) -> None:
        """Writes how each recommender of the grid stands."""
        for (backbone, enhancer), place in self._places.items():
            paired = enhancer in self.enhancers or backbone in ALONE
            chosen = backbone in self.backbones and paired
            if not chosen or state is None:
                place.markdown(":gray[–]")
                continue
            cells = [c for c in state.cells if (c.backbone, c.enhancer) == (backbone, enhancer)]
            _badge(place, cells, state)


def reset(base: Experiment) -> dict[str, bool]:
    """What the table's boxes hold when an experiment is taken up."""
    return {
        **{f"backbone.{name}": name in base.grid.backbones for name in BACKBONES},
        **{f"enhancer.{name}": name in base.grid.enhancers for name in ENHANCERS},
    }


def _tick(column: Any, part: str, name: str, ticked: bool) -> bool:
    return bool(column.checkbox(name, ticked, key=f"{part}.{name}", bind="query-params"))


def _help() -> str:
    """What the names are."""
    known = {"Backbones": ("backbone", BACKBONES), "Enhancers": ("enhancer", ENHANCERS)}
    parts = []
    for title, (part, names) in known.items():
        says = (hint("none") if name == PLAIN else part_help(part, name) for name in names)
        lines = [f"- **{name}**: {what}" for name, what in zip(names, says, strict=True)]
        parts.append(f"{title}, {hint(part)}\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def _in_order(ticked: Iterable[str], before: tuple[str, ...]) -> list[str]:
    """What is ticked, in the order that the experiment has."""
    names = list(ticked)
    return [*(name for name in before if name in names), *(n for n in names if n not in before)]


def _badge(place: Any, cells: list[Cell], state: GridState) -> None:
    standings = [state.cells[cell] for cell in cells]
    finished = standings.count("finished")
    looks: Standing = next(s for s in ("running", "begun", "missing", *LOOKS) if s in standings)
    if looks == "missing" and finished:
        looks = "begun"
    colour, icon, word = LOOKS[looks]
    many = len(cells) > 1
    place.badge(f"{finished} of {len(cells)}" if many else word, icon=icon, color=colour)
