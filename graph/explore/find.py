"""Any node by any part of its name, its id, or words about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from graph.explore.flat import FlatGraph, Node
from graph.explore.names import Names
from graph.metapath import NODE_TYPES

_LONGEST = 200


@dataclass(frozen=True)
class Finder:
    """All nodes by text.

    Attributes:
        table: A row a node: type, number, degree; name, id and more without accents and capitals.
    """

    table: pl.DataFrame

    def find(self, query: str, limit: int = 20, types: Sequence[str] = NODE_TYPES) -> list[Node]:
        """At most `limit` nodes that hold every word of the query, the best first.

        Best are those whose name or id is the query, then those whose name begins with it, then
        those with a word that begins with it, then those whose name or id holds it, then those
        that hold its words anywhere; among equals those with most neighbours, and then those
        that stand first in the data.
        """
        wanted = pl.select(_folded(pl.lit(query[:_LONGEST]))).item().split()
        if not wanted:
            return []
        phrase = " ".join(wanted)
        text = pl.concat_str("name", "id", "more", separator=" ")
        found = self.table.lazy().filter(pl.col("type").is_in(list(types)))
        for word in wanted:
            found = found.filter(text.str.contains(word, literal=True))
        best = (
            found.with_columns(rank=_rank(phrase))
            .sort("rank", "degree", "row", descending=[False, True, False])
            .head(limit)
            .select("type", "number")
            .collect()
        )
        return [(str(kind), int(number)) for kind, number in best.rows()]


def index_names(names: Names, flat: FlatGraph) -> Finder:
    """A finder over all nodes."""
    tables = []
    for kind, first, size in zip(NODE_TYPES, flat.firsts.tolist(), flat.sizes, strict=False):
        ids = names.ids[kind].external if kind in names.ids else _factor_ids(names, kind, size)
        tables.append(
            pl.DataFrame(
                {
                    "type": pl.repeat(kind, size, eager=True),
                    "number": pl.int_range(size, eager=True),
                    "degree": flat.degrees[first : first + size],
                    "name": names.titles[kind],
                    "id": pl.Series(ids, dtype=pl.String),
                    "more": names.more[kind],
                }
            )
        )
    table = pl.concat(tables).with_row_index("row")
    return Finder(table.with_columns(_folded(pl.col("name", "id", "more").fill_null(""))))


def _factor_ids(names: Names, kind: str, size: int) -> list[str]:
    return [names.id((kind, number)) for number in range(size)]


def _folded(text: pl.Expr) -> pl.Expr:
    """Without accents, capitals and runs of spaces."""
    bare = text.str.normalize("NFKD").str.replace_all(r"\p{M}", "").str.to_lowercase()
    return bare.str.replace_all(r"\s+", " ").str.strip_chars()


def _rank(phrase: str) -> pl.Expr:
    name, called = pl.col("name"), pl.col("id")
    starts = name.str.starts_with(phrase)
    word = name.str.contains(f" {phrase}", literal=True)
    held = name.str.contains(phrase, literal=True) | called.str.contains(phrase, literal=True)
    return (
        pl.when((name == phrase) | (called == phrase))
        .then(0)
        .when(starts)
        .then(1)
        .when(word)
        .then(2)
        .when(held)
        .then(3)
        .otherwise(4)
    )
