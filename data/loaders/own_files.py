"""A person's own tables, CSV or Parquet, with columns mapped by the settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from data.columns import DESCRIPTION, ITEM_ID, TIME, TITLE, USER_ID, WEIGHT
from data.errors import ConfigError, DataError
from data.loaders.delimited import check_columns, read_csv, with_numbers
from data.loaders.raw import LINE, BadRows, ids_in, with_ids, with_known_ids, without_repeats
from data.loaders.times import seconds
from data.preprocess import Raw
from data.settings import FilesConfig


def load(files: FilesConfig, bad_rows: BadRows) -> Raw:
    """The tables that `files` describes.

    Users or items without a table of their own are those of the interactions. Attributes whose
    every value is a number become numbers, list columns lists, all others stay text.

    Raises:
        DataError: a file or a column is missing, or a row is bad and the policy is to stop.
    """
    ratings = _interactions(files, bad_rows)
    users, items = ids_in(ratings, USER_ID), ids_in(ratings, ITEM_ID)
    if files.users:
        users = _users(files, files.users, bad_rows)
        ratings = with_known_ids(ratings, USER_ID, users, files.interactions, bad_rows)
    if files.items:
        items = _items(files, files.items, bad_rows)
        ratings = with_known_ids(ratings, ITEM_ID, items, files.interactions, bad_rows)
    return Raw(users, items, ratings.drop(LINE))


def _interactions(files: FilesConfig, bad_rows: BadRows) -> pl.DataFrame:
    path = files.interactions
    names = {files.user: USER_ID, files.item: ITEM_ID, files.time: TIME, files.weight: WEIGHT}
    names.pop(None, None)
    if len(names) < 2 + (files.time is not None) + (files.weight is not None):
        raise ConfigError(
            "data.files names one column twice among user, item, time and weight: "
            f"{files.user}, {files.item}, {files.time}, {files.weight}. Name four different ones."
        )
    table = _table(files, path, [str(name) for name in names], bad_rows)
    table = table.select(LINE, *(pl.col(str(old)).alias(new) for old, new in names.items()))
    for column in (USER_ID, ITEM_ID):
        table = with_ids(table.with_columns(_text(table, column)), column, path, bad_rows)
    table = (
        _with_time(table, path, bad_rows)
        if files.time
        else table.with_columns(pl.col(LINE).alias(TIME))
    )
    return (
        _with_weight(table, path, bad_rows)
        if files.weight
        else table.with_columns(pl.lit(1, pl.Float32).alias(WEIGHT))
    )


def _with_weight(table: pl.DataFrame, path: Path, bad_rows: BadRows) -> pl.DataFrame:
    table = table.with_columns(_text(table, WEIGHT))
    return with_numbers(table, path, {WEIGHT: pl.Float32}, bad_rows)


def _with_time(table: pl.DataFrame, path: Path, bad_rows: BadRows) -> pl.DataFrame:
    """`table` with `time` in seconds, from seconds, milliseconds, dates or dates with time."""
    table = table.with_columns(seconds(table[TIME]).alias("_seconds"))
    shown = pl.col(TIME).cast(pl.String).fill_null("nothing")
    reason = pl.format("time is {}, neither seconds nor a date like 2024-05-31 18:00:00", shown)
    table = bad_rows.drop(path, table, pl.col("_seconds").is_null(), reason)
    return table.with_columns(pl.col("_seconds").alias(TIME)).drop("_seconds")


def _users(files: FilesConfig, path: Path, bad_rows: BadRows) -> pl.DataFrame:
    table = _entities(files, path, files.users_id, USER_ID, files.user_attributes, {}, bad_rows)
    return _with_attributes(table, files, USER_ID)


def _items(files: FilesConfig, path: Path, bad_rows: BadRows) -> pl.DataFrame:
    named = {files.title: TITLE, files.description: DESCRIPTION}
    texts = {str(old): new for old, new in named.items() if old}
    table = _entities(files, path, files.items_id, ITEM_ID, files.item_attributes, texts, bad_rows)
    return _with_attributes(table, files, ITEM_ID, *texts.values())


def _entities(
    files: FilesConfig,
    path: Path,
    id_column: str,
    external: str,
    attributes: Sequence[str] | None,
    texts: dict[str, str],
    bad_rows: BadRows,
) -> pl.DataFrame:
    table = _table(files, path, [id_column, *texts, *(attributes or ())], bad_rows)
    table = table.rename({id_column: external, **texts})
    if attributes is not None:
        table = table.select(LINE, external, *texts.values(), *attributes)
    table = table.with_columns(_text(table, external))
    return without_repeats(table, external, path, bad_rows).drop(LINE)


def _with_attributes(table: pl.DataFrame, files: FilesConfig, *plain: str) -> pl.DataFrame:
    """`table` with lists split and numbers found in all columns but the `plain` ones."""
    for column in set(table.columns) - set(plain):
        if table[column].dtype == pl.String:
            table = table.with_columns(
                _split(column, files.list_separator)
                if column in files.list_columns
                else _numbers_if_all(table[column])
            )
    return table


def _split(column: str, separator: str) -> pl.Expr:
    parts = pl.col(column).fill_null("").str.split(separator)
    return parts.list.eval(pl.element().str.strip_chars()).list.filter(pl.element() != "")


def _numbers_if_all(values: pl.Series) -> pl.Series:
    """`values` as numbers if all are, and none is a code with a leading zero such as 02139."""
    if values.str.contains(r"^\s*-?0\d").any() or values.null_count() == len(values):
        return values
    for dtype in (pl.Int64, pl.Float64):
        numbers = values.str.strip_chars().cast(dtype, strict=False)
        if numbers.null_count() == values.null_count():
            return numbers
    return values


def _table(
    files: FilesConfig, path: Path, needed: Sequence[str], bad_rows: BadRows
) -> pl.DataFrame:
    """`line` (a row's number in Parquet) and the columns of one file."""
    if not path.is_file():
        raise DataError(f"There is no file {path}. Mend its path in data.files.")
    if path.suffix != ".parquet":
        return read_csv(path, bad_rows, needed, separator=files.separator, encoding=files.encoding)
    try:
        table = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise DataError(f"{path} is no Parquet file ({error}). Write it again.") from error
    check_columns(path, table.columns, needed)
    for name in table.columns:
        if not _is_plain(table[name].dtype):
            raise DataError(
                f"{path} has a column {name!r} of the type {table[name].dtype}. Make it text, a "
                "number or a list of these, or leave it out."
            )
    return table.with_row_index(LINE, offset=1).with_columns(pl.col(LINE).cast(pl.Int64))


def _is_plain(dtype: pl.DataType) -> bool:
    if isinstance(dtype, pl.List):
        return _is_plain(dtype.inner) and not dtype.inner.is_nested()  # type: ignore[arg-type]
    return not dtype.is_nested() and dtype not in (pl.Binary, pl.Object)


def _text(table: pl.DataFrame, column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String) if table[column].dtype != pl.String else pl.col(column)
