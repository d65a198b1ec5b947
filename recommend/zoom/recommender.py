"""ZOOMER: who asks, for what, and what of the graph matters to both.

A vector of user and query, made of the neighbours of both that are relevant to them, is compared
with vectors of items that depend on neither and can be in an index. A list that nobody asked for in
words is asked for by what the latest item means: never by the item that is to be predicted.

In training each interaction is seen from the moment before it: the user's own items before it, and
of others what was before it where times are dates; where they are not, the item itself is met on
no edge that interactions have made.

Source: Jiang et al., ZOOMER: boosting retrieval on web-scale graphs by regions of interest, ICDE
2022, https://arxiv.org/abs/2203.12596. Where the formulas leave something open, what is ours is
said where it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from data.dataset import Histories
from recommend.protocols import Asked, Products, Region, World
from recommend.settings import ModelConfig
from recommend.zoom.losses import one_of, yes_or_no
from recommend.zoom.network import ZoomerNetwork, kept
from recommend.zoom.past import Past, own_settings
from recommend.zoom.picture import coupling, picture
from recommend.zoom.roi import Asks, Roi

ASKS_AT_ONCE = 256
NEVER = np.iinfo(np.int64).max


class Step(NamedTuple):
    """What a step of training reads.

    Attributes:
        asks: (b,) who asks for what, and what is seen.
        items: (b,) int64 what each took.
        known_rows: (n,) int64 place among the asks of every item that their users had in training.
        known: (n,) int64 these items, which are no false answers.
        drawn: (s,) int64 items drawn evenly as negatives; none where all items are compared.
        full: Whether they are.
    """

    asks: Asks
    items: Tensor
    known_rows: Tensor
    known: Tensor
    drawn: Tensor
    full: bool


@dataclass(frozen=True, slots=True)
class Zoomer:
    """A recommender that is asked for something.

    Attributes:
        config: What it is.
        past: What it knows.
        network: The weights.
    """

    config: ModelConfig
    past: Past
    network: ZoomerNetwork

    @classmethod
    def of(cls, config: ModelConfig, world: World) -> Zoomer:
        """A fresh network over training interactions.

        Raises:
            ConfigError: settings read codes or a log that are not there.
        """
        return cls._over(config, Past.of(config, world))

    @classmethod
    def restore(cls, config: ModelConfig, arrays: dict[str, np.ndarray]) -> Zoomer:
        """A network over the past that was stored; its weights are loaded afterwards."""
        return cls._over(config, Past.read(arrays))

    @classmethod
    def _over(cls, config: ModelConfig, past: Past) -> Zoomer:
        own = own_settings(config)
        return cls(config, past, ZoomerNetwork(own, config.width, past, config.embedding_dropout))

    def arrays(self) -> dict[str, np.ndarray]:
        """The past, by name."""
        return self.past.arrays()

    # Training

    def batches(self, world: World, rng: np.random.Generator) -> tuple[int, Iterator[Step]]:
        """Interactions of `batch_size` users a step, in an order of their own."""
        own, past = own_settings(self.config), world.histories
        users = rng.permutation(np.flatnonzero(past.lengths > 1))
        size = world.settings.batch_size
        starts = range(0, len(users), size)
        full = world.settings.is_full(self.past.n_items)

        def steps() -> Iterator[Step]:
            for at in starts:
                rows, places = positions(past, users[at : at + size], own.positions, rng)
                drawn = rng.integers(
                    self.past.n_items, size=0 if full else world.settings.negatives
                )
                yield self._step(past, rows, places, drawn, full, rng)

        return len(starts), steps()

    def _step(
        self,
        past: Histories,
        users: np.ndarray,
        places: np.ndarray,
        drawn: np.ndarray,
        full: bool,
        rng: np.random.Generator,
    ) -> Step:
        own, items = own_settings(self.config), past.items[places].astype(np.int64)
        times = past.times[places] if self.past.clock else None
        seen = before(past, places, past.offsets[:-1][users], own.reach)
        said = self._said(users, seen)
        queries = self.past.query_before(users, past.items[places - 1], times)
        if said is not None:
            queries = self.past.query_said(said)
        if own.asked != "latest":
            theirs = self.past.query_of(users, items, queries)
            some = rng.random(len(users)) < 0.5
            queries = theirs if own.asked == "own" else np.where(some, theirs, queries)
        had = self.past.had
        lengths = had.degrees[users]
        rows = np.repeat(np.arange(len(users)), lengths)
        at = np.repeat(had.offsets[:-1][users] - np.cumsum(lengths) + lengths, lengths)
        known = had.targets[at + np.arange(len(at))].astype(np.int64)
        asks = Asks(
            self._tensor(users),
            self._tensor(queries),
            self._tensor(seen),
            None if times is None else self._tensor(times),
            self._tensor(items),
            said=None if said is None else self._tensor(said),
        )
        parts = [self._tensor(part) for part in (items, rows, known, drawn)]
        return Step._make((asks, *parts, full))

    def loss(self, batch: Step) -> tuple[Tensor, int]:
        """() focal loss of what each took against what it did not take, and how many took it."""
        own, network = own_settings(self.config), self.network
        asking = network(batch.asks)
        if batch.full:
            others = torch.arange(self.past.n_items, device=asking.device)
        else:
            others = torch.unique(torch.cat([batch.items, batch.drawn]))
        vectors = network.base(others)
        logits = own.sharpness * asking @ vectors.T  # (b, n)
        column = torch.zeros(self.past.n_items, dtype=torch.int64, device=asking.device)
        column[others] = torch.arange(len(others), device=asking.device)
        true = logits.gather(1, column[batch.items][:, None])[:, 0]
        false = torch.ones_like(logits, dtype=torch.bool)
        listed = torch.zeros_like(column, dtype=torch.bool).index_fill(0, others, True)
        there = listed[batch.known]
        false[batch.known_rows[there], column[batch.known[there]]] = False
        if not batch.full:
            logits = logits - self._often(batch, others)
        if own.loss == "softmax":
            found = one_of(true, logits.masked_fill(~false, -torch.inf), own.focus).mean()
        else:
            wrong = yes_or_no(logits, torch.zeros_like(logits), own.focus)
            wrong = (wrong * false).sum() / false.sum().clamp_min(1)
            found = yes_or_no(true, torch.ones_like(true), own.focus).mean() + wrong
        squares = torch.stack([one.square().sum() for one in network.parameters()]).sum()
        return found + own.l2 * squares, len(batch.items)

    def _often(self, batch: Step, others: Tensor) -> Tensor:
        """(n,) log of how often each item is expected among the negatives of such a step.

        Source: Yi et al., Sampling-bias-corrected neural modeling, RecSys 2019; of mixed negatives
        Yang et al., Mixed negative sampling, 2020, which ZOOMER cites.
        """
        counts = self.network.had
        share = counts[others] / counts.sum().clamp_min(1)
        expected = len(batch.items) * share + len(batch.drawn) / self.past.n_items
        return expected.clamp_max(1).log()

    # Answers

    def scores(self, asked: Asked) -> Iterator[tuple[np.ndarray, Tensor]]:
        """User numbers and their (b, n_items) cosines, a block of users at a time."""
        items, of_users = self.products(asked)
        for users, vectors in of_users:
            yield users, vectors[:, 0] @ items.T

    def products(self, asked: Asked) -> Products:
        """Vectors of items, and of users who ask for what is taken for them."""
        users = np.asarray(asked.users, dtype=np.int64)
        queries = self.query_after(asked.histories, users)

        def of_users() -> Iterator[tuple[np.ndarray, Tensor]]:
            for at in range(0, len(users), ASKS_AT_ONCE):
                some = slice(at, at + ASKS_AT_ONCE)
                asks = self._asks(users[some], queries[some], asked.histories, asked.moment)
                yield users[some], self.network(asks)[:, None]

        return self.network.base(), of_users()

    @property
    def n_queries(self) -> int:
        """How many queries it knows."""
        return self.past.features.sizes["query"]

    @property
    def relevance(self) -> Literal["tanimoto", "cosine"]:
        """How relevance of a node to the focal points is measured."""
        return own_settings(self.config).relevance

    def alone(self, kind: str) -> np.ndarray:
        """(n, d) float32 vectors of all nodes of a type, by which regions are chosen."""
        self.network.eval()
        with torch.inference_mode():
            nodes = torch.arange(self.network.sizes[kind], device=self.network.device)
            return self.network.vectors(kind, nodes).cpu().numpy()

    @property
    def base_items(self) -> np.ndarray:
        """(n_items, d) float32 vectors of items that depend on no user and no query."""
        self.network.eval()
        with torch.inference_mode():
            return self.network.base().cpu().numpy()

    def query_after(self, histories: Histories, users: np.ndarray) -> np.ndarray:
        """(b,) int64 what a user who says nothing is taken to ask for.

        It is the code of the latest item, or, of a log, what was asked for last in training.
        """
        return self.past.query_after(histories, np.asarray(users, dtype=np.int64))

    def asking(
        self,
        users: np.ndarray,
        queries: np.ndarray,
        histories: Histories | None = None,
        *,
        neighbours: Roi | None = None,
        attention: Sequence[str] | None = None,
    ) -> np.ndarray:
        """(b, d) float32 vectors whose products with `base_items` rank items.

        Args:
            users: (b,) who asks.
            queries: (b,) for what.
            histories: What all users have done; that of training unless given.
            neighbours: Their regions, where they are known, as `neighbours` gives them or
                `roi.given` puts them together; then none is chosen.
            attention: Levels that attention is kept at, such as ("edge",); all that it was trained
                with unless given.
        """
        self.network.eval()
        users, queries = (np.asarray(part, dtype=np.int64) for part in (users, queries))
        found = []
        with torch.inference_mode(), self.network.only(kept(attention)):
            for at in range(0, len(users), ASKS_AT_ONCE):
                some = slice(at, at + ASKS_AT_ONCE)
                given = None if neighbours is None else _some(neighbours, some)
                asks = self._asks(users[some], queries[some], histories, read=neighbours is None)
                found.append(self.network(asks, given).cpu().numpy())
        return np.concatenate(found) if found else np.empty((0, self.config.width), np.float32)

    def neighbours(
        self, users: np.ndarray, queries: np.ndarray, histories: Histories | None = None
    ) -> Roi:
        """The region of each ask, to be kept and given to `asking`."""
        self.network.eval()
        with torch.inference_mode():
            return self.network.region(self._asks(users, queries, histories))

    def last(self, kind: str, number: int, other: str, count: int = 30) -> np.ndarray:
        """(n,) int64 the last neighbours of a node in training, the latest first.

        They can be kept and put together by `roi.given`, so that an answer chooses none.

        Args:
            kind: Its type.
            number: Its number.
            other: Type of its neighbours.
            count: How many at most; ZOOMER keeps 30. Source: section VII-E.
        """
        if (kind, other) not in self.past.next_to:
            return np.zeros(0, dtype=np.int64)
        return self.past.next_to[kind, other].of(number)[::-1][:count].astype(np.int64)

    def embeddings(self) -> tuple[np.ndarray, np.ndarray]:
        """(n_users, d) and (n_items, d), as of `Embeds`: users ask for what is taken for them."""
        past = self.past.histories
        assert past is not None
        users = np.arange(len(past))
        return self.asking(users, self.query_after(past, users)), self.base_items

    def region(self, user: int, query: int, histories: Histories | None = None) -> Region:
        """What is read of the graph to answer one ask, and how much each edge of it counts."""
        self.network.eval()
        with torch.inference_mode():
            return picture(self.network, self._asks([user], [query], histories))

    def coupling(
        self, ego: Literal["user", "query"], number: int, others: np.ndarray, nodes: np.ndarray
    ) -> np.ndarray:
        """(f, n) float32 weights of the same items around one ego, under several asks.

        Args:
            ego: Which side stays.
            number: Of the one that stays.
            others: (f,) numbers of the other side, one an ask.
            nodes: (n,) numbers of items among which the weights are.
        """
        self.network.eval()
        same, others = np.full(len(others), number), np.asarray(others)
        pair = (same, others) if ego == "user" else (others, same)
        with torch.inference_mode():
            asks = Asks(*(self._tensor(part) for part in pair))
            return coupling(self.network, ego, asks, self._tensor(nodes)).cpu().numpy()

    def _asks(
        self,
        users: np.ndarray | Sequence[int],
        queries: np.ndarray | Sequence[int],
        histories: Histories | None,
        moment: int | None = None,
        read: bool = True,
    ) -> Asks:
        """Those of users after their histories: nothing is hidden, and nothing later is seen.

        Of whom no last time is known, such as one without a history or one who is tested after
        validation, all of training is seen.

        Args:
            users: (b,) numbers.
            queries: (b,) numbers.
            histories: Those of training unless given.
            moment: As of `Asked`.
            read: Whether the graph is going to be read.
        """
        some = np.asarray(users, dtype=np.int64)
        pair = self._tensor(some), self._tensor(np.asarray(queries, dtype=np.int64))
        past = self.past.histories if histories is None else histories
        if past is None or not read:
            return Asks(*pair)
        reach, limits = own_settings(self.config).reach, None
        ends = past.offsets[1:][some]
        if self.past.clock:
            last = past.times[(ends - 1).clip(0)] if len(past.times) else np.full(len(some), NEVER)
            last = np.where(past.lengths[some] > 0, last, NEVER)
            after = np.where(last < NEVER, last + 1, NEVER)
            limits = self._tensor(after if moment is None else np.full(len(some), moment))
        seen = before(past, ends, past.offsets[:-1][some], reach)
        said = self._said(some, seen)
        told = None if said is None else self._tensor(said)
        return Asks(*pair, self._tensor(seen), limits, said=told)

    def _said(self, users: np.ndarray, items: np.ndarray) -> np.ndarray | None:
        """(b, h) int64 what users asked for when taking (b, h) items; where no time tells it."""
        if self.past.clock or self.past.took is None:
            return None
        found = self.past.query_of(users[:, None], items, np.full(items.shape, -1))
        return np.where(items >= 0, found, -1)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.array(array, dtype=np.int64)).to(self.network.device)


def positions(
    past: Histories, users: np.ndarray, most: int | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(p,) users, and (p,) places in `past.items` of interactions of theirs that are predicted.

    No user's first, before which there is nothing; at most so many each, none of them twice.
    """
    lengths = past.lengths[users] - 1
    rows = np.repeat(np.arange(len(users)), lengths)
    starts = np.cumsum(lengths) - lengths
    within = np.arange(len(rows)) - starts[rows]
    if most is not None:
        order = np.lexsort((rng.random(len(rows)), rows))
        keep = within < most  # the rank of each within its row, in the drawn order
        rows, within = rows[order][keep], within[order][keep]
    return users[rows].astype(np.int64), past.offsets[:-1][users[rows]] + 1 + within


def before(past: Histories, ends: np.ndarray, starts: np.ndarray, reach: int) -> np.ndarray:
    """(b, h) int64 items that stand before places of a history, the latest first, -1 for none.

    Args:
        past: Histories.
        ends: (b,) places in `past.items`.
        starts: (b,) where the history of each begins.
        reach: How many at most.
    """
    width = int(min(max((ends - starts).max(initial=0), 1), reach))
    places = ends[:, None] - 1 - np.arange(width)
    if not len(past.items):
        return np.full(places.shape, -1, dtype=np.int64)
    found = past.items[places.clip(0)].astype(np.int64)
    return np.where(places >= starts[:, None], found, -1)


def _some(roi: Roi, rows: slice) -> Roi:
    return {
        ego: {kind: near.some(rows) for kind, near in around.items()} for ego, around in roi.items()
    }
