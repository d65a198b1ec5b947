"""Samples of many seeds, batch by batch, some of them drawn ahead."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count, islice
from typing import Generic, TypeVar

import numpy as np

from data.errors import ConfigError, DataError
from data.seconds import Times, moments_of
from graph.sample.bars import Numbers
from graph.sample.sample import Sample
from graph.sample.sampler import Sampler

T = TypeVar("T")


class Loader(Generic[T]):
    """Every iteration is one epoch of batches; the next goes on with the next epoch.

    Batches depend on the seed, the epoch and their number alone: they are the same however many
    are drawn ahead. An error in drawing one ahead is raised where that batch would come. Whoever
    stops in between leaves nothing behind: what was begun is finished, the rest is not.

    Args:
        sampler: What draws.
        seeds: (n,) numbers; all that the query may start from by default.
        times: (n,) at which each stands, or one for all; seconds, or whatever `seconds_of` reads.
        batch: Seeds a batch; that of the query by default, or 128.
        shuffle: None takes them in their order, True in another one every epoch, False draws with
            replacement without end; that of the query by default.
        drop_last: Whether a last batch that is short is left out.
        seed: Of all chance.
        ahead: How many batches are drawn before they are asked for; 0 for none.
        threads: That draw them.
        values: What is made of each sample, on the same thread; the sample itself by default.
        exclude: Edges to predict of a batch, of the places of its seeds among all.

    Raises:
        ConfigError: a number is too small.
        DataError: there is not a time for each seed.

    Source: GLE, "Data loader": shuffle(traverse), batch and drop_last.

    >>> from data.relation import Relation
    >>> from graph import EdgeType, HeteroGraph, NodeType, Query, Schema
    >>> schema = Schema((NodeType("user"),), (EdgeType("user", "trusts", "user"),))
    >>> trusts = Relation.between(np.arange(5), np.arange(5)[::-1], 5, 5)
    >>> graph = HeteroGraph(schema, {"user": 5}, {("user", "trusts", "user"): trusts})
    >>> sampler = Sampler(graph, Query.parse("user:2 -trusts-> user:1", schema))
    >>> [sample.seeds.tolist() for sample in Loader(sampler)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        sampler: Sampler,
        seeds: np.ndarray | None = None,
        times: Times | None = None,
        *,
        batch: int | None = None,
        shuffle: bool | None = None,
        drop_last: bool = False,
        seed: int = 0,
        ahead: int = 2,
        threads: int = 1,
        values: Callable[[Sample], T] | None = None,
        exclude: Callable[[np.ndarray], Numbers] | None = None,
    ) -> None:
        start = sampler.query.start
        self.sampler = sampler
        self.seeds = sampler.seeds() if seeds is None else sampler.numbers(seeds)
        self.times = None if times is None else moments_of(times)
        if self.times is not None and len(self.times) not in (1, len(self.seeds)):
            raise DataError(
                f"There are {len(self.times)} times for {len(self.seeds)} seeds; give one each."
            )
        self.batch = batch or start.batch or 128
        self.shuffle = start.shuffle if shuffle is None else shuffle
        for name, value, least in (("batch", self.batch, 1), ("ahead", ahead, 0)):
            if value < least:
                raise ConfigError(f"{name} is {value}; choose at least {least}.")
        self.drop_last, self.seed, self.ahead = drop_last, seed, ahead
        self.threads, self.values, self.exclude = max(threads, 1), values, exclude
        self.epoch = 0

    def __len__(self) -> int:
        """Batches an epoch.

        Raises:
            TypeError: there is no end of them.
        """
        if self.shuffle is False:
            raise TypeError("seeds that are drawn with replacement have no last batch")
        n = len(self.seeds) / self.batch
        return math.floor(n) if self.drop_last else math.ceil(n)

    def __iter__(self) -> Iterator[T]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        batches = ((epoch, number, places) for number, places in self._batches(epoch))
        if not self.ahead:
            return (self._make(*one) for one in batches)
        return self._draw_ahead(batches)

    def _batches(self, epoch: int) -> Iterator[tuple[int, np.ndarray]]:
        """Number of each batch, and the places of its seeds."""
        n = len(self.seeds)
        if self.shuffle is False:
            for number in count() if n else ():
                yield number, self._rng(epoch, number, 1).integers(0, n, self.batch)
            return
        order = self._rng(epoch).permutation(n) if self.shuffle else np.arange(n)
        for number in range(len(self)):
            yield number, order[number * self.batch : (number + 1) * self.batch]

    def _rng(self, *of: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *of])

    def _make(self, epoch: int, number: int, places: np.ndarray) -> T:
        times = self.times
        if times is not None and len(times) > 1:
            times = times[places]
        sample = self.sampler.sample(
            self.seeds[places],
            times,
            self._rng(epoch, number, 0),
            None if self.exclude is None else self.exclude(places),
        )
        return sample if self.values is None else self.values(sample)  # type: ignore[return-value]

    def _draw_ahead(self, batches: Iterator[tuple[int, int, np.ndarray]]) -> Iterator[T]:
        with ThreadPoolExecutor(self.threads, "sample") as pool:
            waiting = deque(pool.submit(self._make, *one) for one in islice(batches, self.ahead))
            try:
                while waiting:
                    made = waiting.popleft().result()
                    waiting.extend(pool.submit(self._make, *one) for one in islice(batches, 1))
                    yield made
            finally:
                for one in waiting:
                    one.cancel()
