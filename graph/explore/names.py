"""What people call the nodes of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from data.columns import DESCRIPTION, ITEM_ID, TITLE, USER_ID
from data.dataset import Dataset
from data.errors import DataError
from data.ids import IdMap
from data.names import NAMES, item_names, user_names
from graph.explore.flat import Node
from graph.latent import LatentGraph
from graph.metapath import NODE_TYPES

CALLED = {
    "user": "User",
    "item": "Item",
    "user_factor": "User factor",
    "item_factor": "Item factor",
}
"""Types of nodes in words."""


@dataclass(frozen=True)
class Names:
    """Readable names and external ids of all nodes.

    Attributes:
        ids: External ids, by "user" and "item".
        titles: (n) what a person reads, by type.
        more: (n) other words about each node that a search may find, by type.
        k: Codes a level, by "user" and "item".
    """

    ids: dict[str, IdMap]
    titles: dict[str, pl.Series]
    more: dict[str, pl.Series]
    k: dict[str, int]

    def title(self, node: Node) -> str:
        """What a person reads; it comes from data, and may hold anything."""
        return str(self.titles[node[0]][node[1]])

    def id(self, node: Node) -> str:
        """External id of a user or item, "level-code" of a factor."""
        kind, number = node
        if kind in self.ids:
            return self.ids[kind].external[number]
        level, code = divmod(number, self.k[kind.removesuffix("_factor")])
        return f"{level}-{code}"

    def node(self, kind: str, external: str) -> Node:
        """The node that is called so outside; the inverse of `id`.

        Raises:
            DataError: there is none.
        """
        if kind in self.ids:
            return kind, self.ids[kind].number(external)
        level, dash, code = external.partition("-")
        if kind in NODE_TYPES and dash and level.isdecimal() and code.isdecimal():
            k = self.k[kind.removesuffix("_factor")]
            number = int(level) * k + int(code)
            if int(code) < k and number < len(self.titles[kind]):
                return kind, number
        raise DataError(f"There is no {kind.replace('_', ' ')} {external!r} in this graph.")


def name_nodes(
    graph: LatentGraph,
    dataset: Dataset,
    user_terms: Sequence[Sequence[str]] = (),
    item_terms: Sequence[Sequence[str]] = (),
) -> Names:
    """Names of all nodes of a graph.

    Args:
        graph: With the labels of its factors.
        dataset: That it was built from.
        user_terms: Distinguishing terms of each user factor, for searching.
        item_terms: The same of item factors.
    """
    titles = {
        "user": user_names(dataset.users),
        "item": item_names(dataset.items),
        "user_factor": _factor_titles(graph, "user"),
        "item_factor": _factor_titles(graph, "item"),
    }
    more = {
        "user": _attributes(dataset.users, (USER_ID, *NAMES)),
        "item": _attributes(dataset.items, (ITEM_ID, TITLE, DESCRIPTION)),
        "user_factor": _terms(graph, "user", user_terms),
        "item_factor": _terms(graph, "item", item_terms),
    }
    ids = {"user": dataset.user_ids, "item": dataset.item_ids}
    return Names(ids, titles, more, {"user": graph.user_k, "item": graph.item_k})


def _factor_titles(graph: LatentGraph, side: str) -> pl.Series:
    """What each factor is called; type, level and code where the graph does not say."""
    k, kind = graph.k(side), CALLED[f"{side}_factor"]
    return pl.Series(
        [
            label or f"{kind} {number // k}-{number % k}"
            for number, label in enumerate(graph.labels(side))
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


def _terms(graph: LatentGraph, side: str, terms: Sequence[Sequence[str]]) -> pl.Series:
    n = graph.size(f"{side}_factor")
    return pl.Series([", ".join(one) for one in terms] or [""] * n, dtype=pl.String)
