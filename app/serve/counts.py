"""What a server counts of its work, for Prometheus to read at /metrics."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from app.serve.desk import Desk
from recommend.serve.kept import Kept

TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Of the answer."""
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
ASKS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Counts:
    """Requests, their seconds and asks, and which export answers.

    Args:
        endpoints: Those that are counted by name; all others are one.
        desk: Whose export answers.
    """

    def __init__(self, endpoints: tuple[str, ...], desk: Desk) -> None:
        self.registry = CollectorRegistry()
        requests = Counter(
            "autograph_requests",
            "Requests that were answered, by endpoint and status.",
            ("endpoint", "status"),
            registry=self.registry,
        )
        seconds = Histogram(
            "autograph_request_seconds",
            "Seconds from the first byte of a request to its answer.",
            ("endpoint",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self._requests = requests
        self._seconds = {name: seconds.labels(name) for name in (*endpoints, "other")}
        self._of: dict[tuple[str, int], Any] = {}
        self._flight = Gauge(
            "autograph_requests_in_flight",
            "Requests that are being answered.",
            registry=self.registry,
        )
        self._asks: Tally[int] = Tally()
        self.registry.register(_OfAsks(self._asks))
        self.registry.register(_OfDesk(desk))

    def begin(self, in_flight: int) -> None:
        """Keeps how many requests are being answered."""
        self._flight.set(in_flight)

    def answer(self, endpoint: str, status: int, seconds: float, in_flight: int) -> None:
        """Counts a request that was answered."""
        name = endpoint if endpoint in self._seconds else "other"
        counter = self._of.get((name, status))
        if counter is None:
            counter = self._of[name, status] = self._requests.labels(name, str(status))
        counter.inc()
        self._seconds[name].observe(seconds)
        self._flight.set(in_flight)

    def asks(self, n: int) -> None:
        """Counts the asks of one request."""
        self._asks[n] += 1

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)


class _OfAsks(Collector):
    """How many asks requests had, as a histogram made when it is read: to count is one addition."""

    def __init__(self, counted: Tally[int]) -> None:
        self._counted = counted

    def collect(self) -> Iterator[Metric]:
        """What was counted until this moment."""
        of = dict(self._counted)
        buckets = [
            (
                "+Inf" if most == float("inf") else str(float(most)),
                sum(times for n, times in of.items() if n <= most),
            )
            for most in (*ASKS, float("inf"))
        ]
        total = sum(n * times for n, times in of.items())
        yield HistogramMetricFamily(
            "autograph_asks", "Asks in one request for recommendations.", buckets, total
        )


class _OfDesk(Collector):
    """Which export answers, and how often a newer one came; read when it is asked for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def collect(self) -> Iterator[Metric]:
        """What is so at this moment."""
        opened = self._desk.opened
        info = GaugeMetricFamily(
            "autograph_export_info", "The export that answers: 1.", labels=("export", "form")
        )
        info.add_metric((opened.fingerprint, str(opened.export.card.get("form"))), 1)
        yield info
        yield GaugeMetricFamily(
            "autograph_export_since_seconds",
            "When it began to answer, in seconds since 1970.",
            opened.since,
        )
        swaps = CounterMetricFamily(
            "autograph_export_swaps",
            "Newer exports that took over, or were refused.",
            labels=("outcome",),
        )
        swaps.add_metric(("swapped",), self._desk.swaps)
        swaps.add_metric(("refused",), self._desk.refusals)
        yield swaps
        if opened.export.kept is not None:
            yield from _of_kept(opened.export.kept)


def _of_kept(kept: Kept) -> Iterator[Metric]:
    """What the cache of the export that answers has done; with a newer one all begins at 0."""
    counts = kept.kept.counts
    yield GaugeMetricFamily(
        "autograph_kept_nodes",
        "Users and queries whose neighbours of one type are kept for asks.",
        counts.entries,
    )
    for name, help, of in (
        ("reads", "Reads of kept neighbours, by whether there were some.", ("hits", "misses")),
        ("draws", "Draws of neighbours beside asks.", ("drawn", "failed", "dropped")),
        ("leaves", "Nodes that made room for others.", ("evicted",)),
    ):
        family = CounterMetricFamily(f"autograph_kept_{name}", help, labels=("outcome",))
        for outcome in of:
            family.add_metric((outcome,), getattr(counts, outcome))
        yield family
