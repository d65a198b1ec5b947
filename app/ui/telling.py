"""What goes wrong is a sentence on the page, and the rest stands in the log."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec

import streamlit as st

from app.ui.frame import failed
from data.errors import AutoGraphError

LOG = logging.getLogger("autograph.page")
P = ParamSpec("P")


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turns what goes wrong inside into a sentence.

    Args:
        what: That fails, as a person calls it: "The screen Data".
    """
    try:
        yield
    except AutoGraphError as error:
        failed(error)
    except Exception:
        number = uuid.uuid4().hex[:8]
        LOG.exception("%s failed, %s", what, number)
        st.error(
            f"{what} failed, and nothing of yours was changed. What went wrong stands under "
            f"{number} in the log of the page, which is where `autograph ui` was started.",
            icon=":material/error:",
        )


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
        with told("This part of the screen"):
            draw(*args, **kwargs)

    whole: Callable[P, None] = st.fragment(**options)(drawn)
    return whole
