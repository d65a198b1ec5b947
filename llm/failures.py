"""What an endpoint's failure means: try again, give up on this request, or end the run."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

from llm.keys import redact

Kind = Literal["passing", "lasting", "fatal"]
"""Passing: the same request may succeed later. Lasting: this one never will. Fatal: none will."""

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 60.0
LONGEST_ASKED_S = 600.0
"""The longest that an endpoint's Retry-After is obeyed."""
LONGEST_SAID = 300
"""Characters of an endpoint's words that are kept."""
_READ = 10_000
_WORDS = ("message", "msg", "detail", "error", "errors", "reason", "title", "text")
"""Where an endpoint's words stand in what it answers."""
_TAGS = re.compile(r"<(?:style|script)\b.*?</(?:style|script)>|<[^<>]*>", re.DOTALL | re.IGNORECASE)


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


class SaidError(Exception):
    """An endpoint's error in an answer whose status says that all is well."""

    def __init__(self, body: Any, headers: Mapping[str, str]) -> None:
        super().__init__("an error in the place of an answer")
        self.body, self.headers = body, headers


class TooLargeError(Exception):
    """An answer that is larger than any can be; nothing further of it was read."""


def classify(error: Exception, key: str, key_taken: bool = False) -> Failure:
    """The failure that an exception of the `openai` client stands for.

    Args:
        error: As it was raised.
        key: No sentence may hold it, or a part of it.
        key_taken: The endpoint has answered with this key: what it forbids is one request.
    """
    import openai

    said = " ".join(redact(_wording(error, key), key).split())[:LONGEST_SAID]
    if (large := _cause(error, TooLargeError)) is not None:
        return Failure("lasting", f"The endpoint sends {large}, which is no answer to this.")
    if isinstance(error, openai.APITimeoutError) and not _is_lost(error):
        return Failure("passing", "No answer came in time.", strained=True)
    if isinstance(error, SaidError):
        status = _status_in(error.body)
        if status is None:
            return Failure("passing", f"The endpoint answered with an error: {said}")
        return _of_status(status, said, retry_after(error.headers), key_taken)
    if isinstance(error, openai.APIStatusError):
        headers = error.response.headers
        if 300 <= error.status_code < 400:
            return _elsewhere(error.status_code, str(error.response.url), headers, key)
        return _of_status(error.status_code, said, retry_after(headers), key_taken)
    if isinstance(error, openai.APIConnectionError):
        return Failure("passing", f"The connection failed: {said}")
    return Failure("passing", f"The answer could not be read: {said}")


def _cause(error: BaseException | None, kind: type[Exception]) -> BaseException | None:
    """The first of an error and its causes that is of a kind."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__
    return error


def _is_lost(error: BaseException) -> bool:
    """Whether a connection failed: by aiohttp the client calls that a call that came too late."""
    import aiohttp

    lost = _cause(error, aiohttp.ClientConnectionError)
    return lost is not None and not isinstance(lost, TimeoutError)


def _elsewhere(status: int, asked: str, headers: Mapping[str, str], key: str) -> Failure:
    """The end of a run whose requests an endpoint wants to be sent to another address."""
    to = urlsplit(urljoin(asked, headers.get("location", "")))
    place = redact(f"{to.scheme}://{to.netloc.rpartition('@')[2]}{to.path}", key)[:LONGEST_SAID]
    return Failure(
        "fatal",
        f"The endpoint sends its callers on to {place} ({status}). Requests hold your data and "
        "your key, so none was sent there; if you trust that address, set url to it",
    )


def _status_in(body: Any) -> int | None:
    """The HTTP status that an error states of itself; None where it states none."""
    names = ("code", "status", "status_code")
    stated = [body.get(name) for name in names] if isinstance(body, Mapping) else []
    numbers = (int(str(one)) for one in stated if re.fullmatch(r"[45]\d\d", str(one)))
    return next(numbers, None)


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


def _wording(error: Exception, key: str) -> str:
    """What went wrong: the endpoint's own words, or the innermost cause."""
    body = getattr(error, "body", None)
    if words := _words(body, key):
        code = (body.get("code") or body.get("type")) if isinstance(body, Mapping) else None
        return words if code is None or isinstance(code, int) else f"{words} [{code}]"
    while error.__cause__ is not None and isinstance(error.__cause__, Exception):
        error = error.__cause__
    return str(error) or type(error).__name__


def _words(body: Any, key: str, depth: int = 4) -> str:
    """The words in an error, in whichever of the forms that endpoints have for it; "" for none."""
    if isinstance(body, str):
        return _TAGS.sub(" ", redact(body, key)[:_READ]).strip()
    if isinstance(body, list) and depth:
        return "; ".join(filter(None, (_words(one, key, depth - 1) for one in body[:3])))
    if isinstance(body, Mapping) and depth:
        found = (_words(body.get(name), key, depth - 1) for name in _WORDS)
        return next(filter(None, found), "")
    return ""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that `Retry-After` asks for, which is a number or a date; None if it is absent.

    A date is taken from the endpoint's own clock, if it tells: ours may be wrong, or jump.
    """
    milliseconds, asked = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if milliseconds is not None:
            return _limit_wait(float(milliseconds) / 1000)
        return _limit_wait(float(asked)) if asked is not None else None
    except ValueError:
        pass
    at = _date(asked)
    if at is None:
        return None
    return _limit_wait((at - (_date(headers.get("date")) or datetime.now(UTC))).total_seconds())


def _date(text: str | None) -> datetime | None:
    try:
        at = parsedate_to_datetime(str(text))
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError, TypeError):  # also of a year or a zone beyond all bounds
        return None


def _limit_wait(seconds: float) -> float | None:
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
