"""Who matters to a node, by random walks: PinSage's neighbourhoods, and Pixie's counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.errors import ConfigError
from data.relation import Relation, offsets_of
from graph.sample.rows import Reach, Rows
from graph.sample.strategies import Strategy, random
from graph.sample.tables import visible

WALKERS = 1 << 18
"""Walks that are taken side by side."""
ROUND = 256
"""Of Pixie's walks, how many are taken between two looks at whether to stop."""


def important(
    around: Sequence[Reach],
    seeds: np.ndarray,
    *,
    nearest: int = 10,
    walks: int = 200,
    length: int = 2,
    by: Strategy = random,
    limits: np.ndarray | None = None,
    rng: np.random.Generator | int = 0,
) -> Relation:
    """The neighbourhood of each seed: the nodes that random walks from it visit most often.

    Args:
        around: Edges of a round trip from nodes of the seeds' type back to such nodes, such as
            items to queries, and queries to items.
        seeds: (b,) numbers.
        nearest: Nodes of a neighbourhood.
        walks: From each seed.
        length: Round trips of a walk; the node at the end of each is visited.
        by: What a step is drawn by: any edge alike, or a strategy such as `edge_weight`.
        limits: (b,) int64 seconds at which seeds stand: their walks take older edges only.
        rng: Where chance comes from: the same one gives the same neighbourhoods.

    Returns:
        From b seeds to nodes, those visited most often first, of equals the lowest number. Weights
        are visits by all visits from the seed; a seed is no neighbour of itself.

    Raises:
        ConfigError: the edges lead elsewhere.

    Source: Ying et al., Graph Convolutional Neural Networks for Web-Scale Recommender Systems (KDD
    2018), section 3.1, importance-based neighborhoods.
    """
    n, chance = _size(around), np.random.default_rng(rng)
    sources, targets, shares = ([np.zeros(0, dtype=np.int64)] for _ in range(3))
    step = max(1, WALKERS // walks)
    for start in range(0, len(seeds), step):
        some = np.arange(start, min(start + step, len(seeds)))
        of = np.repeat(some, walks)
        here = seeds[of].astype(np.int64)
        visits = []
        for _ in range(length):
            of, here = _trip(around, of, here, limits, by, chance)
            visits.append((of * n + here)[here != seeds[of]])
        codes, counts = np.unique(np.concatenate(visits), return_counts=True)
        owners, nodes = codes // n, codes % n
        total = np.bincount(owners - start, counts, minlength=len(some))
        order = np.lexsort((nodes, -counts, owners))
        sizes = np.bincount(owners - start, minlength=len(some))
        rank = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        kept = order[rank < nearest]
        sources.append(owners[kept])
        targets.append(nodes[kept])
        shares.append(counts[kept] / total[owners[kept] - start])
    whose, whom, share = (np.concatenate(part) for part in (sources, targets, shares))
    return Relation(
        offsets_of(whose, len(seeds)), whom.astype(np.int32), n, weights=share.astype(np.float32)
    )


@dataclass(frozen=True, slots=True)
class Visits:
    """What Pixie's walks came by.

    Attributes:
        scores: (n,) float64 of every node; 0 of those that were asked for.
        steps: Round trips that were made.
    """

    scores: np.ndarray
    steps: int


def pixie(
    around: Sequence[Reach],
    asked: np.ndarray,
    weights: np.ndarray | None = None,
    *,
    steps: int = 10_000,
    restart: float = 0.5,
    enough: tuple[int, int] | None = None,
    by: Strategy = random,
    limit: int | None = None,
    rng: np.random.Generator | int = 0,
) -> Visits:
    """How often walks from several nodes come by each node; those reached from many count more.

    Walks from q make N_q round trips in all. Each goes on after a trip with the probability
    1 - `restart`, and one that is begun is walked to its end.

    Args:
        around: Edges of a round trip, as of `important`.
        asked: (k,) numbers of the nodes that walks begin at.
        weights: (k,) of each; 1 by default.
        steps: Round trips of all walks together, N.
        restart: Probability that a walk ends after a trip.
        enough: (n_p, n_v): walks from a node stop once more than n_p nodes were visited n_v times
            from it, which is looked at every `ROUND` walks; None: they never stop early.
        by: What a step is drawn by: any edge alike, or what prefers some.
        limit: Seconds before which edges have to be; None: all are there.
        rng: Where chance comes from.

    Raises:
        ConfigError: the edges lead elsewhere, or a number makes no sense.

    Source: Eksombatchai et al., Pixie (WWW 2018), section 3.1, algorithms 2 and 3, equations 1-3.
    """
    if not 0 < restart <= 1:
        raise ConfigError(f"restart is {restart}; it is a probability above 0.")
    n, chance = _size(around), np.random.default_rng(rng)
    asked = np.asarray(asked, dtype=np.int64)
    limits = None if limit is None else np.full(len(around[0].relation), limit, dtype=np.int64)
    every = np.arange(len(around[0].relation))
    degrees = visible(around[0].relation, every, limits)[1]
    worth = np.ones(len(asked)) if weights is None else np.asarray(weights, dtype=np.float64)
    share = allot(degrees[asked], worth, steps, int(degrees.max(initial=0)))
    counts, made = np.zeros((len(asked), n)), 0
    moments = None if limit is None else np.array([limit], dtype=np.int64)
    for at, (node, most) in enumerate(zip(asked.tolist(), share.tolist(), strict=True)):
        mine = 0
        while mine < most and not _enough(counts[at], enough):
            walkers = min(ROUND, max(1, int((most - mine) * restart)))
            of, here = np.zeros(walkers, dtype=np.int64), np.full(walkers, node)
            begun = mine
            while len(here):
                of, here = _trip(around, of, here, moments, by, chance)
                mine += len(here)
                np.add.at(counts[at], here, 1)
                on = chance.random(len(here)) >= restart
                of, here = of[on], here[on]
            if mine == begun:  # no edge leads on from it
                break
        made += mine
    scores = boost(counts)
    scores[asked] = 0
    return Visits(scores, made)


def allot(degrees: np.ndarray, weights: np.ndarray, steps: int, most: int) -> np.ndarray:
    """(k,) float64 steps of each node, more of those with more edges, but not in proportion.

    N_q = w_q · N · s_q / Σ_r s_r, where s_q = |E(q)| · (C - log |E(q)|).

    Args:
        degrees: (k,) edges of each, |E(q)|.
        weights: (k,).
        steps: N.
        most: Edges of the node that has most of all, C.

    Source: Pixie, equations 1 and 2.

    >>> allot(np.array([1, 1]), np.array([1.0, 0.5]), 100, 4).tolist()
    [50.0, 25.0]
    """
    scaled = degrees * (most - np.log(np.maximum(degrees, 1)))
    total = scaled.sum()
    return np.asarray(weights * steps * scaled / (total if total > 0 else 1))


def boost(counts: np.ndarray) -> np.ndarray:
    """(n,) float64 visits from all nodes together: (Σ_q √V_q)².

    Args:
        counts: (k, n) visits from each.

    Source: Pixie, equation 3, the multi-hit booster.

    >>> boost(np.array([[4.0, 8.0], [4.0, 0.0]])).round(6).tolist()
    [16.0, 8.0]
    """
    return np.asarray(np.sqrt(counts).sum(axis=0) ** 2)


def _enough(counts: np.ndarray, enough: tuple[int, int] | None) -> bool:
    return enough is not None and int((counts >= enough[1]).sum()) > enough[0]


def _size(around: Sequence[Reach]) -> int:
    """How many nodes there are of the type that round trips begin and end at."""
    if not around or around[-1].relation.n_targets != len(around[0].relation):
        raise ConfigError(
            "Walks need the edges of a round trip, such as items to queries and queries to items."
        )
    return len(around[0].relation)


def _trip(
    around: Sequence[Reach],
    of: np.ndarray,
    here: np.ndarray,
    limits: np.ndarray | None,
    by: Strategy,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Seeds and nodes of the walks that came round; others found no edge on the way."""
    for reach in around:
        moments = None if limits is None else limits[of]
        places, positions = by(Rows.of(reach, here, moments, of), 1, rng)
        of, here = of[places], reach.relation.targets[positions].astype(np.int64)
    return of, here
