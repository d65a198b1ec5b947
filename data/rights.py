"""Whether whoever is served may change what is kept, run jobs and ask models, or only look.

On the command line everybody may. A page that shows itself to others says who asks: see `ask`. It
is checked where files are written and jobs are started, below all buttons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from data.errors import AutoGraphError


class RightsError(AutoGraphError):
    """Somebody who may only look wants to change something."""


_ASKED: list[Callable[[], bool]] = []
_DERIVES: ContextVar[bool] = ContextVar("derives", default=False)


def ask(may_change: Callable[[], bool]) -> None:
    """From here on `may_change` says whether who is served at the moment may change things."""
    _ASKED[:] = [may_change]


def may_change() -> bool:
    """Whether whoever is served at the moment may change things."""
    return _DERIVES.get() or all(says() for says in _ASKED)


def require(what: str) -> None:
    """Nothing, where whoever is served may do this.

    Args:
        what: That is to be done, for instance "start a job".

    Raises:
        RightsError: they may only look.
    """
    if not may_change():
        raise RightsError(f"Viewers look and change nothing: to {what}, sign in first.")


@contextmanager
def deriving() -> Iterator[None]:
    """What is written inside follows from finished results, and is kept so that it is made once."""
    token = _DERIVES.set(True)
    try:
        yield
    finally:
        _DERIVES.reset(token)
