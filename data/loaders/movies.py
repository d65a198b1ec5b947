"""What the publications of films have in common."""

from __future__ import annotations

import polars as pl

from data.columns import TITLE


def year_of_title() -> pl.Expr:
    """Int32 `year` from a title that ends in "(1995)" or "(1995-1998)"; null where it does not."""
    found = pl.col(TITLE).str.extract(r"\((\d{4})(?:[–-]\d{0,4})?\)\s*$")
    return found.cast(pl.Int32).alias("year")


def genres(none: str = "") -> pl.Expr:
    """List(String) `genres` from names between bars; an empty list where it says `none`."""
    names = pl.col("genres").fill_null("").str.split("|")
    return names.list.filter(~pl.element().is_in(["", none])).alias("genres")
