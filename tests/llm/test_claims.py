"""Several runs on one cache at once: no request is asked by two of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import pytest
from llm_fakes import QueueBackend, request

from data.errors import BackendError
from llm.cache import ResponseCache
from llm.claims import Claims
from llm.knowledge import Knowledge, describe
from llm.protocol import Reply, request_key
from prompts.requests import Request

KEYS = QueueBackend([])


class Teller:
    """Answers each request with its own words, when it may."""

    model, leaking = "fake", False

    def __init__(self, may: Callable[[int], None] = lambda _n: None) -> None:
        self.asked: list[str] = []
        self._may = may

    def content(self, asked: Request) -> Mapping[str, Any]:
        return {"messages": list(asked.messages)}

    def generate(self, requests: Iterable[Request]) -> Iterator[Reply]:
        for asked in requests:
            self.asked.append(asked.entity)
            self._may(len(self.asked))
            yield Reply(asked, f"text of {asked.entity}")


def described(path: Path, backend: Any, n: int) -> Knowledge:
    with closing(ResponseCache(path)) as cache:
        return describe((request(str(k)) for k in range(n)), backend, cache)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llm.asking._POLL_S", 0.005)


def test_two_runs_share_the_work(tmp_path: Path) -> None:
    n, path, both = 1_000, tmp_path / "replies.sqlite", Barrier(2, timeout=60)

    def may(count: int) -> None:
        if count in (1, 2):  # the other has drawn requests, too
            both.wait()

    tellers = Teller(may), Teller(may)
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(described, path, teller, n) for teller in tellers]
        one, other = (run.result(timeout=120) for run in running)
    asked = [entity for teller in tellers for entity in teller.asked]
    assert sorted(asked) == sorted(map(str, range(n))), "each is asked once, by one of them"
    assert all(teller.asked for teller in tellers)
    assert one.texts == other.texts == [f"text of {k}" for k in range(n)]


def test_what_another_run_gives_up_is_asked_here(tmp_path: Path) -> None:
    path, half_way, waits = tmp_path / "replies.sqlite", Event(), Event()

    def gives_up(count: int) -> None:
        if count == 10:
            half_way.set()
            assert waits.wait(60)
            raise BackendError("the endpoint is gone")

    def heard(done: int, _total: int, _what: str) -> None:
        waits.set()  # told while it waits: it has asked nobody yet

    first, second = Teller(gives_up), Teller()
    with ThreadPoolExecutor(1) as pool, closing(ResponseCache(path)) as cache:
        running = pool.submit(described, path, first, 30)
        assert half_way.wait(60)
        known = describe([request(str(k)) for k in range(30)], second, cache, heard)
        with pytest.raises(BackendError):
            running.result(timeout=60)
    assert known.texts == [f"text of {k}" for k in range(30)]
    assert second.asked == [str(k) for k in range(9, 30)], "only the tenth was in flight"


def test_a_failure_elsewhere_is_tried_here(tmp_path: Path) -> None:
    path, waits = tmp_path / "replies.sqlite", Event()

    class Fails(Teller):
        def generate(self, requests: Iterable[Request]) -> Iterator[Reply]:
            for asked in requests:
                assert waits.wait(60)
                yield Reply(asked, None, finish_reason="error", error="The server said 500.")

    first, second = Fails(), Teller()
    with ThreadPoolExecutor(1) as pool, closing(ResponseCache(path)) as cache:
        running = pool.submit(described, path, first, 3)
        while not cache._store._find("SELECT key FROM asking", []):
            pass
        known = describe([request(str(k)) for k in range(3)], second, cache, lambda *_: waits.set())
        assert running.result(timeout=60).failures.height in (0, 3)
    assert known.texts == [f"text of {k}" for k in range(3)]


def test_claims_of_the_dead_count_for_nothing(tmp_path: Path) -> None:
    keys = [request_key(KEYS, request(str(k))) for k in range(5)]
    with closing(ResponseCache(tmp_path / "replies.sqlite")) as cache:
        dead, alive = Claims(cache._store), Claims(cache._store)
        assert dead.take(keys[:3]) == set(keys[:3])
        assert alive.take(keys) == set(keys[3:])
        dead._lock.close()  # as the system does it for a process that is killed
        assert alive.take(keys) == set(keys)
        alive.end()
        assert not cache._store._find("SELECT * FROM asking", [])
        assert not list((tmp_path / ".replies-asking").iterdir())


def test_a_claim_holds_until_it_is_dropped(tmp_path: Path) -> None:
    with closing(ResponseCache(tmp_path / "replies.sqlite")) as cache:
        one, other = Claims(cache._store), Claims(cache._store)
        assert one.take(["a", "b"]) == {"a", "b"}
        assert one.take(["a", "b", "c"]) == {"a", "b", "c"}, "its own may be taken again"
        assert other.take(["a", "b", "c", "d"]) == {"d"}
        one.drop(["a"])
        one.take(["e"])
        assert other.take(["a", "b", "e"]) == {"a"}
        one.clear()
        assert other.take(["b", "c", "e"]) == {"b", "c", "e"}
        one.end()
        other.end()


def test_an_answer_that_comes_between_look_and_claim_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run answers all and ends after this one looked, and before it claims."""
    path, other = tmp_path / "replies.sqlite", Teller()
    with closing(ResponseCache(path)) as cache:
        answers, looked = cache.answers, []

        def looks(keys: Collection[str]) -> Iterator[tuple[Any, ...]]:
            found = list(answers(keys))
            if not looked:
                looked.append(True)
                described(path, other, 20)
            return iter(found)

        monkeypatch.setattr(cache, "answers", looks)
        mine = Teller()
        known = describe([request(str(k)) for k in range(20)], mine, cache)
    assert len(other.asked) == 20 and mine.asked == []
    assert known.failures.height == 0
