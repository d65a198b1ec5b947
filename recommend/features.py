"""Attributes of users and items as bags of categories."""

from __future__ import annotations

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


def bags(table: pl.DataFrame) -> Bags:
    """Categories of every row of a user or item table; ids, titles and free text are left out."""
    skipped = {USER_ID, ITEM_ID, TITLE, DESCRIPTION}
    fields = [_field(table[name]) for name in table.columns if name not in skipped]
    rows = pl.concat([pl.DataFrame(schema=_SCHEMA), *fields])
    counts = rows.group_by("name").len().filter(pl.col("len") >= RARE).sort("name")
    names = counts.select("name").with_row_index("category")
    kept = rows.join(names, on="name").sort("row", "category")
    per_row = np.bincount(kept["row"].to_numpy(), minlength=table.height)
    return Bags(
        kept["category"].to_numpy().astype(np.int64),
        kept["weight"].to_numpy().astype(np.float32),
        (np.cumsum(per_row) - per_row).astype(np.int64),
        np.array([max(names.height, 1)]),
    )


_SCHEMA = {"row": pl.UInt32, "name": pl.String, "weight": pl.Float32}


def _field(column: pl.Series) -> pl.DataFrame:
    """One column as rows of (row, name, weight)."""
    values = _bucketed(column) if column.dtype.is_numeric() else column
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


def _bucketed(column: pl.Series) -> pl.Series:
    if column.n_unique() <= BUCKETS:
        return column.cast(pl.String)
    inner = np.linspace(0, 1, BUCKETS + 1)[1:-1]
    cuts = np.unique(np.nanquantile(column.drop_nulls().to_numpy(), inner))
    ends = ["-inf", *(repr(cut).removesuffix(".0") for cut in cuts.tolist()), "inf"]
    names = [f"({low}, {high}]" for low, high in pairwise(ends)]
    values = column.cast(pl.Float64).to_numpy()
    group = pl.Series(column.name, np.searchsorted(cuts, values))
    return group.replace_strict(range(len(names)), names).set(pl.Series(np.isnan(values)), None)
