"""A graph of any schema as one file of a graph database, and the graph that such a file holds."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from data import atomic, rights
from data.errors import ArtifactError, ConfigError, DataError
from data.relation import Relation
from graph.hetero import HeteroGraph
from graph.schema import EdgeType, Key, Schema
from graph.values import Lists, Values

VERSION = 1
"""Of what is written; raised when the same graph would be written otherwise."""
FILE = "graph.lbug"
"""What the file is called where nobody says otherwise."""
NUMBER, TIME, MOMENT, WEIGHT = "number", "time", "moment", "weight"
"""Properties that AutoGraph adds: the number of a node within its type, or of an edge within its
type; seconds of an edge, and the same as a timestamp; its weight."""
_SIGN = "AutoGraph"
_STALE = 3600.0
"""Seconds after which what a killed process left is removed."""
_TYPES: Mapping[Any, str] = {
    pl.Boolean: "BOOL",
    pl.String: "STRING",
    pl.Float32: "FLOAT",
    pl.Float64: "DOUBLE",
    pl.Datetime: "TIMESTAMP",
    **{getattr(pl, f"Int{n}"): f"INT{n}" for n in (8, 16, 32, 64)},
    **{getattr(pl, f"UInt{n}"): f"UINT{n}" for n in (8, 16, 32, 64)},
}
_YEARS = 62135596800
"""Seconds from the year 1 to 1970, and more than that to the year 3900: what a timestamp holds."""


def import_ladybug() -> ModuleType:
    """The library of the database.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import ladybug
    except ImportError:
        raise ConfigError(
            "Graph databases need the library ladybug, which is not installed. "
            "Run: pip install 'autograph-rec[cypher]'"
        ) from None
    return ladybug


def write_database(
    graph: HeteroGraph,
    path: Path,
    more: Mapping[str, Mapping[str, Values | pl.Series]] | None = None,
) -> Path:
    """`path`, a database of all nodes and edges, ready or not there at all.

    A node table has the name of its type, a relationship table that of its relation; where a name
    is taken (names count without capitals), it gets the ending "_2". Nodes and edges have their
    `number`, edges their `time`, `moment` where times are dates, and `weight`; attributes are
    properties. Reverses are not written: a pattern walks either way.

    Args:
        graph: To write.
        path: Of the file. A database that was written by this function is replaced once the other
            is ready; anything else that is there stays.
        more: Further attributes of nodes, by type and name, such as their names.

    Raises:
        ConfigError: Ladybug is missing, or something else is at `path`.
        ArtifactError: the disk is full, or the folder may not be written.
    """
    import_ladybug()
    rights.require(f"write {path.name}")
    if path.exists() and not is_ours(path):
        raise ConfigError(
            f"{path} is there, and it is no database that AutoGraph wrote; give another place."
        )
    with atomic.explain_failures(path), _workshop(path) as folder:
        fresh = folder / FILE
        try:
            with _tables_in(folder) as tables:
                _fill(graph, fresh, more or {}, tables)
        except RuntimeError as error:
            raise ArtifactError(
                f"Cannot write the graph into {path}: {str(error).splitlines()[0]}"
            ) from error
        with fresh.open("rb") as written:
            os.fsync(written.fileno())
        fresh.replace(path)
    return path


@contextmanager
def _workshop(path: Path) -> Iterator[Path]:
    """An empty folder beside `path`, gone at the end; those that were left by the dead go, too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{path.name}.*{atomic.PART}"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > _STALE:
                shutil.rmtree(left)
    folder = path.with_name(f".{path.name}.{os.getpid()}-{time.monotonic_ns()}{atomic.PART}")
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tables_in(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """Where tables stand until the database has read them.

    It is beside the database, unless COPY, which takes paths for patterns, finds nothing there.
    """
    patterns = set("*?[]") & set(str(folder.resolve()))
    return tempfile.TemporaryDirectory(dir=None if patterns else folder)


def _fill(
    graph: HeteroGraph,
    path: Path,
    more: Mapping[str, Mapping[str, Values | pl.Series]],
    folder: str,
) -> None:
    ladybug = import_ladybug()
    with ladybug.Database(str(path)) as database, ladybug.Connection(database) as connection:
        taken: list[str] = []
        tables: dict[str, str] = {}
        for node in graph.schema.nodes:
            values = {**graph.attributes.get(node.name, {}), **more.get(node.name, {})}
            rows, columns = _node_rows(graph.size(node.name), values)
            tables[node.name] = name = _free(node.name, taken)
            body = [f"{quote(NUMBER)} INT64 PRIMARY KEY", *_declared(rows.drop(NUMBER))]
            connection.execute(f"CREATE NODE TABLE {quote(name)} ({', '.join(body)})")
            about = {"node": asdict(node), "columns": columns}
            _describe(connection, name, about)
            _copy(connection, rows, name, folder)
        for relation, kinds in _by_relation(graph.schema).items():
            name = _free(relation, taken)
            _write_relation(connection, graph, name, kinds, tables, folder)


def _write_relation(
    connection: Any,
    graph: HeteroGraph,
    name: str,
    kinds: Sequence[EdgeType],
    tables: Mapping[str, str],
    folder: str,
) -> None:
    """Edges of all types that share a relation: one table that joins several pairs of types."""
    made = [_edge_rows(graph, kind) for kind in kinds]
    whole = pl.concat([rows.clear() for rows, _ in made], how="diagonal_relaxed")
    joined = [
        f"FROM {quote(tables[kind.source])} TO {quote(tables[kind.target])}" for kind in kinds
    ]
    body = ", ".join([*joined, *_declared(whole.drop("from", "to"))])
    connection.execute(f"CREATE REL TABLE {quote(name)} ({body})")
    edges = [
        {"edge": asdict(kind), "place": graph.schema.edges.index(kind), "columns": columns}
        for kind, (_, columns) in zip(kinds, made, strict=True)
    ]
    _describe(connection, name, {"edges": edges})
    for kind, (rows, _) in zip(kinds, made, strict=True):
        if not rows.height:
            continue
        filled = pl.concat([whole, rows], how="diagonal_relaxed")
        ends = (tables[kind.source], tables[kind.target])
        pair = "(from={}, to={})".format(*map(literal, ends)) if len(kinds) > 1 else ""
        _copy(connection, filled, name, folder, pair)


def _copy(connection: Any, rows: pl.DataFrame, table: str, folder: str, more: str = "") -> None:
    part = Path(folder) / "rows.parquet"
    rows.write_parquet(part, use_pyarrow=True, compression="uncompressed")
    connection.execute(f"COPY {quote(table)} FROM {literal(str(part.resolve()))} {more}")


def _describe(connection: Any, table: str, about: Mapping[str, Any]) -> None:
    text = json.dumps({_SIGN: 1, **about}, ensure_ascii=False)
    connection.execute(f"COMMENT ON TABLE {quote(table)} IS {literal(text)}")


def _node_rows(
    size: int, values: Mapping[str, Values | pl.Series]
) -> tuple[pl.DataFrame, dict[str, str]]:
    """A row a node, and what each attribute is called in the database."""
    taken: list[str] = [NUMBER]
    columns = {name: _free(name, taken) for name in values}
    numbers = pl.Series(NUMBER, np.arange(size, dtype=np.int64))
    made = [_series(columns[name], column) for name, column in values.items()]
    return pl.DataFrame([numbers, *made]), columns


def _edge_rows(graph: HeteroGraph, kind: EdgeType) -> tuple[pl.DataFrame, dict[str, str]]:
    """A row an edge in the order in which its type numbers them, and its attributes' columns."""
    edges = graph.edges[kind.key]
    rows = {
        "from": edges.sources.astype(np.int64),
        "to": edges.targets.astype(np.int64),
        NUMBER: np.arange(len(edges.targets), dtype=np.int64),
    }
    if edges.times is not None:
        rows[TIME] = edges.times
    if edges.weights is not None:
        rows[WEIGHT] = edges.weights
    taken = [*rows, MOMENT]
    about = graph.edge_attributes.get(kind.key, {})
    columns = {name: _free(name, taken) for name in about}
    more = [_series(columns[name], graph.edge_values(kind.key, name)) for name in about]
    table = pl.DataFrame([pl.Series(name, column) for name, column in rows.items()] + more)
    if edges.times is not None and graph.clock:
        known = pl.col(TIME).is_between(-_YEARS, _YEARS)
        moment = pl.when(known).then(pl.col(TIME)).mul(1_000_000).cast(pl.Datetime("us"))
        table = table.with_columns(moment.alias(MOMENT))
    return table, columns


def _series(name: str, values: Values | pl.Series) -> pl.Series:
    if isinstance(values, pl.Series):
        known = type(values.dtype) in {*_TYPES, pl.List, pl.Array}
        return (values if known else values.cast(pl.String)).alias(name)
    if isinstance(values, Lists):
        flat = _series("", values.values).to_arrow()
        return pl.Series(name, pa.LargeListArray.from_arrays(values.offsets, flat))
    if isinstance(values, tuple):
        return pl.Series(name, values, dtype=pl.String)
    return pl.Series(name, np.asarray(values))


def _declared(rows: pl.DataFrame) -> list[str]:
    return [f"{quote(name)} {_type_of(kind)}" for name, kind in rows.schema.items()]


def _type_of(kind: pl.DataType) -> str:
    if isinstance(kind, pl.Array):
        return f"{_type_of(kind.inner)}[{kind.size}]"  # type: ignore[arg-type]
    if isinstance(kind, pl.List):
        return f"{_type_of(kind.inner)}[]"  # type: ignore[arg-type]
    return _TYPES[type(kind)]


def tables_of(schema: Schema) -> dict[str, str]:
    """Types of nodes, by the name of their table."""
    taken: list[str] = []
    return {_free(name, taken): name for name in schema.types}


def _by_relation(schema: Schema) -> dict[str, list[EdgeType]]:
    """Types of edges by what they say; those between the same two types are apart."""
    found: dict[str, list[EdgeType]] = {}
    for kind in schema.edges:
        found.setdefault(kind.relation, []).append(kind)
    return found


def _free(name: str, taken: list[str]) -> str:
    """The name, or the first with a number that is not taken; it is taken from here on."""
    folded = {one.casefold() for one in taken}
    candidates = [name, *(f"{name}_{n}" for n in range(2, len(taken) + 3))]
    free = next(one for one in candidates if one.casefold() not in folded)
    taken.append(free)
    return free


def quote(name: str) -> str:
    """A name in Cypher; any letters are allowed.

    >>> quote("Group"), quote("a`b")
    ('`Group`', '`a``b`')
    """
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """A text in Cypher."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def is_ours(path: Path) -> bool:
    """Whether `write_database` wrote a file."""
    try:
        with _opened(path) as connection:
            return bool(_described(connection))
    except (RuntimeError, DataError):
        return False


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    ladybug = import_ladybug()
    if not path.is_file():
        raise DataError(f"There is no database {path}.")
    with (
        ladybug.Database(str(path), read_only=True) as database,
        ladybug.Connection(database) as connection,
    ):
        yield connection


def _described(connection: Any) -> dict[str, dict[str, Any]]:
    """What is written about each table, in the order in which they were made."""
    rows = connection.execute("CALL show_tables() RETURN id, name, comment ORDER BY id").get_all()
    about = {}
    for _, name, comment in rows:
        with suppress(ValueError):
            told = json.loads(comment)
            if isinstance(told, dict) and _SIGN in told:
                about[name] = told
    return about


def read_database(path: Path) -> HeteroGraph:
    """The graph that `write_database` wrote; what was changed there by Cypher is changed.

    Raises:
        ConfigError: Ladybug is missing.
        DataError: the file holds something else, or nodes were deleted from it.
    """
    with _opened(path) as connection:
        about = _described(connection)
        nodes = {name: told for name, told in about.items() if "node" in told}
        edges = [(name, one) for name, told in about.items() for one in told.get("edges", ())]
        edges.sort(key=lambda named: named[1]["place"])
        if not nodes:
            raise DataError(f"{path} holds no graph that AutoGraph wrote.")
        schema = Schema.read(
            {
                "nodes": [told["node"] for told in nodes.values()],
                "edges": [one["edge"] for _, one in edges],
            }
        )
        tables = {told["node"]["name"]: name for name, told in nodes.items()}
        sizes: dict[str, int] = {}
        attributes: dict[str, dict[str, Values]] = {}
        for name, told in nodes.items():
            kind = told["node"]["name"]
            sizes[kind], attributes[kind] = _read_nodes(connection, name, told["columns"])
        relations: dict[Key, Relation] = {}
        of_edges: dict[Key, dict[str, Values]] = {}
        for name, one in edges:
            edge = EdgeType(**one["edge"])
            ends = (tables[edge.source], name, tables[edge.target])
            rows = _edges_in(connection, ends, one["columns"])
            relations[edge.key], order = _relation(rows, edge, sizes)
            about_edges = {
                name: _values(rows[column].gather(order)) for name, column in one["columns"].items()
            }
            of_edges |= {edge.key: about_edges} if about_edges else {}
    return HeteroGraph(schema, sizes, relations, attributes, of_edges)


def _read_nodes(
    connection: Any, table: str, columns: Mapping[str, str]
) -> tuple[int, dict[str, Values]]:
    wanted = ", ".join(f"a.{quote(name)}" for name in (NUMBER, *columns.values()))
    rows = _rows(connection, f"MATCH (a:{quote(table)}) RETURN {wanted} ORDER BY a.{NUMBER}")
    numbers = rows.to_series(0).to_numpy()
    if not np.array_equal(numbers, np.arange(len(numbers))):
        raise DataError(
            f"The numbers of the nodes {table} are not 0 to {len(numbers) - 1}: some were deleted "
            "or made with numbers of their own. Number them anew."
        )
    return len(numbers), {name: _values(rows.to_series(at + 1)) for at, name in enumerate(columns)}


def _values(column: pl.Series) -> Values:
    if column.dtype == pl.String:
        return tuple(column.to_list())
    if isinstance(column.dtype, pl.List):
        lists = column.to_arrow()
        return Lists(lists.offsets.to_numpy().astype(np.int64), _flat(lists.flatten()))
    return column.to_numpy()


def _flat(values: Any) -> np.ndarray | tuple[str, ...]:
    texts = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
    return tuple(values.to_pylist()) if texts else values.to_numpy(zero_copy_only=False)


def _edges_in(
    connection: Any, ends: tuple[str, str, str], columns: Mapping[str, str]
) -> pl.DataFrame:
    """A row an edge, those that were written first in their order: from, to, and what it has."""
    information = f"CALL table_info({literal(ends[1])}) RETURN *"
    there = {row[1] for row in connection.execute(information).get_all()}
    wanted = [f"a.{NUMBER}", f"b.{NUMBER}"]
    own = [name for name in (NUMBER, TIME, WEIGHT) if name in there]
    wanted += [f"e.{quote(name)} AS {quote(name)}" for name in (*own, *columns.values())]
    pattern = "(a:{})-[e:{}]->(b:{})".format(*map(quote, ends))
    rows = _rows(connection, f"MATCH {pattern} RETURN {', '.join(wanted)}")
    return rows.sort(NUMBER, nulls_last=True, maintain_order=True)


def _relation(
    rows: pl.DataFrame, edge: EdgeType, sizes: Mapping[str, int]
) -> tuple[Relation, np.ndarray]:
    """The edges, and (m,) int64 the row of each of them."""
    times, weights = (
        rows[name].to_numpy() if name in rows.columns and not rows[name].null_count() else None
        for name in (TIME, WEIGHT)
    )
    sources, targets = rows.to_series(0).to_numpy(), rows.to_series(1).to_numpy()
    n, m = sizes[edge.source], sizes[edge.target]
    relation = Relation.between(sources, targets, n, m, times, weights)
    order = np.lexsort((sources,) if times is None else (times, sources))
    return relation, order


def _rows(connection: Any, statement: str) -> pl.DataFrame:
    found = pl.from_arrow(connection.execute(statement).get_as_arrow())
    if not isinstance(found, pl.DataFrame):
        raise DataError(f"{statement} gives no table.")
    return found
