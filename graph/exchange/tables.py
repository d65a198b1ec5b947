"""Tables of nodes and edges from whatever holds them, with the place of every row for messages."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
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
        separator: Of a text file; found in its first line where this is empty.
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


@dataclass(frozen=True)
class Read:
    """A table that was read.

    Attributes:
        name: What it is a table of, and where it stands, for messages.
        columns: Its columns by name, each a polars series or what was given.
        n: Rows.
        parts: Files of which it consists, and the rows of each, in order.
    """

    name: str
    columns: Mapping[str, pl.Series | Values]
    n: int
    parts: Sequence[tuple[str, int]] = field(default=())

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
        if isinstance(column, pl.Series):
            return column
        if isinstance(column, Lists) or (isinstance(column, np.ndarray) and column.ndim > 1):
            raise DataError(f"{self.name}: the column {name!r} has several values a row, not one.")
        return pl.Series(name, column, strict=False)


def read(table: Table, what: str, ids: int) -> Read:
    """The columns of a table.

    Args:
        table: To read.
        what: It is a table of, such as "nodes of type user".
        ids: How many of its columns are ids, by which decoders count.

    Raises:
        DataError: it is empty, cannot be read, or its columns are of several lengths.
    """
    if isinstance(table.data, pl.DataFrame):
        found = Read(f"The {what}", {c.name: c for c in table.data}, table.data.height)
    elif isinstance(table.data, Mapping):
        found = _read_columns(table.data, f"The {what}")
    elif isinstance(table.data, (str, Path)):
        found = _read_files(Path(table.data), table, what)
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
    made = {key: _column(values, f"{name}: the column {key!r}") for key, values in columns.items()}
    lengths = {key: len(values) for key, values in made.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{key} {n}" for key, n in lengths.items())
        raise DataError(f"{name} have columns of several lengths: {said}. Give each row a value.")
    return Read(name, made, next(iter(lengths.values()), 0))


def _column(values: Any, where: str) -> pl.Series | Values:
    if isinstance(values, (pl.Series, np.ndarray, Lists)):
        return values
    try:
        values = list(values)
        if any(isinstance(one, (list, tuple)) for one in values):
            return Lists.of([_several(one) for one in values])
        return pl.Series(values=values, strict=False)
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        said = str(error).partition("\n")[0]
        raise DataError(
            f"{where} cannot be read: {said}. Give it values of one kind, one for each row."
        ) from error


def _several(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return value if isinstance(value, (list, tuple)) else (value,)


def _read_files(path: Path, table: Table, what: str) -> Read:
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
    frames = [_read_file(file, table.separator, what) for file in files]
    for file, frame in zip(files, frames, strict=True):
        if frame.columns != frames[0].columns:
            raise DataError(
                f"{file} has the columns {', '.join(frame.columns)}, and {files[0]} has "
                f"{', '.join(frames[0].columns)}: files of one folder have the same."
            )
    whole = pl.concat(frames, how="vertical_relaxed") if len(frames) > 1 else frames[0]
    parts = [(str(file), frame.height) for file, frame in zip(files, frames, strict=True)]
    return Read(f"The {what}", {c.name: c for c in whole}, whole.height, parts)


def _read_file(file: Path, separator: str, what: str) -> pl.DataFrame:
    try:
        if file.suffix.lower() == ".parquet":
            return pl.read_parquet(file)
        with file.open(encoding="utf-8-sig") as text:
            header = text.readline().rstrip("\r\n")
        if not header.strip():
            raise DataError(f"{file}, of the {what}, is empty; its first line has to name columns.")
        return _read_text(file, header, separator or _separator(header))
    except (pl.exceptions.PolarsError, UnicodeDecodeError, OSError) as error:
        said = str(error).partition("\n")[0]
        raise DataError(
            f"{file}, of the {what}, cannot be read: {said}. Store it as CSV in UTF-8, or as "
            "Parquet."
        ) from error


def _read_text(file: Path, header: str, separator: str) -> pl.DataFrame:
    """A text table; a header such as id:int64 says types, others are told from the values."""
    split = header.split(separator)
    typed = [name.strip().rpartition(":") for name in split]
    if not all(name and kind.lower() in _TYPES for name, _, kind in typed):
        return pl.read_csv(file, separator=separator, infer_schema_length=None)
    raw = pl.read_csv(file, separator=separator, infer_schema=False, encoding="utf8")
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
