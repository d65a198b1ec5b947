"""An endpoint in a storm: nothing is lost, and nothing that was answered is asked again."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from llm_fakes import request

from benchmarks.endpoint import Answer, Call, Endpoint
from data.errors import BackendError
from llm.cache import ResponseCache
from llm.failures import LONGEST_ASKED_S, pause, retry_after
from llm.knowledge import describe
from llm.server import ServerBackend
from llm.settings import GateConfig, ServerConfig
from prompts.requests import Request

HANG = Answer(delay_s=float("inf"))
STORMS = {
    "busy": Answer("slow down", status=429),
    "busy, with a time": Answer("slow down", status=429, headers={"retry-after": "0.01"}),
    "failing": Answer("oh no", status=500),
    "a gateway fails": Answer(raw=b"<html>Bad gateway</html>", status=502),
    "overloaded": Answer("overloaded", status=503, headers={"retry-after-ms": "5"}),
    "too slow for itself": Answer("request timeout", status=408),
    "in conflict": Answer("conflict", status=409),
    "not json": Answer(raw=b"<html>proxy error</html>"),
    "nothing at all": Answer(raw=b""),
    "half of the json": Answer(raw=b'{"choices": [{"message": {"content": "a b'),
    "not utf-8": Answer(raw=b'{"choices": [{"message": {"content": "\xff\xfe"}}]}'),
    "a list": Answer(raw=b"[]"),
    "a null": Answer(raw=b"null"),
    "brackets without end": Answer(raw=b"[" * 100_000),
    "no choices": Answer(raw=b'{"id": "x", "object": "chat.completion", "choices": []}'),
    "null choices": Answer(raw=b'{"choices": null}'),
    "a choice that is null": Answer(raw=b'{"choices": [null]}'),
    "choices that are a text": Answer(raw=b'{"choices": "abc"}'),
    "a message that is a text": Answer(raw=b'{"choices": [{"message": "abc"}]}'),
    "content that is a list": Answer(raw=b'{"choices": [{"message": {"content": ["a"]}}]}'),
    "an error with status 200": Answer(raw=b'{"error": {"message": "oh no"}}'),
    "empty text": Answer("  "),
    "closed in the middle": Answer(cut=True),
    "closed before the body": Answer(raw=b"", cut=True, headers={"content-length": "9999"}),
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses a hundredth as long."""
    monkeypatch.setattr("llm.failures.FIRST_PAUSE_S", 0.005)


def backend(endpoint: Endpoint, **about: object) -> ServerBackend:
    given = {"backend": "server", "model": "fake", "url": endpoint.url, **about}
    return ServerBackend(ServerConfig.model_validate(given))


def some(n: int) -> list[Request]:
    return [request(f"e{k}") for k in range(n)]


def asked_about(call: Call) -> str:
    return str(call.body["messages"][0]["content"]).removeprefix("Who is ").rstrip("?")


class Weather:
    """`bad` for the first calls about each entity, then the entity's own answer; counts all."""

    def __init__(self, bad: Callable[[], Answer], times: int) -> None:
        self._bad, self._times = bad, times
        self.calls: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()

    def __call__(self, call: Call) -> Answer:
        entity = asked_about(call)
        self.calls[entity] += 1
        if self.calls[entity] <= self._times:
            return self._bad()
        self.answered[entity] += 1
        return Answer(f"This is {entity}.")


def weathered(weather: Weather, cache: ResponseCache, n: int, **about: object) -> None:
    """Everybody has their own answer, given once; a second run asks nobody."""
    with Endpoint(weather) as endpoint:
        mine = backend(endpoint, **about)
        known = describe(some(n), mine, cache)
        calls = endpoint.count
        assert describe(some(n), mine, cache).table.equals(known.table)
        assert endpoint.count == calls, "what was answered is asked again"
    assert known.table["entity"].to_list() == [f"e{k}" for k in range(n)]
    assert known.texts == [f"This is e{k}." for k in range(n)]
    assert set(weather.answered.values()) == {1}, "an answer was lost, or given twice"
    assert known.table["attempts"].to_list() == [weather.calls[f"e{k}"] for k in range(n)]


@pytest.mark.parametrize("storm", STORMS)
def test_a_storm_loses_nothing(storm: str, cache: ResponseCache) -> None:
    weather = Weather(lambda: STORMS[storm], times=2)
    weathered(weather, cache, 30)
    assert set(weather.calls.values()) == {3}


def test_a_storm_of_calls_that_hang(cache: ResponseCache) -> None:
    weathered(Weather(lambda: HANG, times=1), cache, 12, timeout_s=2.0)


@pytest.mark.parametrize("seed", range(3))
def test_all_storms_at_once(seed: int, cache: ResponseCache) -> None:
    kinds, rng = [*STORMS.values(), HANG], random.Random(seed)
    weathered(Weather(lambda: rng.choice(kinds), times=4), cache, 60, timeout_s=2.0)


def test_a_storm_that_does_not_end_stops_the_run_and_the_next_goes_on(
    cache: ResponseCache,
) -> None:
    fine = Weather(lambda: Answer("", status=500), times=0)
    broken = cycle(STORMS.values())

    def until_then(call: Call) -> Answer:
        return fine(call) if call.number < 40 else next(broken)

    with Endpoint(until_then) as endpoint:
        mine = backend(endpoint, attempts=2, stop_after=6)
        with pytest.raises(BackendError, match=r"6 requests in a row failed.*What was answered"):
            describe(some(200), mine, cache)
        before = dict(fine.answered)
        endpoint.behave = fine
        known = describe(some(200), mine, cache)
    assert known.texts == [f"This is e{k}." for k in range(200)]
    assert len(before) == 40 and set(fine.answered.values()) == {1}


def test_a_storm_of_answers_that_the_gate_rejects(cache: ResponseCache) -> None:
    """A rejected answer is asked for again, more warmly; a good one never."""
    calls: Counter[str] = Counter()
    good = "A long and quiet film about those who stay at home while others go to sea."

    def behave(call: Call) -> Answer:
        entity = asked_about(call)
        calls[entity] += 1
        return Answer("I'm sorry, I can't." if calls[entity] <= int(entity[1:]) % 3 else good)

    with Endpoint(behave) as endpoint:
        mine = backend(endpoint)
        known = describe(some(30), mine, cache, gate=GateConfig())
        describe(some(30), mine, cache, gate=GateConfig())
    assert known.failures.height == 0
    assert calls == {f"e{k}": k % 3 + 1 for k in range(30)}


ODD: dict[str, dict[str, Any]] = {
    "usage that is a list": {"usage": [1, 2]},
    "usage in words": {"usage": {"prompt_tokens": "three", "completion_tokens": None}},
    "usage beyond all bounds": {"usage": {"prompt_tokens": 10**40, "completion_tokens": -5}},
    "a reason that is an object": {"finish_reason": {"a": 1}},
    "a reason that is null": {"finish_reason": None},
}


@pytest.mark.parametrize("odd", ODD)
def test_an_answer_is_taken_whatever_stands_beside_it(odd: str, cache: ResponseCache) -> None:
    about = dict(ODD[odd])
    choice = {"message": {"content": "A film."}, "finish_reason": about.pop("finish_reason", "x")}
    raw = json.dumps({"choices": [choice], **about}).encode()
    with Endpoint(lambda _call: Answer(raw=raw)) as endpoint:
        known = describe(some(3), backend(endpoint), cache)
    assert known.texts == ["A film."] * 3 and endpoint.count == 3
    assert known.table["tokens_in"].to_list() == known.table["tokens_out"].to_list() == [0] * 3


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (r"half a \ud83d pair", "half a \ufffd pair"),
        (r"a \ud83d\ude00 pair", "a \U0001f600 pair"),
        (r"\udc00", "\ufffd"),
        (r"null \u0000 byte", "null \x00 byte"),
    ],
)
def test_letters_that_no_file_holds(
    said: str, kept: str, cache: ResponseCache, tmp_path: Path
) -> None:
    raw = b'{"choices": [{"message": {"content": "%s"}}]}' % said.encode()
    with Endpoint(lambda _call: Answer(raw=raw)) as endpoint:
        known = describe(some(2), backend(endpoint), cache)
    assert known.texts == [kept] * 2
    known.save(tmp_path)
    refused = b'{"error": {"message": "no \\ud83d"}}'
    with Endpoint(lambda _call: Answer(raw=refused, status=400)) as endpoint:
        failed = describe([request("other")], backend(endpoint), cache).failures
    assert "no \ufffd" in failed["error"][0]


class Clock:
    """A wall clock that goes hours back and forth each time it is looked at."""

    def __init__(self, real: Callable[[], float]) -> None:
        self._real, self._hours = real, cycle([3, -7, 20, -1, 0, -48])
        self.looks = 0

    def __call__(self) -> float:
        self.looks += 1
        return self._real() + 3600 * next(self._hours)


def test_a_clock_that_jumps_changes_nothing(
    cache: ResponseCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retries, pauses, hung calls and the cache go by a clock that only goes forward."""
    clock, paused = Clock(time.time), list[float]()

    def recorded(attempt: int, asked: float | None, rng: random.Random) -> float:
        paused.append(pause(attempt, asked, rng))
        return paused[-1]

    monkeypatch.setattr(time, "time", clock)
    monkeypatch.setattr(time, "time_ns", lambda: int(clock() * 1e9))
    monkeypatch.setattr("llm.server.pause", recorded)
    kinds = cycle([STORMS["busy, with a time"], STORMS["failing"], HANG, STORMS["not json"]])
    began = time.monotonic()
    weathered(Weather(lambda: next(kinds), times=2), cache, 20, timeout_s=2.0)
    assert time.monotonic() - began < 60
    assert len(paused) == 40 and max(paused) < 1
    time.time()
    assert clock.looks, "the clock was not in use"
    latencies = [
        row[5]
        for row in cache.rows(key for (key,) in cache._store._find("SELECT key FROM replies", []))
    ]
    assert len(latencies) == 20 and all(0 <= latency < 30 for latency in latencies)


@pytest.mark.parametrize("hours", [-30, -1, 0, 1, 30])
def test_a_date_to_come_back_at_is_read_by_the_clock_of_the_endpoint(hours: float) -> None:
    """Where ours is wrong by hours, 30 s are 30 s."""
    theirs = datetime.now(UTC) + timedelta(hours=hours)
    at = format_datetime(theirs + timedelta(seconds=30), usegmt=True)
    asked = {"retry-after": at, "date": format_datetime(theirs, usegmt=True)}
    assert retry_after(asked) == pytest.approx(30, abs=1)
    assert (retry_after({**asked, "date": "soon"}) or 0) <= LONGEST_ASKED_S
