"""External ids and the dense numbers that arrays are indexed by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property

import numpy as np
import polars as pl

from data.errors import DataError

BLANKS = " \t\n\r\v\f\u0085\u00a0\u2028\u2029\u3000\ufeff"
"""What may stand around an id and is no part of it, a byte order mark too; other control characters
tell ids apart."""
EXACT = 2**53
"""From here on a float stands for several whole numbers, and is no id."""


def canonical_ids(values: pl.Series) -> pl.Series:
    """(n,) String: ids as they are called everywhere, null where there is none.

    Whole numbers are written without a fraction, since a table writes 100 where JSON, or a column
    with gaps, makes it 100.0. Texts lose the blanks around them, nothing else: 007 and 1E0 stay.

    >>> canonical_ids(pl.Series([100.0, None, 0.5])).to_list()
    ['100', None, '0.5']
    >>> canonical_ids(pl.Series([" 1E0", "100.0", "\ufeff7", " "])).to_list()
    ['1E0', '100.0', '7', None]
    """
    if values.dtype.is_float():
        exact = pl.select(pl.when(values.abs() < EXACT).then(values)).to_series()
        whole = pl.select(pl.when(exact == exact.floor()).then(exact)).to_series()
        finite = pl.select(pl.when(values.is_finite()).then(values)).to_series()
        table = pl.DataFrame([whole.cast(pl.Int64).cast(pl.String).alias("whole")])
        return table.select(pl.coalesce("whole", finite.cast(pl.String))).to_series()
    return values.cast(pl.String).str.strip_chars(BLANKS).replace("", None)


def canonical_id(value: object) -> str | None:
    r"""One id as it is called everywhere; what no table can hold is replaced.

    >>> canonical_id(100.0), canonical_id(12345678901234567890), canonical_id("a\ud83d")
    ('100', '12345678901234567890', 'a�')
    """
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, float):
        if value.is_integer() and abs(value) < EXACT:
            return str(int(value))
        found: str | None = canonical_ids(pl.Series([value], dtype=pl.Float64))[0]
        return found
    text = str(value).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.strip(BLANKS) or None  # a table of one row takes a hundred times as long


@dataclass(frozen=True)
class IdMap:
    """A frozen bijection between external ids and 0 … n - 1, in the order given.

    >>> ids = IdMap(("u7", "u3"))
    >>> ids.number("u3"), ids.external[0], len(ids)
    (1, 'u7', 2)
    """

    external: tuple[str, ...]
    kind: str = field(default="id", compare=False)

    def __post_init__(self) -> None:
        if len(self._numbers) != len(self.external):
            seen: set[str] = set()
            twice = next(x for x in self.external if x in seen or seen.add(x))  # type: ignore[func-returns-value]
            raise DataError(
                f"The {self.kind} {twice!r} stands twice; every {self.kind} must be unique."
            )

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {external: number for number, external in enumerate(self.external)}

    def __len__(self) -> int:
        return len(self.external)

    def __contains__(self, external: object) -> bool:
        return self._find(external) is not None

    def number(self, external: object) -> int:
        """The dense number of one external id, also of one that is not in canonical form.

        Raises:
            DataError: the id is unknown.
        """
        found = self._find(external)
        if found is None:
            near = get_close_matches(str(external), self.external, n=3)
            known = ", ".join(map(repr, near or self.external[:3]))
            which = "the nearest are" if near else "known ones look like"
            raise DataError(
                f"There is no {self.kind} {external!r} in this data set; {which} {known}."
            )
        return found

    def _find(self, external: object) -> int | None:
        if isinstance(external, str) and external in self._numbers:
            return self._numbers[external]
        return self._numbers.get(canonical_id(external) or "")

    def numbers(self, externals: Iterable[object]) -> np.ndarray:
        """(n,) int32 dense numbers of external ids."""
        return np.fromiter((self.number(x) for x in externals), dtype=np.int32)

    def frame(self, external: str, dense: str) -> pl.DataFrame:
        """A two-column table for joins: external id (String) and dense number (Int32)."""
        return pl.DataFrame(
            {external: self.external, dense: np.arange(len(self), dtype=np.int32)},
            schema={external: pl.String, dense: pl.Int32},
        )
