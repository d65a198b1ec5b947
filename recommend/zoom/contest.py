"""Training of everything that learns from triples, by one loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, cast

import numpy as np
import torch
from torch import Tensor, nn

from data.columns import ITEM, TITLE
from data.errors import ConfigError, DataError
from data.log import QUERY, TEXT
from data.relation import Relation
from graph.build.alike import terms_of
from graph.build.log import log_graph
from recommend.fit.checkpoint import Checkpoint
from recommend.settings import TrainConfig
from recommend.settings.zoomer import ZoomerConfig
from recommend.zoom.features import TERMS, Features, attributes_of, words_of
from recommend.zoom.judging import auc
from recommend.zoom.losses import yes_or_no
from recommend.zoom.network import ZoomerNetwork
from recommend.zoom.past import KINDS, Past
from recommend.zoom.rivals import RIVALS, Hidden, Rival
from recommend.zoom.roi import Asks
from recommend.zoom.triples import Task, Triples

WATCHED = "auc"
"""The figure of validation that chooses the epoch, and ends the run."""
VALID_SEED = 1_000_003
"""Draws the negatives of validation; the same for everybody."""
ASKS_AT_ONCE = 2048
FULL = 0
"""As a number of neighbours: all there are."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How every contender is trained.

    Attributes:
        width: Channels of every vector.
        k: Neighbours of each type; `FULL` for all, ZOOMER alone.
        epochs: At most.
        patience: Epochs without a better validation after which it ends.
        batch: Triples a step, each with one negative.
        rate: Of Adam.
        l2: What the sum of squares of all weights is multiplied by.
        gamma: Of the focal loss; 0 is cross-entropy.
        sharpness: What cosines are multiplied by to be logits.
        alike: Whether the graph has edges between what has words in common.
    """

    width: int = 64
    k: int = 10
    epochs: int = 8
    patience: int = 2
    batch: int = 1024
    rate: float = 0.003
    l2: float = 1e-6
    gamma: float = 2.0
    sharpness: float = 4.0
    alike: bool = False


class Towers(Protocol):
    """Vectors of who asks and of items, whose cosines are what counts."""

    sharpness: float

    def asked(self, users: Tensor, queries: Tensor, hidden: Hidden | None = None) -> Tensor:
        """(b, d) of length 1.

        Args:
            users: (b,) int64.
            queries: (b,) int64.
            hidden: What must not be seen; nothing is hidden unless given.
        """
        ...

    def base(self, items: Tensor | None = None) -> Tensor:
        """(m, d) of length 1, of (m,) items or all."""
        ...


class Zoom(nn.Module):
    """ZOOMER on triples: any edge of training may be seen, but those of the triple in question."""

    def __init__(self, own: ZoomerConfig, width: int, past: Past) -> None:
        super().__init__()
        self.network = ZoomerNetwork(own, width, past)
        self.sharpness = own.sharpness

    def asked(self, users: Tensor, queries: Tensor, hidden: Hidden | None = None) -> Tensor:
        """(b, d) of length 1; see `Towers`."""
        gone = {} if hidden is None else {"hidden": hidden.items, "unsaid": hidden.queries}
        vectors: Tensor = self.network(Asks(users, queries, **gone))
        return vectors

    def base(self, items: Tensor | None = None) -> Tensor:
        """(m, d) of length 1, of (m,) items or all."""
        return self.network.base(items)


@dataclass(frozen=True)
class Contender:
    """Whoever answers by two towers.

    Attributes:
        network: Its weights, with the methods of `Towers`.
    """

    network: nn.Module

    @property
    def towers(self) -> Towers:
        """The same, as what it does."""
        return cast(Towers, self.network)

    def logits(self, users: Tensor, queries: Tensor, items: Tensor) -> Tensor:
        """(b,) how likely each user takes an item when asking for a query: p = sigmoid of it."""
        once, place = torch.unique(items, return_inverse=True)
        cosines = (self.towers.asked(users, queries) * self.towers.base(once)[place]).sum(1)
        return self.towers.sharpness * cosines

    def scores(self, users: Tensor, queries: Tensor) -> Tensor:
        """(b, n_items) of all items, likewise."""
        return self.towers.sharpness * self.towers.asked(users, queries) @ self.towers.base().T


SWITCHES: dict[str, dict[str, bool]] = {
    ZoomerConfig().name: {},
    "zoomer-gcn": {"feature": False, "edge": False, "semantic": False},
    "zoomer-fe": {"semantic": False},
    "zoomer-fs": {"edge": False},
    "zoomer-es": {"feature": False},
}
"""ZOOMER and its ablations, by row. Source: ZOOMER, section VII-C."""
LEARNT = (*SWITCHES, *RIVALS)


def contender_of(row: str, task: Task, past: Past, budget: Budget, seed: int) -> Contender:
    """A fresh one.

    Args:
        row: One of `LEARNT`.
        task: Whose training it may see.
        past: The same as a graph, by `past_of`.
        budget: Width, neighbours and sharpness.
        seed: Draws weights, and neighbours where they are drawn.
    """
    torch.manual_seed(seed)
    if row in RIVALS:
        rival = Rival(row, task, past, budget.width, budget.k, budget.sharpness, seed)
        return Contender(rival)
    most = max((int(one.degrees.max(initial=0)) for one in past.next_to.values()), default=1)
    k = most if budget.k == FULL else budget.k
    changes = SWITCHES[row] | {"neighbours": k, "reach": max(k, ZoomerConfig().reach)}
    own = ZoomerConfig(queries="log", sharpness=budget.sharpness, focus=budget.gamma, **changes)
    return Contender(Zoom(own, budget.width, past))


def past_of(task: Task, alike: bool = False) -> Past:
    """Training as the graph of a log, with features: words of tags and titles, and attributes.

    Args:
        task: Of what.
        alike: Whether there are edges between what has words in common, by MinHash, as well.
    """
    world = task.world()
    dataset = world.dataset
    assert dataset.log is not None
    titles = dataset.items[TITLE].to_list() if TITLE in dataset.items.columns else []
    words = {
        "query": terms_of([text] for text in dataset.log.queries[TEXT]),
        "item": terms_of([text] for text in titles or [""] * task.n_items),
    }
    none = {kind: terms_of([] for _ in range(len(own))) for kind, own in words.items()}
    some = words if alike else none
    graph = log_graph(
        dataset,
        world.histories,
        dataset.log,
        query_terms=some["query"],
        item_terms=some["item"],
    )
    past = Past.of_graph(graph)
    said = words_of(
        {
            kind: [tuple(map(str, own[row])) for row in range(len(own))]
            for kind, own in words.items()
        }
    )
    about = {"user": attributes_of(dataset.users), "item": attributes_of(dataset.items)}
    bags = {
        kind: {**about.get(kind, {}), **({TERMS: said[kind]} if kind in said else {})}
        for kind in KINDS
    }
    return replace(past, features=Features(past.features.sizes, bags))


def tensors(of: Triples) -> tuple[Tensor, Tensor, Tensor]:
    """Users, queries and items."""
    users, queries, items = map(torch.from_numpy, (of.users, of.queries, of.items))
    return users, queries, items


def hidden_of(task: Task, past: Past) -> Hidden:
    """What each triple of training must not see.

    The query may see the item if somebody else took it for the query, or if both are alike by their
    words: that is no news from the triple. The user may see queries that are of other items, too.
    """
    assert task.dataset.log is not None
    train, rows = task.train, task.dataset.log.rows
    codes = train.queries * task.n_items + train.items
    users = _weights(task.led_to, codes)
    queries, items = (rows[name].to_numpy().astype(np.int64) for name in (QUERY, ITEM))
    known, counts = np.unique(queries * task.n_items + items, return_counts=True)
    by_words = (
        _weights(past.next_to["query", "item"], codes) > counts[np.searchsorted(known, codes)]
    )
    seen = (users > 1) | by_words
    own = np.stack([train.items, np.where(seen, -1, train.items)], 1)
    return Hidden(torch.from_numpy(own), torch.from_numpy(_unsaid(task)))


def _unsaid(task: Task) -> np.ndarray:
    """(n, m) int64 queries that the user of a triple has for its item alone, -1 after them."""
    train = task.train
    once = _weights(task.asked, train.users * task.n_queries + train.queries) < 2
    pairs, pair = np.unique(train.users * task.n_items + train.items, return_inverse=True)
    rows = np.flatnonzero(once)
    rows = rows[np.argsort(pair[rows], kind="stable")]
    lows = np.searchsorted(pair[rows], np.arange(len(pairs)))
    places = np.arange(len(rows)) - lows[pair[rows]]
    table = np.full((len(pairs), int(places.max(initial=0)) + 1), -1, dtype=np.int64)
    table[pair[rows], places] = train.queries[rows]
    return np.asarray(table[pair])


def _weights(relation: Relation, codes: np.ndarray) -> np.ndarray:
    """(n,) weights of edges that are there, of codes: sources times targets plus target."""
    known = relation.sources.astype(np.int64) * relation.n_targets + relation.targets
    order = np.argsort(known)
    assert relation.weights is not None
    return np.asarray(relation.weights[order[np.searchsorted(known[order], codes)]])


def fit(
    contender: Contender,
    task: Task,
    past: Past,
    budget: Budget,
    seed: int,
    scratch: Path,
    told: Callable[[int, int, str], None] = lambda *_: None,
) -> list[dict[str, float]]:
    """Trains until validation is no longer better; its best epoch is what stays.

    Its state is kept after every epoch: whoever kills it and calls again loses the epoch that is
    under way, and ends with the same weights.

    Args:
        contender: Who is trained.
        task: On what.
        past: The same as a graph.
        budget: How.
        seed: Draws orders and negatives.
        scratch: Folder of its state.
        told: Hears how far it is: epochs, of how many, and a word.

    Returns:
        A row an epoch: its number, loss, AUC of validation and seconds.

    Raises:
        ConfigError: the loss or a score is no number any more.
        DataError: of training or validation, everybody had every item.
    """
    network = contender.network
    optimizer = torch.optim.Adam(network.parameters(), lr=budget.rate)
    state = Checkpoint.resume(scratch, network, optimizer)
    lasts = TrainConfig(epochs=budget.epochs, patience=budget.patience)
    users, queries, items = tensors(task.train)
    hidden = hidden_of(task, past)
    valid, wrong = _with_negative(task.valid, task.negatives(task.valid, "movie", VALID_SEED))
    while not state.is_over(lasts):
        began, epoch = time.perf_counter(), state.epoch
        torch.manual_seed(seed * 1000 + epoch)
        network.train()
        drawn = task.negatives(task.train, "movie", seed * 1000 + epoch, anywhere=False)
        false, total = torch.from_numpy(drawn), 0.0
        there = torch.from_numpy(_places(drawn))
        for some in torch.split(there[torch.randperm(len(there))], budget.batch):
            asked = contender.towers.asked(users[some], queries[some], hidden.of(some))
            pair = torch.stack([items[some], false[some]], 1)  # (b, 2)
            once, place = torch.unique(pair, return_inverse=True)
            vectors = contender.towers.base(once)
            logits = budget.sharpness * (vectors[place] @ asked[..., None])[..., 0]
            truth = torch.tensor([1.0, 0.0]).expand_as(logits)
            loss = yes_or_no(logits, truth, budget.gamma).mean()
            squares = torch.stack([one.square().sum() for one in network.parameters()]).sum()
            optimizer.zero_grad()
            (loss + budget.l2 * squares).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item() * len(some)
        if not math.isfinite(total):
            raise ConfigError(
                f"The loss of epoch {epoch + 1} is no number any more ({total}). Give a lower rate "
                f"of learning than {budget.rate:g}."
            )
        row = {
            "epoch": epoch + 1,
            "loss": total / len(there),
            WATCHED: auc(*valid_logits(contender, valid, wrong)),
            "seconds": time.perf_counter() - began,
        }
        state.record(row, WATCHED, network)
        state.write(scratch, network, optimizer)
        told(state.epoch, budget.epochs, state.describe(WATCHED))
    network.load_state_dict(state.best)
    network.eval()
    return state.rows


def _places(negatives: np.ndarray) -> np.ndarray:
    """(m,) places of triples that have a negative: whoever had every item has none."""
    there = np.flatnonzero(negatives >= 0)
    if not len(there):
        raise DataError(
            "Everybody had every item, so there is nothing that they did not take. Give data with "
            "more items."
        )
    return there


def _with_negative(of: Triples, negatives: np.ndarray) -> tuple[Triples, np.ndarray]:
    there = _places(negatives)
    return of.only(there), negatives[there]


def valid_logits(
    contender: Contender, of: Triples, wrong: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n,) logits of triples, and (n,) of the same users and queries with other items."""
    contender.network.eval()
    parts: tuple[list[np.ndarray], list[np.ndarray]] = [], []
    with torch.no_grad():
        base = contender.towers.base()
        for some in np.split(np.arange(len(of)), range(ASKS_AT_ONCE, len(of), ASKS_AT_ONCE)):
            users, queries, _ = tensors(of.only(some))
            asked = contender.towers.asked(users, queries)
            for found, items in zip(parts, (of.items, wrong), strict=True):
                vectors = base[torch.from_numpy(items[some])]
                found.append((contender.towers.sharpness * (asked * vectors).sum(1)).numpy())
    return np.concatenate(parts[0]), np.concatenate(parts[1])
