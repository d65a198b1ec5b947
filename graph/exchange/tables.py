"""Tables of nodes and edges from whatever holds them, with the place of every row for messages."""

from __future__ import annotations

import csv
import datetime
import io
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import polars as pl

from data.errors import ConfigError, DataError
from graph.values import Lists, Values, intern_texts

Data: TypeAlias = "Mapping[str, Any] | pl.DataFrame | str | Path"
"""Columns by name, a table of polars, pandas or Arrow, a file (.csv, .tsv, .txt or .parquet), or a
folder of such."""
AttributeType: TypeAlias = "str | tuple[str, int | None] | tuple[str, int | None, bool]"
_ENDINGS = (".csv", ".tsv", ".txt", ".parquet")
_SEPARATORS = ("\t", ",", ";", "|")
_TYPES: Mapping[str, type[pl.DataType]] = {
    "int64": pl.Int64,
    "int32": pl.Int64,
    "int": pl.Int64,
    "bigint": pl.Int64,
    "float": pl.Float64,
    "double": pl.Float64,
    "string": pl.String,
}
"""What GLE's headers call types."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """How several attributes are written in one text, as GLE's `Decoder` says it.

    Attributes:
        attr_types: A type an attribute: "int", "float" or "string"; ("string", b) is hashed to
            0 … b - 1; ("string", b or None, True) holds several texts, separated by commas.
        attr_delimiter: What stands between attributes.
        names: What they are called; the column's name and their place where this is empty.
        column: That holds them; where this is empty the one after those before, if any of these is
            there, or else "feature", "features" or "attributes".
        weighted: Whether the column after the ids holds weights, whatever it is called.
        labeled: Whether the next one holds labels.
        timestamped: Whether the next one holds times.

    Raises:
        ConfigError: a type is none of these.

    Source: graph-learn, "Data Sources", section "Decoder definition".
    """

    attr_types: Sequence[AttributeType] = ()
    attr_delimiter: str = ":"
    names: Sequence[str] = ()
    column: str = ""
    weighted: bool = False
    labeled: bool = False
    timestamped: bool = False

    def __post_init__(self) -> None:
        for one in self.attr_types:
            kind, bucket, several = _of_type(one)
            if kind not in ("int", "float", "string") or (bucket is not None and bucket < 1):
                raise ConfigError(
                    f"{one!r} is no type of an attribute; write 'int', 'float', 'string', "
                    "('string', buckets) or ('string', None, True)."
                )
            if kind != "string" and (bucket or several):
                raise ConfigError(f"Only texts are hashed or have several values, and not {one!r}.")
        if self.names and len(self.names) != len(self.attr_types):
            raise ConfigError(
                f"A decoder has {len(self.names)} names for {len(self.attr_types)} attributes."
            )


@dataclass(frozen=True, slots=True)
class Table:
    """A table of nodes or edges, and which of its columns is what.

    Columns that are not named are found by their names: id or user_id (of nodes of type user);
    source, src_id or user_id and target, dst_id or item_id (of edges); time or timestamp; weight.
    All others are attributes.

    Attributes:
        data: The table.
        id: Column of the nodes' ids; None if they are numbered by their rows, from 0.
        source: Column of the ids of edges' sources.
        target: Column of the ids of their targets.
        time: Column of times: seconds, dates, or dates as text; None if there is none.
        weight: Column of weights; None if there is none.
        label: Column that becomes the attribute "label".
        attributes: The columns that are attributes; None for all others.
        decoder: How a column holds several attributes, if one does.
        directed: False where edges lead both ways. Between nodes of one type each is then turned
            as well, and what is there twice stands once; between two types that changes nothing,
            since every edge can be walked from its target.
        separator: Of a text file, of one letter or several; found in its first line where this is
            empty.
        columns: What the columns of a text file are called that has no header.
        encoding: Of a text file, as Python calls it.
    """

    data: Data
    id: str | None = ""
    source: str = ""
    target: str = ""
    time: str | None = ""
    weight: str | None = ""
    label: str = ""
    attributes: Sequence[str] | None = None
    decoder: Decoder | None = None
    directed: bool = True
    separator: str = ""
    columns: Sequence[str] = ()
    encoding: str = "utf-8"


Ids: TypeAlias = Callable[[Sequence[str]], Collection[str]]
"""Which columns are of ids, of all that there are."""


@dataclass(frozen=True)
class Read:
    """A table that was read.

    Attributes:
        name: What it is a table of, and where it stands, for messages.
        columns: Its columns by name, each a polars series or what was given.
        n: Rows.
        parts: Files of which it consists, and the rows of each, in order.
        texts: Columns of ids that are held as the letters of a text file, which says no types.
    """

    name: str
    columns: Mapping[str, pl.Series | Values]
    n: int
    parts: Sequence[tuple[str, int]] = field(default=())
    texts: frozenset[str] = frozenset()

    def place(self, row: int) -> str:
        """Where a row stands, counted from 1 without the header."""
        for file, n in self.parts:
            if row < n:
                return f"row {row + 1} of {file}"
            row -= n
        return f"row {row + 1}"

    def error(self, row: int, what: str) -> DataError:
        """A sentence about a row."""
        return DataError(f"{self.name}, {self.place(row)}: {what}")

    def series(self, name: str) -> pl.Series:
        """A column of one value a row.

        Raises:
            DataError: it has several.
        """
        column = self.columns[name]
        if isinstance(column, pl.Series) and not isinstance(column.dtype, pl.List | pl.Array):
            return column
        if not isinstance(column, np.ndarray | tuple) or getattr(column, "ndim", 1) > 1:
            raise DataError(
                f"{self.name}: the column {name!r} has several values a row, not one. Give each a "
                f"row of its own, as frame.explode({name!r}) of polars and pandas does."
            )
        return pl.Series(name, column, strict=False)


def read(table: Table, what: str, ids: int, texts: Ids | None = None) -> Read:
    """The columns of a table.

    Args:
        table: To read.
        what: It is a table of, such as "nodes of type user".
        ids: How many of its columns are ids, by which decoders count.
        texts: Which of its columns are ids, if any: of text files they are kept as written.

    Raises:
        DataError: it is empty, cannot be read, or its columns are of several lengths.
    """
    if isinstance(table.data, pl.DataFrame):
        found = Read(f"The {what}", {c.name: c for c in table.data}, table.data.height)
    elif isinstance(table.data, Mapping):
        found = _read_columns(table.data, f"The {what}")
    elif isinstance(table.data, (str, Path)):
        found = _read_files(Path(table.data), table, what, texts)
    elif hasattr(table.data, "__dataframe__"):  # of pandas or Arrow
        frame = pl.DataFrame(table.data)
        found = Read(f"The {what}", {c.name: c for c in frame}, frame.height)
    else:
        raise ConfigError(
            f"The {what} are a {type(table.data).__name__}; give columns by name, a table of "
            "polars, pandas or Arrow, or the path of a CSV or Parquet file or of a folder of such."
        )
    return found if table.decoder is None else _decode(*_in_order(found, table.decoder, ids))


def _read_columns(columns: Mapping[str, Any], name: str) -> Read:
    made = {
        str(key): _column(values, str(key), f"{name}: the column {key!r}")
        for key, values in columns.items()
    }
    lengths = {key: len(values) for key, values in made.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{key} {n}" for key, n in lengths.items())
        raise DataError(f"{name} have columns of several lengths: {said}. Give each row a value.")
    return Read(name, made, next(iter(lengths.values()), 0))


def _column(values: Any, name: str, where: str) -> pl.Series | Values:
    if isinstance(values, pl.Series):
        return values.alias(name)
    if isinstance(values, Lists):
        return values
    if isinstance(values, (str, bytes)) or not _is_many(values):
        raise DataError(f"{where} is one value, {values!r}; give a list of values, one a row.")
    if isinstance(values, np.ndarray):
        return _of_array(values, name, where)
    try:
        values = list(values)
        if any(isinstance(one, (list, tuple)) for one in values):
            return _of_lists(values, where)
        return pl.Series(name, values, strict=False)
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        said = str(error).partition("\n")[0]
        raise DataError(
            f"{where} cannot be read: {said}. Give it values of one kind, one for each row."
        ) from error


def _is_many(values: Any) -> bool:
    return hasattr(values, "__iter__") and not (isinstance(values, np.ndarray) and not values.ndim)


def _of_array(values: np.ndarray, name: str, where: str) -> pl.Series | Values:
    """An array of numbers as it is, any other as what its values are; times are seconds."""
    kind = values.dtype.kind
    if kind in "biuf" and not isinstance(values, np.ma.MaskedArray):
        return values if values.dtype.itemsize <= 8 else values.astype(np.float64)
    if kind == "M" and values.ndim == 1:
        return pl.Series(name, values.astype("datetime64[us]"))
    if kind == "M":
        return values.astype("datetime64[s]").astype(np.int64)
    if kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if kind not in "OUSbiuf":
        raise DataError(
            f"{where} is an array of {values.dtype}, which is no attribute. Give numbers, texts or "
            "times, or name the columns that are: Table(…, attributes=[…])."
        )
    return _column(values.tolist(), name, where)


def _of_lists(values: list[Any], where: str) -> Lists:
    """Several values a row; what is none is left out, and times are seconds."""
    rows = [
        () if one is None else one if isinstance(one, (list, tuple)) else (one,) for one in values
    ]
    lists = Lists.of([[value for value in row if value is not None] for row in rows])
    flat = lists.values
    if isinstance(flat, np.ndarray) and flat.dtype.kind == "O":
        every = [value for row in rows for value in row if value is not None]
        if all(isinstance(value, datetime.date) for value in every):
            flat = pl.Series(every).cast(pl.Datetime("us")).dt.epoch("s").to_numpy()
    if isinstance(flat, np.ndarray) and (flat.dtype.kind not in "biuf" or flat.ndim > 1):
        kinds = {type(value).__name__ for row in rows for value in row if value is not None}
        raise DataError(
            f"{where} has lists of {' and '.join(sorted(kinds))}. Give lists of numbers, of texts "
            "or of dates."
        )
    return replace(lists, values=flat)


def _read_files(path: Path, table: Table, what: str, texts: Ids | None) -> Read:
    """A file, or all files of a folder in the order of their names."""
    if not path.exists():
        raise DataError(f"The {what} are said to stand in {path}, which is not there.")
    files = [path]
    if path.is_dir():
        files = sorted(one for one in path.iterdir() if one.suffix.lower() in _ENDINGS)
        if not files:
            raise DataError(
                f"The folder {path}, of the {what}, holds no file that ends in "
                f"{' '.join(_ENDINGS)}."
            )
    read_each = [_read_file(file, table, what, texts) for file in files]
    frames = [frame for frame, _ in read_each]
    for file, frame in zip(files, frames, strict=True):
        if frame.columns != frames[0].columns:
            raise DataError(
                f"{file} has the columns {', '.join(frame.columns)}, and {files[0]} has "
                f"{', '.join(frames[0].columns)}: files of one folder have the same."
            )
    whole = pl.concat(frames, how="vertical_relaxed") if len(frames) > 1 else frames[0]
    parts = [(str(file), frame.height) for file, frame in zip(files, frames, strict=True)]
    untyped = frozenset.intersection(*(ids for _, ids in read_each))
    return Read(f"The {what}", {c.name: c for c in whole}, whole.height, parts, untyped)


def _read_file(
    file: Path, table: Table, what: str, texts: Ids | None
) -> tuple[pl.DataFrame, frozenset[str]]:
    """Its columns, and which of them are ids without a type."""
    try:
        if file.suffix.lower() == ".parquet":
            return pl.read_parquet(file), frozenset()
        return _read_text(file, table, what, texts)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file}, of the {what}, cannot be read: it is not written in {table.encoding}. Say "
            "how it is, as in Table(…, encoding='latin-1')."
        ) from error
    except LookupError as error:
        raise ConfigError(
            f"{table.encoding!r} is no encoding; write such as 'utf-8' or 'latin-1'."
        ) from error
    except (pl.exceptions.PolarsError, OSError) as error:
        said = str(error).partition("\n")[0]
        raise DataError(
            f"{file}, of the {what}, cannot be read: {said}. Store it as CSV in UTF-8, or as "
            "Parquet."
        ) from error


def _read_text(
    file: Path, table: Table, what: str, texts: Ids | None
) -> tuple[pl.DataFrame, frozenset[str]]:
    """A text table; a header such as id:int64 says types, others are told from the values."""
    encoding = "utf-8-sig" if _is_utf8(table.encoding) else table.encoding
    with file.open(encoding=encoding) as text:
        first = text.readline().rstrip("\r\n")
    if not first.strip():
        raise DataError(f"{file}, of the {what}, is empty; its first line has to name columns.")
    separator = table.separator or _separator(first)
    where = f"{file}, of the {what}, cannot be read:"
    names = list(table.columns) or _header(first, separator)
    twice = next((name for at, name in enumerate(names) if name in names[:at]), None)
    if twice is not None:
        raise DataError(
            f"{where} two columns are called {twice!r}. Give each a name of its own, or say what "
            "they are called if the file has no header: Table(…, columns=[…])."
        )
    rows = _rows(file, encoding, separator)
    if not table.columns:
        next(rows)
    source: Path | io.BytesIO = file
    if len(separator) > 1 or not _is_utf8(encoding) or table.columns:
        source, separator = _rewritten(rows, names, where), ","
        rows = iter(())
    typed = [name.strip().rpartition(":") for name in names]
    if all(name and kind.lower() in _TYPES for name, _, kind in typed):
        raw = _read_csv(source, separator, names, where, rows, infer_schema=False)
        return _typed(raw, typed, file), frozenset()
    odd = [kind for name, _, kind in typed if kind.lower() not in _TYPES]
    if odd and all(name for name, *_ in typed) and len(odd) < len(typed):
        raise DataError(
            f"{where} its header says the type {odd[0]!r}, and the types are {', '.join(_TYPES)}."
        )
    ids = frozenset(texts(names) if texts else ())
    frame = _read_csv(
        source, separator, names, where, rows,
        infer_schema_length=None, schema_overrides=dict.fromkeys(ids, pl.String),
    )  # fmt: skip
    return frame, ids


def _is_utf8(encoding: str) -> bool:
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8", "utf-8-sig")


def _header(line: str, separator: str) -> list[str]:
    return (
        line.split(separator)
        if len(separator) > 1
        else next(csv.reader([line], delimiter=separator))
    )


def _rows(file: Path, encoding: str, separator: str) -> Iterator[list[str]]:
    """Fields of every row of a text file, its first line among them; none of an empty line."""
    with file.open(encoding=encoding, newline="") as text:
        if len(separator) == 1:
            yield from csv.reader(text, delimiter=separator)
            return
        for line in text:
            plain = line.rstrip("\r\n")
            yield plain.split(separator) if plain else []


def _rewritten(rows: Iterable[list[str]], names: Sequence[str], where: str) -> io.BytesIO:
    """The same rows as CSV in UTF-8, under a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for number, row in enumerate(rows, 1):
        if row and len(row) != len(names):
            raise _ragged(where, number, len(row), names)
        writer.writerow(row)
    return io.BytesIO(text.getvalue().encode())


def _read_csv(
    source: Path | io.BytesIO,
    separator: str,
    names: Sequence[str],
    where: str,
    rows: Iterable[list[str]],
    **options: Any,
) -> pl.DataFrame:
    """A CSV file whose rows have as many fields as there are names; `rows` are looked at if not."""
    try:
        frame = pl.read_csv(source, separator=separator, **options)
    except pl.exceptions.ComputeError:
        if isinstance(source, io.BytesIO):
            raise
        try:
            again = _rewritten(rows, names, where)  # as of a quote amid a text
        except csv.Error as error:
            raise DataError(_unsound(where, error)) from error
        return pl.read_csv(again, **options)
    if len(names) > 1 and frame.width == len(names) and frame.to_series(-1).null_count():
        _check_rows(rows, names, where)
    return frame


def _check_rows(rows: Iterable[list[str]], names: Sequence[str], where: str) -> None:
    try:
        for number, row in enumerate(rows, 1):
            if row and len(row) != len(names):
                raise _ragged(where, number, len(row), names)
    except csv.Error as error:
        raise DataError(_unsound(where, error)) from error


def _unsound(where: str, error: Exception) -> str:
    return f"{where} {error}. Store it as CSV in UTF-8, or as Parquet."


def _ragged(where: str, row: int, fields: int, names: Sequence[str]) -> DataError:
    cure = (
        "Put a value that holds the separator in quotes"
        if fields > len(names)
        else "Write nothing between two separators where there is no value"
    )
    many = "1 field" if fields == 1 else f"{fields} fields"
    return DataError(
        f"{where} row {row} has {many}, and there are {len(names)} columns, {', '.join(names)}. "
        f"{cure}, or take the row out."
    )


def _typed(raw: pl.DataFrame, typed: Sequence[tuple[str, str, str]], file: Path) -> pl.DataFrame:
    columns = []
    for text, (name, _, kind) in zip(raw, typed, strict=True):
        wanted = _TYPES[kind.lower()]
        column = text.cast(wanted, strict=False)
        odd = (column.is_null() & text.is_not_null()).arg_true()
        if len(odd):
            raise DataError(
                f"{file}, row {odd[0] + 1}: {name} is {text[odd[0]]!r}, and the header says that "
                f"it is {kind}. Mend the value or the header."
            )
        columns.append(column.alias(name))
    return pl.DataFrame(columns)


def _separator(header: str) -> str:
    return max(_SEPARATORS, key=header.count)


def _in_order(found: Read, decoder: Decoder, ids: int) -> tuple[Read, Decoder]:
    """With the columns that a decoder tells by their place called what they are.

    Raises:
        DataError: there are too few.
    """
    told = [("weight", decoder.weighted), ("label", decoder.labeled), ("time", decoder.timestamped)]
    names = [name for name, there in told if there]
    if not names:
        return found, decoder
    given = list(found.columns)
    attributes = ["feature"] if decoder.attr_types and not decoder.column else []
    if len(given) < ids + len(names) + len(attributes):
        raise DataError(
            f"{found.name} have the columns {', '.join(given)}; the decoder wants {ids} of ids, "
            f"then {', '.join(names + attributes)}."
        )
    called = dict(zip(given[ids:], names + attributes, strict=False))
    columns = {called.get(name, name): column for name, column in found.columns.items()}
    return replace(found, columns=columns), replace(decoder, column=decoder.column or "feature")


def _decode(found: Read, decoder: Decoder) -> Read:
    """With the attributes that one column holds, each in a column of its own."""
    if not decoder.attr_types:
        return found
    usual = [name for name in ("feature", "features", "attributes") if name in found.columns]
    column = decoder.column or next(iter(usual), "")
    if column not in found.columns:
        raise DataError(
            f"{found.name} have no column {column or 'feature'!r} for the decoder to read; there "
            f"are {', '.join(found.columns)}. Say which it is by Decoder(column=…)."
        )
    given = found.series(column)
    if given.dtype == pl.Binary or given.dtype.is_nested() or given.dtype == pl.Object:
        raise DataError(f"{found.name}: {column} holds {given.dtype}, and a decoder reads texts.")
    texts = given.cast(pl.String, strict=False)
    n = len(decoder.attr_types)
    split = texts.str.split(decoder.attr_delimiter)
    odd = (split.list.len().fill_null(0) != n).arg_true()
    if len(odd):
        count = len(split[odd[0]]) if split[odd[0]] is not None else 0
        raise found.error(
            odd[0],
            f"{column} is {texts[odd[0]]!r}, {count} attributes between {decoder.attr_delimiter!r},"
            f" and the decoder has {n} types.",
        )
    names = decoder.names or [f"{column}_{place}" for place in range(n)]
    made = {
        name: _decode_one(found, column, split.list.get(place), kind)
        for place, (name, kind) in enumerate(zip(names, decoder.attr_types, strict=True))
    }
    others = {name: values for name, values in found.columns.items() if name != column}
    return replace(found, columns={**others, **made})


def _decode_one(
    found: Read, column: str, texts: pl.Series, said: AttributeType
) -> pl.Series | Values:
    kind, bucket, several = _of_type(said)
    if kind != "string":
        numbers = texts.cast(pl.Int64 if kind == "int" else pl.Float64, strict=False)
        odd = numbers.is_null().arg_true()
        if len(odd):
            raise found.error(
                odd[0], f"{column} holds {texts[odd[0]]!r} where the decoder says {kind}."
            )
        return numbers
    if several:
        rows = Lists.of([tuple(filter(None, text.split(","))) for text in texts])
        flat = rows.values if isinstance(rows.values, tuple) else ()
        return replace(rows, values=hashed(flat, bucket) if bucket else flat)
    return hashed(texts.to_list(), bucket) if bucket else texts


def hashed(texts: Iterable[str], buckets: int) -> np.ndarray:
    """(n,) int64 numbers from 0 to buckets - 1 of texts, the same on every machine: CRC-32.

    >>> hashed(["a", "b", "a"], 10).tolist()
    [7, 1, 7]
    """
    interned = intern_texts(texts)
    known = {text: zlib.crc32(text.encode()) % buckets for text in set(interned)}
    return np.array([known[text] for text in interned], dtype=np.int64)


def _of_type(said: AttributeType) -> tuple[str, int | None, bool]:
    """Kind, buckets, and whether there are several values."""
    if isinstance(said, str):
        return said, None, False
    kind, bucket, several = said if len(said) == 3 else (*said, False)
    return kind, bucket, several
