"""What is known of nodes or edges: numbers, texts, or several of them a row."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from data.relation import offsets_of


@dataclass(frozen=True, slots=True)
class Lists:
    """Several values a row, or none: the genres of a film, the words of a query.

    Attributes:
        offsets: (n + 1,) int64; row r owns `values[offsets[r]:offsets[r + 1]]`.
        values: (m,) numbers, or m texts.

    >>> genres = Lists.of([("war",), (), ("love", "war")])
    >>> len(genres), genres[2], genres.take(np.array([2, 0])).values
    (3, ('love', 'war'), ('love', 'war', 'war'))
    """

    offsets: np.ndarray
    values: np.ndarray | tuple[str, ...]

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]]) -> Lists:
        """These rows; texts if any value is one."""
        rows = [tuple(row) for row in rows]
        flat = [value for row in rows for value in row]
        texts = any(isinstance(value, str) for value in flat)
        offsets = np.zeros(len(rows) + 1, dtype=np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        return cls(offsets, intern_texts(map(str, flat)) if texts else np.array(flat))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, row: int) -> np.ndarray | tuple[str, ...]:
        return self.values[self.offsets[row] : self.offsets[row + 1]]

    def __iter__(self) -> Iterator[np.ndarray | tuple[str, ...]]:
        return (self[row] for row in range(len(self)))

    def take(self, rows: np.ndarray) -> Lists:
        """Some of the rows.

        Args:
            rows: (k,) numbers of rows.
        """
        sizes = np.diff(self.offsets)[rows]
        owners = np.repeat(np.arange(len(rows)), sizes)
        offsets = offsets_of(owners, len(rows))
        places = np.arange(len(owners)) - np.repeat(offsets[:-1] - self.offsets[rows], sizes)
        return Lists(offsets, take(self.values, places))  # type: ignore[arg-type]


Values: TypeAlias = np.ndarray | tuple[str, ...] | Lists
"""An attribute: (n,) or (n, d) numbers, n texts, or n lists."""


def take(values: Values, rows: np.ndarray) -> Values:
    """Some rows of an attribute.

    Args:
        values: Of n rows.
        rows: (k,) numbers of rows.
    """
    if isinstance(values, Lists):
        return values.take(rows)
    return (
        tuple([values[row] for row in rows.tolist()]) if isinstance(values, tuple) else values[rows]
    )


def intern_texts(texts: Iterable[str]) -> tuple[str, ...]:
    """The same texts, each that repeats held once."""
    known: dict[str, str] = {}
    return tuple([known.setdefault(text, text) for text in texts])


def own_name(name: str, others: Container[str]) -> str:
    """What an attribute is called beside others: its name, or with a prefix if one is called so.

    >>> own_name("price", ("age",)), own_name("age", ("age",))
    ('price', 'attr_age')
    """
    return f"attr_{name}" if name in others else name
