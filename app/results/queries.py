"""What a recommender can be asked for, what each of it means, and which of it words are taken for.

Queries are latent factors of items, "meanings" on the page, or what the log of the data holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from data.columns import ITEM, TIME, USER
from data.dataset import Histories
from data.errors import DataError
from data.log import QUERY, TEXT, Log
from llm.encoder import normalise
from quantize.codes import Codes
from quantize.describe import FactorDescriptions
from quantize.terms import Mentions
from recommend.serve.wanted import rank_by_words, words_asked

OFFERED = 3
"""Queries that words are taken for: the nearest one, and two to choose instead."""
CHANCE = 0.95
"""Words are near a meaning if they are nearer than this share of items are to one they lack."""
Encode = Callable[[str], np.ndarray]


@dataclass(frozen=True, slots=True)
class Taken:
    """A query that words are taken for.

    Attributes:
        query: Its number.
        told: How near it is, in a sentence.
    """

    query: int
    told: str


@dataclass(frozen=True)
class Space:
    """Where meanings lie among the vectors of items' texts, which are centred for it.

    Attributes:
        encode: Gives the (1, d) vector of a text, as those of items were made; it may be slow.
        mean: (d,) of all items.
        centres: (n, d) of each meaning: the mean direction of its items; 0 where it has none.
        least: The cosine above which words are near a meaning.
    """

    encode: Encode
    mean: np.ndarray
    centres: np.ndarray
    least: float

    @classmethod
    def of(cls, vectors: np.ndarray, codes: np.ndarray, k: int, encode: Encode) -> Space:
        """The space of one level of codes.

        Args:
            vectors: (n, d) of items' texts.
            codes: (n,) their codes on the level.
            k: Codes of the level.
            encode: Gives the (1, d) vector of a text.
        """
        mean = vectors.mean(axis=0)
        rows = normalise(vectors - mean)
        centres = np.zeros((k, vectors.shape[1]), dtype=np.float32)
        np.add.at(centres, codes, rows)
        centres = normalise(centres)
        cosines = rows @ centres.T
        others = np.ones(cosines.shape, dtype=bool)
        others[:, np.bincount(codes, minlength=k) == 0] = False
        others[np.arange(len(codes)), codes] = False
        least = float(np.quantile(cosines[others], CHANCE)) if others.any() else 1.0
        return cls(encode, mean, centres, least)

    def cosines(self, words: str) -> np.ndarray:
        """(n,) how near words are to each meaning."""
        found: np.ndarray = self.centres @ normalise(self.encode(words) - self.mean)[0]
        return found

    def beside(self, meaning: int) -> np.ndarray:
        """(n,) how near meanings are to one of them, which is not near itself."""
        found: np.ndarray = self.centres @ self.centres[meaning]
        found[meaning] = -1
        return found


@dataclass(frozen=True)
class Queries:
    """All that can be asked for.

    Attributes:
        noun: What one is called: "meaning" or "query".
        many: Several.
        ids: (n,) by which each is named in addresses and commands.
        names: (n,) what each is called.
        offsets: (n + 1,) where the items of each begin in `items`.
        items: Numbers of the items that have each of them, ascending.
        counts: How many people took that item when they asked for it; 1 for meanings.
        terms: (n,) telling words of each, in lower case, with how many of its items' descriptions
            hold them and how much that tells.
        texts: Descriptions of items, None for one without one; empty where there are none.
        open_space: Opens what compares words that no term holds; None where there is none.
    """

    noun: str
    many: str
    ids: tuple[str, ...]
    names: tuple[str, ...]
    offsets: np.ndarray
    items: np.ndarray
    counts: np.ndarray
    terms: tuple[dict[str, tuple[int, float]], ...]
    texts: Sequence[str | None] = ()
    open_space: Callable[[], Space] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {id: number for number, id in enumerate(self.ids)}

    def __contains__(self, id: object) -> bool:
        return id in self._numbers

    def number(self, id: str) -> int:
        """The number of a query.

        Raises:
            DataError: there is no such query.
        """
        if id in self._numbers:
            return self._numbers[id]
        example = f", for instance {self.ids[0]}" if self.ids else ""
        raise DataError(
            f"There is no {self.noun} {id!r} to ask for; there are {len(self):,}{example}. "
            "Give words instead, and the nearest is found: --for."
        )

    @property
    def sizes(self) -> np.ndarray:
        """(n,) items of each."""
        return np.diff(self.offsets)

    def of(self, query: int) -> np.ndarray:
        """Numbers of the items that have a query."""
        return self.items[self.offsets[query] : self.offsets[query + 1]]

    def count(self, query: int, item: int) -> int:
        """How often an item was taken under a query; 1 or 0 for meanings."""
        of = self.of(query)
        at = int(np.searchsorted(of, item))
        here = at < len(of) and of[at] == item
        return int(self.counts[self.offsets[query] + at]) if here else 0

    def tally(self, items: np.ndarray) -> np.ndarray:
        """(n,) how many of some items have each query; an item that stands twice counts twice."""
        times = np.bincount(items, minlength=int(self.items.max(initial=-1)) + 1)
        edges = np.concatenate([[0], np.cumsum(times[self.items])])
        return np.diff(edges[self.offsets])

    def find(self, words: str, limit: int = OFFERED) -> list[Taken]:
        """The queries that words come nearest to, nearest first; none where nothing is near.

        Words that are terms of queries decide, by how much these tell of each, and where that is
        the same, the query that says least else; those nearest to the first in meaning follow.
        Where no word is a term, the nearest by meaning are found, if their cosine is one that few
        items have to a meaning that is not theirs.
        """
        told = rank_by_words(self.terms, words)[:limit]
        if told:
            found = [Taken(query, self._told(query, held)) for query, held in told]
            return [*found, *self._beside([query for query, _ in told], limit - len(told))]
        return self._near(words, limit) if self.open_space and words.strip() else []

    def _told(self, query: int, words: frozenset[str]) -> str:
        terms = self.terms[query]
        held = sorted(words, key=lambda word: (-terms[word][1], -len(word), word))
        if self.noun == "query":
            return f"It holds {_quoted(held)}."
        own = [self.texts[item] for item in self.of(query).tolist() if item < len(self.texts)]
        texts = Mentions([text for text in own if text])
        counts = [f"‘{word}’ stands in {texts.of(word).sum():,}" for word in held]
        return f"{', '.join(counts)} of its {sum(map(bool, own)):,} descriptions."

    def _beside(self, best: Sequence[int], limit: int) -> list[Taken]:
        """Meanings that lie nearest to the first of some."""
        if self.open_space is None or not limit:
            return []
        space = self.open_space()
        near = space.beside(best[0])
        near[list(best)] = -1
        order = np.argsort(-near, kind="stable")[:limit]
        return [
            Taken(
                int(query),
                f"None of these words is one of its telling words; it lies near the first one: the "
                f"cosine is {near[query]:.2f}, and more than {space.least:.2f} counts as near.",
            )
            for query in order
            if near[query] > space.least
        ]

    def _near(self, words: str, limit: int) -> list[Taken]:
        assert self.open_space is not None
        space = self.open_space()
        cosines = space.cosines(words)
        order = np.argsort(-cosines, kind="stable")[:limit]
        return [
            Taken(
                int(query),
                f"None of these words is one of its telling words; by what they mean the cosine is "
                f"{cosines[query]:.2f}, and more than {space.least:.2f} counts as near.",
            )
            for query in order
            if cosines[query] > space.least
        ]


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"‘{word}’" for word in words)


def meanings(
    codes: Codes,
    level: int,
    factors: FactorDescriptions,
    texts: Sequence[str | None],
    open_space: Callable[[], Space] | None = None,
) -> Queries:
    """The latent factors of one level as what can be asked for; query k is code k.

    Args:
        codes: Of items.
        level: Of the codes.
        factors: What they mean.
        texts: Descriptions of the items.
        open_space: See `Queries`.
    """
    own, k = codes.codes[:, level], codes.k
    rows = factors.table.slice(level * k, k)
    telling = zip(rows["terms"], rows["counts"], rows["weights"], strict=True)
    return Queries(
        "meaning",
        "meanings",
        tuple(f"{level}-{code}" for code in range(k)),
        factors.names[level * k : (level + 1) * k],
        np.concatenate([[0], np.cumsum(np.bincount(own, minlength=k))]),
        np.argsort(own, kind="stable"),
        np.ones(len(own), dtype=np.int64),
        tuple(
            {
                term.lower(): (int(count), float(weight))
                for term, count, weight in zip(terms, counts, weights, strict=True)
            }
            for terms, counts, weights in telling
        ),
        texts,
        open_space,
    )


def asked_before(log: Log, histories: Histories) -> Queries:
    """What people asked for in a log as what can be asked for; only training is counted.

    Args:
        log: Of all interactions.
        histories: Of training.
    """
    owners = np.repeat(np.arange(len(histories), dtype=np.int32), histories.lengths)
    had = pl.DataFrame({USER: owners, ITEM: histories.items, "last": histories.times})
    last = had.group_by(USER).agg(pl.col("last").max())
    rows = log.rows.join(had.drop("last").unique(), on=(USER, ITEM), how="semi").join(last, on=USER)
    rows = rows.filter(pl.col(TIME) <= pl.col("last"))
    pairs = rows.group_by(QUERY, ITEM).len().sort(QUERY, ITEM)
    names = tuple(log.queries[TEXT])
    sizes = np.bincount(pairs[QUERY].to_numpy(), minlength=log.n_queries)
    rarity = _rarity(names)
    return Queries(
        "query",
        "queries",
        log.query_ids.external,
        names,
        np.concatenate([[0], np.cumsum(sizes)]),
        pairs[ITEM].to_numpy(),
        pairs["len"].to_numpy(),
        tuple({word: (1, rarity[word]) for word in words_asked(name)} for name in names),
    )


def _rarity(texts: Sequence[str]) -> dict[str, float]:
    """log(1 + n / texts that hold it) of every word: one that few hold tells most."""
    held: dict[str, int] = {}
    for text in texts:
        for word in words_asked(text):
            held[word] = held.get(word, 0) + 1
    return {word: float(np.log1p(len(texts) / n)) for word, n in held.items()}
