"""MovieLens-100K: tab- and bar-separated files in latin-1."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from data.columns import ITEM_ID, TIME, TITLE, USER_ID, WEIGHT
from data.loaders.delimited import read_lines, with_numbers
from data.loaders.movielens_1m import CODES
from data.loaders.movies import year_of_title
from data.loaders.raw import LINE, BadRows, Reading, with_known_ids, without_repeats
from data.preprocess import Raw


def load(reading: Reading) -> Raw:
    """The publication's `u.data`, `u.user`, `u.item` and `u.genre`.

    Raises:
        DataError: a file is missing.
    """
    source, bad_rows = reading.source, reading.bad_rows
    genres = read_lines(source.need("u.genre"), "|", ("genre", "number"), bad_rows, "latin-1")
    users = _users(source.need("u.user"), bad_rows)
    items = _movies(source.need("u.item"), list(genres["genre"]), bad_rows)
    path = source.need("u.data")
    ratings = read_lines(path, "\t", (USER_ID, ITEM_ID, WEIGHT, TIME), bad_rows, "latin-1")
    ratings = with_numbers(ratings, path, {WEIGHT: pl.Float32, TIME: pl.Int64}, bad_rows)
    ratings = with_known_ids(ratings, USER_ID, users, path, bad_rows)
    ratings = with_known_ids(ratings, ITEM_ID, items, path, bad_rows)
    return Raw(users, items, ratings.drop(LINE))


def _users(path: Path, bad_rows: BadRows) -> pl.DataFrame:
    columns = (USER_ID, "age", "gender", "occupation", "zip")
    users = read_lines(path, "|", columns, bad_rows, "latin-1")
    users = with_numbers(users, path, {"age": pl.Int32}, bad_rows)
    users = without_repeats(users, USER_ID, path, bad_rows)
    return users.with_columns(pl.col("gender").replace(CODES["gender"])).drop(LINE)


def _movies(path: Path, names: list[str], bad_rows: BadRows) -> pl.DataFrame:
    columns = (ITEM_ID, TITLE, "released", "video", "address", *names)
    movies = read_lines(path, "|", columns, bad_rows, "latin-1")
    movies = without_repeats(movies, ITEM_ID, path, bad_rows)
    known = [name for name in names if name != "unknown"]
    flagged = [pl.when(pl.col(name) == "1").then(pl.lit(name)) for name in known]
    genres = pl.concat_list(flagged).list.drop_nulls()
    return movies.select(ITEM_ID, TITLE, year_of_title(), genres.alias("genres"))
