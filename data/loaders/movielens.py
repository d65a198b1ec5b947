"""MovieLens: 1M (`::`-separated, latin-1), 100K (tabs and bars, latin-1), "latest" (CSV, UTF-8).

Tags are those of 10M (`::`-separated, or by `;`) and of "latest".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import polars as pl

from data.columns import DESCRIPTION, ITEM_ID, TIME, TITLE, USER_ID, WEIGHT
from data.errors import DataError
from data.loaders.delimited import read_csv, read_lines, with_numbers
from data.loaders.raw import (
    LINE,
    BadRows,
    Reading,
    ids_in,
    with_ids,
    with_known_ids,
    without_repeats,
)
from data.loaders.source import Source, read_text
from data.log import QUERY
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
LATEST_RATINGS = {"userId": USER_ID, "movieId": ITEM_ID, "rating": WEIGHT, "timestamp": TIME}
LATEST_MOVIES = {"movieId": ITEM_ID, "title": TITLE, "genres": "genres"}
LATEST_TAGS = {"userId": USER_ID, "movieId": ITEM_ID, "tag": QUERY, "timestamp": TIME}


def year_of_title() -> pl.Expr:
    """Int32 `year` from a title that ends in "(1995)" or "(1995-1998)"; null where it does not."""
    found = pl.col(TITLE).str.extract(r"\((\d{4})(?:[–-]\d{0,4})?\)\s*$")
    return found.cast(pl.Int32).alias("year")


def genres(none: str = "") -> pl.Expr:
    """List(String) `genres` from names between bars; an empty list where it says `none`."""
    names = pl.col("genres").fill_null("").str.split("|")
    return names.list.filter(~pl.element().is_in(["", none])).alias("genres")


def load_1m(reading: Reading) -> Raw:
    """The publication; `ratings_ge4.dat`, ratings above 3 only, may stand in for `ratings.dat`.

    With `enrich`, films get `description`, `directors` and `actors` from `extended_movie.csv`.

    Raises:
        DataError: a file is missing, or only ratings above 3 are there and more are needed.
    """
    users = _users_1m(reading.source.need("users.dat"), reading.bad_rows)
    items = _movies_1m(reading.source.need("movies.dat"), reading.bad_rows)
    ratings = _ratings(_ratings_path(reading), users, items, reading.bad_rows)
    return Raw(users, _enrich(items, reading) if reading.enrich else items, ratings)


def _users_1m(path: Path, bad_rows: BadRows) -> pl.DataFrame:
    columns = (USER_ID, "gender", "age", "occupation", "zip")
    users = read_lines(path, "::", columns, bad_rows, "latin-1")
    for column, words in CODES.items():
        unknown = ~pl.col(column).is_in(list(words))
        reason = pl.format(f"{column} {{}} is no code of this publication", column)
        users = bad_rows.drop(path, users, unknown, reason)
        users = users.with_columns(pl.col(column).replace(words))
    return without_repeats(users, USER_ID, path, bad_rows).drop(LINE)


def _movies_1m(path: Path, bad_rows: BadRows) -> pl.DataFrame:
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


def _enrich(items: pl.DataFrame, reading: Reading) -> pl.DataFrame:
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


def load_100k(reading: Reading) -> Raw:
    """The publication's `u.data`, `u.user`, `u.item` and `u.genre`.

    Raises:
        DataError: a file is missing.
    """
    source, bad_rows = reading.source, reading.bad_rows
    genres = read_lines(source.need("u.genre"), "|", ("genre", "number"), bad_rows, "latin-1")
    users = _users_100k(source.need("u.user"), bad_rows)
    items = _movies_100k(source.need("u.item"), list(genres["genre"]), bad_rows)
    path = source.need("u.data")
    ratings = read_lines(path, "\t", (USER_ID, ITEM_ID, WEIGHT, TIME), bad_rows, "latin-1")
    ratings = with_numbers(ratings, path, {WEIGHT: pl.Float32, TIME: pl.Int64}, bad_rows)
    ratings = with_known_ids(ratings, USER_ID, users, path, bad_rows)
    ratings = with_known_ids(ratings, ITEM_ID, items, path, bad_rows)
    return Raw(users, items, ratings.drop(LINE))


def _users_100k(path: Path, bad_rows: BadRows) -> pl.DataFrame:
    columns = (USER_ID, "age", "gender", "occupation", "zip")
    users = read_lines(path, "|", columns, bad_rows, "latin-1")
    users = with_numbers(users, path, {"age": pl.Int32}, bad_rows)
    users = without_repeats(users, USER_ID, path, bad_rows)
    return users.with_columns(pl.col("gender").replace(CODES["gender"])).drop(LINE)


def _movies_100k(path: Path, names: list[str], bad_rows: BadRows) -> pl.DataFrame:
    columns = (ITEM_ID, TITLE, "released", "video", "address", *names)
    movies = read_lines(path, "|", columns, bad_rows, "latin-1")
    movies = without_repeats(movies, ITEM_ID, path, bad_rows)
    known = [name for name in names if name != "unknown"]
    flagged = [pl.when(pl.col(name) == "1").then(pl.lit(name)) for name in known]
    genres = pl.concat_list(flagged).list.drop_nulls()
    return movies.select(ITEM_ID, TITLE, year_of_title(), genres.alias("genres"))


def load_latest(reading: Reading) -> Raw:
    """The publication's `ratings.csv` and `movies.csv`; users have no attributes.

    Raises:
        DataError: a file or a column is missing.
    """
    bad_rows = reading.bad_rows
    path = reading.source.need("movies.csv")
    movies = read_csv(path, bad_rows, tuple(LATEST_MOVIES)).rename(LATEST_MOVIES)
    movies = without_repeats(movies, ITEM_ID, path, bad_rows)
    items = movies.select(ITEM_ID, TITLE, year_of_title(), genres("(no genres listed)"))
    path = reading.source.need("ratings.csv")
    ratings = read_csv(path, bad_rows, tuple(LATEST_RATINGS)).rename(LATEST_RATINGS)
    ratings = with_ids(ratings, USER_ID, path, bad_rows)
    ratings = with_numbers(ratings, path, {WEIGHT: pl.Float32, TIME: pl.Int64}, bad_rows)
    ratings = with_known_ids(ratings, ITEM_ID, items, path, bad_rows)
    return Raw(ids_in(ratings, USER_ID), items, ratings.drop(LINE))


def load_latest_tags(reading: Reading) -> Raw:
    """The publication's ratings and films, and its `tags.csv` as what users asked for.

    Raises:
        DataError: a file or a column is missing.
    """
    raw, bad_rows = load_latest(reading), reading.bad_rows
    path = reading.source.need("tags.csv")
    tags = read_csv(path, bad_rows, tuple(LATEST_TAGS)).rename(LATEST_TAGS)
    tags = with_ids(tags, USER_ID, path, bad_rows)
    return replace(raw, asked=_tags(tags, raw.items, path, bad_rows))


def load_10m_tags(reading: Reading) -> Raw:
    """The publication's `tags.dat` and `movies.dat`: to tag a film is the interaction.

    Between fields stands `::` as in the publication, or `;`; a tag may hold what stands there.

    Raises:
        DataError: a file is missing.
    """
    bad_rows = reading.bad_rows
    path = reading.source.need("movies.dat")
    movies = _split_around(path, (ITEM_ID, TITLE, "genres"), 1, bad_rows)
    movies = without_repeats(movies, ITEM_ID, path, bad_rows)
    items = movies.select(ITEM_ID, TITLE, year_of_title(), genres("(no genres listed)"))
    path = reading.source.need("tags.dat")
    tags = _split_around(path, (USER_ID, ITEM_ID, QUERY, TIME), 2, bad_rows)
    asked = _tags(tags, items, path, bad_rows)
    ratings = asked.select(USER_ID, ITEM_ID, pl.lit(1, pl.Float32).alias(WEIGHT), TIME)
    return Raw(ids_in(ratings, USER_ID), items, ratings, asked=asked)


def _split_around(
    path: Path, columns: tuple[str, ...], before: int, bad_rows: BadRows
) -> pl.DataFrame:
    """LINE and columns: so many fields, then one that may hold separators, then the last."""
    text = read_text(path, "utf-8")
    mark = "::" if re.match("[^:;]*::", text) else ";"
    lines = pl.DataFrame({"whole": pl.Series(text.split("\n"), dtype=pl.String)})
    lines = lines.with_row_index(LINE, offset=1).filter(pl.col("whole") != "")
    own = f"^{f'(.*?){mark}' * before}(.*){mark}(.*)$"
    rows = lines.select(
        pl.col(LINE).cast(pl.Int64),
        *(pl.col("whole").str.extract(own, at).alias(name) for at, name in enumerate(columns, 1)),
    )
    reason = pl.lit(f"fewer than {len(columns)} fields between {mark!r}")
    return bad_rows.drop(path, rows, pl.col(columns[0]).is_null(), reason)


def _tags(tags: pl.DataFrame, items: pl.DataFrame, path: Path, bad_rows: BadRows) -> pl.DataFrame:
    """`Raw.asked` of tags of known films."""
    tags = with_numbers(tags, path, {TIME: pl.Int64}, bad_rows)
    tags = with_known_ids(tags, ITEM_ID, items, path, bad_rows)
    empty = pl.col(QUERY).fill_null("").str.strip_chars() == ""
    tags = bad_rows.drop(path, tags, empty, pl.lit("the tag is empty"), expected=True)
    return tags.select(USER_ID, ITEM_ID, QUERY, TIME)
