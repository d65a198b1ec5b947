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

MOST_NAMED = 6
"""Values of an attribute that are told where none is among those of a domain."""


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
            raise DataError(f"No item is in the domain {one.name!r}; {_to_mend(items, one)}.")
    return replace(dataset, items=items)


def _to_mend(items: pl.DataFrame, domain: DomainConfig) -> str:
    """What may help a domain without items."""
    if domain.files is not None:
        return "mend its tables or data.min_history, or delete it"
    if domain.attribute is None:
        return "the domains before it take all items; let them take fewer, or delete it"
    told = items[domain.attribute].drop_nulls()
    if isinstance(told.dtype, pl.List):
        told = told.explode().drop_nulls()
    if not domain.values:
        return (
            f"{domain.attribute!r} goes from {told.min()!r} to {told.max()!r}, and an item is in "
            "the first domain that fits; mend least or below, or delete it"
        )
    some = told.cast(pl.String).value_counts(sort=True)[domain.attribute][:MOST_NAMED]
    return (
        f"the most frequent values of {domain.attribute!r} are {', '.join(map(repr, some))}, and "
        "an item is in the first domain that fits; mend its values, or delete it"
    )


def _fits(table: pl.DataFrame, domain: DomainConfig) -> pl.Expr:
    if domain.files is not None:
        return pl.col(DOMAIN) == domain.name
    if domain.attribute is None:
        return pl.lit(value=True)
    if domain.attribute not in table.columns:
        raise DataError(
            f"The domain {domain.name!r} is told by {domain.attribute!r}, and items have "
            f"{', '.join(table.columns)}. Name one of these."
        )
    column, kind = pl.col(domain.attribute), table.schema[domain.attribute]
    if not (domain.values or kind.is_numeric()):
        raise DataError(
            f"The domain {domain.name!r} is told by least or below of {domain.attribute!r}, which "
            "is no column of numbers. Say its values, or take another attribute."
        )
    if isinstance(kind, pl.List):
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
