"""The parts of a graph from tables of nodes and edges, whatever its ids are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from data.errors import ConfigError, DataError
from data.loaders.times import read_times
from data.relation import Relation, offsets_of, order_of, taken
from data.seconds import LATEST
from graph.exchange.tables import Data, Read, Table, read
from graph.schema import EdgeType, Key, NodeType, Schema
from graph.stored import Parts
from graph.values import Lists, Values, intern_texts, take

Nodes: TypeAlias = "Mapping[str, Table | Data | int]"
Edges: TypeAlias = "Mapping[Key, Table | Data]"
_SOURCE = ("source", "src", "srcid", "sourceid", "from", "fromid")
_TARGET = ("target", "dst", "dstid", "targetid", "to", "toid")
_TEXTS = (pl.String, pl.Categorical, pl.Enum, pl.Null)
_TIME = ("time",), ("timestamp",), ("ts",), ("datetime",), ("date",)
_WEIGHT = (("weight",),)
Ranks: TypeAlias = "tuple[tuple[str, ...], ...]"
"""What columns are called, the most telling first; names of one rank tell as much."""


@dataclass(frozen=True)
class _Links:
    """A table of edges, and which of its columns is what."""

    key: Key
    table: Table
    read: Read
    ends: tuple[str, str]
    time: str
    weight: str

    @property
    def name(self) -> str:
        return "{} -{}-> {}".format(*self.key)


def build(nodes: Nodes, edges: Edges, schema: Schema | None = None) -> Parts:
    """The parts of a graph.

    Args:
        nodes: A table of each type of nodes, or how many there are where edges hold numbers from 0.
            Of a type that is not named, the nodes are those that edges name.
        edges: A table of each type of edges.
        schema: The types; made from the tables where it is not given.

    Raises:
        ConfigError: a type or a column is named that there is not.
        DataError: a value cannot be used; the sentence says where it stands.
    """
    _check(nodes, edges)
    links = [_find_ends(key, _as_table(table)) for key, table in edges.items()]
    tables = {kind: _as_table(one) for kind, one in nodes.items() if not isinstance(one, int)}
    reads = {
        kind: read(table, f"nodes of type {kind}", 1, partial(_fit, table.id, _usual_ids(kind)))
        for kind, table in tables.items()
    }
    columns = {
        kind: _find(found, tables[kind].id, _usual_ids(kind), f"ids of {kind}")
        for kind, found in reads.items()
    }
    kinds = dict.fromkeys([*nodes, *(end for key in edges for end in (key[0], key[2]))])
    if schema is None:
        schema = Schema(
            tuple(NodeType(kind) for kind in kinds),
            tuple(EdgeType(*one.key, timed=bool(one.time)) for one in links),
        )
    sizes: dict[str, int] = {}
    attributes: dict[str, dict[str, Values]] = {}
    places: dict[tuple[Key, int], np.ndarray] = {}
    for kind in kinds:
        ends = [(one, at) for one in links for at in (0, 1) if one.key[2 * at] == kind]
        given = nodes.get(kind)
        if kind in tables:
            attributes[kind] = _about_nodes(tables[kind], reads[kind], columns[kind])
        if isinstance(given, int) or (kind in tables and tables[kind].id is None):
            sizes[kind] = given if isinstance(given, int) else reads[kind].n
            for one, at in ends:
                places[one.key, at] = _number(one, at, sizes[kind])
        else:
            named = [_Ids.of(one.read, one.ends[at]) for one, at in ends]
            own = _Ids.of(reads[kind], columns[kind]) if kind in tables else None
            known, ids_of_ends = _known(kind, own, named, reads.get(kind))
            sizes[kind] = len(known)
            attributes[kind] = {"id": _values(known), **attributes.get(kind, {})}
            for (one, at), ids in zip(ends, ids_of_ends, strict=True):
                places[one.key, at] = _find_nodes(one, at, ids, known, kind in tables)
    relations, about_edges = {}, {}
    for one in links:
        relations[one.key], about = _relate(one, places[one.key, 0], places[one.key, 1], sizes)
        if about:
            about_edges[one.key] = about
    return Parts(schema, sizes, relations, attributes, about_edges)


def _check(nodes: Nodes, edges: Edges) -> None:
    for kind, given in nodes.items():
        if isinstance(given, bool):
            raise ConfigError(f"{given} is no number of nodes of type {kind}; write a whole one.")
        if isinstance(given, int) and given < 0:
            raise ConfigError(f"There cannot be {given} nodes of type {kind}.")
    for key in edges:
        if not (isinstance(key, tuple) and len(key) == 3):
            raise ConfigError(
                f"{key!r} names no type of edges; write source, relation and target, such as "
                "('user', 'buys', 'item')."
            )


def _as_table(table: Table | Data) -> Table:
    return table if isinstance(table, Table) else Table(table)


def _usual_ids(kind: str) -> Ranks:
    return ("id", "nodeid", f"{_plain(kind)}id"), (_plain(kind),)


def _find_ends(key: Key, table: Table) -> _Links:
    own: list[Ranks] = [
        () if key[0] == key[2] else ((_plain(end), f"{_plain(end)}id"),) for end in (key[0], key[2])
    ]
    ranks = (*own[0], _SOURCE), (*own[1], _TARGET)
    said = table.source, table.target

    def ids(names: Sequence[str]) -> list[str]:
        return [name for at in (0, 1) for name in _fit(said[at], ranks[at], names)]

    found = read(table, "edges {} -{}-> {}".format(*key), 2, ids)
    ends = [
        _find(found, said[at], ranks[at], f"{what} ({key[2 * at]})")
        for at, what in enumerate(("sources", "targets"))
    ]
    time = _find(found, table.time, _TIME, "times", optional=True, but=ends)
    weight = _find(found, table.weight, _WEIGHT, "weights", optional=True, but=ends)
    return _Links(key, table, found, (ends[0], ends[1]), time, weight)


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.casefold())


def _fit(said: str | None, ranks: Ranks, names: Sequence[str]) -> list[str]:
    """Of the names of columns the one that was said, or those of the first rank that has any."""
    if said or said is None:
        return [name for name in names if name == said]
    every = ([name for name in names if _plain(name) in rank] for rank in ranks)
    return next(filter(None, every), [])


def _find(
    found: Read,
    said: str | None,
    ranks: Ranks,
    what: str,
    optional: bool = False,
    but: Sequence[str] = (),
) -> str:
    """The column that was named, or the one that is called as usual; "" if there is none."""
    if said is None:
        return ""
    if said:
        if said not in found.columns:
            near = get_close_matches(said, list(found.columns), n=1)
            hint = f" did you mean {near[0]!r}?" if near else ""
            raise ConfigError(
                f"{found.name} have no column {said!r};{hint} there are {', '.join(found.columns)}."
            )
        return said
    hits = _fit("", ranks, [name for name in found.columns if name not in but])
    field = what.partition(" ")[0].removesuffix("s")
    if len(hits) > 1:
        raise DataError(
            f"{found.name} have {len(hits)} columns that could be their {what}: "
            f"{', '.join(hits)}. Say which it is: Table(…, {field}={hits[0]!r})."
        )
    if not hits and not optional:
        usual = "id" if "id" in ranks[0] else ranks[-1][0]
        raise DataError(
            f"{found.name} have no column of {what}; there are "
            f"{', '.join(found.columns) or 'none'}. Call it {usual!r}, or say which it is: "
            f"Table(…, {field}='…')."
        )
    return next(iter(hits), "")


@dataclass(frozen=True)
class _Ids:
    """A column of ids.

    Attributes:
        values: Int64 or String.
        loose: Whether they are the letters of a text file, that may mean numbers.
    """

    values: pl.Series
    loose: bool

    @classmethod
    def of(cls, found: Read, column: str) -> _Ids:
        return cls(_ids(found, column), column in found.texts)

    @property
    def numeric(self) -> bool:
        """Whether all are numbers, each written in the one way in which Python writes it."""
        if self.values.dtype == pl.Int64 or not len(self.values):
            return True
        if not self.loose:
            return False
        numbers = self.values.cast(pl.Int64, strict=False).cast(pl.String)
        return bool(self.values.eq_missing(numbers).all())


def _ids(found: Read, column: str) -> pl.Series:
    """A column of ids as Int64 or String.

    Raises:
        DataError: a row has none, or a number that is not whole.
    """
    ids = found.series(column)
    if ids.dtype.is_float():
        whole = ids.fill_nan(None)
        odd = (whole != whole.floor()).arg_true()
        if len(odd):
            raise found.error(odd[0], f"{column} is {ids[odd[0]]}, and an id is no fraction.")
        large = (whole.abs() >= 2.0**53).arg_true()
        if len(large):
            raise found.error(
                large[0],
                f"{column} is {ids[large[0]]}, of which a float does not hold every digit. Give "
                "ids as whole numbers or texts.",
            )
        ids = whole.cast(pl.Int64, strict=False)
    elif ids.dtype.is_integer():
        whole = ids.cast(pl.Int64, strict=False)
        ids = whole if whole.null_count() == ids.null_count() else ids.cast(pl.String)
    elif ids.dtype in _TEXTS or ids.dtype == pl.Boolean or ids.dtype.is_temporal():
        ids = ids.cast(pl.String)
    if ids.null_count():
        row = ids.is_null().arg_true()[0]
        raise found.error(row, f"{column} is empty. Give the row an id, or take it out.")
    if ids.dtype not in (pl.Int64, pl.String):
        if len(ids):
            raise DataError(
                f"{found.name}: {column} holds {ids.dtype}, and ids are texts or numbers."
            )
        ids = ids.cast(pl.String)
    return ids


def _known(
    kind: str, listed: _Ids | None, ends: list[_Ids], found: Read | None
) -> tuple[pl.Series, list[pl.Series]]:
    """Ids of all nodes of a type, and those that edges name, all of one type."""
    numeric = all(one.numeric for one in [listed, *ends] if one is not None)
    dtype = pl.Int64 if numeric else pl.String
    named = [one.values.cast(dtype) for one in ends]
    if listed is None:
        whole = pl.concat([one.alias("id") for one in named])
        return (whole.unique().sort() if numeric else whole.unique(maintain_order=True)), named
    own = listed.values.cast(dtype)
    if found is not None and own.n_unique() < len(own):
        row = own.is_first_distinct().not_().arg_true()[0]
        first = (own == own[row]).arg_true()[0]
        raise found.error(
            row,
            f"the {kind} {own[row]!r} was there before, in {found.place(first)}. Keep one of them.",
        )
    return own, named


def _number(one: _Links, at: int, size: int) -> np.ndarray:
    """(m,) numbers of the ends of edges, as the table holds them.

    Raises:
        DataError: one is no number of a node.
    """
    kind, column = (one.key[0], one.key[2])[at], one.ends[at]
    given = one.read.columns[column]
    if isinstance(given, np.ndarray) and given.ndim == 1 and given.dtype.kind in "iu":
        places = given  # as it is: a copy of many edges is dear
    else:
        ids = _ids(one.read, column)
        numbers = ids.cast(pl.Int64, strict=False)
        odd = numbers.is_null() if column in one.read.texts else ids.is_not_null()
        if ids.dtype != pl.Int64 and odd.any():
            row = odd.arg_true()[0]
            raise one.read.error(
                row,
                f"{column} is {ids[row]!r}. Nodes of type {kind} are numbered, and edges then hold "
                "numbers from 0; give a table of them that has ids.",
            )
        places = numbers.to_numpy()
    if len(places) and (int(places.min()) < 0 or int(places.max()) >= size):
        row = int(np.flatnonzero((places < 0) | (places >= size))[0])
        raise one.read.error(
            row,
            f"{column} is {places[row]}, which is none of the {size} nodes of type {kind}. The "
            f"numbers are 0 to {size - 1}.",
        )
    return places


def _find_nodes(one: _Links, at: int, ids: pl.Series, known: pl.Series, listed: bool) -> np.ndarray:
    """(m,) numbers of the ends of edges that have ids.

    Raises:
        DataError: a node is not there.
    """
    places = _look_up(ids, known)
    odd = np.flatnonzero(places < 0)
    if listed and len(odd):
        row, kind = int(odd[0]), (one.key[0], one.key[2])[at]
        raise one.read.error(
            row,
            f"{one.ends[at]} is {ids[row]!r}, which is none of the {len(known)} nodes of type "
            f"{kind}. Add it to the table of {kind}, or leave that table out: nodes are then made "
            "of the ids that edges name.",
        )
    return places


def _look_up(wanted: pl.Series, known: pl.Series) -> np.ndarray:
    """(m,) places of ids among those that are known, -1 where one is not."""
    if known.dtype == pl.Int64 and len(known):
        ids, listed = wanted.to_numpy(), known.to_numpy()
        low, high = int(listed.min()), int(listed.max())
        if high - low <= 4 * len(listed) + 1_000_000:
            place_of = np.full(high - low + 1, -1, dtype=np.int32)
            place_of[listed - low] = np.arange(len(listed), dtype=np.int32)
            inside = (ids >= low) & (ids <= high)
            return np.where(inside, place_of[np.where(inside, ids - low, 0)], -1)
    table = known.alias("id").to_frame().with_row_index("place")
    found = wanted.alias("id").to_frame().join(table, "id", how="left", maintain_order="left")
    return found["place"].cast(pl.Int64).fill_null(-1).to_numpy()


def _about_nodes(table: Table, found: Read, id_: str) -> dict[str, Values]:
    """Attributes of nodes; "time", seconds, is from when they exist."""
    time = _find(found, table.time, _TIME[:2], "times", optional=True, but=[id_])
    weight = _find(found, table.weight, _WEIGHT, "weights", optional=True, but=[id_])
    about: dict[str, Values] = {}
    if time:
        about["time"] = _seconds(found, time)
    if weight:
        about["weight"] = _weights(found, weight)
    return about | _attributes(table, found, (id_, time, weight))


def _attributes(
    table: Table,
    found: Read,
    used: Sequence[str],
    rows: np.ndarray | None = None,
) -> dict[str, Values]:
    """The columns that are attributes.

    Args:
        table: Says which these are.
        found: The columns.
        used: The columns that are something else.
        rows: Those to take; None for all.
    """
    names = [name for name in found.columns if name not in used]
    if table.attributes is not None:
        for name in table.attributes:
            _find(found, name, (), "")
        names = [*table.attributes, *([table.label] if table.label else [])]
    if table.label:
        _find(found, table.label, (), "")
    about: dict[str, Values] = {}
    for name in names:
        column = found.columns[name]
        if isinstance(column, pl.Series):
            column = _values(column if rows is None else column.gather(rows), found.name)
        elif rows is not None:
            column = take(column, rows)
        about["label" if name == table.label else name] = column
    return about


def _relate(
    one: _Links, sources: np.ndarray, targets: np.ndarray, sizes: Mapping[str, int]
) -> tuple[Relation, dict[str, Values]]:
    """The edges of a table, and their attributes in the same order."""
    times = _seconds(one.read, one.time) if one.time else None
    weights = _weights(one.read, one.weight) if one.weight else None
    rows = None
    if not one.table.directed and one.key[0] == one.key[2]:
        sources, targets, rows = _both_ways(sources, targets, times)
        times = None if times is None else times[rows]
        weights = None if weights is None else weights[rows]
    order = order_of(sources, times)
    relation = Relation(
        offsets_of(sources, sizes[one.key[0]]),
        taken(targets, order, np.int32),
        sizes[one.key[2]],
        None if times is None else taken(times, order, np.int64),
        None if weights is None else taken(weights, order, np.float32),
    )
    if order is not None:
        rows = order if rows is None else rows[order]
    used = (*one.ends, one.time, one.weight)
    return relation, _attributes(one.table, one.read, used, rows)


def _both_ways(
    sources: np.ndarray, targets: np.ndarray, times: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every edge and its turn, each once: sources, targets, and the row that each is of.

    Source: graph-learn, "Graph object", section "Undirected edges".
    """
    m = len(sources)
    starts, ends = np.concatenate([sources, targets]), np.concatenate([targets, sources])
    keys = [ends, starts] if times is None else [np.concatenate([times, times]), ends, starts]
    order = np.lexsort(keys)
    new = np.zeros(2 * m, dtype=bool)
    new[:1] = True
    for key in keys:
        new[1:] |= key[order[1:]] != key[order[:-1]]
    kept = np.sort(order[new])
    return starts[kept], ends[kept], kept % m if m else kept


def _seconds(found: Read, column: str) -> np.ndarray:
    """(n,) int64 seconds since 1970 of a column of times.

    Numbers are seconds, unless some are too large for that: their size then tells the unit of each.

    Raises:
        DataError: a row has none.
    """
    given = found.columns[column]
    if isinstance(given, np.ndarray) and given.ndim == 1 and given.dtype.kind in "iu":  # noqa: SIM102
        if given.max(initial=0) <= LATEST:
            return given.astype(np.int64, copy=False)
    times = found.series(column)
    if times.dtype.is_numeric() and (times.is_finite() & (times > LATEST)).any():
        seconds = _read_dates(found, column, times)
    elif times.dtype.is_float():
        seconds = pl.select(pl.when(times.is_finite()).then(times)).to_series().floor()
        seconds = seconds.cast(pl.Int64, strict=False)
    elif times.dtype.is_integer():
        seconds = times.cast(pl.Int64, strict=False)
    elif times.dtype in (pl.Date, pl.Datetime):
        seconds = times.cast(pl.Datetime("us")).dt.epoch("s")
    elif times.dtype not in _TEXTS:
        raise DataError(
            f"{found.name}: {column} holds {times.dtype}, and times are numbers or dates."
        )
    else:
        seconds = _read_dates(found, column, times)
    if seconds.null_count():
        row = seconds.is_null().arg_true()[0]
        value = times[row]
        raise found.error(
            row,
            f"{column} is {'empty' if value is None else repr(value)}, which is no time. Write "
            "seconds since 1970 or a date, or take the row out.",
        )
    return seconds.to_numpy()


def _read_dates(found: Read, column: str, times: pl.Series) -> pl.Series:
    try:
        return read_times(times, where=f"{found.name}, {column}").seconds
    except DataError as error:
        said = re.sub(
            r"in line ([0-9]+)", lambda at: f"in {found.place(int(at[1]) - 1)}", str(error)
        )
        said = said.partition(" Say how they are written")[0].partition(" Write all times")[0]
        raise DataError(
            f"{said} Write dates such as 2025-08-30, seconds since 1970, or give datetimes."
        ) from None


def _weights(found: Read, column: str) -> np.ndarray:
    """(n,) float32.

    Raises:
        DataError: one is no number.
    """
    given = found.series(column)
    if not (given.dtype.is_numeric() or given.dtype in (*_TEXTS, pl.Boolean)):
        raise DataError(f"{found.name}: {column} holds {given.dtype}, and weights are numbers.")
    weights = given.cast(pl.Float32, strict=False)
    odd = (weights.is_null() | weights.is_finite().not_()).arg_true()
    if len(odd):
        raise found.error(
            odd[0],
            f"{column} is {given[odd[0]]!r}, which is no number. Write one, or take the row out.",
        )
    return weights.to_numpy()


def _values(column: pl.Series, where: str = "") -> Values:
    """A column as an attribute: texts without a value are empty, numbers NaN."""
    dtype = column.dtype
    if isinstance(dtype, pl.List):
        column = column.list.drop_nulls()
        flat = _values(column.explode(empty_as_null=False, keep_nulls=False), where)
        offsets = np.zeros(len(column) + 1, dtype=np.int64)
        np.cumsum(column.list.len().fill_null(0).to_numpy(), out=offsets[1:])
        if not isinstance(flat, Lists):
            return Lists(offsets, flat)
    if isinstance(dtype, pl.Array) and dtype.inner.is_numeric():
        return column.to_numpy()
    if dtype in _TEXTS:
        return intern_texts(_texts(column.cast(pl.String)))
    if dtype in (pl.Date, pl.Datetime):
        column = column.cast(pl.Datetime("us")).dt.epoch("s")
    elif dtype in (pl.Decimal, pl.Int128, pl.UInt128):
        column = column.cast(pl.Float64)
    elif not (dtype.is_numeric() or dtype == pl.Boolean):
        raise DataError(
            f"{where}: the column {column.name!r} holds {dtype}, which is no attribute. Name the "
            "columns that are: Table(…, attributes=[…])."
        )
    if column.null_count():
        return column.cast(pl.Float64).to_numpy()
    return column.to_numpy()


def _texts(column: pl.Series) -> Iterable[Any]:
    return column.fill_null("").to_list()
