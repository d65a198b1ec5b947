"""What an endpoint's failure means: try again, give up on this request, or end the run."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

from llm.keys import redacted

Kind = Literal["passing", "lasting", "fatal"]
"""Passing: the same request may succeed later. Lasting: this one never will. Fatal: none will."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
LONGEST_ASKED_S = 600.0
"""The longest that an endpoint's Retry-After is obeyed."""
LONGEST_SAID = 300
"""Characters of an endpoint's words that are kept."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One call that brought no answer.

    Attributes:
        kind: What to do about it.
        reason: A sentence, without any secret.
        strained: The endpoint had too much to do.
        retry_after_s: Seconds that it asked to be left alone; None where it did not say.
    """

    kind: Kind
    reason: str
    strained: bool = False
    retry_after_s: float | None = None


def classified(error: Exception, key: str, key_taken: bool = False) -> Failure:
    """The failure that an exception of the `openai` client stands for.

    Args:
        error: As it was raised.
        key: No sentence may hold it, or a part of it.
        key_taken: The endpoint has answered with this key: what it forbids is one request.
    """
    import openai

    said = " ".join(redacted(_said(error), key).split())[:LONGEST_SAID]
    if isinstance(error, openai.APITimeoutError) and not _lost(error):
        return Failure("passing", "No answer came in time.", strained=True)
    if isinstance(error, openai.APIStatusError):
        after = retry_after(error.response.headers)
        return _of_status(error.status_code, said, after, key_taken)
    if isinstance(error, openai.APIConnectionError):
        return Failure("passing", f"The connection failed: {said}")
    return Failure("passing", f"The answer could not be read: {said}")


def _lost(error: BaseException | None) -> bool:
    """Whether a connection failed: by aiohttp the client calls that a call that came too late."""
    import aiohttp

    while error is not None:
        if isinstance(error, aiohttp.ClientConnectionError):
            return not isinstance(error, TimeoutError)
        error = error.__cause__
    return False


def _of_status(status: int, said: str, after: float | None, key_taken: bool) -> Failure:
    if status == 401 or (status == 403 and not key_taken):
        return Failure("fatal", f"The endpoint refuses the key ({status}: {said})")
    if status == 404:
        return Failure("fatal", f"The endpoint knows no such model or address (404: {said})")
    if status == 402 or (status == 429 and "insufficient_quota" in said):
        return Failure("fatal", f"The account has no credit left ({status}: {said})")
    if status in {408, 409, 429} or status >= 500:
        strained = status in {408, 429, 503, 504}
        return Failure("passing", f"The endpoint answered {status}: {said}", strained, after)
    return Failure("lasting", f"The endpoint refuses this request ({status}: {said})")


def _said(error: Exception) -> str:
    """What went wrong: the endpoint's own words, or the innermost cause."""
    body = getattr(error, "body", None)
    if isinstance(body, Mapping):
        told = body.get("message") or body.get("detail")
        if told:
            code = body.get("code") or body.get("type")
            return f"{told}{f' [{code}]' if code else ''}"
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return str(error) or type(error).__name__


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for, which is a number or a date; None if it is absent.

    A date is taken from the endpoint's own clock, if it tells: ours may be wrong, or jump.
    """
    milliseconds, asked = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if milliseconds is not None:
            return _bounded(float(milliseconds) / 1000)
        return _bounded(float(asked)) if asked is not None else None
    except ValueError:
        pass
    at = _date(asked)
    if at is None:
        return None
    return _bounded((at - (_date(headers.get("date")) or datetime.now(UTC))).total_seconds())


def _date(text: str | None) -> datetime | None:
    try:
        at = parsedate_to_datetime(str(text))
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError, TypeError):  # also of a year or a zone beyond all bounds
        return None


def _bounded(seconds: float) -> float | None:
    return min(max(seconds, 0.0), LONGEST_ASKED_S) if seconds == seconds else None


def pause(attempt: int, asked: float | None, rng: random.Random) -> float:
    """Seconds before the next attempt: doubled each time, drawn from the upper half.

    Args:
        attempt: Attempts made so far, from 1.
        asked: What `Retry-After` said; never less than that.
        rng: Draws the jitter, so that callers do not come back all at once.
    """
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempt - 1))
    drawn = rng.uniform(longest / 2, longest)
    return drawn if asked is None else asked + drawn / 4
