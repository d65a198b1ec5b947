"""Keys of endpoints: read from the environment, and kept out of everything that stays."""

from __future__ import annotations

import logging
import os
import re
from typing import Protocol
from urllib.parse import quote

from data.errors import BackendError

NO_KEY = "none"
"""Sent where there is no key: endpoints of one's own want none, and the client wants something."""
HIDDEN = "***"
_LOGGERS = {"openai", "httpx", "httpx2", "httpcore", "httpcore2", "aiohttp"}
_LOOKS_LIKE_ONE = re.compile(r"\b(sk|key|hf|gsk|pk)[-_][A-Za-z0-9*._-]{6,}|Bearer\s+\S+")


class Keyed(Protocol):
    """Settings that name the environment variable of a key."""

    @property
    def key_variable(self) -> str:
        """Its name."""
        ...


def key_of(config: Keyed) -> str:
    """The key from the environment.

    Raises:
        BackendError: it cannot be sent.
    """
    key = os.environ.get(config.key_variable, "").strip() or NO_KEY
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise BackendError(
            f"The key in the environment variable {config.key_variable} holds spaces, line breaks "
            "or letters that no key has. Set it again, to the key alone."
        )
    return key


def without_key(text: str, key: str) -> str:
    """The text without the key, as it is or as addresses have it."""
    if key == NO_KEY or len(key) < 4:
        return text
    return text.replace(key, HIDDEN).replace(quote(key, safe=""), HIDDEN)


def redact(text: str, key: str) -> str:
    """The text without the key, and without what looks like one."""
    return _LOOKS_LIKE_ONE.sub(HIDDEN, without_key(text, key))


def hide_in_logs(key: str) -> None:
    """Keeps the key out of what the libraries log that send it, at whatever level."""
    hiding = _Hiding(key)
    for name in logging.root.manager.loggerDict:
        if name.partition(".")[0] in _LOGGERS:
            logger = logging.getLogger(name)
            if hiding not in logger.filters:
                logger.addFilter(hiding)


class _Hiding(logging.Filter):
    """Takes the key out of every message."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hiding) and other._key == self._key

    def __hash__(self) -> int:
        return hash(self._key)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_key(record.getMessage(), self._key), None
        return True
