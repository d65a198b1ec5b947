"""Who is shown in the demo and what was changed about them; all of it lives in the address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app.experiment.saved import Persona
from app.experiment.settings import Cell
from app.pipeline.records import Record
from app.ui.shared import address
from app.ui.shared.results import results_of
from recommend.reasons.showcase import Showcase

if TYPE_CHECKING:
    from graph.latent import LatentGraph
    from recommend.newcomers.insertion import Insertion
    from recommend.newcomers.placing import NewUser

USER, PERSONA, GUEST = "user", "persona", "guest"
ADDED, REMOVED, WORDS, PROJECTOR = "added", "removed", "words", "projector"
FIELD = "words-of-guest"
"""Of the widget: the address says what it holds, so that it says nothing of anybody else."""
NOBODY_ELSE = dict.fromkeys((USER, PERSONA, GUEST, WORDS, ADDED, REMOVED))
"""What of the address is somebody else's when a visitor turns to a person."""
NOBODY = np.zeros(0, dtype=np.int32)


@dataclass(frozen=True)
class Shown:
    """The person in the demo.

    Attributes:
        name: How the person is called.
        about: What is known of the person.
        user: Number of the user; None for an invented person.
        text: What is known of an invented person, in words.
        given: (n,) items before any change, oldest first.
        added: Items that were added by hand, in their order.
        removed: Items that were taken away by hand.
        saved: Whether it is a person whom somebody saved.
        hidden: Items of `given` that are held back, since one domain alone is taken to be known.
    """

    name: str
    about: str
    user: int | None
    text: str
    given: np.ndarray
    added: tuple[int, ...]
    removed: frozenset[int]
    saved: bool = False
    hidden: frozenset[int] = frozenset()

    @property
    def history(self) -> np.ndarray:
        """(m,) items that the person is taken to have had, oldest first."""
        gone = self.removed | self.hidden
        kept = [item for item in self.given.tolist() if item not in gone]
        return np.array([*kept, *self.added], dtype=np.int32)

    @property
    def changed(self) -> bool:
        """Whether anything was added, taken away or held back."""
        return bool(self.added or self.removed or self.hidden)


def person_shown(case: Showcase, personas: Sequence[Persona]) -> Shown:
    """The person whom the address names; somebody of a usual history otherwise."""
    ids = case.dataset.user_ids
    persona = next((p for p in personas if p.name == st.query_params.get(PERSONA)), None)
    user: int | None = None
    given, text = NOBODY, ""
    if persona is not None:
        name, text = persona.name, persona.text or ""
        user = ids.number(persona.user) if persona.user and persona.user in ids else None
        given = _numbers(case, persona.history)
    elif st.query_params.get(GUEST):
        name, text = "Guest", st.query_params.get(WORDS, "")
    else:
        user = _asked(case)
        name = case.people[user]
    if user is not None and not len(given):
        given = case.histories.of(user)
    had = set(given.tolist())
    removed = frozenset(_numbers(case, st.query_params.get_all(REMOVED)).tolist()) & had
    added = dict.fromkeys(_numbers(case, st.query_params.get_all(ADDED)).tolist())
    return Shown(
        name,
        case.about[user] if user is not None else "",
        user,
        text,
        given,
        tuple(item for item in added if item not in had),
        removed,
        persona is not None,
    )


def _numbers(case: Showcase, ids: Sequence[str]) -> np.ndarray:
    """Numbers of the items that the data set knows."""
    known = case.dataset.item_ids
    return np.array([known.number(one) for one in ids if one in known], dtype=np.int32)


def _asked(case: Showcase) -> int:
    """The user in the address, or the one who is selected on the page, or a usual one."""
    ids, node = case.dataset.user_ids, address.selected_node()
    wanted = [st.query_params.get(USER), node.id if node and node.type == "user" else None]
    known = (one for one in wanted if one is not None and one in ids)
    return next((ids.number(one) for one in known), case.typical())


def show_user(case: Showcase, user: int) -> None:
    """Turns to a user of the data."""
    external = case.dataset.user_ids.external[user]
    address.select(address.Node("user", external), {**NOBODY_ELSE, USER: external})


def show_persona(name: str) -> None:
    """Turns to a saved person."""
    address.change({**NOBODY_ELSE, PERSONA: name})


def show_guest() -> None:
    """Turns to somebody of whom nothing is known yet."""
    address.change({**NOBODY_ELSE, GUEST: "1"})


def show_somebody(user: str | None = None) -> None:
    """Turns to a user of an export, or to whom the screen shows where nobody is asked for.

    Args:
        user: By external id.
    """
    address.change({**NOBODY_ELSE, USER: user})


def keep_words() -> None:
    """Writes into the address what is known of an invented person."""
    address.change({WORDS: st.session_state[FIELD].strip()})


def start_over() -> None:
    """Takes all changes back."""
    address.change({ADDED: None, REMOVED: None})


def add(case: Showcase, item: int, who: Shown) -> None:
    """Adds an item at the end of the history, or puts it back where it was."""
    external = case.dataset.item_ids.external[item]
    if item in who.removed:
        _write(case, who.added, who.removed - {item})
    elif external not in st.query_params.get_all(ADDED):
        _write(case, (*who.added, item), who.removed)


def take_away(case: Showcase, item: int, who: Shown) -> None:
    """Takes an item out of the history."""
    if item in who.added:
        _write(case, tuple(one for one in who.added if one != item), who.removed)
    else:
        _write(case, who.added, who.removed | {item})


def _write(case: Showcase, added: Sequence[int], removed: frozenset[int]) -> None:
    external = case.dataset.item_ids.external
    of = {ADDED: added, REMOVED: sorted(removed)}
    address.change({name: [external[item] for item in items] for name, items in of.items()})


def on_projector() -> bool:
    """Whether the screen is shown on a projector."""
    return st.query_params.get(PROJECTOR) == "1"


def place_person(record: Record, case: Showcase, text: str, given: np.ndarray) -> Insertion | None:
    """The place of an invented person in the graph; None without a graph or a text."""
    if case.graph is None or not text.strip():
        return None
    from recommend.newcomers.insertion import place_user

    ids = tuple(case.dataset.item_ids.external[item] for item in given.tolist())
    return results_of(record).derive(
        f"user {ids} {text}", lambda: place_user(results_of(record).inserter, text, ids)
    )


def graph_with(record: Record, case: Showcase, who: Shown) -> LatentGraph | None:
    """The graph in which the person stands; an invented one is its last user, if described."""
    if who.user is not None or case.graph is None:
        return case.graph
    placed = place_person(record, case, who.text, who.given)
    if placed is None:
        return case.graph
    known = case.graph
    return replace(placed.graph, user_labels=known.user_labels, item_labels=known.item_labels)


def meet(record: Record, case: Showcase, who: Shown, cell: Cell) -> NewUser:
    """A recommender, the number by which it knows the person, and what it does not know."""
    from recommend.newcomers.meeting import meet_user
    from recommend.newcomers.placing import NewUser

    if who.user is not None:
        return NewUser(results_of(record).ready(cell), who.user, "")
    placed = place_person(record, case, who.text, who.given)
    return meet_user(results_of(record).ready(cell), case.dataset, placed)
