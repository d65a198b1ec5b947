"""What goes wrong is a sentence on the page, and the rest stands in the log."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec

import streamlit as st

from app.ui.shared.frame import plain
from data.errors import AutoGraphError

LOG = logging.getLogger("autograph.page")
P = ParamSpec("P")
LEFT = "left by a callback"
"""In the session: what went wrong before the page was drawn."""


@contextmanager
def tell_failure(what: str) -> Iterator[None]:
    """Turns what goes wrong inside into a sentence.

    Args:
        what: That fails, as a person calls it: "The screen Data".
    """
    try:
        yield
    except Exception as error:
        st.error(_sentence(what, error), icon=":material/error:")


def _sentence(what: str, error: Exception) -> str:
    """What a person is told of an error, in Markdown."""
    if isinstance(error, AutoGraphError):
        return plain(error)
    number = uuid.uuid4().hex[:8]
    LOG.error("%s failed, %s", what, number, exc_info=error)
    return (
        f"{what} failed, and nothing of yours was changed. What went wrong stands under "
        f"{number} in the log of the page, which is where `autograph ui` was started."
    )


def callback(act: Callable[P, object]) -> Callable[P, None]:
    """`act` as a callback of a widget; what goes wrong is told by the run that follows.

    Callbacks run before the page: what leaves them would take its place.
    """

    @wraps(act)
    def acted(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            act(*args, **kwargs)
        except Exception as error:
            st.session_state[LEFT] = _sentence("What you asked for", error)

    return acted


def tell_left() -> None:
    """Tells what went wrong in a callback, once."""
    if LEFT in st.session_state:
        st.error(st.session_state.pop(LEFT), icon=":material/error:")


def fragment(draw: Callable[P, None], **options: Any) -> Callable[P, None]:
    """`draw` as a fragment of the page that tells what goes wrong.

    An exception that leaves a fragment is shown by Streamlit as a traceback, before the screen
    around it hears of it.

    Args:
        draw: Draws a part of a screen.
        options: Of `st.fragment`.
    """

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> None:
        tell_left()
        with tell_failure("This part of the screen"):
            draw(*args, **kwargs)

    whole: Callable[P, None] = st.fragment(**options)(drawn)
    return whole
