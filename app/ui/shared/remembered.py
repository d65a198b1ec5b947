"""Choices that stand in the page's address by their name, however they are called on the page.

Streamlit's own binding writes what a person reads, such as "mine · 3 versions", which is no address
that lasts, and leaves out what is chosen anyway, which may be something else tomorrow. A link names
all that it shows.

A choice is put into the session in every run, though it stays there: only then does Streamlit say
it to the browser. What a run said that was cut short by a click may not have arrived, and a widget
whose choice the browser never heard goes back to nothing.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app.ui.shared.frame import miss

BETWEEN = "|"
"""Stands between several choices in the address."""
SCREEN = "screen"
"""In the session: the path of the screen that is drawn."""


def link_value(name: str) -> str | None:
    """What a link asks for; None where the address says what the page wrote there itself.

    An address that is as the last run found it brings nothing, unless somebody went back to it:
    what that run wrote may not have arrived in the browser.
    """
    state, asked = st.session_state, st.query_params.get(name)
    found = state.get(SCREEN), asked
    same = state.get(f"found {name}") == found and not _went_back()
    state[f"found {name}"] = found
    return None if same or state.get(f"written {name}") == asked else asked


def _went_back() -> bool:
    """Whether the browser's own buttons, back and forward, led to this run."""
    return bool(getattr(get_script_run_ctx(), "is_history_navigation", False))


def remember(
    name: str, options: Container[str], default: str | None, what: str | None = None
) -> str:
    """The key of a widget, whose choice in the session is one of `options` from here on.

    A link that asks for something else is told that it is not there.

    Args:
        name: In the address.
        options: What may be chosen, by name.
        default: What is chosen where the address says nothing, or something else.
        what: A person calls it, if not by its name in the address.
    """
    key, asked = f"chosen {name}", link_value(name)
    chosen = asked if asked in options else st.session_state.get(key)
    if asked is not None and asked not in options:
        miss(what or name, asked)
    st.session_state[key] = chosen if chosen in options else default
    return key


def keep(name: str, chosen: str | None) -> None:
    """Writes a choice into the address."""
    st.session_state[f"written {name}"] = chosen
    if chosen is None:
        if name in st.query_params:
            del st.query_params[name]
    elif st.query_params.get(name) != chosen:
        st.query_params[name] = chosen


def choose_next(name: str, chosen: str | None) -> None:
    """Makes the next run of the page choose this; None goes back to what is chosen anyway."""
    st.session_state.pop(f"chosen {name}", None)
    if chosen is not None:
        st.session_state[f"chosen {name}"] = chosen
    elif name in st.query_params:
        del st.query_params[name]


def remember_some(
    name: str, options: Sequence[str], default: Sequence[str], at_most: int, what: str
) -> str:
    """As `remember`, for several choices at a time, of which the first `at_most` count."""
    key, asked = f"chosen {name}", link_value(name)
    said = [] if asked is None else list(dict.fromkeys(asked.split(BETWEEN)))
    for one in said:
        if one and one not in options:
            miss(what, one)
    chosen = [one for one in said if one in options] or st.session_state.get(key)
    if chosen is None or not set(chosen) <= set(options):
        chosen = list(default)
    st.session_state[key] = chosen[:at_most]
    return key


def keep_some(name: str, chosen: Sequence[str], default: Sequence[str]) -> None:
    """As `keep`, for several choices at a time; what follows from other choices is left out."""
    keep(name, None if list(chosen) == list(default) else BETWEEN.join(chosen))


def find_named(name: str, known: Container[str], what: str, where: str) -> None:
    """Says which of what a link names, under `name` in the address, is not there.

    Args:
        name: In the address.
        known: What there is.
        what: A person calls one of it.
        where: It is looked for.
    """
    for one in st.query_params.get_all(name):
        if one and one not in known:
            miss(what, one, where)
