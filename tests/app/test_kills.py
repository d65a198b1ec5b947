"""A run that is killed again and again, at any moment: nothing is lost or asked twice."""

from __future__ import annotations

import random
from pathlib import Path
from threading import Event

from asking_fakes import IN_DOUBT, Asked, answer_to, texts_of, write_shop
from forked import Fault, ForkServer

BEFORE = (r"os.mkdir .*/cache$", r"open .*/\.replies\.sqlite\.lock", r"open .*/\.replies-asking/")
"""Where a run dies before it asked anything."""
WITHIN = (
    r"os.rename .*knowledge\.parquet",
    r"os.remove .*knowledge\.parquet",
    r"open .*knowledge\.json",
    r"os.rename .*knowledge\.json",
    r"shutil.rmtree .*scratch",
    r"open .*manifest\.json",
    r"os.rename .*manifest\.json",
    r"os.remove .*manifest\.json",
)
"""Where a run dies while it writes what was answered."""
AMONG = random.Random(5).choices(range(1, 11), k=50 - len(BEFORE) - len(WITHIN))
"""The calls of a run at which it dies while it asks."""
STAGE = "knowledge-item"


def test_killed_fifty_times_nothing_is_lost_or_asked_twice(
    forks: ForkServer, tmp_path: Path
) -> None:
    n_items = sum(AMONG)  # no run can answer more before it dies
    with Asked(write_shop(tmp_path, n_items), tmp_path / "ws").listening() as asked:
        words = asked.words(STAGE)
        for place in BEFORE:
            died = forks.run(*words, fault=Fault(place, 1, kill=True))
            assert died.code == -9, died.said
        assert not asked.keys
        stored: dict[str, str] = {}
        for at in AMONG:
            before = len(asked.keys)
            _die_at(asked, forks, words, before + at)
            assert not stored.keys() & set(asked.keys[before:]), "what was stored is asked again"
            assert stored.items() <= asked.stored().items(), "an answer was lost"
            stored = asked.stored()
        assert 50 < len(stored) < n_items
        for place in WITHIN:
            died = forks.run(*words, fault=Fault(f"{place.replace(' ', f' .*{STAGE}')}", 1, True))
            assert died.code == -9, died.said
        assert len(asked.keys) <= n_items + len(AMONG) * IN_DOUBT
        asked_before = len(asked.keys)
        last = forks.run(*words)
    assert last.code == 0, last.said
    assert len(asked.keys) == asked_before, "the last run had nothing to ask"
    rows = texts_of(tmp_path / "ws", STAGE)
    assert len(rows) == n_items
    assert all(text == answer_to(key) for key, text in rows)
    left = [path.name for path in (tmp_path / "ws").rglob("*.part")]
    left += [path.name for path in (tmp_path / "ws" / "cache" / ".replies-asking").iterdir()]
    assert not left, "what dead runs left half written is removed"


def _die_at(asked: Asked, forks: ForkServer, words: list[str], number: int) -> None:
    """A run that is killed when it makes the call of that number."""
    begun = Event()

    def die(calls: int) -> None:
        assert begun.wait(60)
        if calls == number:
            child.kill()

    asked.on_call = die  # type: ignore[assignment]
    child = forks.start(*words)
    begun.set()
    died = child.wait()
    asked.on_call = lambda _number: None
    assert died.code == -9, died.said
