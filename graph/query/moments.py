"""Dates that a person writes, as the seconds that a graph holds."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from data.errors import ConfigError

DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
"""How a date begins."""


def read_moment(text: str) -> int | float:
    """Seconds since 1970 of a date, or of a date and a time of day; in UTC unless it says where.

    Raises:
        ConfigError: it is none.

    >>> read_moment("2024-01-15"), read_moment("2024-01-15T01:00+01:00"), read_moment("1970-01-02")
    (1705276800, 1705276800, 86400)
    """
    try:
        if not DATE.match(text.strip()):
            raise ValueError(text)
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        seconds = moment.timestamp()
    except (ValueError, OverflowError):
        raise ConfigError(
            f"{text!r} is no date; write one such as 2024-01-15 or 2024-01-15T18:30."
        ) from None
    return int(seconds) if seconds.is_integer() else seconds
