"""Terms of texts and what tells one group of texts from the whole."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

STOP_WORDS = frozenset(
    ("film", "films", "movie", "movies", "released", "release", "english", "language", "directed")
)
"""Words of the trade that tell nothing apart."""
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Terms:
    """Which text holds which term.

    Attributes:
        names: (m) terms, one or two words.
        holds: (n, m) sparse 0/1 matrix.
    """

    names: tuple[str, ...]
    holds: Any

    def without_repeats(self, ranked: Sequence[int]) -> list[int]:
        """The terms that bring a word that no better one has brought."""
        seen: set[str] = set()
        kept = []
        for term in ranked:
            words = set(self.names[term].split())
            if not words & seen:
                kept.append(term)
                seen |= words
        return kept


def read_terms(texts: Sequence[str | None], titles: Sequence[str] | None = None) -> Terms:
    """Words and pairs of words that stand in at least two texts, stop words apart."""
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

    vectorizer = CountVectorizer(
        stop_words=list(ENGLISH_STOP_WORDS | STOP_WORDS),
        ngram_range=(1, 2),
        min_df=2,
        binary=True,
        token_pattern=r"(?u)\b[^\W\d_][^\W\d_]{2,}\b",
    )
    try:
        holds = vectorizer.fit_transform(_without_titles(texts, titles))
    except ValueError:
        return Terms((), csr_matrix((len(texts), 0)))
    return Terms(tuple(vectorizer.get_feature_names_out()), holds.tocsr())


def _without_titles(texts: Sequence[str | None], titles: Sequence[str] | None) -> list[str]:
    """Texts in which the words of the entity's own title are blanked."""
    if titles is None:
        return [text or "" for text in texts]
    return [_blank(text or "", title) for text, title in zip(texts, titles, strict=True)]


def _blank(text: str, title: str) -> str:
    own = {word.lower() for word in _WORD.findall(title)}
    return _WORD.sub(lambda m: "0" if m[0].lower() in own else m[0], text)


def log_odds(terms: Terms, groups: np.ndarray, k: int) -> np.ndarray:
    """(k, m) z scores: how much likelier a text of the group holds a term than one outside it.

    Source: Monroe, Colaresi & Quinn, Fightin' Words, Political Analysis 2008, with the terms'
    frequencies in the whole as the prior.
    """
    from scipy.sparse import csr_matrix

    n = len(groups)
    member = csr_matrix((np.ones(n), (groups, np.arange(n))), shape=(k, n))
    inside = (member @ terms.holds).toarray()
    total = np.asarray(terms.holds.sum(0)).ravel().astype(float)
    size = np.bincount(groups, minlength=k).astype(float)[:, None]
    prior = 2 * total / n
    outside = total - inside
    a, b = inside + prior, outside + prior
    z = np.log(a / (size + 2 - a)) - np.log(b / (n - size + 2 - b))
    scores: np.ndarray = z / np.sqrt(1 / a + 1 / b)
    scores[inside < np.minimum(2, size)] = 0
    return scores
