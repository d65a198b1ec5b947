"""What people call the nodes of a graph, and how any of them is found by words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from data.columns import DESCRIPTION, ITEM_ID, TITLE, USER_ID
from data.dataset import Dataset
from data.errors import DataError
from data.ids import IdMap
from data.names import NAMES, item_names, user_names
from graph.explore.flat import FlatGraph, Node
from graph.hetero import HeteroGraph

_LONGEST = 200


@dataclass(frozen=True)
class Names:
    """Readable names and external ids of all nodes.

    Attributes:
        ids: External ids, by type; "level-code" of a factor.
        titles: (n) what a person reads, by type.
        more: (n) other words about each node that a search may find, by type.
    """

    ids: Mapping[str, IdMap]
    titles: Mapping[str, pl.Series]
    more: Mapping[str, pl.Series]

    def title(self, node: Node) -> str:
        """What a person reads; it comes from data, and may hold anything."""
        return str(self.titles[node[0]][node[1]])

    def id(self, node: Node) -> str:
        """What a node is called outside."""
        return self.ids[node[0]].external[node[1]]

    def node(self, kind: str, external: str) -> Node:
        """The node that is called so outside; the inverse of `id`.

        Raises:
            DataError: there is none.
        """
        if kind not in self.ids:
            raise DataError(f"There is no {kind.replace('_', ' ')} {external!r} in this graph.")
        return kind, self.ids[kind].number(external)


def name_nodes(
    graph: HeteroGraph,
    dataset: Dataset | None = None,
    terms: Mapping[str, Sequence[Sequence[str]]] | None = None,
) -> Names:
    """Names of all nodes of a graph.

    Those of users and items come from the data set, those of all others from the graph: a node is
    called by its "label", "name" or "title", else by its type and its "id", else by its type and
    its number.

    Args:
        graph: With the labels of its factors.
        dataset: That it was built from.
        terms: Of each node of a type, further words for searching: those that set a factor apart.
    """
    ids: dict[str, IdMap] = {}
    titles: dict[str, pl.Series] = {}
    more: dict[str, pl.Series] = {}
    for kind in graph.schema.types:
        if dataset is not None and kind == "user":
            ids[kind], titles[kind] = dataset.user_ids, user_names(dataset.users)
            more[kind] = _attributes(dataset.users, (USER_ID, *NAMES))
        elif dataset is not None and kind == "item":
            ids[kind], titles[kind] = dataset.item_ids, item_names(dataset.items)
            more[kind] = _attributes(dataset.items, (ITEM_ID, TITLE, DESCRIPTION))
        else:
            words = [", ".join(one) for one in (terms or {}).get(kind, ())]
            ids[kind], titles[kind] = _ids(graph, kind), _titles(graph, kind)
            more[kind] = pl.Series(words or [""] * graph.size(kind), dtype=pl.String)
    return Names(ids, titles, more)


def _ids(graph: HeteroGraph, kind: str) -> IdMap:
    known = graph.attributes.get(kind, {}).get("id", range(graph.size(kind)))
    return IdMap(tuple(map(str, known)), graph.schema.node(kind).title.lower())


def _titles(graph: HeteroGraph, kind: str) -> pl.Series:
    """What each node is called; type and id where the graph does not say."""
    about = graph.attributes.get(kind, {})
    texts = (about[name] for name in ("label", "name", "title") if name in about)
    labels = next((one for one in texts if isinstance(one, tuple)), ("",) * graph.size(kind))
    called = graph.schema.node(kind).title
    return pl.Series(
        [
            label or f"{called} {id_}"
            for label, id_ in zip(labels, _ids(graph, kind).external, strict=True)
        ],
        dtype=pl.String,
    )


def _attributes(table: pl.DataFrame, without: Sequence[str]) -> pl.Series:
    """Texts and lists of texts of every row, in one."""
    parts = []
    for name, kind in table.schema.items():
        if name in without:
            continue
        if kind == pl.String:
            parts.append(pl.col(name))
        elif kind == pl.List(pl.String):
            parts.append(pl.col(name).list.join(", "))
    if not parts:
        return pl.Series([""] * table.height, dtype=pl.String)
    return table.select(pl.concat_str(parts, separator=", ", ignore_nulls=True)).to_series()


@dataclass(frozen=True)
class Finder:
    """All nodes by text.

    Attributes:
        table: A row a node: type, number, degree; name, id and more without accents and capitals.
    """

    table: pl.DataFrame

    def find(self, query: str, limit: int = 20, types: Sequence[str] | None = None) -> list[Node]:
        """At most `limit` nodes that hold every word of the query, the best first.

        Best are those whose name or id is the query, then those whose name begins with it, then
        those with a word that begins with it, then those whose name or id holds it, then those
        that hold its words anywhere; among equals those with most neighbours, and then those
        that stand first in the data. `types` are all by default.
        """
        wanted = pl.select(_fold(pl.lit(query[:_LONGEST]))).item().split()
        if not wanted:
            return []
        phrase = " ".join(wanted)
        text = pl.concat_str("name", "id", "more", separator=" ")
        found = self.table.lazy()
        if types is not None:
            found = found.filter(pl.col("type").is_in(list(types)))
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
    for kind, size in zip(flat.schema.types, flat.sizes, strict=True):
        tables.append(
            pl.DataFrame(
                {
                    "type": pl.repeat(kind, size, eager=True),
                    "number": pl.int_range(size, eager=True),
                    "degree": flat.degrees[flat.of_type(kind)],
                    "name": names.titles[kind],
                    "id": pl.Series(names.ids[kind].external, dtype=pl.String),
                    "more": names.more[kind],
                }
            )
        )
    table = pl.concat(tables).with_row_index("row")
    return Finder(table.with_columns(_fold(pl.col("name", "id", "more").fill_null(""))))


def _fold(text: pl.Expr) -> pl.Expr:
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
