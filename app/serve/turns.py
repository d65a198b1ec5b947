"""Asks that came while others were answered, answered together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

A = TypeVar("A")
B = TypeVar("B")


class Turns(Generic[A, B]):
    """Does work of one kind a turn at a time: whatever came during one turn is the next.

    Nobody waits for company but what has arrived already: who comes alone is served alone, after
    one more round of the loop. Where answers are short, a turn is as many as are done in a moment,
    right here, where all others wait for it: handing them to a thread and back costs more. Long
    ones have a thread.

    Args:
        work: Answers several at once; what it raises, all of them get.
        seconds: How long one takes about.
        threads: Where long turns are done.
        short_s: Seconds of the longest turn that is done here; one answer that takes longer has a
            thread.
        most: Asks in one turn.
    """

    def __init__(
        self,
        work: Callable[[Sequence[A]], Sequence[B]],
        seconds: Callable[[], float],
        threads: Executor,
        short_s: float = 0.002,
        most: int = 64,
    ) -> None:
        self._work, self._seconds, self._threads = work, seconds, threads
        self._short_s, self._most = short_s, most
        self._waiting: list[tuple[A, asyncio.Future[B]]] = []
        self._at_work = False

    async def take(self, ask: A) -> B:
        """The answer to one."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[B] = loop.create_future()
        self._waiting.append((ask, answer))
        if not self._at_work:
            self._at_work = True
            loop.call_soon(loop.call_soon, self._begin)
        return await answer

    def _begin(self) -> None:
        """Does the next turn, or has it done."""
        seconds = self._seconds()
        here = seconds <= self._short_s
        most = min(self._most, int(self._short_s / max(seconds, 1e-9))) if here else self._most
        turn = [one for one in self._waiting[:most] if not one[1].done()]
        del self._waiting[:most]
        asks, answers = [ask for ask, _ in turn], [answer for _, answer in turn]
        if here:
            self._end(answers, lambda: self._work(asks))
            return
        done = asyncio.get_running_loop().run_in_executor(self._threads, self._work, asks)
        done.add_done_callback(lambda found: self._end(answers, found.result))

    def _end(self, answers: list[asyncio.Future[B]], found: Callable[[], Sequence[B]]) -> None:
        """Gives everybody the own answer, and lets the next turn begin."""
        try:
            for answer, one in zip(answers, found(), strict=True):
                if not answer.done():
                    answer.set_result(one)
        except asyncio.CancelledError:
            for answer in answers:
                answer.cancel()
        except Exception as error:
            for answer in answers:
                if not answer.done():
                    answer.set_exception(error)
        self._at_work = bool(self._waiting)
        if self._at_work:
            asyncio.get_running_loop().call_soon(self._begin)
