"""How many calls to have in flight: more while that makes answers come faster, fewer on errors."""

from __future__ import annotations

START = 8
"""Calls in flight at first."""
GROWTH = 2.0
"""The next level tried, as a multiple of the one that was worth it."""
WORTH = 1.1
"""A level is worth it if answers come so much faster than at the one before."""
ROUNDS = 3
"""Answers a call in flight that a level is judged by: the first round only fills it."""
PATIENCE = 12
"""Windows at a level before a higher one is tried again: an endpoint may have grown."""


class Concurrency:
    """Climbs from `START` to at most `limit` calls in flight.

    A window is `ROUNDS` answers a call in flight. Where a higher level brings no more answers a
    second, the one before it is kept: beyond it calls only wait in the endpoint's queue.

    Args:
        limit: Calls in flight at most.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.level = min(START, limit)
        self._kept = (0, 0.0)  # the level below this one, and its answers a second
        self._climbing, self._settled = True, 0
        self._begun: float | None = None
        self._filled: float | None = None
        self._answers = 0

    def answered(self, now: float) -> None:
        """An answer came, at monotonic second `now`."""
        if self._begun is None:
            self._begun = now
        self._answers += 1
        if self._filled is None and self._answers >= self.level:
            self._filled, self._answers = now, 0
        elif self._filled is not None and self._answers >= (ROUNDS - 1) * self.level:
            self._judge(self._answers / max(now - self._filled, 1e-9))

    def strained(self) -> None:
        """The endpoint asked for fewer calls, or failed under them."""
        self.level = max(1, self.level // 2)
        self._climbing = False
        self._new_window()

    def _judge(self, rate: float) -> None:
        below, slower = self._kept
        if not self._climbing:
            self._settled += 1
            if self._settled >= PATIENCE and self.level < self.limit:
                self._kept, self._climbing, self._settled = (self.level, rate), True, 0
                self._raise()
        elif rate > WORTH * slower:
            self._kept = (self.level, rate)
            self._climbing = self.level < self.limit
            self._raise()
        else:
            self.level, self._climbing, self._settled = below, False, 0
        self._new_window()

    def _raise(self) -> None:
        self.level = min(self.limit, int(GROWTH * self.level))

    def _new_window(self) -> None:
        self._begun = self._filled = None
        self._answers = 0
