"""What tells the texts of one code from the rest, and how much of that chance would give."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from quantize.terms import Terms

_LEAST_SHARE = 0.2
_LEAST_MEMBERS = 3
_DRAWS = 400
_CHANCE = 0.05


class Telling(NamedTuple):
    """Pairs of a group and a term that is commoner in it than in the whole.

    Those of a group stand together; what is both surprising and widespread in it comes first.

    Attributes:
        groups: (p,) int64.
        terms: (p,) int64.
        scores: (p,) how surprising it is, about a standard score.
        shares: (p,) in what share of the group's texts it stands.
    """

    groups: np.ndarray
    terms: np.ndarray
    scores: np.ndarray
    shares: np.ndarray

    def of(self, group: int) -> Telling:
        """The pairs of one group."""
        part = slice(*np.searchsorted(self.groups, [group, group + 1]))
        return Telling(*(column[part] for column in self))

    def best(self, k: int) -> np.ndarray:
        """(k,) best score of each group, 0 where there is none."""
        top = np.zeros(k)
        np.maximum.at(top, self.groups, self.scores)
        return top


def telling(terms: Terms, groups: np.ndarray, k: int) -> Telling:
    """Terms that stand in a fifth of a group's texts, in three of them at least, and surprise.

    The score is the signed root of the likelihood ratio between the observed number of texts and
    the one expected from the whole. It is cautious about rare terms. A group of two needs both.

    Source: Dunning, Accurate Methods for the Statistics of Surprise and Coincidence, 1993.
    """
    from scipy.sparse import csr_matrix

    n, size = len(groups), np.bincount(groups, minlength=k)
    member = csr_matrix((np.ones(n), (groups, np.arange(n))), shape=(k, n))
    seen = (member @ terms.holds).tocoo()
    whole = np.asarray(terms.holds.sum(0)).ravel()
    of, observed = size[seen.row], seen.data
    expected = of * whole[seen.col] / n
    enough = np.maximum(_LEAST_SHARE * of, np.clip(of, 2, _LEAST_MEMBERS))
    kept = (observed >= enough) & (observed > expected)
    scores = _root(observed[kept], expected[kept], of[kept])
    rows, columns = seen.row[kept].astype(np.int64), seen.col[kept].astype(np.int64)
    shares = observed[kept] / of[kept]
    order = np.lexsort((columns, -scores * np.sqrt(shares), rows))
    return Telling(rows[order], columns[order], scores[order], shares[order])


def least_score(terms: Terms, groups: np.ndarray, k: int, seed: int = 0) -> float:
    """The score that only one group in twenty would reach if its members were drawn at random."""
    rng = np.random.default_rng(seed)
    rounds = max(1, round(_DRAWS / k))
    best = [telling(terms, rng.permutation(groups), k).best(k) for _ in range(rounds)]
    used = np.tile(np.bincount(groups, minlength=k) > 0, rounds)
    return float(np.quantile(np.concatenate(best)[used], 1 - _CHANCE))


def _root(observed: np.ndarray, expected: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Root of 2 Σ o ln(o / e), over texts that hold a term and those that do not."""
    lacking, lacking_expected = size - observed, size - expected
    held = observed * np.log(observed / expected)
    rest = lacking * np.log(np.maximum(lacking, 1e-300) / np.maximum(lacking_expected, 1e-300))
    root: np.ndarray = np.sqrt(np.maximum(2 * (held + rest), 0))
    return root
