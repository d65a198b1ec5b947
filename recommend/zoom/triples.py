"""The task of ZOOMER on tags: did this user give this movie that tag?

A triple is a user, a query (here a tag) and an item that were seen together. A fifth of the pairs
of a user and an item are the test, a tenth of the others validation; everything is chosen by
validation, and the test is looked at once. Source: ZOOMER, section VII-A, "a triple pair of user,
tag, movie … 80 % of the dataset as the training set and 20 % as the test set".

What would give the answer away, and what is done about it:

1. A user often gives one movie several tags. Whoever has one of these triples in training knows
   that the user had the movie, so pairs of a user and an item are drawn, with all their triples.
2. `Task.world` holds training alone: the log, the interactions and so every edge, count and feature
   made of it. Validation and test are no edges, when the test is judged neither. The division is
   at random, so times only put things in order.
3. In training the triple that is asked about is an edge of the graph itself. Who reads neighbours
   has to leave the item out of the user's, and out of the query's unless somebody else led there;
   contenders are told which item it is, and see what the test would show them. So it is with the
   tags that the user gave this item and no other: in training they would stand among the user's.
4. Negatives share user and query with their positive, so a query cannot tell them apart. Of all
   kinds they are items that the user gave no tag at all, anywhere: no pair of the test has an edge
   from user to item, and with items that the user had otherwise "has an edge" would mean "no". In
   training they are drawn by training alone.
5. A triple of the test adds nothing to the count of its query and item, while an item that others
   gave the tag has a count of one at least: among "items that others tagged so" every unseen
   positive would be betrayed by its 0. In this kind, only positives whose query and item stand
   together in training (by somebody else, because of 1) are asked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import polars as pl

from data.columns import ITEM, TIME, USER, WEIGHT
from data.dataset import INTERACTION_SCHEMA, Dataset, histories
from data.errors import DataError
from data.log import QUERY
from data.relation import Relation
from recommend.protocols import World
from recommend.settings import TrainConfig
from recommend.sources import Sources

COLUMNS = (USER, QUERY, ITEM)
TEST_SHARE, VALID_SHARE = 0.2, 0.1
"""Of all pairs of user and item; of those that are not of the test."""
KINDS = ("movie", "popular", "tag")
"""Negatives: any item alike; an item as often as it is had; an item that others took for it."""
ROUNDS = 200
"""How often a negative is drawn again that turned out to be none."""


@dataclass(frozen=True, slots=True)
class Triples:
    """Users, queries and items that were seen together, each combination once.

    Attributes:
        users: (n,) int64 numbers; `queries` and `items` likewise.
    """

    users: np.ndarray
    queries: np.ndarray
    items: np.ndarray

    def __len__(self) -> int:
        return len(self.users)

    def only(self, kept: np.ndarray) -> Triples:
        """Some of them, by a mask or by their places."""
        return Triples(self.users[kept], self.queries[kept], self.items[kept])


@dataclass(frozen=True)
class Task:
    """Triples to learn from, to choose by and to judge.

    Attributes:
        dataset: Users and items; its log and interactions are those of training alone.
        train: What is learnt from.
        valid: By what everything is chosen.
        test: By what it is judged, once.
    """

    dataset: Dataset
    train: Triples
    valid: Triples
    test: Triples

    @classmethod
    def of(cls, dataset: Dataset, seed: int = 0) -> Task:
        """The triples of a log, divided at random; the same for a seed.

        Raises:
            DataError: there is no log, or too little of it.
        """
        log = dataset.log
        if log is None:
            raise DataError(
                f"{dataset.name} has no log of who asked for what. Take data that have tags, such "
                "as movielens-10m."
            )
        rows = log.rows.with_row_index("row").unique([USER, QUERY, ITEM], keep="first")
        rows = rows.sort("row")
        users, items = (rows[name].to_numpy().astype(np.int64) for name in (USER, ITEM))
        pairs, pair = np.unique(users * dataset.n_items + items, return_inverse=True)
        if len(pairs) < 10:
            raise DataError(
                f"{dataset.name} has {len(pairs)} pairs of a user and an item in its log; they "
                "are divided into training, validation and test, which takes 10 at least."
            )
        order = np.random.default_rng(seed).permutation(len(pairs))
        n_test = round(TEST_SHARE * len(pairs))
        n_valid = max(1, round(VALID_SHARE * (len(pairs) - n_test)))
        part_of_pair = np.zeros(len(pairs), dtype=np.int64)
        part_of_pair[order[:n_test]] = 2
        part_of_pair[order[n_test : n_test + n_valid]] = 1
        part = part_of_pair[pair]
        every = Triples(users, rows[QUERY].to_numpy().astype(np.int64), items)
        train = rows.filter(pl.Series(part == 0))
        known = log.rows.join(train.select(COLUMNS), on=COLUMNS, how="semi", maintain_order="left")
        # Who comes first stays told, but no moment: nothing is out of sight for being later.
        steps = known.with_columns(pl.col(TIME).rank("dense").cast(pl.Int64))
        interactions = (
            steps.group_by(USER, ITEM)
            .agg(pl.col(TIME).max(), pl.len().cast(pl.Float32).alias(WEIGHT))
            .sort(USER, TIME, ITEM)
            .select(pl.col(name).cast(kind) for name, kind in INTERACTION_SCHEMA.items())
        )
        visible = replace(
            dataset, interactions=interactions, events=None, log=replace(log, rows=steps)
        )
        return cls(visible, *(every.only(part == number) for number in range(3)))

    @property
    def n_users(self) -> int:
        """Number of users, known in training or not."""
        return self.dataset.n_users

    @property
    def n_queries(self) -> int:
        """Number of queries, known in training or not."""
        assert self.dataset.log is not None
        return self.dataset.log.n_queries

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return self.dataset.n_items

    def world(self, settings: TrainConfig | None = None) -> World:
        """What a recommender may be fitted on: training alone."""
        past = histories(self.dataset.interactions, self.n_users)
        sources = Sources(histories=past)
        return World(self.dataset, past, sources, settings or TrainConfig())

    @cached_property
    def had(self) -> Relation:
        """From users to their items in training, each once."""
        return _once(self.train.users, self.train.items, self.n_users, self.n_items)

    @cached_property
    def led_to(self) -> Relation:
        """From queries to their items in training, each once; weights: how many users took them."""
        return _once(self.train.queries, self.train.items, self.n_queries, self.n_items)

    @cached_property
    def asked(self) -> Relation:
        """From users to their queries in training, each once; weights: for how many items."""
        return _once(self.train.users, self.train.queries, self.n_users, self.n_queries)

    @cached_property
    def popularity(self) -> np.ndarray:
        """(n_items,) int64 triples of training."""
        return np.bincount(self.train.items, minlength=self.n_items)

    def known(self, of: Triples) -> Mapping[str, np.ndarray]:
        """(n,) bool by "user", "query" and "item": whether training has it."""
        return {
            "user": self.had.degrees[of.users] > 0,
            "query": self.led_to.degrees[of.queries] > 0,
            "item": self.popularity[of.items] > 0,
        }

    def negatives(self, of: Triples, kind: str, seed: int, anywhere: bool = True) -> np.ndarray:
        """(n,) int64 an item that each user did not tag, for a triple each; -1 where there is none.

        Args:
            of: Whose user and query the negatives have.
            kind: One of `KINDS`.
            seed: Draws them.
            anywhere: Whether what the user had in validation and test is left out too; in training
                it is not known, and draws are others than those of the same seed anywhere.
        """
        if kind not in KINDS:
            raise ValueError(f"there is no kind {kind!r}; there are {', '.join(KINDS)}")
        rng = np.random.default_rng([seed, KINDS.index(kind), *([] if anywhere else [1])])
        taken, found = self._taken if anywhere else self._had_codes, np.full(len(of), -1)
        open_ = np.arange(len(of))
        if kind == "tag":
            open_ = open_[self.together(of)]
        for _ in range(ROUNDS):
            drawn = self._draw(of.only(open_), kind, rng)
            good = ~_in(of.users[open_] * self.n_items + drawn, taken)
            found[open_[good]] = drawn[good]
            open_ = open_[~good]
            if not len(open_):
                break
        return found

    def together(self, of: Triples) -> np.ndarray:
        """(n,) bool: whether somebody took the item for the query in training."""
        codes = np.sort(self.led_to.sources.astype(np.int64) * self.n_items + self.led_to.targets)
        return _in(of.queries * self.n_items + of.items, codes)

    def _draw(self, of: Triples, kind: str, rng: np.random.Generator) -> np.ndarray:
        if kind == "movie":
            return rng.integers(self.n_items, size=len(of))
        if kind == "popular":
            return self.train.items[rng.integers(len(self.train), size=len(of))]
        low, many = self.led_to.offsets[of.queries], self.led_to.degrees[of.queries]
        drawn = self.led_to.targets[low + (rng.random(len(of)) * many).astype(np.int64)]
        return np.asarray(drawn, dtype=np.int64)

    @cached_property
    def _had_codes(self) -> np.ndarray:
        return np.unique(self.train.users * self.n_items + self.train.items)

    @cached_property
    def _taken(self) -> np.ndarray:
        parts = (self.train, self.valid, self.test)
        return np.unique(np.concatenate([one.users * self.n_items + one.items for one in parts]))


def _in(codes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(n,) bool: whether each is among sorted ones."""
    if not len(known):
        return np.zeros(len(codes), dtype=bool)
    at = np.searchsorted(known, codes).clip(max=len(known) - 1)
    return np.asarray(known[at] == codes)


def _once(sources: np.ndarray, targets: np.ndarray, n: int, n_targets: int) -> Relation:
    """Edges, each once, with how often it was there as its weight."""
    codes, counts = np.unique(sources * n_targets + targets, return_counts=True)
    ends = codes // n_targets, codes % n_targets
    return Relation.between(*ends, n, n_targets, weights=counts.astype(np.float32))
