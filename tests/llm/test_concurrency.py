"""The number of calls in flight, against endpoints whose capacity is known."""

from __future__ import annotations

import pytest

from llm.server import START, Concurrency


def levels(capacity: int, limit: int, answers: int = 40_000, latency: float = 0.5) -> list[int]:
    """Levels over time, where an endpoint works on `capacity` calls at once and queues the rest."""
    calls, now, seen = Concurrency(limit), 0.0, []
    for _ in range(answers):
        now += latency / min(calls.level, capacity)
        calls.note_answer(now)
        seen.append(calls.level)
    return seen


@pytest.mark.parametrize("capacity", [8, 64, 1_000])
def test_it_climbs_to_what_is_worth_it_and_stays(capacity: int) -> None:
    seen = levels(capacity, limit=256)
    assert seen[0] == START
    assert max(seen) <= 256
    late = sorted(seen[len(seen) // 2 :])
    usual = late[len(late) // 2]
    assert min(capacity, 256) / 2 < usual <= max(2 * capacity, START)
    if capacity >= 256:
        assert usual == 256


def test_it_never_goes_beyond_its_limit() -> None:
    assert set(levels(100, limit=3)) == {3}


def test_strain_halves_it_but_leaves_one() -> None:
    calls = Concurrency(256)
    for _ in range(10):
        calls.note_strain()
    assert calls.level == 1


def test_after_strain_it_tries_more_again_in_time() -> None:
    calls, now = Concurrency(64), 0.0
    calls.note_strain()
    seen = []
    for _ in range(5_000):
        now += 0.5 / calls.level
        calls.note_answer(now)
        seen.append(calls.level)
    assert seen[0] == START // 2 and seen[-1] == 64
