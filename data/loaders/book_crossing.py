"""Book-Crossing: the published dump, `;`-separated with its known faults, or comma-separated."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from data.columns import ITEM_ID, TIME, TITLE, USER_ID, WEIGHT
from data.errors import DataError
from data.loaders.delimited import check_columns, read_csv, with_numbers
from data.loaders.raw import LINE, BadRows, Reading, with_known_ids, without_repeats
from data.loaders.source import read_text
from data.preprocess import Raw

USERS = ("BX-Users.csv", "users.csv", "Users.csv")
BOOKS = ("BX-Books.csv", "books.csv", "Books.csv")
RATINGS = ("BX-Book-Ratings.csv", "ratings.csv", "Ratings.csv")
AGES = (5, 105)
"""Ages outside are what people typed for fun; they become unknown."""
YEARS = (1000, 2006)
"""Years outside are placeholders or wrong, in a publication of 2004; they become unknown."""


def load(reading: Reading) -> Raw:
    """The publication; there is no clock in it, so `time` is the line of a rating in its file.

    Many ratings name an ISBN that the book table lacks; they are listed and left out.

    Raises:
        DataError: a file or a column is missing.
    """
    source, bad_rows = reading.source, reading.bad_rows
    users = _users(source.need(*USERS), bad_rows)
    items = _books(source.need(*BOOKS), bad_rows)
    path = source.need(*RATINGS)
    names = {"User-ID": USER_ID, "ISBN": ITEM_ID, "Book-Rating": WEIGHT}
    ratings = _table(path, tuple(names), bad_rows).rename(names)
    ratings = with_numbers(ratings, path, {WEIGHT: pl.Float32}, bad_rows)
    read = ratings.height
    ratings = ratings.filter(pl.col(WEIGHT) >= reading.min_rating)
    rated_low = read - ratings.height
    ratings = with_known_ids(ratings, USER_ID, users, path, bad_rows)
    ratings = with_known_ids(ratings, ITEM_ID, items, path, bad_rows, expected=True)
    return Raw(users, items, ratings.rename({LINE: TIME}), rated_low)


def _users(path: Path, bad_rows: BadRows) -> pl.DataFrame:
    users = _table(path, ("User-ID", "Location", "Age"), bad_rows).rename({"User-ID": USER_ID})
    users = without_repeats(users, USER_ID, path, bad_rows)
    country = pl.col("Location").str.split(",").list.last().str.strip_chars()
    return users.select(
        USER_ID,
        pl.col("Location").alias("location"),
        country.replace(["", "n/a"], None).alias("country"),
        _within("Age", AGES).alias("age"),
    )


def _books(path: Path, bad_rows: BadRows) -> pl.DataFrame:
    columns = ("ISBN", "Book-Title", "Book-Author", "Year-Of-Publication", "Publisher")
    books = _table(path, columns, bad_rows).rename({"ISBN": ITEM_ID})
    books = without_repeats(books, ITEM_ID, path, bad_rows)
    return books.select(
        ITEM_ID,
        _unescape("Book-Title").alias(TITLE),
        _unescape("Book-Author").alias("author"),
        _within("Year-Of-Publication", YEARS).alias("year"),
        _unescape("Publisher").alias("publisher"),
    )


def _within(column: str, bounds: tuple[int, int]) -> pl.Expr:
    number = pl.col(column).cast(pl.Float64, strict=False).cast(pl.Int32, strict=False)
    return pl.when(number.is_between(*bounds)).then(number)


def _unescape(column: str) -> pl.Expr:
    """Text without HTML entities and without the dump's escaped and stray quotes."""
    plain = pl.col(column).str.replace_all('\\"', '"', literal=True)
    entity = plain.str.contains("&", literal=True)
    decoded = plain.map_elements(html.unescape, return_dtype=pl.String)
    return pl.when(entity).then(decoded).otherwise(plain).str.strip_chars(' "')


def _table(path: Path, columns: Sequence[str], bad_rows: BadRows) -> pl.DataFrame:
    """LINE and the needed columns as String, of a file in either form."""
    if not path.name.startswith("BX-"):
        return read_csv(path, bad_rows, columns).select(LINE, *columns)
    lines = _dump_lines(_dump_text(path))
    header = lines["fields"][0].to_list()
    check_columns(path, header, columns)
    found = pl.col("fields").list.len()
    reason = pl.format(f'{{}} fields instead of {len(header)} between ";"', found)
    rows = bad_rows.drop(path, _repair(lines[1:], len(header)), found != len(header), reason)
    fields = (pl.col("fields").list.get(header.index(name)).alias(name) for name in columns)
    return rows.select(LINE, *fields).with_columns(pl.col(columns).replace(["", "NULL"], None))


def _dump_text(path: Path) -> str:
    try:
        return read_text(path, "cp1252")
    except DataError:
        return read_text(path, "latin-1")


def _dump_lines(text: str) -> pl.DataFrame:
    whole = pl.col("whole")
    for _ in range(2):  # neighbouring NULLs share a separator
        whole = whole.str.replace_all('";NULL;', '";"NULL";', literal=True)
    whole = whole.str.replace(";NULL$", ';"NULL"').str.replace('^"', "").str.replace('"$', "")
    lines = pl.DataFrame({"whole": pl.Series([text]).str.split("\n").explode()})
    lines = lines.with_row_index(LINE, offset=1).filter(pl.col("whole") != "")
    lines = lines.select(pl.col(LINE).cast(pl.Int64), whole)
    return lines.with_columns(pl.col("whole").str.split('";"').alias("fields"))


def _repair(lines: pl.DataFrame, n_fields: int) -> pl.DataFrame:
    r"""`lines` where one field too few is split once more, at the `\";` that hid a separator."""
    short = pl.col("fields").list.len() == n_fields - 1
    parted = pl.col("whole").str.replace('\\";', '";"', literal=True).str.split('";"')
    fields = pl.when(short).then(parted).otherwise(pl.col("fields"))
    return lines.with_columns(fields.alias("fields"))
