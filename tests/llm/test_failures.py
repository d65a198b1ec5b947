"""What failures mean, and how long to wait after them."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import aiohttp
import httpx2
import openai
import pytest

from llm.failures import LONGEST_ASKED_S, LONGEST_PAUSE_S, classify, pause, retry_after
from llm.keys import redact

SECRET = "topsecret-4711"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "1e9"}, LONGEST_ASKED_S),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        ({"retry-after": "Thu, 01 Jan 9999999999999999999999 00:00:00 GMT"}, None),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 -2359"}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT", "date": f"Thu, 01 Jan {10**30}"}, 0.0),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_a_date() -> None:
    at = datetime.now(UTC) + timedelta(seconds=30)
    assert retry_after({"retry-after": format_datetime(at, usegmt=True)}) == pytest.approx(
        30, abs=2
    )


def test_pauses_grow_and_differ_and_end() -> None:
    rng = random.Random(0)
    pauses = [[pause(attempt, None, rng) for _ in range(50)] for attempt in range(1, 12)]
    for earlier, later in pairwise(pauses):
        assert max(earlier) <= max(later) * 1.1
    assert all(len(set(drawn)) == 50 for drawn in pauses)
    assert min(pauses[0]) >= 0.25 and max(pauses[-1]) <= LONGEST_PAUSE_S
    assert all(pause(1, 7.0, rng) >= 7.0 for _ in range(50))


@pytest.mark.parametrize(
    "told",
    [
        f"Incorrect API key provided: {SECRET}.",
        "Incorrect API key provided: sk-proj-abc123*****xyz",
        "header was Bearer abcdef.ghi",
    ],
)
def test_no_key_is_repeated(told: str) -> None:
    said = redact(told, SECRET)
    assert "***" in said
    for secret in (SECRET, "abc123", "abcdef"):
        assert secret not in said


@pytest.mark.parametrize(
    ("cause", "reason", "strained"),
    [
        (aiohttp.ServerDisconnectedError(), "The connection failed: Server disconnected", False),
        (aiohttp.ClientOSError(104, "reset"), "The connection failed: [Errno 104] reset", False),
        (aiohttp.SocketTimeoutError(), "No answer came in time.", True),
        (aiohttp.ConnectionTimeoutError(), "No answer came in time.", True),
    ],
)
def test_a_lost_connection_is_no_late_answer(cause: Exception, reason: str, strained: bool) -> None:
    """The client's bridge to aiohttp has one error for both."""
    late = openai.APITimeoutError(httpx2.Request("POST", "http://127.0.0.1/v1"))
    late.__cause__ = httpx2.ConnectTimeout("")
    late.__cause__.__cause__ = cause
    failure = classify(late, SECRET)
    assert (failure.kind, failure.reason, failure.strained) == ("passing", reason, strained)
