"""External ids and the dense numbers that arrays are indexed by."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import polars as pl

from data.errors import DataError


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

    def __contains__(self, external: str) -> bool:
        return external in self._numbers

    def number(self, external: str) -> int:
        """The dense number of one external id.

        Raises:
            DataError: the id is unknown.
        """
        try:
            return self._numbers[external]
        except KeyError:
            raise DataError(
                f"There is no {self.kind} {external!r} in this data set; "
                f"known ones look like {', '.join(map(repr, self.external[:3]))}."
            ) from None

    def numbers(self, externals: Iterable[str]) -> np.ndarray:
        """(n,) int32 dense numbers of external ids."""
        return np.fromiter((self.number(x) for x in externals), dtype=np.int32)

    def frame(self, external: str, dense: str) -> pl.DataFrame:
        """A two-column table for joins: external id (String) and dense number (Int32)."""
        return pl.DataFrame(
            {external: self.external, dense: np.arange(len(self), dtype=np.int32)},
            schema={external: pl.String, dense: pl.Int32},
        )
