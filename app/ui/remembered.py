"""Choices that stand in the page's address by their name, however they are called on the page.

Streamlit's own binding writes what a person reads, such as "mine · 3 versions", which is no address
that lasts.

A choice is put into the session in every run, though it stays there: only then does Streamlit say
it to the browser. What a run said that was cut short by a click may not have arrived, and a widget
whose choice the browser never heard goes back to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

BETWEEN = "|"
"""Stands between several choices in the address."""


def remembered(name: str, options: Sequence[str], default: str | None) -> str:
    """The key of a widget, whose choice in the session is one of `options` from here on.

    Args:
        name: In the address.
        options: What may be chosen, by name.
        default: What is chosen where the address says nothing, or something else.
    """
    key = f"chosen {name}"
    chosen = st.session_state.get(key)
    if chosen not in options:
        asked = st.query_params.get(name)
        chosen = asked if asked in options else default
    st.session_state[key] = chosen
    return key


def keep(name: str, chosen: str | None, default: str | None) -> None:
    """Writes a choice into the address, or nothing for what is chosen anyway."""
    if chosen is None or chosen == default:
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


def remembered_some(name: str, options: Sequence[str], default: Sequence[str], at_most: int) -> str:
    """As `remembered`, for several choices at a time, of which the first `at_most` count."""
    key = f"chosen {name}"
    chosen = st.session_state.get(key)
    if chosen is None or not set(chosen) <= set(options):
        said = dict.fromkeys(st.query_params.get(name, "").split(BETWEEN))
        asked = [one for one in said if one in options]
        chosen = (asked or list(default))[:at_most]
    st.session_state[key] = chosen
    return key


def keep_some(name: str, chosen: Sequence[str], default: Sequence[str]) -> None:
    """As `keep`, for several choices at a time."""
    keep(name, BETWEEN.join(chosen), BETWEEN.join(default))
