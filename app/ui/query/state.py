"""What a visitor asks: the text, the language and where it starts; the address holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from app.ui.shared.frame import show_error
from app.ui.shared.remembered import keep, link_value
from graph.database.statement import LONGEST
from graph.explore.examples import ARROWS, CHAINS, CYPHER
from graph.query.text import MOST_LETTERS

LANGUAGES: Mapping[str, str] = {ARROWS: "Arrows", CHAINS: "GSL", CYPHER: "Cypher"}
QUERY, LANGUAGE = "query", "language"
"""In the address: what was asked, and in which language."""
REMEMBERED = 20
"""Questions of a visitor that are listed."""
ANEW = "query-anew"
"""In the session: a question was asked, and not only looked at again."""
_HISTORY, _TURN = "query-history", "query-turn"


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked.

    Attributes:
        language: One of `LANGUAGES`.
        text: The query.
    """

    language: str
    text: str


class Console:
    """The box of one visitor: a draft for each language, what was asked last, and before."""

    def __init__(self, language: str) -> None:
        self.language = language

    def open(self, first: str) -> None:
        """Puts into the box what a link says, else what stood there, else a first text."""
        linked, state = link_value(QUERY), st.session_state
        if linked is not None and len(linked) > self.longest:
            show_error(self._too_long(linked))
        elif linked is not None:
            state[self._asked] = linked
            self._put(linked)
        if self.key not in state:
            state[self.key] = state.get(self._kept, first)
        keep(QUERY, self.asked)

    @property
    def key(self) -> str:
        """Of the box."""
        return f"query-text-{self.language}"

    @property
    def _kept(self) -> str:
        """Of the draft, which outlives the box when another screen is drawn."""
        return f"query-kept-{self.language}"

    @property
    def _asked(self) -> str:
        return f"query-asked-{self.language}"

    @property
    def draft(self) -> str:
        """What stands in the box."""
        return str(st.session_state.get(self.key) or "")

    @property
    def asked(self) -> str | None:
        """What was asked last in this language."""
        asked: str | None = st.session_state.get(self._asked)
        return asked

    @property
    def longest(self) -> int:
        """Letters of a query in this language."""
        return LONGEST if self.language == CYPHER else MOST_LETTERS

    @property
    def refused(self) -> str:
        """Why what stands in the box cannot be asked, whatever it says; empty if it can."""
        return self._too_long(self.draft) if len(self.draft) > self.longest else ""

    def _too_long(self, text: str) -> str:
        return f"The query has {len(text):,} letters; {self.longest:,} are read."

    @property
    def turn(self) -> int:
        """Raised with everything that is chosen in a list, so that the list forgets it."""
        return int(st.session_state.get(_TURN, 0))

    def hold(self) -> None:
        """Keeps the draft beyond the box."""
        st.session_state[self._kept] = self.draft

    def ask(self, text: str | None = None) -> None:
        """Asks what stands in the box, or another text, which then stands there."""
        if text is not None:
            self._put(text)
        asked = self.draft.strip()
        if self.refused:
            return
        st.session_state[self._asked] = asked or None
        keep(QUERY, asked or None)
        st.session_state[ANEW] = True
        if asked:
            question = Question(self.language, asked)
            before = [one for one in history() if one != question]
            st.session_state[_HISTORY] = [question, *before][:REMEMBERED]

    def add(self, words: str) -> None:
        """Puts words behind what stands in the box."""
        self._put(self.draft + words)

    def go_on(self) -> None:
        """Forgets what was chosen in lists."""
        st.session_state[_TURN] = self.turn + 1

    def _put(self, text: str) -> None:
        st.session_state[self.key] = st.session_state[self._kept] = text


def history() -> list[Question]:
    """What this visitor asked, the latest first."""
    return list(st.session_state.get(_HISTORY, ()))


def ask_again(question: Question) -> None:
    """Asks once more what was asked before, in its language."""
    st.session_state[LANGUAGE] = question.language
    Console(question.language).ask(question.text)
