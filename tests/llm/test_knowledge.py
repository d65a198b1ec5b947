"""Describing: what is asked, what is kept, and what a killed run leaves."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from llm_fakes import QueueBackend, request

from data.errors import DataError
from llm.cache import COLUMNS, ResponseCache
from llm.knowledge import SCHEMA, Knowledge, describe
from llm.protocol import Reply, request_key
from prompts.requests import Request

REPOSITORY = Path(__file__).resolve().parents[2]


def test_rows_in_order_of_requests(cache: ResponseCache) -> None:
    backend = QueueBackend(["A!", {"text": "B!", "tokens_in": 7, "latency_s": 0.5}])
    known = describe([request("a"), request("b")], backend, cache)
    assert known.texts == ["A!", "B!"]
    assert known.table.columns == list(SCHEMA)
    row = known.table.row(1, named=True)
    assert row["entity"] == "b"
    assert row["model"] == "fake"
    assert row["template"] == "test@1"
    assert row["key"] == request_key(backend, request("b"))
    assert (row["tokens_in"], row["latency_s"], row["attempts"]) == (7, 0.5, 1)
    assert row["error"] is None
    assert known.failures.height == 0


def test_an_answer_is_never_paid_twice(cache: ResponseCache) -> None:
    requests = [request("a"), request("b")]
    describe(requests, QueueBackend(["A!", "B!"]), cache)
    again = QueueBackend(["C!"])
    known = describe([*requests, request("c")], again, cache)
    assert again.asked == ["c"]
    assert known.texts == ["A!", "B!", "C!"]


def test_another_model_or_message_is_another_question(cache: ResponseCache) -> None:
    describe([request("a")], QueueBackend(["A!"]), cache)
    other = QueueBackend(["other"], model="other")
    assert describe([request("a")], other, cache).texts == ["other"]
    changed = QueueBackend(["changed"])
    assert describe([request("a", "Changed?")], changed, cache).texts == ["changed"]
    assert describe([request("a")], QueueBackend([]), cache).texts == ["A!"]


def test_equal_requests_are_asked_once(cache: ResponseCache) -> None:
    backend = QueueBackend(["same"])
    known = describe([request(entity, "Same?") for entity in "abc"], backend, cache)
    assert backend.asked == ["a"]
    assert known.texts == ["same"] * 3
    assert known.table["entity"].to_list() == ["a", "b", "c"]


def test_failures_are_rows_and_are_asked_again(cache: ResponseCache) -> None:
    requests = [request("a"), request("b"), request("c")]
    broken = {
        "text": None,
        "error": "The server said 500.",
        "finish_reason": "error",
        "attempts": 3,
    }
    known = describe(requests, QueueBackend(["A!", broken, " \n"]), cache)
    assert known.texts == ["A!", None, None]
    assert known.failures["error"].to_list() == ["The server said 500.", "The answer is empty."]
    retry = QueueBackend(["B!", "C!"])
    known = describe(requests, retry, cache)
    assert retry.asked == ["b", "c"]
    assert known.texts == ["A!", "B!", "C!"]
    assert known.table["attempts"].to_list() == [1, 4, 2]
    assert known.table["error"].to_list() == [None] * 3


def test_replies_may_come_in_any_order(cache: ResponseCache) -> None:
    class Backwards(QueueBackend):
        def generate(self, requests: object) -> Iterator[Reply]:
            yield from reversed(list(super().generate(requests)))  # type: ignore[arg-type]

    known = describe([request(x) for x in "abc"], Backwards(["A!", "B!", "C!"]), cache)
    assert known.texts == ["A!", "B!", "C!"]


def test_a_backend_that_stops_early_leaves_rows_with_a_reason(cache: ResponseCache) -> None:
    class Dies(QueueBackend):
        def generate(self, requests: object) -> Iterator[Reply]:
            yield next(super().generate(requests))  # type: ignore[arg-type]
            list(requests)  # type: ignore[call-overload]

    known = describe([request("a"), request("b")], Dies(["A!"]), cache)
    assert known.texts == ["A!", None]
    assert "without a reply" in known.failures["error"][0]


def test_requests_are_drawn_lazily(cache: ResponseCache) -> None:
    """A million requests must not be made before the first answer is safe."""
    drawn = count()

    def endless() -> Iterator[Request]:
        for k in drawn:
            yield request(str(k))

    class EnoughError(Exception):
        pass

    class Stops(QueueBackend):
        def generate(self, requests: object) -> Iterator[Reply]:
            yield next(super().generate(requests))  # type: ignore[arg-type]
            raise EnoughError

    with pytest.raises(EnoughError):
        describe(endless(), Stops(["0!"]), cache)
    assert next(drawn) < 1000
    assert describe([request("0")], QueueBackend([]), cache).texts == ["0!"]


def test_progress(cache: ResponseCache) -> None:
    describe([request("a")], QueueBackend(["A!"]), cache)
    told: list[tuple[int, int, str]] = []
    requests = [request(x) for x in "abc"]
    describe(requests, QueueBackend(["B!", "C!"]), cache, lambda *t: told.append(t), total=3)
    assert told[-1] == (3, 3, "texts")
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)


def test_overrides_win_and_can_be_taken_back(cache: ResponseCache, tmp_path: Path) -> None:
    known = describe([request("a"), request("b")], QueueBackend(["A!", "B!"]), cache)
    by_hand = known.with_overrides({"b": "By hand."})
    assert by_hand.texts == ["A!", "By hand."]
    by_hand.save(tmp_path)
    assert Knowledge.load(tmp_path).texts == ["A!", "By hand."]
    assert by_hand.with_overrides({"b": None}).texts == known.texts
    with pytest.raises(DataError, match="no entity 'z'"):
        known.with_overrides({"z": "?"})


@pytest.mark.parametrize("leaking", [False, True])
def test_leak_travels_with_the_texts(cache: ResponseCache, tmp_path: Path, leaking: bool) -> None:
    backend = QueueBackend(["A!"])
    backend.leaking = leaking
    known = describe([request("a")], backend, cache).with_overrides({"a": "x"})
    known.save(tmp_path)
    loaded = Knowledge.load(tmp_path)
    assert loaded.leaking is leaking
    assert loaded.table.equals(known.table)


def test_no_requests(cache: ResponseCache) -> None:
    known = describe([], QueueBackend([]), cache)
    assert known.texts == []
    assert known.table.columns == list(SCHEMA)


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from llm_fakes import QueueBackend, request
from llm.cache import COLUMNS, ResponseCache
from llm.knowledge import describe

class Logged(QueueBackend):
    def generate(self, requests):
        for number, reply in enumerate(super().generate(requests), start=1):
            with open(sys.argv[1], "a") as log:
                log.write(reply.request.entity + chr(10))
            if number == int(sys.argv[3]):
                os.kill(os.getpid(), 9)
            yield reply

names = [str(k) for k in range(40)]
backend = Logged(["text of " + name for name in names])
known = describe((request(n) for n in names), backend, ResponseCache(Path(sys.argv[2])))
print(known.failures.height, len(known.texts))
"""


@pytest.mark.parametrize("killed_at", [1, 23, 40])
def test_kill_9_loses_only_what_was_in_flight(tmp_path: Path, killed_at: int) -> None:
    log, file = tmp_path / "calls.log", tmp_path / "replies.sqlite"
    script = KILLED.format(tests=str(Path(__file__).parent))

    def run(at: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script, str(log), str(file), str(at)]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert run(killed_at).returncode == -9
    assert len(log.read_text().split()) == killed_at
    finished = run(-1)
    assert finished.stdout.split() == ["0", "40"], finished.stderr
    calls = log.read_text().split()
    assert set(calls) == {str(k) for k in range(40)}
    asked_twice = {call for call in calls if calls.count(call) > 1}
    assert asked_twice == {str(killed_at - 1)}


def test_two_runs_may_share_a_cache(tmp_path: Path) -> None:
    one, two = (ResponseCache(tmp_path / "replies.sqlite") for _ in range(2))
    describe([request("a")], QueueBackend(["A!"]), one)
    describe([request("b")], QueueBackend(["B!"]), two)
    both = describe([request("a"), request("b")], QueueBackend([]), one)
    assert both.texts == ["A!", "B!"]


def test_a_failure_never_takes_the_place_of_an_answer(cache: ResponseCache) -> None:
    cache.put("k", "m", Reply(request("a"), "A!"))
    cache.put("k", "m", Reply(request("a"), None, error="late failure"))
    (row,) = cache.rows(["k"])
    named = dict(zip(("key", *COLUMNS), row, strict=True))
    assert (named["text"], named["error"]) == ("A!", None)


def test_keys_change_with_what_is_sent_and_only_then(cache: ResponseCache) -> None:
    a, b = QueueBackend([]), QueueBackend([], model="b")
    same = Request("user", "other", request("x", "Q").messages, "t@9", {"y": 1})
    assert request_key(a, request("x", "Q")) == request_key(a, same)
    assert request_key(a, request("x", "Q")) != request_key(a, request("x", "R"))
    assert request_key(a, request("x", "Q")) != request_key(b, request("x", "Q"))
