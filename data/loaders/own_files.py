"""A person's own tables, CSV or Parquet, with columns mapped by the settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import polars as pl

from data.columns import DESCRIPTION, ITEM_ID, TIME, TITLE, USER_ID, WEIGHT
from data.errors import ConfigError, DataError
from data.loaders.column_types import PURPOSES, check_type
from data.loaders.delimited import check_columns, read_csv, with_numbers
from data.loaders.raw import LINE, BadRows, ids_in, with_ids, with_known_ids, without_repeats
from data.loaders.times import read_times
from data.preprocess import Raw
from data.settings import FilesConfig

FINE = "fine"
"""Column of the times as fine as they are written, within the second that `time` holds."""


def load(files: FilesConfig, bad_rows: BadRows) -> Raw:
    """The tables that `files` describes.

    Users or items without a table of their own are those of the interactions. Ids lose the blanks
    around them. Attributes whose every value is a number become numbers, list columns lists, all
    others stay text; one that is called like an id or a text in use becomes `other_<name>`.

    Raises:
        ConfigError: one column is named for two purposes.
        DataError: a file or a column is missing, a column has a type that does not fit, or a row is
            bad and the policy is to stop.
    """
    ratings = _interactions(files, bad_rows)
    users, items = ids_in(ratings, USER_ID), ids_in(ratings, ITEM_ID)
    if files.users:
        users = _users(files, files.users, bad_rows)
        ratings = with_known_ids(ratings, USER_ID, users, files.interactions, bad_rows)
    if files.items:
        items = _items(files, files.items, bad_rows)
        ratings = with_known_ids(ratings, ITEM_ID, items, files.interactions, bad_rows)
    # only here, for users and items are numbered in the order of the file
    ratings = ratings.sort(FINE, maintain_order=True)
    return Raw(users, items, ratings.drop(LINE, FINE))


def _interactions(files: FilesConfig, bad_rows: BadRows) -> pl.DataFrame:
    """LINE, the columns of `Raw.ratings`, and FINE, by which they are in order of time."""
    path = files.interactions
    _one_role_each("user, item, time and weight", files.user, files.item, files.time, files.weight)
    named = {files.user: USER_ID, files.item: ITEM_ID, files.time: TIME, files.weight: WEIGHT}
    names = {old: new for old, new in named.items() if old is not None}
    table = _table(files, path, list(names), bad_rows)
    for old, new in names.items():
        check_type(table[old], path, PURPOSES[new])
    table = table.select(LINE, *(pl.col(old).alias(new) for old, new in names.items()))
    for column in (USER_ID, ITEM_ID):
        table = with_ids(table.with_columns(_id(column)), column, path, bad_rows)
    if files.time:
        table = _with_time(table, path, bad_rows)
    else:
        table = table.with_columns(pl.col(LINE).alias(TIME), pl.col(LINE).alias(FINE))
    if files.weight:
        table = table.with_columns(pl.col(WEIGHT).cast(pl.String))
        return with_numbers(table, path, {WEIGHT: pl.Float32}, bad_rows)
    return table.with_columns(pl.lit(1, pl.Float32).alias(WEIGHT))


def _with_time(table: pl.DataFrame, path: Path, bad_rows: BadRows) -> pl.DataFrame:
    """`table` with `time` in seconds, from seconds, milliseconds, dates or dates with time."""
    whole, fine = read_times(table[TIME])
    table = table.with_columns(whole.alias("_seconds"), fine.alias(FINE))
    shown = pl.col(TIME).cast(pl.String).fill_null("nothing")
    reason = pl.format("time is {}, neither seconds nor a date like 2024-05-31 18:00:00", shown)
    table = bad_rows.drop(path, table, pl.col("_seconds").is_null(), reason)
    return table.with_columns(pl.col("_seconds").alias(TIME)).drop("_seconds")


def _users(files: FilesConfig, path: Path, bad_rows: BadRows) -> pl.DataFrame:
    roles = {files.users_id: USER_ID}
    return _entities(files, path, roles, files.user_attributes, bad_rows)


def _items(files: FilesConfig, path: Path, bad_rows: BadRows) -> pl.DataFrame:
    _one_role_each(
        "items_id, title and description", files.items_id, files.title, files.description
    )
    named = {files.items_id: ITEM_ID, files.title: TITLE, files.description: DESCRIPTION}
    roles = {old: new for old, new in named.items() if old is not None}
    return _entities(files, path, roles, files.item_attributes, bad_rows, (TITLE, DESCRIPTION))


def _entities(
    files: FilesConfig,
    path: Path,
    roles: Mapping[str, str],
    attributes: Sequence[str] | None,
    bad_rows: BadRows,
    texts: Sequence[str] = (),
) -> pl.DataFrame:
    """One row an id.

    Args:
        files: How its table is written.
        path: Of the table.
        roles: What becomes of which column, the id first.
        attributes: Columns to keep beside these; None: all.
        bad_rows: Takes the rows that cannot be used.
        texts: Columns of the result that hold text, whatever they look like.
    """
    table = _table(files, path, [*roles, *(attributes or ())], bad_rows)
    wanted = table.drop(LINE).columns if attributes is None else [*roles, *attributes]
    names = {old: roles.get(old) or _free(old, roles.values(), wanted) for old in wanted}
    external = next(iter(roles.values()))
    for old, new in names.items():
        if new in (external, *texts):
            check_type(table[old], path, PURPOSES[new])
    table = table.select(LINE, *(pl.col(old).alias(new) for old, new in names.items()))
    table = without_repeats(table.with_columns(_id(external)), external, path, bad_rows)
    lists = [names[old] for old in files.list_columns if old in names]
    for column in names.values():
        if column in texts:
            table = table.with_columns(_text(table[column]))
        elif column != external and table[column].dtype == pl.String:
            table = table.with_columns(
                _split(column, files.list_separator)
                if column in lists
                else _numbers_if_all(table[column])
            )
    return table.drop(LINE)


def _one_role_each(roles: str, *columns: str | None) -> None:
    """Nothing, if no column is named twice.

    Raises:
        ConfigError: one is.
    """
    named = [column for column in columns if column is not None]
    if len(set(named)) < len(named):
        raise ConfigError(
            f"data.files names one column twice among {roles}: {', '.join(named)}. Name different "
            "ones, or leave out what there is no column for."
        )


def _free(name: str, taken: Collection[str], names: Collection[str]) -> str:
    """What an attribute is called where some names are `taken`; no other one of the table's."""
    if name not in taken:
        return name
    name = f"other_{name}"
    while name in names:
        name = f"other_{name}"
    return name


def _id(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).str.strip_chars()


def _text(values: pl.Series) -> pl.Series:
    """`values` as text, lists joined with blanks; null where there is nothing in a list."""
    if values.dtype != pl.List:
        return values.cast(pl.String)
    words = values.cast(pl.List(pl.String)).list.join(" ", ignore_nulls=True)
    return words.str.strip_chars().replace("", None)


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
    """LINE (a row's number in Parquet) and the columns of one file."""
    if not path.is_file():
        raise DataError(f"There is no file {path}. Mend its path in data.files.")
    if path.suffix != ".parquet":
        return read_csv(path, bad_rows, needed, separator=files.separator, encoding=files.encoding)
    try:
        table = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise DataError(f"{path} is no Parquet file ({error}). Write it again.") from error
    check_columns(path, table.columns, needed)
    for column in table:
        check_type(column, path)
    return table.with_row_index(LINE, offset=1).with_columns(pl.col(LINE).cast(pl.Int64))
