"""Two processes on one workspace at once: both end well, and each request is asked once."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event

import pytest
from asking_fakes import IN_DOUBT, Asked, answer_to, texts_of, write_shop
from forked import Child, ForkServer

STAGE, N_ITEMS = "knowledge-item", 100
OTHER_GATE = "llm.gate.min_words=7"
"""Makes other results of the same requests."""


class Pair:
    """Two runs, of which the second begins when the first asks, and waits for it."""

    def __init__(self, asked: Asked, forks: ForkServer) -> None:
        self._asked, self._forks = asked, forks
        self._begun, self._waits = Event(), Event()
        asked.on_call = self._hold  # type: ignore[assignment]

    def start(self, *changes: str) -> tuple[Child, Child]:
        """Both; nothing is answered before `go_on`."""
        first = self._forks.start(*self._asked.words(STAGE))
        assert self._begun.wait(60)
        return first, self._forks.start(*self._asked.words(STAGE, *changes))

    def go_on(self) -> None:
        self._waits.set()

    def _hold(self, _number: int) -> None:
        self._begun.set()
        assert self._waits.wait(60)


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def at_lock(child: Child) -> bool:
    """Whether it has the lock of the first run's result open, and so waits for it."""
    for descriptor in Path(f"/proc/{child.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since it was listed
            if descriptor.readlink().parts[-3:][::2] == (STAGE, ".lock"):
                return True
    return False


def test_the_same_experiment_is_computed_once(forks: ForkServer, tmp_path: Path) -> None:
    with Asked(write_shop(tmp_path, N_ITEMS), tmp_path / "ws").listening() as asked:
        pair = Pair(asked, forks)
        children = pair.start()
        until(lambda: at_lock(children[1]))
        pair.go_on()
        ended = [child.wait() for child in children]
    assert [one.code for one in ended] == [0, 0], [one.said for one in ended]
    assert len(asked.keys) == len(set(asked.keys)) == N_ITEMS
    rows = texts_of(tmp_path / "ws", STAGE)
    assert len(rows) == N_ITEMS and all(text == answer_to(key) for key, text in rows)


def test_who_waits_goes_on_where_the_other_is_killed(forks: ForkServer, tmp_path: Path) -> None:
    with Asked(write_shop(tmp_path, N_ITEMS), tmp_path / "ws").listening() as asked:
        pair = Pair(asked, forks)
        first, second = pair.start()
        until(lambda: at_lock(second))
        held = asked.on_call

        def kill_at_40(number: int) -> None:
            held(number)
            if number == 40:
                first.kill()

        asked.on_call = kill_at_40  # type: ignore[assignment]
        pair.go_on()
        assert first.wait().code == -9
        ended = second.wait()
    assert ended.code == 0, ended.said
    assert len(set(asked.keys)) == N_ITEMS
    assert len(asked.keys) <= N_ITEMS + IN_DOUBT, "only what was not yet stored is asked twice"
    assert len(texts_of(tmp_path / "ws", STAGE)) == N_ITEMS


@pytest.mark.parametrize("dies", [False, True])
def test_other_results_of_the_same_requests(dies: bool, forks: ForkServer, tmp_path: Path) -> None:
    """The prefix is shared, the results differ, and the requests are the same."""
    with Asked(write_shop(tmp_path, N_ITEMS), tmp_path / "ws").listening() as asked:
        pair = Pair(asked, forks)
        first, second = pair.start(OTHER_GATE)
        locks = tmp_path / "ws" / "cache" / ".replies-asking"
        until(lambda: len(list(locks.iterdir())) == 2)
        if dies:
            first.kill()
        pair.go_on()
        ended = [child.wait() for child in (first, second)]
    assert [one.code for one in ended] == [-9 if dies else 0, 0], [one.said for one in ended]
    assert len(set(asked.keys)) == N_ITEMS
    assert len(asked.keys) <= N_ITEMS + (IN_DOUBT if dies else 0)
    rows = texts_of(tmp_path / "ws", STAGE)
    assert len(rows) == N_ITEMS * (1 if dies else 2)
    assert all(text == answer_to(key) for key, text in rows)
    assert len(list((tmp_path / "ws" / "artifacts" / "dataset").iterdir())) == 1


def test_both_make_the_workspace(forks: ForkServer, tmp_path: Path) -> None:
    with Asked(write_shop(tmp_path, N_ITEMS), tmp_path / "ws").listening() as asked:
        children = [forks.start(*asked.words(STAGE, *more)) for more in ((), (OTHER_GATE,))]
        ended = [child.wait() for child in children]
    assert [one.code for one in ended] == [0, 0], [one.said for one in ended]
    assert len(asked.keys) == len(set(asked.keys)) == N_ITEMS
    assert len(texts_of(tmp_path / "ws", STAGE)) == 2 * N_ITEMS
