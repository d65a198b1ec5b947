"""Phrases of texts: names and n-grams that several texts share, the nodes of a concept graph.

Stands for the entity recognition of CCGNN, which AutoGraph is compared with (section 4.1.4): the
n-grams are scikit-learn's, so no model is needed and one pass over the texts, O(n), is enough.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from data import atomic
from data.errors import DataError
from data.relation import Relation
from quantize.settings import PhrasesConfig
from quantize.stop_words import function_words, stop_words

_WORDS_OF_A_PHRASE = 5
_TOKEN = r"(?u)\b\w(?:[\w'’.-]*\w)?\b"
_MARK = re.compile(r"[^\w\s'’-]+|\s[-–—]\s|\n")
_POSSESSIVE = re.compile(r"['’](?:s\b)?(?!\w)")
_INNER = frozenset(
    (
        *("of", "the", "and", "a", "an", "in", "to", "on", "for", "with", "at", "from"),
        *("de", "la", "le", "van", "von", "der", "di"),
    )
)
"""Small words that may stand inside a name."""
_LONGEST = 40
"""Characters of a phrase at most: a text without blanks is no name."""
_TOLD_EVERY = 100
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Phrases:
    """Which entity holds which phrase; row k is the entity with dense number k.

    Attributes:
        ids: (n,) external ids.
        names: (m,) phrases in lower case, a node each.
        offsets: (n + 1,) int64; entity i holds `phrases[offsets[i]:offsets[i + 1]]`.
        phrases: (e,) int32 numbers of phrases, the weightiest first.
        weights: (e,) float32 tf-idf of each in its text, up to 1.
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]
    offsets: np.ndarray
    phrases: np.ndarray
    weights: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, entity: int) -> list[tuple[str, float]]:
        """Phrases of one entity with their weights, the weightiest first."""
        part = slice(self.offsets[entity], self.offsets[entity + 1])
        held = zip(self.phrases[part].tolist(), self.weights[part].tolist(), strict=True)
        return [(self.names[phrase], weight) for phrase, weight in held]

    @property
    def relation(self) -> Relation:
        """From entities to phrases."""
        return Relation(self.offsets, self.phrases, len(self.names), weights=self.weights)

    @property
    def degrees(self) -> np.ndarray:
        """(n,) int64 phrases of each entity."""
        return np.diff(self.offsets)

    @property
    def counts(self) -> np.ndarray:
        """(m,) int64 entities that hold each phrase."""
        return np.bincount(self.phrases, minlength=len(self.names))

    def save(self, directory: Path) -> None:
        """Edges, and tables of entities and of phrases, in `directory`."""
        arrays = {name: getattr(self, name) for name in ("offsets", "phrases", "weights")}
        atomic.write_arrays(directory / "edges.safetensors", arrays)
        entities = pl.DataFrame({"id": pl.Series(self.ids, dtype=pl.String)})
        atomic.write_parquet(directory / "entities.parquet", entities)
        named = {"phrase": pl.Series(self.names, dtype=pl.String), "entities": self.counts}
        atomic.write_parquet(directory / "phrases.parquet", pl.DataFrame(named))

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Phrases:
        """The phrases stored by `save`."""
        return cls(
            tuple(atomic.read_parquet(directory / "entities.parquet")["id"]),
            tuple(atomic.read_parquet(directory / "phrases.parquet")["phrase"]),
            **atomic.read_arrays(directory / "edges.safetensors"),
        )


def find_phrases(
    ids: Sequence[str],
    texts: Sequence[str | None],
    config: PhrasesConfig,
    on_progress: Progress | None = None,
) -> Phrases:
    """The weightiest phrases of every text; left out is what too few or too many texts hold.

    A phrase that in the end one text alone has among its weightiest joins nothing, and is no node.

    Args:
        ids: (n) external ids.
        texts: (n) texts; None where there is none, which has no phrases.
        config: How many, and how rare or frequent they may be.
        on_progress: Told of texts that are read.

    Raises:
        DataError: no phrase is left to build a graph of.

    Source: Salton and Buckley, Term-weighting approaches in automatic text retrieval, 1988.
    """
    from sklearn.feature_extraction.text import TfidfTransformer

    names, counts = _counted(_told(texts, on_progress), len(texts), config)
    weights = TfidfTransformer(sublinear_tf=True).fit_transform(counts).tocsr()
    chosen = [_weightiest(names, weights[row], config.per_text) for row in range(len(texts))]
    held = np.bincount([phrase for row in chosen for phrase, _ in row], minlength=len(names))
    if not (held > 1).any():
        raise DataError(
            f"No phrase is among the {config.per_text} weightiest of two texts, so none joins any. "
            "Raise phrases.per_text."
        )
    joining = [[(p, weight) for p, weight in row if held[p] > 1] for row in chosen]
    number = np.cumsum(held > 1) - 1
    return Phrases(
        tuple(ids),
        tuple(names[phrase] for phrase in np.flatnonzero(held > 1)),
        np.cumsum([0, *map(len, joining)], dtype=np.int64),
        np.array([number[p] for row in joining for p, _ in row], dtype=np.int32),
        np.array([weight for row in joining for _, weight in row], dtype=np.float32),
    )


def _told(texts: Sequence[str | None], on_progress: Progress | None) -> Iterator[str]:
    for done, text in enumerate(texts):
        if on_progress is not None and done % _TOLD_EVERY == 0:
            on_progress(done, len(texts), "texts")
        yield text or ""


def _counted(texts: Iterator[str], n: int, config: PhrasesConfig) -> tuple[list[str], Any]:
    """Names of all candidates that are rare and frequent enough, and (n, m) how often."""
    from sklearn.feature_extraction.text import CountVectorizer

    grams = CountVectorizer(
        ngram_range=(1, _WORDS_OF_A_PHRASE), token_pattern=_TOKEN, lowercase=False
    ).build_analyzer()
    most = max(config.least_texts, int(config.most_share * n))
    counting = CountVectorizer(
        analyzer=lambda text: list(_candidates(text, grams)),
        min_df=config.least_texts,
        max_df=most,
    )
    try:
        counts = counting.fit_transform(texts)
    except ValueError:
        raise DataError(
            f"No phrase stands in {config.least_texts} to {most} of the {n} texts, so "
            "there is no graph of phrases. Lower phrases.least_texts, raise phrases.most_share, "
            "or describe the items in more words."
        ) from None
    return list(counting.get_feature_names_out()), counts


def _candidates(text: str, grams: Callable[[str], list[str]]) -> Iterator[str]:
    """Every phrase of a text, as often as it stands there, without parts of its names.

    A "Ryder" in a text about Winona Ryder is no phrase of its own: it would join all Ryders.
    """
    plain = _POSSESSIVE.sub("", text)
    found = [gram for run in _MARK.split(plain) for gram in grams(run) if _is_phrase(gram)]
    names = {gram for gram in found if " " in gram and _is_name(gram)}
    whole = " | ".join(names)
    inside = {gram for gram in set(found) if gram[0].isupper() and _part_of(gram, names, whole)}
    return (gram.lower() for gram in found if gram not in inside)


def _part_of(gram: str, names: set[str], whole: str) -> bool:
    return gram in whole and any(f" {gram} " in f" {name} " for name in names if name != gram)


def _is_phrase(gram: str) -> bool:
    """Whether words may stand for something: no talk at the ends, small words only in names.

    >>> _is_phrase("New York City"), _is_phrase("new film"), _is_phrase("Wag the Dog")
    (True, False, True)
    """
    words = gram.split()
    lower = [word.lower() for word in words]
    name = len(words) > 1 and _is_name(gram)
    silent = function_words() if name and _INNER.isdisjoint(lower) else stop_words()
    if len(gram) > _LONGEST or not words[0][0].isalpha() or min(map(len, words)) < 2:
        return False
    if lower[0] in silent or lower[-1] in silent:
        return False
    inner = silent.intersection(lower[1:-1])
    return not inner or (name and inner <= _INNER)


def _is_name(gram: str) -> bool:
    """Whether all words but small ones begin with a capital letter or a digit."""
    return all(word[0].isupper() or word[0].isdigit() or word in _INNER for word in gram.split())


def _weightiest(names: Sequence[str], row: Any, at_most: int) -> list[tuple[int, float]]:
    """Number and weight of the phrases of one text, none of them a part of another.

    Several words say more than one: "minus" needs twice the weight of "laura dern".
    """
    several = np.array([1 + (" " in names[phrase]) for phrase in row.indices])
    order = np.lexsort((row.indices, -row.data * several))
    chosen: list[str] = []

    def apart(place: int) -> bool:
        name = names[row.indices[place]]
        fits = not any(f" {name} " in f" {c} " or f" {c} " in f" {name} " for c in chosen)
        if fits:
            chosen.append(name)
        return fits

    kept = islice(filter(apart, order), at_most)
    return [(int(row.indices[place]), float(row.data[place])) for place in kept]
