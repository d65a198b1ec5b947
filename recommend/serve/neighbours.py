"""The last neighbours of every node that is asked about, kept so that an answer draws none.

A request reads what is kept and never waits for the graph: what is not there, or has changed since,
is drawn beside the request path by an executor, and the next request finds it. Until then the kept
neighbours stand. Drawing neighbours and adding up what they say are thereby apart.

Source: ZOOMER, section VII-E: "caches for dynamically storing k last visited neighbors for each
user and query nodes", k = 30, whose "updating is fully asynchronous from users' timely requests".
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from threading import Lock
from typing import Any, Protocol

import numpy as np

from data.errors import ConfigError

LAST = 30
"""Neighbours of a node that are kept: ZOOMER's k."""
_KEPT_FAILURES = 20

Draw = Callable[[Hashable], np.ndarray]
"""(n,) numbers of the neighbours of a node as the graph has them, the latest first."""


class Executor(Protocol):
    """Whatever runs work beside the request path, such as one of `concurrent.futures`."""

    def submit(self, work: Callable[..., Any], /, *given: Any) -> Future[Any]:
        """The work's future."""
        ...


@dataclass(frozen=True, slots=True)
class Counts:
    """What a cache has done.

    Attributes:
        entries: Nodes whose neighbours are kept.
        hits: Reads that found some.
        misses: Reads that did not.
        drawn: Refreshes that succeeded.
        failed: Refreshes that raised.
        dropped: Refreshes that were not queued, since `queue` of them waited.
        evicted: Nodes that made room for others.
    """

    entries: int
    hits: int
    misses: int
    drawn: int
    failed: int
    dropped: int
    evicted: int


@dataclass(slots=True)
class _Entry:
    neighbours: np.ndarray
    stale: bool = False


class Neighbours:
    """The last neighbours of nodes, least recently read first to go.

    Any thread may call anything at any time.

    Args:
        draw: Asks the graph; it runs in the executor, and in `warm`.
        executor: Runs refreshes. Whoever gave it shuts it down, after `close`.
        entries: Most nodes that are kept.
        last: Most neighbours a node, k.
        queue: Most refreshes that wait or run at a time.

    Raises:
        ConfigError: a bound is less than 1.

    >>> from concurrent.futures import ThreadPoolExecutor
    >>> beside = ThreadPoolExecutor(1)
    >>> kept = Neighbours(lambda node: np.array([7, 8, 9]), beside, entries=100, last=2)
    >>> kept.get(("user", 1)) is None
    True
    >>> kept.settle()
    >>> kept.get(("user", 1)).tolist()
    [7, 8]
    >>> kept.visit(("user", 1), 5)
    >>> kept.get(("user", 1)).tolist()
    [5, 7]
    >>> kept.close()
    >>> beside.shutdown()
    """

    def __init__(
        self,
        draw: Draw,
        executor: Executor,
        *,
        entries: int = 100_000,
        last: int = LAST,
        queue: int = 1_000,
    ) -> None:
        if min(entries, last, queue) < 1:
            raise ConfigError(
                f"A cache of neighbours has entries = {entries}, last = {last} and queue = "
                f"{queue}; each has to be 1 or more."
            )
        self._draw, self._executor = draw, executor
        self._most, self._last, self._queue = entries, last, queue
        self._kept: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._pending: dict[Hashable, Future[None] | None] = {}
        self._since: dict[Hashable, list[int]] = {}
        self._failures: deque[tuple[Hashable, Exception]] = deque(maxlen=_KEPT_FAILURES)
        self._lock, self._closed = Lock(), False
        self._hits = self._misses = self._drawn = self._failed = self._dropped = self._evicted = 0

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def entries(self) -> int:
        """Most nodes that are kept."""
        return self._most

    def __contains__(self, node: Hashable) -> bool:
        return node in self._kept

    @property
    def nodes(self) -> tuple[Hashable, ...]:
        """Whose neighbours are kept, the least recently read first."""
        with self._lock:
            return tuple(self._kept)

    @property
    def counts(self) -> Counts:
        """What has been done so far."""
        with self._lock:
            return Counts(
                len(self._kept),
                self._hits,
                self._misses,
                self._drawn,
                self._failed,
                self._dropped,
                self._evicted,
            )

    @property
    def failures(self) -> tuple[tuple[Hashable, Exception], ...]:
        """Nodes whose refreshes raised, and what: the last 20, the latest last."""
        with self._lock:
            return tuple(self._failures)

    def get(self, node: Hashable) -> np.ndarray | None:
        """(≤ k,) neighbours that are kept, the latest first; None where none are.

        The graph is never asked here. If nothing is kept, or it is stale, one refresh is queued,
        however often it is read meanwhile. The array cannot be written to.
        """
        with self._lock:
            entry = self._kept.get(node)
            if entry is None:
                self._misses += 1
            else:
                self._hits += 1
                self._kept.move_to_end(node)
            wanted = entry is None or entry.stale
            queued = wanted and self._begin(node)
        if queued:
            self._submit(node)
        return None if entry is None else entry.neighbours

    def visit(self, node: Hashable, neighbour: int) -> None:
        """A node has a neighbour more, which stands first from here on.

        What is kept is stale then: the next read queues a refresh. Nothing happens to a node of
        which nothing is kept.
        """
        with self._lock:
            if node in self._since:
                self._since[node].insert(0, neighbour)
            entry = self._kept.get(node)
            if entry is not None:
                entry.neighbours = self._cut([neighbour], entry.neighbours)
                entry.stale = True

    def outdate(self, nodes: Iterable[Hashable] | None = None) -> None:
        """What is kept of some nodes is stale: all of them unless given."""
        with self._lock:
            for node in self._kept if nodes is None else nodes:
                if node in self._kept:
                    self._kept[node].stale = True

    def warm(self, nodes: Iterable[Hashable]) -> None:
        """Neighbours of nodes are drawn here, in the thread that calls, as before a first request.

        Raises:
            Exception: of drawing, as it is.
        """
        for node in nodes:
            drawn = self._draw(node)
            with self._lock:
                self._put(node, self._cut((), drawn), stale=False)

    def settle(self, seconds: float | None = None) -> None:
        """Waits until no refresh is queued, or for so many seconds."""
        with self._lock:
            waiting = [future for future in self._pending.values() if future is not None]
        wait(waiting, timeout=seconds)

    def close(self) -> None:
        """Nothing is queued any more; what waits is called off, what runs is waited for.

        What is kept can still be read.
        """
        with self._lock:
            self._closed = True
            waiting = [
                (node, future) for node, future in self._pending.items() if future is not None
            ]
        for node, future in waiting:
            if future.cancel():
                with self._lock:
                    self._end(node)
        wait([future for _, future in waiting if not future.cancelled()])

    def _begin(self, node: Hashable) -> bool:
        """Whether a refresh of the node is to be submitted; the lock is held."""
        if self._closed or node in self._pending:
            return False
        if len(self._pending) >= self._queue:
            self._dropped += 1
            return False
        self._pending[node] = None
        return True

    def _end(self, node: Hashable) -> list[int]:
        """Visits since a refresh of the node began, which is over; the lock is held."""
        self._pending.pop(node, None)
        return self._since.pop(node, [])

    def _submit(self, node: Hashable) -> None:
        try:
            future = self._executor.submit(self._refresh, node)
        except RuntimeError as error:  # an executor that was shut down
            with self._lock:
                self._end(node)
                self._fail(node, error)
            return
        with self._lock:
            if node in self._pending:
                self._pending[node] = future
            if self._closed and future.cancel():
                self._end(node)

    def _refresh(self, node: Hashable) -> None:
        with self._lock:
            self._since[node] = []
        try:
            drawn = self._cut((), self._draw(node))
        except Exception as error:  # whatever it is, it must not reach a request
            with self._lock:
                self._end(node)
                self._fail(node, error)
            return
        with self._lock:
            since = self._end(node)
            self._drawn += 1
            self._put(node, self._cut(since, drawn), stale=bool(since))

    def _fail(self, node: Hashable, error: Exception) -> None:
        self._failed += 1
        self._failures.append((node, error))

    def _put(self, node: Hashable, neighbours: np.ndarray, stale: bool) -> None:
        """Keeps neighbours; a node that was kept stays in its place of the line."""
        self._kept[node] = _Entry(neighbours, stale)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
            self._evicted += 1

    def _cut(self, first: Iterable[int], then: np.ndarray) -> np.ndarray:
        """The first k of both, each once, as an array that cannot be written to."""
        row = dict.fromkeys([*first, *np.asarray(then).tolist()])
        cut = np.array(list(row)[: self._last], dtype=np.int64)
        cut.flags.writeable = False
        return cut
