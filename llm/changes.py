"""What differs between two versions of the knowledge of one side."""

from __future__ import annotations

import polars as pl

from llm.knowledge import Knowledge

WHAT = ("changed", "added", "removed", "same")
"""What became of a text, as `compare_knowledge` says it."""
_WORD = r"[\p{L}\p{N}]+"


def compare_knowledge(old: Knowledge, new: Knowledge) -> pl.DataFrame:
    """A row an entity of either: what became of its text.

    Returns:
        entity, what (one of WHAT; "added" where only the new version has a text), old, new, and
        kept: of the different words of both texts the share that both have (Jaccard), from 0 to 1.
        Those that changed most come first; then in order of the old version.
    """
    sides = [
        one.table.select("entity", pl.Series(name, one.texts, pl.String))
        for name, one in (("old", old), ("new", new))
    ]
    joined = sides[0].join(
        sides[1], on="entity", how="full", coalesce=True, maintain_order="left_right"
    )
    same = pl.col("old").eq_missing(pl.col("new"))
    what = (
        pl.when(same)
        .then(pl.lit("same"))
        .when(pl.col("old").is_null())
        .then(pl.lit("added"))
        .when(pl.col("new").is_null())
        .then(pl.lit("removed"))
        .otherwise(pl.lit("changed"))
    )
    return (
        joined.with_columns(what.alias("what"), _kept())
        .select("entity", "what", "kept", "old", "new")
        .sort(pl.col("what") == "same", "kept", nulls_last=False, maintain_order=True)
    )


def _kept() -> pl.Expr:
    """Share of words that both texts have; null where there is only one text."""
    old, new = (pl.col(c).str.to_lowercase().str.extract_all(_WORD) for c in ("old", "new"))
    both, either = old.list.set_intersection(new), old.list.set_union(new)
    share = both.list.len() / pl.max_horizontal(either.list.len(), pl.lit(1))
    texts = pl.col("old").is_not_null() & pl.col("new").is_not_null()
    return pl.when(texts).then(share).alias("kept")
