"""MovieLens-1M: `::`-separated files in latin-1."""

from __future__ import annotations

import polars as pl

from data.columns import DESCRIPTION, ITEM_ID, TIME, TITLE, USER_ID, WEIGHT
from data.errors import DataError
from data.loaders.delimited import read_lines, with_numbers
from data.loaders.raw import LINE, BadRows, Raw, with_known_ids, without_repeats
from data.loaders.source import Source, read_text

GENDERS = {"M": "male", "F": "female"}
AGES = {
    "1": "under 18",
    "18": "18-24",
    "25": "25-34",
    "35": "35-44",
    "45": "45-49",
    "50": "50-55",
    "56": "56 or over",
}
OCCUPATIONS = (
    "other or not specified",
    "academic or educator",
    "artist",
    "clerical or administrative worker",
    "college or graduate student",
    "customer service worker",
    "doctor or health care worker",
    "executive or manager",
    "farmer",
    "homemaker",
    "K-12 student",
    "lawyer",
    "programmer",
    "retired",
    "sales or marketing worker",
    "scientist",
    "self-employed",
    "technician or engineer",
    "tradesman or craftsman",
    "unemployed",
    "writer",
)
"""Words for the occupation codes 0 … 20 of the publication's README."""


def load(source: Source, bad_rows: BadRows, min_rating: float, enrich: bool) -> Raw:
    """The publication; the complete `ratings.dat`, or `ratings_ge4.dat` with ratings above 3 only.

    Args:
        source: The folder.
        bad_rows: Takes the rows that cannot be used.
        min_rating: Decides whether the ratings above 3 suffice.
        enrich: Adds description, directors and actors from `extended_movie.csv`.

    Raises:
        DataError: a file is missing, or only ratings above 3 are there and more are needed.
    """
    users = _users(source, bad_rows)
    items = _movies(source, bad_rows)
    ratings = _ratings(source, users, items, bad_rows, min_rating)
    return Raw(users, _enriched(items, source) if enrich else items, ratings)


def _users(source: Source, bad_rows: BadRows) -> pl.DataFrame:
    path = source.need("users.dat")
    columns = (USER_ID, "gender", "age", "occupation", "zip")
    users = read_lines(path, "::", columns, bad_rows, "latin-1")
    words = {
        "gender": GENDERS,
        "age": AGES,
        "occupation": {str(k): w for k, w in enumerate(OCCUPATIONS)},
    }
    for column, meaning in words.items():
        unknown = ~pl.col(column).is_in(list(meaning))
        reason = pl.format(f"{column} {{}} is not a code of this publication", column)
        users = bad_rows.drop(path, users, unknown, reason)
        users = users.with_columns(pl.col(column).replace(meaning))
    return without_repeats(users, USER_ID, path, bad_rows).drop(LINE)


def _movies(source: Source, bad_rows: BadRows) -> pl.DataFrame:
    path = source.need("movies.dat")
    movies = read_lines(path, "::", (ITEM_ID, TITLE, "genres"), bad_rows, "latin-1")
    movies = without_repeats(movies, ITEM_ID, path, bad_rows)
    return movies.select(ITEM_ID, TITLE, year_of_title(), pl.col("genres").str.split("|"))


def _ratings(
    source: Source,
    users: pl.DataFrame,
    items: pl.DataFrame,
    bad_rows: BadRows,
    min_rating: float,
) -> pl.DataFrame:
    path = source.find("ratings.dat") or source.need("ratings.dat", "ratings_ge4.dat")
    if path.name.startswith("ratings_ge4") and min_rating <= 3:
        raise DataError(
            f"{path} holds ratings above 3 only, and data.min_rating is {min_rating:g}. Put the "
            "publisher's ratings.dat beside it, or set data.min_rating to 4."
        )
    ratings = read_lines(path, "::", (USER_ID, ITEM_ID, WEIGHT, TIME), bad_rows, "latin-1")
    ratings = with_numbers(ratings, path, {WEIGHT: pl.Float32, TIME: pl.Int64}, bad_rows)
    return with_known_ids(ratings, users, items, path, bad_rows).drop(LINE)


def year_of_title() -> pl.Expr:
    """Int32 `year` from a title that ends in "(1995)"; null where it does not."""
    return pl.col(TITLE).str.extract(r"\((\d{4})\)\s*$").cast(pl.Int32).alias("year")


def _enriched(items: pl.DataFrame, source: Source) -> pl.DataFrame:
    beside = Source(source.folder.parent / "movielens-1m-text")
    path = source.find("extended_movie.csv") or beside.need("extended_movie.csv")
    extra = pl.read_csv(read_text(path, "utf-8").encode(), infer_schema=False)
    people = (
        _people(published, ours) for published, ours in (("director", "directors"), ("actors",) * 2)
    )
    overview = pl.col("overview").str.strip_chars().replace("", None).alias(DESCRIPTION)
    extra = extra.select(pl.col("MovieID").alias(ITEM_ID), overview, *people)
    return items.join(extra, on=ITEM_ID, how="left", maintain_order="left")


def _people(published: str, ours: str) -> pl.Expr:
    return pl.col(published).fill_null("").str.split("|").list.drop_nulls().alias(ours)
