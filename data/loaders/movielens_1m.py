"""MovieLens-1M: `::`-separated files in latin-1."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from data.columns import DESCRIPTION, ITEM_ID, TIME, TITLE, USER_ID, WEIGHT
from data.errors import DataError
from data.loaders.delimited import read_csv, read_lines, with_numbers
from data.loaders.movies import genres, year_of_title
from data.loaders.raw import LINE, BadRows, Reading, with_known_ids, without_repeats
from data.loaders.source import Source
from data.preprocess import Raw

CODES: Mapping[str, Mapping[str, str]] = {
    "gender": {"M": "male", "F": "female"},
    "age": {
        "1": "under 18",
        "18": "18-24",
        "25": "25-34",
        "35": "35-44",
        "45": "45-49",
        "50": "50-55",
        "56": "56 or over",
    },
    "occupation": {
        "0": "other or not specified",
        "1": "academic or educator",
        "2": "artist",
        "3": "clerical or administrative worker",
        "4": "college or graduate student",
        "5": "customer service worker",
        "6": "doctor or health care worker",
        "7": "executive or manager",
        "8": "farmer",
        "9": "homemaker",
        "10": "K-12 student",
        "11": "lawyer",
        "12": "programmer",
        "13": "retired",
        "14": "sales or marketing worker",
        "15": "scientist",
        "16": "self-employed",
        "17": "technician or engineer",
        "18": "tradesman or craftsman",
        "19": "unemployed",
        "20": "writer",
    },
}
"""Words for the codes that the publication's README explains."""

EXTENSION = "movielens-1m-text"
"""A folder beside the publication's where `extended_movie.csv` is looked for."""


def load(reading: Reading) -> Raw:
    """The publication; `ratings_ge4.dat`, ratings above 3 only, may stand in for `ratings.dat`.

    With `enrich`, films get `description`, `directors` and `actors` from `extended_movie.csv`.

    Raises:
        DataError: a file is missing, or only ratings above 3 are there and more are needed.
    """
    users = _users(reading.source.need("users.dat"), reading.bad_rows)
    items = _movies(reading.source.need("movies.dat"), reading.bad_rows)
    ratings = _ratings(_ratings_path(reading), users, items, reading.bad_rows)
    return Raw(users, _enriched(items, reading) if reading.enrich else items, ratings)


def _users(path: Path, bad_rows: BadRows) -> pl.DataFrame:
    columns = (USER_ID, "gender", "age", "occupation", "zip")
    users = read_lines(path, "::", columns, bad_rows, "latin-1")
    for column, words in CODES.items():
        unknown = ~pl.col(column).is_in(list(words))
        reason = pl.format(f"{column} {{}} is no code of this publication", column)
        users = bad_rows.drop(path, users, unknown, reason)
        users = users.with_columns(pl.col(column).replace(words))
    return without_repeats(users, USER_ID, path, bad_rows).drop(LINE)


def _movies(path: Path, bad_rows: BadRows) -> pl.DataFrame:
    movies = read_lines(path, "::", (ITEM_ID, TITLE, "genres"), bad_rows, "latin-1")
    movies = without_repeats(movies, ITEM_ID, path, bad_rows)
    return movies.select(ITEM_ID, TITLE, year_of_title(), genres())


def _ratings_path(reading: Reading) -> Path:
    complete = reading.source.find("ratings.dat")
    if complete:
        return complete
    positive = reading.source.find("ratings_ge4.dat")
    if positive and reading.min_rating <= 3:
        raise DataError(
            f"{positive} holds ratings above 3 only, and data.min_rating is "
            f"{reading.min_rating:g}. Put the publisher's ratings.dat beside it, or set "
            "data.min_rating to 4."
        )
    return positive or reading.source.need("ratings.dat", "ratings_ge4.dat")


def _ratings(
    path: Path, users: pl.DataFrame, items: pl.DataFrame, bad_rows: BadRows
) -> pl.DataFrame:
    ratings = read_lines(path, "::", (USER_ID, ITEM_ID, WEIGHT, TIME), bad_rows, "latin-1")
    ratings = with_numbers(ratings, path, {WEIGHT: pl.Float32, TIME: pl.Int64}, bad_rows)
    ratings = with_known_ids(ratings, USER_ID, users, path, bad_rows)
    return with_known_ids(ratings, ITEM_ID, items, path, bad_rows).drop(LINE)


def extension(source: Source) -> Path | None:
    """Where `extended_movie.csv` is: in the folder of the publication or in one beside it."""
    beside = Source(source.folder.parent / EXTENSION)
    return source.find("extended_movie.csv") or beside.find("extended_movie.csv")


def _enriched(items: pl.DataFrame, reading: Reading) -> pl.DataFrame:
    path = extension(reading.source) or reading.source.need("extended_movie.csv")
    extra = read_csv(path, reading.bad_rows, ("MovieID", "overview", "director", "actors"))
    extra = extra.select(
        pl.col("MovieID").alias(ITEM_ID),
        pl.col("overview").str.strip_chars().replace("", None).alias(DESCRIPTION),
        _people("director").alias("directors"),
        _people("actors"),
    ).unique(ITEM_ID, keep="first")
    joined = items.join(extra, on=ITEM_ID, how="left", maintain_order="left")
    return joined.with_columns(pl.col("directors", "actors").fill_null([]))


def _people(column: str) -> pl.Expr:
    names = pl.col(column).fill_null("").str.split("|")
    return names.list.eval(pl.element().str.strip_chars()).list.filter(pl.element() != "")
