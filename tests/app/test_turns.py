"""How many are answered in one turn, where, and what an error of one turn does to the next."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from serve_fakes import run

from app.serve.turns import Turns


@pytest.mark.parametrize(
    ("seconds", "turns", "here"),
    [
        (0.0, [5], True),
        (0.0004, [5], True),
        (0.001, [2, 2, 1], True),
        (0.002, [1, 1, 1, 1, 1], True),
        (0.1, [4, 1], False),
    ],
)
def test_a_turn_is_as_long_as_others_may_wait(seconds: float, turns: list[int], here: bool) -> None:
    seen: list[tuple[int, bool]] = []
    own: list[threading.Thread] = []

    def work(asks: Sequence[int]) -> list[int]:
        seen.append((len(asks), threading.current_thread() in own))
        return [2 * ask for ask in asks]

    async def all_at_once() -> list[int]:
        own.append(threading.current_thread())
        with ThreadPoolExecutor(1) as threads:
            made = Turns(work, lambda: seconds, threads, short_s=0.002, most=4 if not here else 64)
            return await asyncio.gather(*map(made.take, range(5)))

    assert run(all_at_once()) == [0, 2, 4, 6, 8]
    assert seen == [(turn, here) for turn in turns]


def test_what_fails_in_one_turn_is_told_to_it_and_the_next_goes_on() -> None:
    def work(asks: Sequence[int]) -> list[int]:
        if 0 in asks:
            raise ValueError("no")
        return list(asks)

    async def all_at_once() -> list[int | BaseException]:
        with ThreadPoolExecutor(1) as threads:
            made = Turns(work, lambda: 0.001, threads, short_s=0.002)
            return await asyncio.gather(*map(made.take, range(4)), return_exceptions=True)

    told = run(all_at_once())
    assert [str(one) for one in told] == ["no", "no", "2", "3"]
