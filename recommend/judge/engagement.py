"""Engagement Recall: is the item that a user had next found by vectors, and by which route?

Three routes lead from a user to items of a domain:

- `u2i`: the items whose vectors have the largest product with the user's. All items have a rank.
- `u2u2i`: what the n users whose vectors have the largest cosine with the user's had in training.
  score(i) = Σ_v cos(u, v) [v had i]; items that none of them had are not found.
- `i2i`: what is most like the last m items that the user had in training, of any domain:
  score(i) = Σ_j cos(j, i), or the largest, over those j of which i is among the s most similar
  items of the domain; items that are near none of them are not found.

The rank of the true item is among the items of its domain that the user has not had, ties take the
mean rank, and Recall@K is the share of users with 0 < rank ≤ K. Vectors are as training left them;
edges and last items are of training alone. What was had in validation is left out of the ranks and
read by nobody.

Source: the metric's name is RankGraph's (Wu et al., 2025), which gives no formula; this definition
is our own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from scipy import sparse

from data import atomic
from data.columns import DOMAIN, USER
from data.dataset import Histories
from data.domains import Domains
from data.errors import DataError
from data.relation import Relation
from recommend.judge.buckets import name_of
from recommend.judge.compare import holm, paired_test
from recommend.judge.metrics import mean_rank
from recommend.protocols import Asked, Scores
from recommend.retrieval.alike import nearest_graph
from recommend.settings.routes import RoutesConfig

ROUTES = ("u2i", "u2u2i", "i2i")
BUCKETS: Mapping[str, tuple[int, int | None]] = {"0": (0, 0), "1–5": (1, 5), "6+": (6, None)}
"""Least and most training interactions of a user in the domain of the true item; None: no most."""
ANY = (0, None)
_POOLS = {"sum": np.add, "max": np.maximum}
_CELLS = 1 << 24
"""Most scores held at a time: 64 MB in float32."""


@dataclass(frozen=True, slots=True)
class Engagement:
    """The rank of every user's true item by every route.

    Attributes:
        per_user: A row a user and route. Columns: `user`, `domain` (of the true item), `had`
            (training interactions of the user in that domain), `route` (of `ROUTES`), `rank` (of
            the true item among the items of its domain that the user has not had, best = 1; 0: the
            route does not find it).
        about: How far each route looked, and `domains`: their names, and how many items they have.
    """

    per_user: pl.DataFrame
    about: dict[str, Any]

    @property
    def routes(self) -> tuple[str, ...]:
        """Those that were measured, of `ROUTES`."""
        there = set(self.per_user["route"].unique())
        return tuple(route for route in ROUTES if route in there)

    @property
    def domains(self) -> tuple[str, ...]:
        """Names of all domains, those without a true item among them."""
        return tuple(self.about["domains"])

    def hits(
        self,
        k: int,
        route: str,
        domain: str | None = None,
        had: tuple[int, int | None] = ANY,
    ) -> pl.DataFrame:
        """A row a user, in order: `user`, and `hit`, 1 where 0 < rank <= k, else 0.

        Args:
            k: Items that are retrieved.
            route: Of `ROUTES`.
            domain: Of the true items; None: whichever.
            had: Least and most training interactions in that domain; None: no most.

        Raises:
            DataError: there is no such route or domain.
        """
        for name, value, known in (("route", route, self.routes), (DOMAIN, domain, self.domains)):
            if value is not None and value not in known:
                raise DataError(f"There is no {name} {value!r}. There are: {', '.join(known)}.")
        low, high = had
        asked = (pl.col("route") == route) & (pl.col("had") >= low)
        asked &= pl.lit(value=True) if high is None else pl.col("had") <= high
        asked &= pl.lit(value=True) if domain is None else pl.col(DOMAIN) == domain
        hit = pl.col("rank").is_between(0, k, closed="right").cast(pl.Float64).alias("hit")
        return self.per_user.filter(asked).sort(USER).select(USER, hit)

    def recall(
        self,
        k: int,
        route: str,
        domain: str | None = None,
        had: tuple[int, int | None] = ANY,
    ) -> float:
        """Share of users whose true item is among the first k; NaN where there are no such users.

        Args:
            k: As of `hits`, and so are the others.
            route: Of `ROUTES`.
            domain: Of the true items.
            had: Least and most training interactions in it.
        """
        hits = self.hits(k, route, domain, had)["hit"].to_numpy()
        return float(hits.mean()) if len(hits) else float("nan")

    def save(self, directory: Path) -> None:
        """A Parquet table and JSON."""
        atomic.write_parquet(directory / "engagement.parquet", self.per_user)
        atomic.write_json(directory / "engagement.json", self.about)

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Engagement:
        """What `save` stored."""
        about = atomic.read_json(directory / "engagement.json")
        return cls(atomic.read_parquet(directory / "engagement.parquet"), about)


def measure_engagement(
    vectors: tuple[np.ndarray, np.ndarray],
    training: Histories,
    before: Histories,
    true: np.ndarray,
    domains: Domains,
    config: RoutesConfig | None = None,
) -> Engagement:
    """Ranks of the true items of all users by all routes.

    Args:
        vectors: (n_users, d) and (n_items, d), as `recommend.protocols.Embeds` gives them.
        training: What users had in training: edges of neighbours, and last items.
        before: What they had when the true items came, which has no rank.
        true: (n_users,) item of each user's test.
        domains: Of the items.
        config: How far routes look.

    Raises:
        DataError: a vector has numbers that are not finite.
    """
    config, (users, items) = config or RoutesConfig(), vectors
    alike = _matrix(nearest_graph(users, config.neighbours))
    last = _last(training, config.last)
    in_training, in_all = (_incidence(of, len(items)) for of in (training, before))
    owners = np.repeat(np.arange(len(training)), training.lengths)
    of_training = domains.of_item[training.items]
    tables = []
    for domain, name in enumerate(domains.names):
        among = np.flatnonzero(domains.of_item == domain)
        asked = np.flatnonzero(domains.of_item[true] == domain)
        inside = _Inside(
            (users, np.ascontiguousarray(items[among])),
            alike,
            in_training[:, among],
            in_all[:, among],
            _matrix(nearest_graph(items, config.similar, among))[:, among],
            last,
            config.pool,
        )
        had = np.bincount(owners[of_training == domain], minlength=len(training))[asked]
        ranks = inside.ranks(asked, np.searchsorted(among, true[asked]))
        for route in ROUTES:
            columns = {USER: asked.astype(np.int32), "had": had.astype(np.int32)}
            table = pl.DataFrame({**columns, "rank": ranks[route]})
            told = pl.lit(name).alias(DOMAIN), pl.lit(route).alias("route")
            tables.append(table.with_columns(*told))
    per_user = pl.concat(tables).select(USER, DOMAIN, "had", "route", "rank")
    counts = np.bincount(domains.of_item, minlength=len(domains)).tolist()
    about = {"domains": dict(zip(domains.names, counts, strict=True)), **config.model_dump()}
    return Engagement(per_user.sort(USER, "route"), about)


def measure_by_scores(
    model: Scores,
    training: Histories,
    before: Histories,
    true: np.ndarray,
    domains: Domains,
) -> Engagement:
    """The same of a recommender without vectors: `u2i` alone, by its own scores.

    Args:
        model: Is asked what follows the training interactions of each user.
        training: What users had in training.
        before: What they had when the true items came, which has no rank.
        true: (n_users,) item of each user's test.
        domains: Of the items.
    """
    n_users, n_items = len(training), len(domains.of_item)
    ranks = np.empty(n_users)
    taken = _incidence(before, n_items)
    for users, scores in model.scores(Asked(training, np.arange(n_users))):
        own = domains.of_item[true[users]]
        inside = domains.of_item[None, :] == own[:, None]
        allowed = torch.from_numpy(inside & (taken[users].toarray() == 0)).to(scores.device)
        target = torch.from_numpy(true[users].astype(np.int64)).to(scores.device)
        ranks[users] = mean_rank(scores, target, allowed).cpu().numpy()
    owners = np.repeat(np.arange(n_users), training.lengths)
    same = domains.of_item[training.items] == domains.of_item[true][owners]
    had = np.bincount(owners[same], minlength=n_users)
    columns = {
        USER: np.arange(n_users, dtype=np.int32),
        DOMAIN: [domains.names[place] for place in domains.of_item[true]],
        "had": had.astype(np.int32),
        "route": ["u2i"] * n_users,
        "rank": ranks,
    }
    counts = np.bincount(domains.of_item, minlength=len(domains)).tolist()
    about = {"domains": dict(zip(domains.names, counts, strict=True)), "by": "scores"}
    return Engagement(pl.DataFrame(columns), about)


@dataclass(frozen=True, slots=True)
class _Inside:
    """What leads to the c items of one domain.

    Attributes:
        vectors: (n_users, d) and (c, d).
        alike: (n_users, n_users) cosines of users with the most similar.
        had: (n_users, c) 1 where a user had an item in training.
        before: (n_users, c) likewise what has no rank.
        similar: (n_items, c) cosines of items with the most similar ones of the domain.
        last: (n_users, m) latest items of users, the last first; -1 where there are fewer.
        pool: How cosines of several are pooled.
    """

    vectors: tuple[np.ndarray, np.ndarray]
    alike: sparse.csr_array
    had: sparse.csr_array
    before: sparse.csr_array
    similar: sparse.csr_array
    last: np.ndarray
    pool: str

    def ranks(self, users: np.ndarray, true: np.ndarray) -> dict[str, np.ndarray]:
        """(b,) float64 rank of each user's true item, by route; 0 where it is not found.

        Args:
            users: (b,) numbers.
            true: (b,) places among the domain's items.
        """
        ranks = {route: np.zeros(len(users)) for route in ROUTES}
        step = max(1, _CELLS // max(1, self.had.shape[1]))
        for at in range(0, len(users), step):
            block = slice(at, at + step)
            some, target = users[block], torch.from_numpy(true[block])
            allowed = torch.from_numpy(self.before[some].toarray() == 0)
            for route, scores, only_found in self._scores(some):
                counted = torch.from_numpy(scores)
                found = counted > 0 if only_found else torch.ones_like(allowed)
                own = mean_rank(counted, target, allowed & found)
                own[~found.gather(1, target[:, None])[:, 0]] = 0
                ranks[route][block] = own.numpy()
        return ranks

    def _scores(self, users: np.ndarray) -> Iterator[tuple[str, np.ndarray, bool]]:
        """Routes, their (b, c) scores, and whether only what scores above 0 is found."""
        yield "u2i", self.vectors[0][users] @ self.vectors[1].T, False
        yield "u2u2i", (self.alike[users] @ self.had).toarray(), True
        each = (self._near(items) for items in self.last[users].T)
        yield "i2i", reduce(_POOLS[self.pool], each), True

    def _near(self, items: np.ndarray) -> np.ndarray:
        """(b, c) cosines with what is near one item of each user; 0 where there is no item."""
        near: np.ndarray = self.similar[items].toarray()
        near[items < 0] = 0
        return near


def _matrix(of: Relation) -> sparse.csr_array:
    """(n, n_targets) weights of edges."""
    return sparse.csr_array((of.weights, of.targets, of.offsets), shape=(len(of), of.n_targets))


def _incidence(of: Histories, n_items: int) -> sparse.csr_array:
    """(n_users, n_items) 1 where a user had an item, however often."""
    ones = np.ones(len(of.items), dtype=np.float32)
    parts = (ones, of.items, of.offsets)
    matrix = sparse.csr_array(parts, shape=(len(of), n_items), copy=True)
    matrix.sum_duplicates()  # in place: of its own copy
    matrix.data[:] = 1
    return matrix


def _last(of: Histories, m: int) -> np.ndarray:
    """(n_users, m) different items of each user, the latest first; -1 where there are fewer."""
    last = np.full((len(of), m), -1)
    for user in range(len(of)):
        latest = list(dict.fromkeys(of.of(user)[::-1].tolist()))[:m]
        last[user, : len(latest)] = latest
    return last


@dataclass(frozen=True, slots=True)
class Cut:
    """Which users, and how their items are retrieved: what `Engagement.recall` is asked."""

    route: str = "u2i"
    domain: str | None = None
    had: tuple[int, int | None] = ANY


def compare_recalls(
    ours: Mapping[int, Engagement],
    theirs: Mapping[int, Engagement],
    k: int,
    cuts: Sequence[Cut],
) -> pl.DataFrame:
    """How two recommenders differ in Recall@k, a row a cut.

    Columns: `route`, `domain`, `had` (such as "1–5"), `users`, `ours`, `theirs`, `ratio` (null
    where theirs is 0), `difference` with `low` and `high` (95 % confidence interval), `p` (paired
    t-test over users, each user's hits averaged over the shared seeds) and `p_holm` (over cuts). A
    cut without users has nulls.

    Args:
        ours: By seed.
        theirs: By seed; compared are the seeds that both have.
        k: Items that are retrieved.
        cuts: What to compare.

    Raises:
        DataError: they have no seed in common, or were not measured on the same users.
    """
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        raise DataError(
            f"One has the seeds {sorted(ours)}, the other {sorted(theirs)}: they have none in "
            "common to be compared on. Train the missing ones."
        )
    pairs = [[of[seed] for seed in seeds] for of in (ours, theirs)]
    asked = (USER, DOMAIN, "had", "route")
    first = pairs[0][0].per_user.select(asked)
    if not all(one.per_user.select(asked).equals(first) for of in pairs for one in of):
        raise DataError(
            "They were not measured on the same users, items and domains, so they cannot be "
            "compared. Measure both on the same data, split and domains."
        )
    rows = [_compared(pairs, k, cut) for cut in cuts]
    table = pl.DataFrame(rows, schema=_COMPARED)
    return table.with_columns(p_holm=pl.Series(holm(table["p"].to_list()), dtype=pl.Float64))


_FIGURES = ("ours", "theirs", "ratio", "difference", "low", "high", "p")
_COMPARED = {
    "route": pl.String,
    "domain": pl.String,
    "had": pl.String,
    "users": pl.Int64,
    **dict.fromkeys(_FIGURES, pl.Float64),
}


def _compared(pairs: Sequence[Sequence[Engagement]], k: int, cut: Cut) -> dict[str, Any]:
    one, other = (
        np.mean([of.hits(k, cut.route, cut.domain, cut.had)["hit"] for of in them], axis=0)
        for them in pairs
    )
    row: dict[str, Any] = {"route": cut.route, "domain": cut.domain, "had": name_of(*cut.had)}
    row["users"] = len(one)
    if not len(one):
        return row
    difference, low, high, p = paired_test(one, other)
    base = float(other.mean())
    row |= {"ours": float(one.mean()), "theirs": base, "difference": difference}
    row |= {"ratio": row["ours"] / base if base else None}
    return row | {"low": low, "high": high, "p": p}
