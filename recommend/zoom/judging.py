"""How good logits of triples are: AUC, MAE, RMSE and hit rates, and whether two differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from data.errors import ConfigError
from recommend.judge.compare import CONFIDENCE
from recommend.judge.metrics import mean_rank
from recommend.zoom.triples import KINDS, Task, Triples

HITS = (100, 200, 300)
"""Lengths of lists. Source: ZOOMER, section VII-A."""
BLOCK = 512
"""Triples whose scores of all items are held at once."""


class Scorer(Protocol):
    """Whoever answers a user and a query with a score of every item; higher is likelier."""

    def scores(self, users: Tensor, queries: Tensor) -> Tensor:
        """(b, n_items) of (b,) users and (b,) queries."""
        ...


@dataclass(frozen=True)
class Judged:
    """What a contender says of some triples.

    Attributes:
        positives: (n,) logits.
        negatives: (n,) logits of the negative of each, by kind; NaN where it has none.
        ranks: (n,) of the true item among candidates, best = 1, ties the mean.
    """

    positives: np.ndarray
    negatives: Mapping[str, np.ndarray]
    ranks: np.ndarray

    def arrays(self) -> dict[str, np.ndarray]:
        """Float32 arrays by name."""
        told = {"positives": self.positives, "ranks": self.ranks}
        told |= {f"negatives {kind}": one for kind, one in self.negatives.items()}
        return {name: np.asarray(one, dtype=np.float32) for name, one in told.items()}

    @classmethod
    def read(cls, arrays: Mapping[str, np.ndarray]) -> Judged:
        """That of which `arrays` are."""
        kinds = {kind: arrays[f"negatives {kind}"] for kind in KINDS}
        return cls(arrays["positives"], kinds, arrays["ranks"])

    def pairs(self, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(m,) places of triples with a negative of a kind, and (m,) logits of both."""
        there = np.flatnonzero(~np.isnan(self.negatives[kind]))
        return there, self.positives[there], self.negatives[kind][there]


def judge(
    scorer: Scorer, task: Task, of: Triples, negatives: Mapping[str, np.ndarray], final: bool
) -> Judged:
    """What is said of triples, each beside all items that its user may have had.

    Candidates are all items but those that the user had in training and, where the test is judged,
    in validation; the true item always is one. Whatever else the user took for the query in the
    same part stays a candidate.

    Args:
        scorer: Who is asked.
        task: That they are of.
        of: Triples of validation or of the test.
        negatives: (n,) items by kind, -1 for none.
        final: Whether they are of the test.

    Raises:
        ConfigError: a score is no finite number.
    """
    had = _dense_rows(task, final)
    positives, ranks = np.empty(len(of)), np.empty(len(of))
    found = {kind: np.full(len(of), np.nan) for kind in negatives}
    # Triples of one user and query follow each other, so that each is scored once.
    order = np.lexsort((of.queries, of.users))
    with torch.no_grad():
        for some in np.split(order, range(BLOCK, len(of), BLOCK)):
            asked = np.stack([of.users[some], of.queries[some]], 1)
            unique, back = np.unique(asked, axis=0, return_inverse=True)
            each = scorer.scores(*torch.from_numpy(unique).unbind(1))
            _finite(each.numpy())
            scores = each[torch.from_numpy(back.reshape(-1))]
            target = torch.from_numpy(of.items[some])
            allowed = ~torch.from_numpy(had(of.users[some]))
            ranks[some] = mean_rank(scores, target, allowed).numpy()
            positives[some] = scores.gather(1, target[:, None])[:, 0].numpy()
            for kind, items in negatives.items():
                there = items[some] >= 0
                own = torch.from_numpy(items[some].clip(0))[:, None]
                found[kind][some[there]] = scores.gather(1, own)[:, 0].numpy()[there]
    return Judged(positives, found, ranks)


def _dense_rows(task: Task, final: bool) -> Callable[[np.ndarray], np.ndarray]:
    """What gives (b, n_items) bool for users: which items they had before."""
    import scipy.sparse as sp

    parts = (task.train, task.valid) if final else (task.train,)
    users = np.concatenate([one.users for one in parts])
    items = np.concatenate([one.items for one in parts])
    shape = (task.n_users, task.n_items)
    had = sp.csr_matrix((np.ones(len(users), dtype=np.int8), (users, items)), shape)

    def of(some: np.ndarray) -> np.ndarray:
        return np.asarray(had[some].toarray() > 0)

    return of


def placements(positives: np.ndarray, negatives: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(m,) of each positive, how many negatives are below; (n,) of each negative, the other way.

    Both are shares, ties count half, and the mean of either is the AUC: the probability that a
    positive stands above a negative.

    >>> placements(np.array([3.0, 1.0]), np.array([2.0, 1.0]))
    (array([1.  , 0.25]), array([0.5 , 0.75]))

    Source: DeLong, DeLong and Clarke-Pearson, Biometrics 1988.
    """
    return _below(positives, negatives), 1 - _below(negatives, positives)


def _below(these: np.ndarray, those: np.ndarray) -> np.ndarray:
    ordered = np.sort(_finite(those))
    sides = (np.searchsorted(ordered, _finite(these), side) for side in ("left", "right"))
    return np.asarray(sum(sides) / (2 * max(len(those), 1)))


def _finite(scores: np.ndarray) -> np.ndarray:
    """The same: an order of what is no number would look like any other."""
    wrong = int((~np.isfinite(scores)).sum())
    if wrong:
        raise ConfigError(
            f"{wrong:,} of {scores.size:,} scores are no finite numbers, so they have no order: "
            "training ran away. Delete the folder of this run and give it a lower rate of learning."
        )
    return scores


def auc(positives: np.ndarray, negatives: np.ndarray) -> float:
    """() share of pairs of a positive and a negative whose positive is above; ties half.

    Raises:
        ConfigError: a score is no finite number.
    """
    return float(placements(positives, negatives)[0].mean())


def errors(positives: np.ndarray, negatives: np.ndarray) -> tuple[float, float]:
    """MAE and RMSE of probabilities against 1 and 0.

    Args:
        positives: (m,) probabilities of what is so.
        negatives: (n,) probabilities of what is not.

    >>> errors(np.array([0.5, 1.0]), np.array([0.5, 0.0]))
    (0.25, 0.3535533905932738)
    """
    gaps = np.concatenate([1 - positives, negatives])
    return float(np.abs(gaps).mean()), float(np.sqrt((gaps**2).mean()))


def platt(positives: np.ndarray, negatives: np.ndarray) -> tuple[float, float]:
    """Slope and offset that make scores logits: logistic regression of one feature.

    Source: Platt, Probabilistic outputs for support vector machines, 1999, without his smoothing of
    targets.
    """
    from sklearn.linear_model import LogisticRegression

    scores = np.concatenate([positives, negatives])
    spread = float(scores.std()) or 1.0
    labels = np.concatenate([np.ones(len(positives)), np.zeros(len(negatives))])
    fitted = LogisticRegression(C=np.inf).fit(scores[:, None] / spread, labels)
    return float(fitted.coef_[0, 0]) / spread, float(fitted.intercept_[0])


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-x), without overflow."""
    return np.exp(-np.logaddexp(0.0, -np.asarray(logits, dtype=np.float64)))


def figures(
    told: Judged,
    task: Task,
    of: Triples,
    wrong: np.ndarray,
    line: tuple[float, float],
    own: bool,
) -> dict[str, float]:
    """All figures of a contender.

    "auc", "mae" and "rmse" are of negatives of the kind "movie"; "auc popular" and "auc tag" of
    the others; "hit@100" and so on of ranks. "known" ones are of triples whose user, query and item
    are in training, the AUC of those whose negative is, too: otherwise to be in training would mean
    yes. "mae platt" and "rmse platt" are of logits put on a line by validation, so that
    how well somebody orders and how sure somebody is are told apart; who gives no probabilities has
    these alone.

    Args:
        told: What was said of the triples.
        task: That they are of.
        of: The triples.
        wrong: (n,) negatives of the kind "movie", as they were judged.
        line: Of `platt`, fitted on validation.
        own: Whether logits are of probabilities as they are.
    """
    _, up, down = told.pairs("movie")
    slope, offset = line
    straight = errors(*(sigmoid(slope * one + offset) for one in (up, down)))
    plain = errors(sigmoid(up), sigmoid(down)) if own else straight
    found = {"auc": auc(up, down), "mae": plain[0], "rmse": plain[1]}
    found |= {"mae platt": straight[0], "rmse platt": straight[1]}
    for kind in KINDS[1:]:
        _, up, down = told.pairs(kind)
        found[f"auc {kind}"] = auc(up, down) if len(up) else float("nan")
    there = task.known(of)
    known = there["user"] & there["query"] & there["item"]
    both = known & (wrong >= 0) & (task.popularity[wrong] > 0)
    up, down = told.positives[both], told.negatives["movie"][both]
    found["auc known"] = auc(up, down) if both.any() else float("nan")
    for k in HITS:
        found[f"hit@{k}"] = float((told.ranks <= k).mean())
        found[f"hit@{k} known"] = float((told.ranks[known] <= k).mean()) if known.any() else 0.0
    return found


def influences(told: Judged, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """(m,) places of triples, and (m,) what each adds to a figure, whose mean is the figure.

    Of the AUC it is the placements of a positive and of its negative, less the AUC: what is left of
    the figure, to first order, if the triple were not there, is the mean of the others'.

    Args:
        told: What was said.
        metric: "auc", "auc popular", "auc tag" or "hit@K".
    """
    name, _, more = metric.partition("@")
    if name == "hit":
        return np.arange(len(told.ranks)), (told.ranks <= int(more)).astype(np.float64)
    there, up, down = told.pairs(metric.removeprefix("auc").strip() or "movie")
    first, second = placements(up, down)
    return there, first + second - first.mean()


def paired(
    ours: np.ndarray, theirs: np.ndarray, users: np.ndarray
) -> tuple[float, float, float, float]:
    """Mean difference, its 95 % interval and a p-value, where triples of one user hang together.

    The variance is that of sums over users, as if other users had come; without that, the few who
    gave thousands of tags would be taken for thousands of witnesses.

    Args:
        ours: (n,) `influences` of one, over triples.
        theirs: (n,) of the other, over the same.
        users: (n,) whose triple each is.

    Source: Liang and Zeger, Biometrika 1986: the sandwich of a mean of clusters, with g / (g − 1).
    """
    from scipy import stats

    gap = ours - theirs
    mean, n = float(gap.mean()), len(gap)
    _, cluster = np.unique(users, return_inverse=True)
    sums = np.bincount(cluster, gap - mean)
    g = len(sums)
    if g < 2:
        return mean, -np.inf, np.inf, 1.0
    error = float(np.sqrt(g / (g - 1) * (sums**2).sum())) / n
    if error == 0:
        return mean, mean, mean, 1.0 if mean == 0 else 0.0
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, g - 1)) * error
    return mean, mean - reach, mean + reach, float(2 * stats.t.sf(abs(mean / error), g - 1))
