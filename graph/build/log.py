"""The graph of users, what they asked for and the items they took then."""

from __future__ import annotations

import numpy as np
import polars as pl

from data.columns import ITEM, ITEM_ID, TIME, TITLE, USER, USER_ID
from data.dataset import Dataset, Histories
from data.errors import DataError
from data.log import ASK, QUERY, QUERY_ID, TEXT, Log, rows_of
from data.relation import Relation
from graph.build.alike import alike, terms_of
from graph.build.domains import engagement
from graph.hetero import HeteroGraph
from graph.schema import EdgeType, Key, NodeType, Schema
from graph.values import Lists, Values, own_name
from quantize.codes import Codes

ASKS: Key = ("user", "asks", "query")
LED_TO: Key = ("query", "led_to", "item")
THEN: Key = ("item", "then", "item")
HAD: Key = ("user", "had", "item")
QUERY_LIKE: Key = ("query", "like", "item")
ITEM_LIKE: Key = ("item", "like", "item")
MEANING = ("id", "label", "words", "terms", "level", TIME)
"""Attributes of nodes that mean something to graphs."""


def log_schema(meanings: bool = False) -> Schema:
    """Types of nodes and edges of a log.

    Args:
        meanings: Whether queries are meanings that items have, which needs no time to be so.

    >>> log_schema().types, log_schema().edge(LED_TO).reverse_key
    (('user', 'query', 'item'), ('item', 'found_by', 'query'))
    """
    return Schema(
        (
            NodeType("user", letter="u", help="Somebody who asked, and took items."),
            NodeType("query", plural="Queries", letter="q", help="What somebody asked for."),
            NodeType("item", letter="i", help="Something that somebody took."),
        ),
        (
            EdgeType(*ASKS, "asked_by", timed=True, title="who asked for what"),
            EdgeType(*LED_TO, "found_by", timed=not meanings, title="items of queries"),
            EdgeType(*THEN, "after", timed=True, title="items taken one after another"),
            EdgeType(*HAD, "had_by", timed=True, title="interactions"),
            EdgeType(*QUERY_LIKE, "alike", title="queries and items with words in common"),
            EdgeType(*ITEM_LIKE, "alike", title="items with words in common"),
        ),
    )


def log_graph(
    dataset: Dataset,
    histories: Histories,
    log: Log,
    *,
    queries_of: np.ndarray | None = None,
    query_terms: Lists | None = None,
    item_terms: Lists | None = None,
    nearest: int = 10,
    least: float = 0.2,
    permutations: int | None = None,
) -> HeteroGraph:
    """The typed, weighted graph of a log; nothing but what is given has a say in it.

    A user asks for a query as often as there are asks, a query led to an item as often as it was
    taken for it, and an item comes after another as often as it was taken next in one ask. A user
    had items by `histories`. Each of these edges counts, and stands at the latest time of what it
    counts. Queries and items with words in common are alike, and so are items, whether or not
    anybody took them: the weight is the Jaccard similarity of their words, see `alike`.

    Args:
        dataset: Users and items, for their names and words.
        histories: Training interactions.
        log: Asks that may be seen: `data.behaviours.asked` of the same histories, or `factor_log`.
        queries_of: (n_items,) the query that each item has, whoever took it: these are then the
            edges from queries to items, each of weight 1 and without a time.
        query_terms: Words of queries; those of their texts by default.
        item_terms: Words of items; those of their texts and attributes by default.
        nearest: Of what is alike, how many edges each node makes at the most.
        least: Jaccard similarity from which on two are alike.
        permutations: Of MinHash, whose error is at most about 3 / √permutations; None: similarities
            are exact where that is cheap.

    Raises:
        DataError: arrays do not fit.

    Source: Jiang et al., ZOOMER, ICDE 2022, section V-A, heterogeneous graph construction.
    """
    if len(histories) != dataset.n_users:
        raise DataError(f"There are histories of {len(histories)} of {dataset.n_users} users.")
    sizes = {"user": dataset.n_users, "query": log.n_queries, "item": dataset.n_items}
    rows = {name: log.rows[name].to_numpy() for name in (ASK, USER, QUERY, ITEM, TIME)}
    first = np.flatnonzero(np.diff(rows[ASK], prepend=-1))
    same = np.flatnonzero(rows[ASK][1:] == rows[ASK][:-1])
    ends = _latest(rows)
    if query_terms is None:
        query_terms = terms_of([[text] for text in log.queries[TEXT]])
    if item_terms is None:
        item_terms = item_words(dataset)
    likes = alike(query_terms, item_terms, nearest=nearest, least=least, permutations=permutations)
    edges: dict[Key, Relation] = {
        ASKS: _count(
            rows[USER][first], rows[QUERY][first], sizes["user"], sizes["query"], ends[first]
        ),
        LED_TO: _count(rows[QUERY], rows[ITEM], sizes["query"], sizes["item"], rows[TIME]),
        THEN: _count(
            rows[ITEM][same],
            rows[ITEM][same + 1],
            sizes["item"],
            sizes["item"],
            rows[TIME][same + 1],
        ),
        HAD: engagement(histories, dataset.n_items),
        QUERY_LIKE: likes[0],
        ITEM_LIKE: likes[1],
    }
    if queries_of is not None:
        if len(queries_of) != dataset.n_items:
            raise DataError(f"{len(queries_of)} items have a query, of {dataset.n_items}.")
        edges[LED_TO] = Relation.between(
            queries_of, np.arange(dataset.n_items), sizes["query"], sizes["item"],
            weights=np.ones(dataset.n_items),
        )  # fmt: skip
    about = _attributes(dataset, log, query_terms, item_terms)
    return HeteroGraph(log_schema(queries_of is not None), sizes, edges, about)


def factor_log(histories: Histories, codes: Codes, level: int, texts: tuple[str, ...] = ()) -> Log:
    """Item factors of one level in the role of queries: who takes an item asks for its code.

    The graph of it takes `queries_of=codes.codes[:, level]`, so that items that nobody took have a
    query, too.

    Args:
        histories: Training interactions.
        codes: Of items, in the data set's order.
        level: Of the codebook.
        texts: What each of the codes means; their numbers by default.

    Raises:
        DataError: there is no such level, or not a text for each code.
    """
    if not 0 <= level < codes.levels:
        raise DataError(f"There is no level {level} among {codes.levels}; the first is 0.")
    names = texts or tuple(str(code) for code in range(codes.k))
    if len(names) != codes.k:
        raise DataError(f"There are {len(names)} texts for {codes.k} codes; give one each.")
    users = np.repeat(np.arange(len(histories), dtype=np.int64), histories.lengths)
    taken = codes.codes[histories.items, level].astype(np.int64)
    rows = rows_of(users, taken, histories.items.astype(np.int64), histories.times)
    ids = [f"{level}:{code}" for code in range(codes.k)]
    return Log(rows, pl.DataFrame({QUERY_ID: ids, TEXT: list(names)}))


def item_words(dataset: Dataset) -> Lists:
    """Words of each item's texts and attributes that are texts, lists of them too."""
    table = dataset.items
    texts = [
        name
        for name, kind in table.schema.items()
        if name != ITEM_ID and kind in (pl.String, pl.List(pl.String))
    ]
    if not texts:
        return terms_of([] for _ in range(dataset.n_items))
    return terms_of(
        [part for cell in row for part in ([cell] if isinstance(cell, str) else cell or ()) if part]
        for row in table.select(texts).iter_rows()
    )


def _latest(rows: dict[str, np.ndarray]) -> np.ndarray:
    """(n,) int64 the time of the last item of each row's ask."""
    ends = np.flatnonzero(np.diff(rows[ASK], append=-1))
    lengths = np.diff(ends, prepend=-1)
    return np.repeat(rows[TIME][ends], lengths)


def _count(
    sources: np.ndarray, targets: np.ndarray, n_sources: int, n_targets: int, times: np.ndarray
) -> Relation:
    """An edge a pair, weighted by how often it is there, at the latest time of it."""
    pairs, of = np.unique(sources.astype(np.int64) * n_targets + targets, return_inverse=True)
    latest = np.full(len(pairs), np.iinfo(np.int64).min)
    np.maximum.at(latest, of, times)
    counts = np.bincount(of, minlength=len(pairs)).astype(np.float64)
    return Relation.between(
        pairs // max(n_targets, 1), pairs % max(n_targets, 1), n_sources, n_targets, latest, counts
    )


def _attributes(
    dataset: Dataset, log: Log, query_terms: Lists, item_terms: Lists
) -> dict[str, dict[str, Values]]:
    """Names, words, and what the tables say of users, queries and items."""
    tables = {
        "user": (dataset.users, dataset.user_ids),
        "query": (log.queries, log.query_ids),
        "item": (dataset.items, dataset.item_ids),
    }
    made: dict[str, dict[str, Values]] = {
        kind: {"id": ids.external} for kind, (_, ids) in tables.items()
    }
    made["query"]["words"], made["item"]["words"] = query_terms, item_terms
    for kind, (table, _) in tables.items():
        for name in set(table.columns) & {TEXT, TITLE}:
            made[kind]["label"] = tuple(table[name].fill_null("").to_list())
        for name in table.columns:
            if name not in (USER_ID, ITEM_ID, QUERY_ID, TEXT, TITLE):
                made[kind][own_name(name, (*made[kind], *MEANING))] = _values(table[name])
    return made


def _values(column: pl.Series) -> Values:
    """An attribute as graphs hold it; numbers that are not known are NaN."""
    if isinstance(column.dtype, pl.List):
        texts = column.cast(pl.List(pl.String)).list.drop_nulls()
        return Lists.of(tuple(row) for row in texts.fill_null([]))
    if column.dtype.is_numeric():
        return column.to_numpy()
    return tuple(column.cast(pl.String).fill_null("").to_list())
