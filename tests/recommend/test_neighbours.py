"""The cache of last neighbours: what a hit costs, what goes, what a refresh may not do."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, Event, get_ident
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import ConfigError
from recommend.serve.neighbours import LAST, Neighbours


class ByHand:
    """An executor whose work waits until a test runs it."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Future[Any], Callable[..., Any], tuple[Any, ...]]] = []

    def submit(self, work: Callable[..., Any], /, *given: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.waiting.append((future, work, given))
        return future

    def run(self) -> int:
        done, self.waiting = self.waiting, []
        for future, work, given_ in done:
            if future.set_running_or_notify_cancel():
                future.set_result(work(*given_))
        return len(done)


class Graph:
    """Neighbours of a node, and how often they were drawn."""

    def __init__(self, rows: dict[Hashable, list[int]] | None = None) -> None:
        self.rows, self.drawn = rows or {}, 0

    def __call__(self, node: Hashable) -> np.ndarray:
        self.drawn += 1
        return np.array(self.rows.get(node, [10 * hash(node)]))


def listed(neighbours: np.ndarray | None) -> list[int] | None:
    return None if neighbours is None else neighbours.tolist()


def test_a_hit_draws_nothing_and_a_miss_draws_beside() -> None:
    graph, beside = Graph({1: [5, 4, 3]}), ByHand()
    kept = Neighbours(graph, beside)
    assert kept.get(1) is None and graph.drawn == 0
    assert kept.get(1) is None and len(beside.waiting) == 1, "one refresh, however often it is read"
    assert beside.run() == 1 and graph.drawn == 1
    for _ in range(100):
        assert listed(kept.get(1)) == [5, 4, 3]
    assert graph.drawn == 1 and not beside.waiting
    assert (kept.counts.hits, kept.counts.misses, kept.counts.drawn) == (100, 2, 1)


def test_no_more_than_thirty_are_kept_the_latest_of_them_each_once() -> None:
    graph, beside = Graph({1: [*range(100, 0, -1)]}), ByHand()
    kept = Neighbours(graph, beside)
    kept.warm([1])
    assert LAST == 30 and listed(kept.get(1)) == [*range(100, 70, -1)]
    for one in (7, 8, 100, 7):
        kept.visit(1, one)
    assert listed(kept.get(1)) == [7, 100, 8, *range(99, 72, -1)]
    with pytest.raises(ValueError, match="read-only"):
        kept.get(1)[0] = 3  # type: ignore[index]


def test_the_least_recently_read_goes_first() -> None:
    kept = Neighbours(Graph(), ByHand(), entries=3)
    kept.warm([1, 2, 3])
    kept.get(1)
    kept.warm([4])
    assert kept.nodes == (3, 1, 4) and kept.counts.evicted == 1
    kept.get(3)
    kept.visit(1, 9)
    kept.warm([5])
    assert kept.nodes == (4, 3, 5), "a visit is no read"


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["get", "warm", "visit"]), st.integers(0, 6)), max_size=40
    ),
    entries=st.integers(1, 4),
    last=st.integers(1, 3),
)
def test_it_is_a_plain_list_of_the_latest(
    steps: list[tuple[str, int]], entries: int, last: int
) -> None:
    """Against a list of (node, neighbours), whose end was read last."""
    rows: dict[Hashable, list[int]] = {node: [*range(node, -1, -1)] for node in range(7)}
    beside = ByHand()
    kept = Neighbours(Graph(rows), beside, entries=entries, last=last)
    plain: list[tuple[int, list[int]]] = []
    for place, (what, node) in enumerate(steps):
        at = next((n for n, (there, _) in enumerate(plain) if there == node), None)
        if what == "get":
            assert listed(kept.get(node)) == (None if at is None else plain[at][1])
            if at is not None:
                plain.append(plain.pop(at))
            beside.waiting.clear()
            kept._pending.clear()
        elif what == "visit":
            kept.visit(node, 100 + place)
            if at is not None:
                plain[at] = (node, [100 + place, *plain[at][1]][:last])
        else:
            kept.warm([node])
            row = (node, rows[node][:last])
            plain = [*plain, row] if at is None else [*plain[:at], row, *plain[at + 1 :]]
            plain = plain[-entries:]
        assert kept.nodes == tuple(there for there, _ in plain)


def test_what_is_stale_stands_while_one_refresh_is_queued() -> None:
    graph, beside = Graph({1: [3]}), ByHand()
    kept = Neighbours(graph, beside)
    kept.warm([1])
    graph.rows[1] = [4, 3]
    assert listed(kept.get(1)) == [3] and not beside.waiting, "nobody said that it changed"
    kept.outdate()
    for _ in range(5):
        assert listed(kept.get(1)) == [3]
    assert len(beside.waiting) == 1 and graph.drawn == 1
    beside.run()
    assert listed(kept.get(1)) == [4, 3] and not beside.waiting


def test_a_visit_during_a_refresh_is_not_lost() -> None:
    graph, beside = Graph({1: [3]}), ByHand()

    def draw(node: Hashable) -> np.ndarray:
        row = graph(node)
        if graph.drawn == 2:
            kept.visit(node, 8)
            kept.visit(node, 9)
        return row

    kept = Neighbours(draw, beside, last=3)
    kept.warm([1])
    kept.outdate([1, 2])
    kept.get(1)
    graph.rows[1] = [4, 3]
    beside.run()
    assert listed(kept.get(1)) == [9, 8, 4], "put before what was drawn without knowing of them"
    assert len(beside.waiting) == 1, "and drawn once more"
    graph.rows[1] = [9, 8, 4, 3]
    beside.run()
    assert listed(kept.get(1)) == [9, 8, 4] and not beside.waiting


def test_a_refresh_that_fails_is_told_and_poisons_nothing() -> None:
    graph, beside = Graph({1: [3]}), ByHand()
    trouble = OSError("the shard is away")

    def draw(node: Hashable) -> np.ndarray:
        if broken:
            raise trouble
        return graph(node)

    kept, broken = Neighbours(draw, beside), False
    kept.warm([1])
    broken = True
    kept.outdate()
    assert listed(kept.get(1)) == [3] and kept.get(2) is None
    assert beside.run() == 2
    assert kept.failures == ((1, trouble), (2, trouble)) and kept.counts.failed == 2
    assert listed(kept.get(1)) == [3], "what was kept stands"
    assert kept.get(2) is None
    broken = False
    assert beside.run() == 2, "and the next reads have queued it again"
    assert listed(kept.get(1)) == [3] and listed(kept.get(2)) == [20]
    with pytest.raises(OSError, match="the shard is away"):
        broken = True
        kept.warm([3])


def test_only_so_many_refreshes_wait() -> None:
    beside = ByHand()
    kept = Neighbours(Graph(), beside, queue=2)
    for node in range(5):
        assert kept.get(node) is None
    assert len(beside.waiting) == 2 and kept.counts.dropped == 3
    beside.run()
    assert kept.get(4) is None and len(beside.waiting) == 1


def test_closed_it_queues_nothing_calls_off_what_waits_and_can_be_read() -> None:
    graph, beside = Graph(), ByHand()
    kept = Neighbours(graph, beside)
    kept.warm([1])
    kept.get(2)
    kept.close()
    assert beside.run() == 1 and graph.drawn == 1, "it was called off"
    kept.outdate()
    assert listed(kept.get(1)) == [10] and kept.get(3) is None and not beside.waiting
    kept.close()


def test_closing_waits_for_what_runs() -> None:
    begun, go = Event(), Event()

    def draw(node: Hashable) -> np.ndarray:
        begun.set()
        assert go.wait(5)
        return np.array([1])

    with ThreadPoolExecutor(1) as beside, ThreadPoolExecutor(1) as other:
        kept = Neighbours(draw, beside)
        kept.get("a")
        kept.get("b")
        assert begun.wait(5)
        closing = other.submit(kept.close)
        assert not closing.done()
        go.set()
        closing.result(5)
        assert kept.nodes == ("a",)


def test_an_executor_that_is_shut_down_is_a_failure_like_another() -> None:
    beside = ThreadPoolExecutor(1)
    beside.shutdown()
    kept = Neighbours(Graph(), beside)
    assert kept.get(1) is None and kept.get(1) is None
    assert kept.counts.failed == 2 and "shutdown" in str(kept.failures[0][1])


def test_many_threads_at_once_read_nothing_of_another_node() -> None:
    """Neighbours of node n are n, n + 1000, ...: an answer that is mixed up would show."""
    requests, readers = 2_000, 4
    threads: set[int] = set()
    ready = Barrier(readers)

    def draw(node: Any) -> np.ndarray:
        threads.add(get_ident())
        return np.arange(node, node + 50_000, 1_000)

    def read(seed: int) -> int:
        rng, found = np.random.default_rng(seed), 0
        ready.wait()
        for step, node in enumerate(rng.integers(0, 60, size=requests).tolist()):
            row = kept.get(node)
            if row is not None:
                found += 1
                assert len(row) == LAST and (row % 1_000 == node).all()
            if step % 7 == 0:
                kept.visit(node, node + 1_000 * int(rng.integers(50)))
            if step % 501 == 0:
                kept.outdate()
        return found

    with ThreadPoolExecutor(2) as beside, ThreadPoolExecutor(readers) as pool:
        kept = Neighbours(draw, beside, entries=40)
        found = sum(pool.map(read, range(readers)))
        kept.settle(5)
        kept.close()
        told = kept.counts
        assert told.hits == found and told.hits + told.misses == readers * requests
        assert told.entries == len(kept) <= 40 and told.failed == 0 and told.dropped == 0
        assert get_ident() not in threads and len(threads) <= 2, "readers draw nothing"
        assert not kept._pending and not kept._since


@pytest.mark.parametrize("bound", ["entries", "last", "queue"])
def test_bounds_are_at_least_one(bound: str) -> None:
    with pytest.raises(ConfigError, match=f"{bound} = 0"):
        Neighbours(Graph(), ByHand(), **{bound: 0})
