"""Domains: parts of a catalogue that people use side by side, such as departments of a shop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np
import polars as pl

from data.columns import DOMAIN
from data.dataset import Dataset
from data.errors import DataError
from data.settings import DomainConfig


@dataclass(frozen=True, slots=True)
class Domains:
    """Which domain each item is of.

    Attributes:
        names: At least one.
        of_item: (n_items,) int64 place among the names.
    """

    names: tuple[str, ...]
    of_item: np.ndarray

    @classmethod
    def of(cls, dataset: Dataset) -> Domains:
        """Those of a data set, in order of their names; one that declares none is one domain."""
        told = dataset.items.get_column(DOMAIN, default=pl.Series())
        if told.dtype != pl.String or told.null_count():
            return cls(("items",), np.zeros(dataset.n_items, dtype=np.int64))
        names = tuple(sorted(told.unique()))
        places = {name: place for place, name in enumerate(names)}
        return cls(names, np.array([places[name] for name in told]))

    def __len__(self) -> int:
        return len(self.names)

    def holds(self, name: str) -> np.ndarray:
        """(n_items,) bool, the items of the domain of that name.

        Raises:
            DataError: there is none of that name, or the data set is one domain.
        """
        if len(self) == 1:
            raise DataError(
                f"There is no domain {name!r}: the items of this data set are in one domain. A "
                "block [[data.domains]] for each, with name, attribute and values, parts them."
            )
        if name not in self.names:
            near = get_close_matches(name, self.names, n=1)
            told = f"the nearest is {near[0]!r} of" if near else "there are"
            raise DataError(f"There is no domain {name!r}; {told} {', '.join(self.names)}.")
        held: np.ndarray = self.of_item == self.names.index(name)
        return held

    def counts(self, items: np.ndarray) -> np.ndarray:
        """(n_domains,) how many of some items, by number, are in each."""
        return np.bincount(self.of_item[items], minlength=len(self))


def with_domains(dataset: Dataset, domains: Sequence[DomainConfig]) -> Dataset:
    """The data set with the attribute `domain` of every item; the first domain that fits has it.

    Raises:
        DataError: an item is in no domain, a domain has no items, or an attribute is not there.
    """
    if not domains:
        return dataset
    table = dataset.items
    chosen = pl.lit(None, dtype=pl.String)
    for one in reversed(domains):
        chosen = pl.when(_fits(table, one)).then(pl.lit(one.name)).otherwise(chosen)
    items = table.with_columns(chosen.alias(DOMAIN))
    homeless = items.filter(pl.col(DOMAIN).is_null())
    if homeless.height:
        raise DataError(
            f"{homeless.height:,} of {items.height:,} items are in no domain, such as "
            f"{homeless[0].to_dicts()[0]}. End data.domains with one that has no attribute: it "
            "takes all the others."
        )
    for one in domains:
        if not (items[DOMAIN] == one.name).any():
            told = "its values" if one.files is None else "its tables or data.min_history"
            raise DataError(f"No item is in the domain {one.name!r}; mend {told}, or delete it.")
    return replace(dataset, items=items)


def _fits(table: pl.DataFrame, domain: DomainConfig) -> pl.Expr:
    if domain.files is not None:
        return pl.col(DOMAIN) == domain.name
    if domain.attribute is None:
        return pl.lit(value=True)
    if domain.attribute not in table.columns:
        raise DataError(
            f"The domain {domain.name!r} is told by {domain.attribute!r}, and items have "
            f"{', '.join(table.columns)}."
        )
    column = pl.col(domain.attribute)
    if isinstance(table.schema[domain.attribute], pl.List):
        fits = column.list.eval(pl.element().cast(pl.String).is_in(domain.values)).list.any()
    elif domain.values:
        fits = column.cast(pl.String).is_in(domain.values)
    else:
        fits = pl.lit(value=True)
        if domain.least is not None:
            fits = fits & (column >= domain.least)
        if domain.below is not None:
            fits = fits & (column < domain.below)
    return fits.fill_null(value=False)
