"""What a data set is like, in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data.columns import ITEM, USER
from data.dataset import Dataset, histories
from data.domains import Domains
from data.log import Log
from data.preprocess import OF_SHORT_HISTORIES, REPEATED
from data.split import Split

QUANTILES = {"min": 0.0, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "max": 1.0}


@dataclass(frozen=True, slots=True)
class DomainSize:
    """How much there is of a domain.

    Attributes:
        name: Of the domain.
        items: Its items.
        users: Users with an interaction in it.
        interactions: With its items.
    """

    name: str
    items: int
    users: int
    interactions: int


@dataclass(frozen=True, slots=True)
class LogSize:
    """How much a log says.

    Attributes:
        asks: In it.
        queries: Different ones.
        users: Who asked.
        items: Different ones that were taken.
        taken: Items taken, once an ask.
    """

    asks: int
    queries: int
    users: int
    items: int
    taken: int

    def __str__(self) -> str:
        return (
            f"asks {self.asks:,}, queries {self.queries:,}, users who asked {self.users:,}, "
            f"items that were taken {self.items:,}, times taken {self.taken:,}"
        )


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts and shapes of a data set and its split.

    Attributes:
        users: Number of users.
        items: Number of items, the catalogue that is ranked.
        interactions: Number of interactions.
        density: Interactions over users times items.
        history: Interactions a user, by quantile.
        popularity: Training interactions an item, by quantile.
        gini: Of the items' training interactions: 0 all alike, near 1 a few have all.
        head: Share of training interactions that falls on the most popular tenth of items.
        cold_items: Items without a training interaction.
        cold_targets: Share of test items that are cold.
        parts: Interactions in train, valid and test.
        repeats: Share of interactions with an item that the user had before.
        repeats_of_source: That share in the source, where an item counts once a user; None where it
            is not known.
        domains: One each, where there are several.
        several: Users with interactions in more than one of them.
        log: What users asked for; None where nobody knows.
    """

    users: int
    items: int
    interactions: int
    density: float
    history: Mapping[str, float]
    popularity: Mapping[str, float]
    gini: float
    head: float
    cold_items: int
    cold_targets: float
    parts: Mapping[str, int]
    repeats: float
    repeats_of_source: float | None = None
    domains: tuple[DomainSize, ...] = ()
    several: int = 0
    log: LogSize | None = None

    def rows(self) -> list[tuple[str, str]]:
        """Label and value of each number, for people."""
        history, popularity = (
            ", ".join(f"{name} {value:g}" for name, value in quantiles.items())
            for quantiles in (self.history, self.popularity)
        )
        return [
            ("users", f"{self.users:,}"),
            ("items", f"{self.items:,}"),
            ("interactions", f"{self.interactions:,}"),
            ("density", f"{self.density:.3%}"),
            ("interactions a user", history),
            ("training interactions an item", popularity),
            ("popularity, Gini", f"{self.gini:.2f}"),
            ("training interactions on the top tenth of items", f"{self.head:.0%}"),
            ("items without a training interaction", f"{self.cold_items:,}"),
            ("test items without a training interaction", f"{self.cold_targets:.1%}"),
            ("split", ", ".join(f"{part} {n:,}" for part, n in self.parts.items())),
            ("interactions with an item that the user had before", self.repeats_in_words),
            *(
                (
                    f"domain {one.name}",
                    f"{one.items:,} items, {one.users:,} users, {one.interactions:,} interactions",
                )
                for one in self.domains
            ),
            *([("users in several domains", self.several_in_words)] if self.domains else []),
            *([("log", str(self.log))] if self.log else []),
        ]

    @property
    def several_in_words(self) -> str:
        """How many users domains share, and what share of all that is."""
        return f"{self.several:,} of {self.users:,} ({self.several / self.users:.0%})"

    @property
    def repeats_in_words(self) -> str:
        """The share of repeats, and that in the source where another."""
        kept = f"{self.repeats:.2%}"
        there = self.repeats_of_source
        if there is None or there == self.repeats:
            return kept
        return f"{kept}; in the source {there:.2%}, where the first of them counts"


def measure(
    dataset: Dataset, split: Split, left_out: Mapping[str, int] | None = None
) -> Statistics:
    """The statistics of a data set and its split.

    Args:
        dataset: What is measured.
        split: Its split.
        left_out: Counts of what was read and not kept, as `preprocess` gives them.
    """
    lengths = histories(dataset.interactions, dataset.n_users).lengths
    seen = split.training(dataset)[ITEM].to_numpy()
    popularity = np.bincount(seen, minlength=dataset.n_items)
    targets = split.targets(dataset, "test")
    sizes, several = _domains(dataset)
    return Statistics(
        users=dataset.n_users,
        items=dataset.n_items,
        interactions=dataset.interactions.height,
        density=dataset.interactions.height / (dataset.n_users * dataset.n_items),
        history=_quantiles(lengths),
        popularity=_quantiles(popularity),
        gini=gini(popularity),
        head=_head(popularity),
        cold_items=int((popularity == 0).sum()),
        cold_targets=float((popularity[targets] == 0).mean()),
        parts={"train": len(split.train), "valid": len(split.valid), "test": len(split.test)},
        repeats=share_of_repeats(dataset),
        repeats_of_source=None if left_out is None else _repeats_read(dataset, left_out),
        domains=sizes,
        several=several,
        log=None if dataset.log is None else _log(dataset.log),
    )


def _log(log: Log) -> LogSize:
    users, items = (log.rows[column].n_unique() for column in (USER, ITEM))
    return LogSize(log.n_asks, log.n_queries, users, items, log.rows.height)


def _domains(dataset: Dataset) -> tuple[tuple[DomainSize, ...], int]:
    """The sizes of domains, where there are several, and how many users are in more than one."""
    domains = Domains.of(dataset)
    if len(domains) == 1:
        return (), 0
    counts = np.zeros((dataset.n_users, len(domains)), dtype=np.int64)
    users, items = (dataset.interactions[column].to_numpy() for column in (USER, ITEM))
    np.add.at(counts, (users, domains.of_item[items]), 1)
    sizes = tuple(
        DomainSize(name, int((domains.of_item == at).sum()), int((mine > 0).sum()), int(mine.sum()))
        for at, (name, mine) in enumerate(zip(domains.names, counts.T, strict=True))
    )
    return sizes, int(((counts > 0).sum(1) > 1).sum())


def share_of_repeats(dataset: Dataset) -> float:
    """Share of interactions with an item that the same user had before."""
    pairs = dataset.interactions.select(USER, ITEM)
    return 1 - pairs.unique().height / pairs.height


def _repeats_read(dataset: Dataset, left_out: Mapping[str, int]) -> float:
    """Share of repeats among the positive interactions that were read."""
    repeated = left_out.get(REPEATED, 0)
    once = dataset.interactions.height + left_out.get(OF_SHORT_HISTORIES, 0)
    return repeated / (once + repeated)


def gini(counts: np.ndarray) -> float:
    """Gini coefficient of (n,) counts that are not all zero.

    The mean absolute difference of two counts over twice the mean count.

    >>> gini(np.array([1, 1, 1])), gini(np.array([0, 0, 0, 4]))
    (0.0, 0.75)
    """
    ranked = np.sort(counts).astype(np.float64)
    n = len(ranked)
    weights = 2 * np.arange(1, n + 1) - n - 1
    return float((weights @ ranked) / (n * ranked.sum()))


def _head(counts: np.ndarray) -> float:
    top = np.sort(counts)[::-1][: max(1, round(len(counts) / 10))]
    return float(top.sum() / counts.sum())


def _quantiles(values: np.ndarray) -> dict[str, float]:
    return {name: float(np.quantile(values, q)) for name, q in QUANTILES.items()}
