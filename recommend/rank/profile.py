"""What negatives of each source are like, for vectors that are trained: how many, and how hard."""

from __future__ import annotations

import numpy as np
import polars as pl
import torch
from torch import Tensor

from graph.build.coengagement import co_engaged
from recommend.rank.anchors import edges_of
from recommend.rank.negatives import Known, Pool, draw_near
from recommend.rank.network import own_settings
from recommend.rank.recommender import RankGraph

BINS = 4_000
"""Into which cosines are counted, for their quantiles."""
COLUMNS = {
    "each": "negatives of a pair of a user and an item, mean over pairs",
    "masked": "% of what was drawn that is no negative, for the user had it in training",
    "cosine": "mean cosine of users and negatives; of pairs, of what belongs together",
    "low": "cosine that one in twenty is below",
    "high": "cosine that one in twenty is above",
    "mass": "% of the softmax of InfoNCE, with all sources in it at once: the more, the harder",
    "users": "users who had such an item in training, mean over negatives",
}
"""What each column says."""


class _Seen:
    """Sums over what was looked at."""

    def __init__(self) -> None:
        self.pairs = self.drawn = self.kept = self.cosines = self.users = self.mass = 0.0
        self.counts = np.zeros(BINS)

    def add(self, cosines: Tensor, wrong: Tensor, users: Tensor, mass: Tensor) -> None:
        """Of (p,) pairs, m candidates each.

        Args:
            cosines: (p, m).
            wrong: (p, m) bool, no negatives.
            users: (p, m) how many had each.
            mass: (p,) of the softmax.
        """
        found = cosines[~wrong].double().cpu().numpy()
        self.pairs += len(wrong)
        self.drawn += wrong.numel()
        self.kept += len(found)
        self.cosines += float(found.sum())
        self.users += float(users[~wrong].sum())
        self.mass += float(mass.sum())
        places = ((found + 1) / 2 * BINS).astype(np.int64).clip(0, BINS - 1)
        self.counts += np.bincount(places, minlength=BINS)

    def row(self) -> tuple[float | None, ...]:
        """A number for each of `COLUMNS`."""
        share, pairs = 100 / max(self.drawn, 1), max(self.pairs, 1)
        first = self.kept / pairs, share * (self.drawn - self.kept)
        mass = 100 * self.mass / pairs
        if not self.kept:
            return (*first, None, None, None, mass, None)
        below = np.cumsum(self.counts) / self.kept
        low, high = (float(np.searchsorted(below, q) + 0.5) / BINS * 2 - 1 for q in (0.05, 0.95))
        return (*first, self.cosines / self.kept, low, high, mass, self.users / self.kept)


@torch.inference_mode()
def profile_negatives(
    made: RankGraph, batch_size: int, steps: int = 20, seed: int = 0
) -> pl.DataFrame:
    """A row for pairs and for each source of negatives: `of` and the columns of `COLUMNS`.

    All sources are looked at, whether or not training used them: other items of the step, those of
    earlier steps in a pool of its size, and those near the item. Vectors are those that training
    left, with the whole graph in view.

    Args:
        made: Trained.
        batch_size: Users of a step.
        steps: How many steps are looked at, at most those of an epoch.
        seed: Draws users, and what is near.
    """
    own, had, network = own_settings(made.config), made.past.had, made.network
    layers = network.layers({})
    people, items = network.of_people(layers), network.of_items(layers)
    near = made.past.near
    near = co_engaged(had.transpose(), nearest=own.reach) if near is None else near
    had_by = torch.from_numpy(np.bincount(had.targets, minlength=had.n_targets)).to(made.device)
    off = own.corrected * network.popularity
    rng = np.random.default_rng(seed)
    order = rng.permutation(np.flatnonzero(had.degrees))
    seen = {name: _Seen() for name in ("pairs", "batch", "pool", "semantic")}
    pools = [Pool(own.pool).to(made.device) for _ in people]
    for start in range(0, min(len(order), steps * batch_size), batch_size):
        users = order[start : start + batch_size]
        row, edges = edges_of(had, users)
        true = had.targets[edges].astype(np.int64)
        drawn = torch.from_numpy(draw_near(near, true, own.hard, rng)).to(made.device)
        rows, all_true = (torch.from_numpy(one).to(made.device) for one in (row, true))
        known = Known(rows, all_true, (len(users), len(items)))
        for at, (vectors, pool) in enumerate(zip(people, pools, strict=True)):
            mine = network.of_item[all_true] == at if len(people) > 1 else all_true >= 0
            theirs = vectors[torch.from_numpy(users).to(made.device)]
            step = rows[mine], all_true[mine], drawn[mine]
            _look(seen, own.temperature, off, theirs, items, step, known, pool, had_by)
            some = torch.unique(step[1]).cpu().numpy()
            pool.push(torch.from_numpy(rng.permutation(some)).to(made.device))
    rows_of = [(name, *one.row()) for name, one in seen.items()]
    schema = {"of": pl.String, **dict.fromkeys(COLUMNS, pl.Float64)}
    return pl.DataFrame(rows_of, schema=schema, orient="row")


def _look(
    seen: dict[str, _Seen],
    temperature: float,
    off: Tensor,
    users: Tensor,
    items: Tensor,
    step: tuple[Tensor, Tensor, Tensor],
    known: Known,
    pool: Pool,
    had_by: Tensor,
) -> None:
    """Adds the pairs of users of one type."""
    rows, true, drawn = step
    if not len(true):
        return
    theirs = users[rows]
    pair = (theirs * items[true]).sum(1)
    near = drawn.clamp_min(0)
    candidates = {
        "pairs": (pair[:, None], torch.zeros_like(pair, dtype=torch.bool)[:, None], true[:, None]),
        "semantic": (
            (items[near] @ theirs[:, :, None])[:, :, 0],
            (drawn < 0) | known.holds(rows, near),
            near,
        ),
    }
    for name, numbers in (("batch", torch.unique(true)), ("pool", pool.held())):
        cosines, wrong = (users @ items[numbers].T)[rows], known.of(numbers)[rows]
        candidates[name] = cosines, wrong, numbers.expand(len(rows), -1)
    logits = {}
    for name, (cosines, wrong, numbers) in candidates.items():
        lowered = off[numbers] if name in ("batch", "pool") else 0
        logits[name] = (cosines / temperature - lowered).masked_fill(wrong, -torch.inf)
    whole = torch.cat(list(logits.values()), 1).logsumexp(1)
    for name, (cosines, wrong, numbers) in candidates.items():
        mass = (logits[name] - whole[:, None]).exp().sum(1)
        seen[name].add(cosines, wrong, had_by[numbers], mass)
