"""Attributes of users and items as bags of categories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from data.columns import DESCRIPTION, ITEM_ID, TITLE, USER_ID

RARE = 5
"""A value that fewer entities carry says nothing that can be learnt: it is left out."""
BUCKETS = 12
"""Numbers are cut into so many groups of about equal size."""


@dataclass(frozen=True, slots=True)
class Bags:
    """One bag of weighted categories an entity; the values of a list share a weight of one.

    Attributes:
        categories: (m,) int64 category numbers, entity after entity.
        weights: (m,) float32.
        offsets: (n,) int64, where each entity's bag begins.
        n_categories: (1,) int64, how many there are; at least one.
    """

    categories: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray
    n_categories: np.ndarray


@dataclass(frozen=True, slots=True)
class Categories:
    """What is a category of a table, so that a row to come can be read as the others were.

    Attributes:
        names: In order of their numbers.
        cuts: Where the numbers of a column are cut into groups, by column.
    """

    names: tuple[str, ...]
    cuts: Mapping[str, tuple[float, ...]]


def categories(table: pl.DataFrame) -> Categories:
    """The categories of a user or item table; ids, titles and free text are left out."""
    cuts = {name: _cuts(table[name]) for name in _attributes(table) if _is_cut(table[name])}
    counts = _rows(table, cuts).group_by("name").len().filter(pl.col("len") >= RARE)
    return Categories(tuple(counts["name"].sort()), cuts)


def bags(table: pl.DataFrame, known: Categories | None = None) -> Bags:
    """Categories of every row of a table.

    Args:
        table: Of users or items.
        known: Categories of the table that a model was fitted on; by default of this one.
    """
    known = known or categories(table)
    names = pl.DataFrame({"name": known.names}, {"name": pl.String}).with_row_index("category")
    kept = _rows(table, known.cuts).join(names, on="name").sort("row", "category")
    per_row = np.bincount(kept["row"].to_numpy(), minlength=table.height)
    return Bags(
        kept["category"].to_numpy().astype(np.int64),
        kept["weight"].to_numpy().astype(np.float32),
        (np.cumsum(per_row) - per_row).astype(np.int64),
        np.array([max(names.height, 1)]),
    )


_SCHEMA = {"row": pl.UInt32, "name": pl.String, "weight": pl.Float32}


def _attributes(table: pl.DataFrame) -> list[str]:
    """Columns that are attributes."""
    skipped = {USER_ID, ITEM_ID, TITLE, DESCRIPTION}
    return [name for name in table.columns if name not in skipped]


def _rows(table: pl.DataFrame, cuts: Mapping[str, tuple[float, ...]]) -> pl.DataFrame:
    """Rows of (row, name, weight), field after field."""
    fields = [_field(table[name], cuts.get(name)) for name in _attributes(table)]
    return pl.concat([pl.DataFrame(schema=_SCHEMA), *fields])


def _field(column: pl.Series, cuts: tuple[float, ...] | None) -> pl.DataFrame:
    """One column as rows of (row, name, weight)."""
    values = column
    if column.dtype.is_numeric():
        values = column.cast(pl.String) if cuts is None else _group(column, cuts)
    table = pl.DataFrame({"value": values}).with_row_index("row")
    if isinstance(values.dtype, pl.List):
        table = table.with_columns(weight=1 / pl.col("value").list.len()).explode("value")
    else:
        table = table.with_columns(weight=pl.lit(1.0))
    return table.drop_nulls("value").select(
        "row",
        name=pl.lit(f"{column.name}: ") + pl.col("value").cast(pl.String),
        weight=pl.col("weight").cast(pl.Float32),
    )


def _is_cut(column: pl.Series) -> bool:
    return column.dtype.is_numeric() and column.n_unique() > BUCKETS


def _cuts(column: pl.Series) -> tuple[float, ...]:
    inner = np.linspace(0, 1, BUCKETS + 1)[1:-1]
    cuts = np.unique(np.nanquantile(column.drop_nulls().to_numpy(), inner))
    return tuple(cuts.tolist())


def _group(column: pl.Series, cuts: tuple[float, ...]) -> pl.Series:
    """Numbers as the names of the groups they fall into."""
    ends = ["-inf", *(repr(cut).removesuffix(".0") for cut in cuts), "inf"]
    names = [f"({low}, {high}]" for low, high in pairwise(ends)]
    values = column.cast(pl.Float64).to_numpy()
    group = pl.Series(column.name, np.searchsorted(cuts, values))
    return group.replace_strict(range(len(names)), names).set(pl.Series(np.isnan(values)), None)
