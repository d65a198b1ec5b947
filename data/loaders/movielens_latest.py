"""MovieLens "latest" (small or full): CSV files with headers in UTF-8, no user table."""

from __future__ import annotations

import polars as pl

from data.columns import ITEM_ID, TIME, TITLE, USER_ID, WEIGHT
from data.loaders.delimited import read_csv, with_numbers
from data.loaders.movies import genres, year_of_title
from data.loaders.raw import LINE, Reading, ids_in, with_ids, with_known_ids, without_repeats
from data.preprocess import Raw

RATINGS = {"userId": USER_ID, "movieId": ITEM_ID, "rating": WEIGHT, "timestamp": TIME}
MOVIES = {"movieId": ITEM_ID, "title": TITLE, "genres": "genres"}


def load(reading: Reading) -> Raw:
    """The publication's `ratings.csv` and `movies.csv`; users have no attributes.

    Raises:
        DataError: a file or a column is missing.
    """
    bad_rows = reading.bad_rows
    path = reading.source.need("movies.csv")
    movies = read_csv(path, bad_rows, tuple(MOVIES)).rename(MOVIES)
    movies = without_repeats(movies, ITEM_ID, path, bad_rows)
    items = movies.select(ITEM_ID, TITLE, year_of_title(), genres("(no genres listed)"))
    path = reading.source.need("ratings.csv")
    ratings = read_csv(path, bad_rows, tuple(RATINGS)).rename(RATINGS)
    ratings = with_ids(ratings, USER_ID, path, bad_rows)
    ratings = with_numbers(ratings, path, {WEIGHT: pl.Float32, TIME: pl.Int64}, bad_rows)
    ratings = with_known_ids(ratings, ITEM_ID, items, path, bad_rows)
    return Raw(ids_in(ratings, USER_ID), items, ratings.drop(LINE))
