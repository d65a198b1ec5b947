"""What the items of a history have in common, against what everybody's histories hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_LETTER = r"[^\W\d_]"
_CAPITAL = r"[^\W\d_a-zß-öø-ÿ]"
_TAIL = rf"{_LETTER}*(?:[-'’](?!s\b){_LETTER}+)*"
_CAPITALISED = rf"{_CAPITAL}(?:\.|{_TAIL})"
_NAME_OR_WORD = re.compile(rf"\b{_CAPITALISED}(?:\s+{_CAPITALISED})+|\b{_LETTER}{_TAIL}")
_SHORTEST = 4
SHORT = 10
"""Interactions from which on a value must be met twice to be typical."""
WORD_LIFT = 2.0
"""Times as frequent as usual that a word must be: set phrases are evenly frequent."""
PRIOR = 5.0
"""Interactions' worth of belief that a user is like everybody: shrinks short histories."""


def words_in(text: str | None) -> list[str]:
    """Words of four letters or more in lower case, less stop words, and names as they stand.

    A name is a run of capitalised words. Its words are not counted apart.

    >>> words_in("Directed by Steven Spielberg, the adventure's hero is J. R. Jones.")
    ['directed', 'Steven Spielberg', 'adventure', 'hero', 'J. R. Jones']
    """
    found = map(_name_or_word, _NAME_OR_WORD.findall(text or ""))
    return [word for word in found if word]


def without_parts(words: Iterable[str], at_most: int) -> list[str]:
    """The first of `words`, less those that are part of another.

    >>> without_parts(["hanks", "Tom Hanks", "space"], 2)
    ['Tom Hanks', 'space']
    """
    every = list(words)
    parts = {part.lower() for word in every if " " in word for part in word.split()}
    return [word for word in every if word.lower() not in parts][:at_most]


def _name_or_word(found: str) -> str | None:
    """What was found without a leading stop word ("The", "With"); None if nothing is left."""
    first, _, others = found.partition(" ")
    if first.lower() in _stop_words():
        return _name_or_word(others) if others else None
    if others:
        return found
    return found.lower() if len(found) >= _SHORTEST else None


@cache
def _stop_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS)


@dataclass(frozen=True, slots=True)
class Traits:
    """Values that items carry (genres, people, words) and how usual each is.

    Attributes:
        names: (n_values,) what each value is called.
        carried: (n_items, n_values) sparse 0/1 matrix.
        usual: (n_values,) float64, share of all training interactions whose item carries it.
        least_lift: A value must be this many times as frequent as usual to be typical.
    """

    names: tuple[str, ...]
    carried: csr_matrix
    usual: np.ndarray
    least_lift: float = 0.0

    def common(self, interacted: csr_matrix, at_most: int) -> list[list[dict[str, Any]]]:
        """The values most typical of each user, best first.

        A value is ranked by p·ln(p / q): p is its share of the user's history, drawn towards the
        usual share q by a prior of five interactions. This is its part in the divergence between
        the user and everybody, so neither what is common nor what is merely rare comes first.

        Args:
            interacted: (n, n_items) sparse counts of training interactions.
            at_most: Values a user.

        Returns:
            A list a user of mappings: value, count, share, lift (share / usual share).
        """
        counts = (interacted @ self.carried).tocsr()
        sizes = np.asarray(interacted.sum(axis=1)).ravel()
        return [
            self._of_one(counts.indices[a:b], counts.data[a:b], size, at_most)
            for a, b, size in zip(counts.indptr, counts.indptr[1:], sizes, strict=False)
        ]

    def _of_one(
        self, values: np.ndarray, counts: np.ndarray, size: float, at_most: int
    ) -> list[dict[str, Any]]:
        """The most typical of the values that one user's `size` interactions carry."""
        enough = counts >= (2 if size >= SHORT else 1)
        values, counts = values[enough], counts[enough]
        usual = self.usual[values]
        lift = counts / (size * usual)
        drawn = (counts + PRIOR * usual) / (size + PRIOR)
        score = np.where(lift >= self.least_lift, drawn * np.log(drawn / usual), -np.inf)
        best = np.argsort(-score, kind="stable")[:at_most]
        return [
            {
                "value": self.names[values[k]],
                "count": int(counts[k]),
                "share": round(float(counts[k] / size), 3),
                "lift": round(float(lift[k]), 2),
            }
            for k in best
            if np.isfinite(score[k])
        ]


def traits_of(values: Sequence[Iterable[str]], popularity: np.ndarray) -> Traits:
    """Traits from the values that each item carries.

    Args:
        values: The values of item k at place k.
        popularity: (n_items,) training interactions of each item.
    """
    from scipy.sparse import csr_matrix

    numbers: dict[str, int] = {}
    rows, columns = [], []
    for item, carried in enumerate(values):
        for value in dict.fromkeys(carried):
            rows.append(item)
            columns.append(numbers.setdefault(value, len(numbers)))
    shape = (len(values), len(numbers))
    matrix = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=shape)
    return Traits(tuple(numbers), matrix, _usual(matrix, popularity))


def words_of(texts: Sequence[str | None], popularity: np.ndarray) -> Traits | None:
    """Traits from the words and names in the items' texts; None where texts are too few."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(
        binary=True, dtype=np.float64, analyzer=words_in, min_df=3, max_df=0.6, max_features=20_000
    )
    try:
        matrix = counter.fit_transform(texts).tocsr()
    except ValueError:
        return None
    names = tuple(counter.get_feature_names_out())
    return Traits(names, matrix, _usual(matrix, popularity), WORD_LIFT)


def _usual(matrix: csr_matrix, popularity: np.ndarray) -> np.ndarray:
    """(n_values,) share of interactions, with one imagined interaction an item: never 0."""
    weights = popularity + 1.0
    usual: np.ndarray = np.asarray(matrix.T @ weights).ravel() / weights.sum()
    return usual
