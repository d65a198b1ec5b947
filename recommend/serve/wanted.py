"""What an export can be asked for: queries by id, by name, or by words that tell of them."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from data.errors import DataError
from quantize.terms import words_in

_MARKS = re.compile(r"[\"“”*]")
"""In a description they stand around the title of another work; who asks means what is in them."""
QUERIES = "queries.parquet"
"""The file of an export that holds them."""
Terms = Mapping[str, tuple[int, float]]
"""Telling words of a query, in lower case: how many of its items' texts hold each, and how much
that tells."""


def words_asked(text: str) -> frozenset[str]:
    """Every word, name and pair of neighbouring words of a question, and all of it, in lower case.

    Of what is asked no writing tells names from words: many write all of it with capitals, or in
    quotation marks.

    >>> sorted(words_asked("“Sled Dogs” on ICE"))
    ['dogs', 'ice', 'sled', 'sled dogs', 'sled dogs on ice']
    """
    bare = " ".join(_MARKS.sub(" ", text).split())
    small = bare.lower()
    return words_in(bare) | words_in(small) | ({small} if small else frozenset())


def rank_by_words(
    terms: Sequence[Terms], words: str, of_words: Mapping[str, Sequence[int]] | None = None
) -> list[tuple[int, frozenset[str]]]:
    """Queries that some words tell of, best first, each with these words.

    They are ranked by how much their telling words that are said tell, and where that is the same,
    the one comes first that says least else.

    Args:
        terms: Of each query.
        words: That are said.
        of_words: Queries of each word, where there are many queries; see `queries_of_words`.

    >>> rank_by_words([{"war": (3, 1.0)}, {"war": (1, 2.0), "love": (2, 1.0)}, {}], "War?")
    [(1, frozenset({'war'})), (0, frozenset({'war'}))]
    """
    said = words_asked(words)
    some: Iterable[int] = range(len(terms))
    if of_words is not None:
        some = {query for word in said for query in of_words.get(word, ())}
    held = [(query, said.intersection(terms[query])) for query in some]
    found = [(query, of) for query, of in held if of]
    found.sort(key=lambda one: (-_worth(terms[one[0]], one[1]), len(terms[one[0]]), one[0]))
    return found


def queries_of_words(terms: Sequence[Terms]) -> dict[str, list[int]]:
    """The queries of each telling word, rising.

    >>> queries_of_words([{"war": (3, 1.0)}, {}, {"war": (1, 2.0)}])
    {'war': [0, 2]}
    """
    found = defaultdict[str, list[int]](list)
    for query, own in enumerate(terms):
        for word in own:
            found[word].append(query)
    return dict(found)


def _worth(terms: Terms, held: frozenset[str]) -> float:
    return sum(terms[word][1] for word in held)


def _folded(name: str) -> str:
    return " ".join(name.lower().split())


@dataclass(frozen=True)
class Wanted:
    """All that can be asked for.

    Attributes:
        noun: What one is called: "meaning" or "query".
        ids: (n,) by which each is asked for.
        names: (n,) what each is called.
        terms: (n,) telling words of each; of nothing where nobody asks in words.
    """

    noun: str
    ids: tuple[str, ...]
    names: tuple[str, ...]
    terms: tuple[Terms, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {id: number for number, id in enumerate(self.ids)}

    @cached_property
    def _named(self) -> dict[str, int]:
        return {_folded(name): n for n, name in reversed(list(enumerate(self.names)))}

    @cached_property
    def _of_words(self) -> dict[str, list[int]]:
        return queries_of_words(self.terms)

    def prepare(self) -> None:
        """Makes what finds queries, so that no request has to."""
        _ = self._numbers, self._named, self._of_words

    def find(self, said: str) -> tuple[int, str]:
        """The number of the query that is asked for, and how it was found, in a sentence.

        An id is the query itself, and needs no sentence; a name comes next, then words.

        Raises:
            DataError: nothing is called so, and no telling word is among these.
        """
        if said in self._numbers:
            return self._numbers[said], ""
        named = self._named.get(_folded(said)) if said.strip() else None
        if named is not None:
            return named, ""
        found = rank_by_words(self.terms, said, self._of_words)
        if not found:
            like = ", ".join(map(repr, self.ids[:3]))
            words = ", and none of its words tells of one" if self.terms else ""
            raise DataError(
                f"There is no {self.noun} {said!r} to ask for{words}; there are {len(self):,}, "
                f"with ids such as {like}."
            )
        number, held = found[0]
        quoted = ", ".join(f"‘{word}’" for word in sorted(held))
        others = ", ".join(f"{self.ids[one]} ({self.names[one]})" for one, _ in found[1:3])
        more = f" Others of which words tell: {others}." if others else ""
        return number, (
            f"The words were taken for the {self.noun} {self.ids[number]} ({self.names[number]}), "
            f"since {quoted} tells of it.{more}"
        )

    def write(self) -> bytes:
        """A table of Parquet, a row a query."""
        terms = self.terms or ({},) * len(self)
        table = pl.DataFrame(
            {
                "query_id": list(self.ids),
                "text": list(self.names),
                "terms": [list(of) for of in terms],
                "counts": [[count for count, _ in of.values()] for of in terms],
                "weights": [[weight for _, weight in of.values()] for of in terms],
            },
            schema={
                "query_id": pl.String,
                "text": pl.String,
                "terms": pl.List(pl.String),
                "counts": pl.List(pl.Int64),
                "weights": pl.List(pl.Float64),
            },
        )
        raw = io.BytesIO()
        table.write_parquet(raw)
        return raw.getvalue()

    @classmethod
    def read(cls, noun: str, table: pl.DataFrame) -> Wanted:
        """What `write` wrote."""
        columns = (table[name].to_list() for name in ("terms", "counts", "weights"))
        terms = tuple(
            dict(zip(of, zip(counts, weights, strict=True), strict=True))
            for of, counts, weights in zip(*columns, strict=True)
        )
        return cls(noun, tuple(table["query_id"]), tuple(table["text"]), terms)
