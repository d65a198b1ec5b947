"""A person's own tables, CSV, Parquet or sequences, with columns mapped by the settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from data.columns import DESCRIPTION, ITEM_ID, LEAST_CLOCK, TIME, TITLE, USER_ID, WEIGHT
from data.errors import ConfigError, DataError
from data.ids import canonical_ids
from data.loaders.delimited import check_columns, read_csv
from data.loaders.raw import (
    LINE,
    REASON,
    BadRows,
    ids_in,
    with_ids,
    with_known_ids,
    without_repeats,
)
from data.loaders.sequences import holds_sequences, read_entities, read_sequences
from data.loaders.times import examples, looks_like_date, read_times
from data.loaders.values import (
    ATTRIBUTE,
    PURPOSES,
    are_lists,
    as_quantities,
    as_texts,
    check_type,
    decimal_mark,
    numbers_of,
    split_cells,
    without_gaps,
)
from data.log import ASK, QUERY
from data.preprocess import Raw
from data.settings import ROWS, FilesConfig, LogConfig

FINE = "fine"
"""Column of the times as fine as they are written, within the second that `time` holds."""


def load(files: FilesConfig, bad_rows: BadRows) -> Raw:
    """The tables that `files` describes.

    Users or items without a table of their own are those of the interactions. Ids are canonical.
    Attributes whose every value is a quantity become numbers, list columns lists, all others stay
    text; one that is called like an id or a text in use becomes `other_<name>`.

    Raises:
        ConfigError: one column is named for two purposes.
        DataError: a file or a column is missing, a column has a type that does not fit or can be
            read in several ways, or a row is bad and the policy is to stop.
    """
    ratings, understood = _interactions(files, bad_rows)
    users, items = ids_in(ratings, USER_ID), ids_in(ratings, ITEM_ID)
    if files.users:
        users = _users(files, files.users, bad_rows)
        ratings = with_known_ids(ratings, USER_ID, users, files.interactions, bad_rows)
    if files.items:
        items = _items(files, files.items, bad_rows)
        ratings = with_known_ids(ratings, ITEM_ID, items, files.interactions, bad_rows)
    # only here, for users and items are numbered in the order of the file
    ratings = ratings.sort(FINE, maintain_order=True)
    counted = files.behaviour is not None
    raw = Raw(users, items, ratings.drop(LINE, FINE), understood=understood, counted=counted)
    return raw if files.log is None else _with_log(raw, files, files.log, bad_rows)


def _with_log(raw: Raw, files: FilesConfig, log: LogConfig, bad_rows: BadRows) -> Raw:
    """The same tables with what users asked for, and a sentence that says how it was read.

    Raises:
        ConfigError: one column is named for two purposes.
        DataError: the log cannot be used.
    """
    of_log = files.model_copy(
        update={"interactions": log.path, "time": log.time, "time_format": log.time_format}
    )
    named = {log.user: USER_ID, log.query: QUERY, log.item: ITEM_ID, log.time: TIME}
    if log.ask is not None:
        named[log.ask] = ASK
    _one_role_each(
        "user, query, item, time and ask of its log",
        *(log.user, log.query, log.item, log.time, log.ask),
    )
    table = _table(of_log, log.path, list(named), bad_rows)
    for old, new in named.items():
        check_type(table[old], log.path, PURPOSES[{QUERY: TITLE, ASK: USER_ID}.get(new, new)])
    table = table.select(LINE, *(pl.col(old).alias(new) for old, new in named.items()))
    for column in (USER_ID, ITEM_ID, *([ASK] if log.ask else [])):
        table = with_ids(table.with_columns(_id(table[column])), column, log.path, bad_rows)
    table = table.with_columns(_text(table[QUERY]))
    empty = pl.col(QUERY).fill_null("").str.strip_chars() == ""
    table = bad_rows.drop(log.path, table, empty, pl.lit("the query is empty"))
    try:
        table, times = _with_time(table, of_log, bad_rows)
    except DataError as error:
        raise DataError(_of_log(str(error))) from error
    _check_clocks(raw, table, log.path)
    known = table.filter(
        pl.col(USER_ID).is_in(raw.ratings[USER_ID].unique().implode()),
        pl.col(ITEM_ID).is_in(raw.ratings[ITEM_ID].unique().implode()),
    )
    if known.is_empty():
        raise DataError(
            f"No row of {log.path} is of a user and an item with interactions. Check that "
            "data.files.log names the right columns, and that ids are written alike."
        )
    others = table.height - known.height
    left = f"; {others:,} of users or items without interactions are left out" if others else ""
    told = f"Log: {known.height:,} rows of what users asked for{left}. {_of_log(times)}"
    asked = known.sort(FINE, maintain_order=True).drop(LINE, FINE)
    return replace(raw, asked=asked, understood=(*raw.understood, told))


def _of_log(sentence: str) -> str:
    """What is said of times of interactions, said of those of the log."""
    return sentence.replace("data.files.time", "data.files.log.time")


def _check_clocks(raw: Raw, log: pl.DataFrame, path: Path) -> None:
    """Nothing, if times of a log and of interactions are both dates, or both are not.

    Raises:
        DataError: they cannot be compared.
    """
    dated = [bool((table[TIME] >= LEAST_CLOCK).any()) for table in (raw.ratings, log)]
    if log.height and dated[0] != dated[1]:
        ours, theirs = ("dates", "steps") if dated[0] else ("steps", "dates")
        raise DataError(
            f"Times of interactions are {ours}, and those of {path} are {theirs}, so nobody knows "
            "what came first. Say how they are written in data.files.time_format and "
            "data.files.log.time_format, or name other columns."
        )


def _interactions(files: FilesConfig, bad_rows: BadRows) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """LINE, the columns of `Raw.ratings`, and FINE, by which they are in order of time.

    Beside it, in sentences, how times and weights were read.
    """
    path = files.interactions
    if path.is_file() and holds_sequences(path):
        table = read_sequences(path, bad_rows).with_columns(pl.col(TIME).alias(FINE))
        return table, ("Times: none; the place in a user's sequence stands for them.",)
    strength = files.behaviour or files.weight
    _one_role_each(
        "user, item, time, and weight or behaviour", files.user, files.item, files.time, strength
    )
    named = {files.user: USER_ID, files.item: ITEM_ID, files.time: TIME, strength: WEIGHT}
    names = {old: new for old, new in named.items() if old is not None}
    table = _table(files, path, list(names), bad_rows)
    for old, new in names.items():
        check_type(table[old], path, PURPOSES[new] if old != files.behaviour else ATTRIBUTE)
    if not files.time and files.time_format != ROWS:
        _refuse_unused_times(table.drop(names), path)
    table = table.select(LINE, *(pl.col(old).alias(new) for old, new in names.items()))
    for column in (USER_ID, ITEM_ID):
        table = with_ids(table.with_columns(_id(table[column])), column, path, bad_rows)
    table, times = _with_time(table, files, bad_rows)
    weigh = _with_weight if files.behaviour is None else _with_behaviour
    table, weights = weigh(table, files, bad_rows)
    return table, (times, *weights)


def _refuse_unused_times(table: pl.DataFrame, path: Path) -> None:
    """Nothing, if no column that nobody named holds dates.

    Raises:
        DataError: one does, so that the order of the rows would be taken in its place.
    """
    for column in table.drop(LINE):
        if looks_like_date(column):
            shown = column.drop_nulls()[0]
            raise DataError(
                f"{path} has a column {column.name!r} that looks like times ({shown}), and no "
                f"column of times is named. Name it in data.files.time, or, if the order of the "
                f'rows is the order in time, say data.files.time_format = "{ROWS}".'
            )


def _with_time(
    table: pl.DataFrame, files: FilesConfig, bad_rows: BadRows
) -> tuple[pl.DataFrame, str]:
    """`table` with `time` in seconds, and a sentence that says how it was read."""
    path = files.interactions
    if files.time is None:
        table = table.with_columns(pl.col(LINE).alias(TIME), pl.col(LINE).alias(FINE))
        return table, "Times: none; the order of the rows stands for them."
    found = read_times(table[TIME], files.time_format, table[LINE], f"{path}, column {files.time}")
    shown = examples(table[TIME], found)
    told = f"Times: {found.understood}{'; ' if shown else ''}{'; '.join(shown)}."
    text = pl.col(TIME).cast(pl.String).fill_null("nothing")
    reason = pl.format(
        f"time is {{}}, no time from 2 January 1970 to 2099 (read as {found.understood})", text
    )
    table = table.with_columns(found.seconds.alias("_seconds"), found.fine.alias(FINE))
    cure = "Name another column in data.files.time, or say data.files.time_format"
    _mostly_sound(path, table, pl.col("_seconds").is_null(), reason, cure)
    table = bad_rows.drop(path, table, pl.col("_seconds").is_null(), reason)
    return table.with_columns(pl.col("_seconds").alias(TIME)).drop("_seconds"), told


def _with_weight(
    table: pl.DataFrame, files: FilesConfig, bad_rows: BadRows
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """`table` with `weight` as numbers, and a sentence if decimals were told from its values."""
    if files.weight is None:
        return table.with_columns(pl.lit(1, pl.Float32).alias(WEIGHT)), ()
    path, told = files.interactions, tuple[str, ...]()
    if table[WEIGHT].dtype.is_numeric():
        numbers = without_gaps(table[WEIGHT].cast(pl.Float64))
    else:
        texts = table[WEIGHT].cast(pl.String).str.strip_chars()
        mark = decimal_mark(texts.drop_nulls(), f"{path}, column {files.weight}", files.decimal)
        numbers = numbers_of(texts, mark)
        told = _decimals(files.weight, texts, numbers, mark)
    shown = pl.col(WEIGHT).cast(pl.String).fill_null("nothing")
    table = table.with_columns(numbers.alias("_value"))
    reason = pl.format(f"{WEIGHT} is {{}}, not a number", shown)
    cure = "Name another column in data.files.weight, or say data.files.decimal"
    _mostly_sound(path, table, pl.col("_value").is_null(), reason, cure)
    table = bad_rows.drop(path, table, pl.col("_value").is_null(), reason)
    return table.with_columns(pl.col("_value").cast(pl.Float32).alias(WEIGHT)).drop("_value"), told


def _with_behaviour(
    table: pl.DataFrame, files: FilesConfig, bad_rows: BadRows
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """`table` with what each row's behaviour weighs, and a sentence about those that are left out.

    Raises:
        DataError: a behaviour has no weight.
    """
    path, column = files.interactions, files.behaviour
    table = table.with_columns(as_texts(without_gaps(table[WEIGHT])).alias(WEIGHT))
    empty = pl.col(WEIGHT).is_null()
    table = bad_rows.drop(path, table, empty, pl.lit(f"behaviour ({column}) is empty"))
    counts = table[WEIGHT].value_counts(sort=True)
    unknown = counts.filter(~pl.col(WEIGHT).is_in(list(files.behaviours)))
    if unknown.height:
        some = ", ".join(f"{name} ({n:,} rows)" for name, n in unknown.rows()[:5])
        more = f" and {unknown.height - 5:,} more" if unknown.height > 5 else ""
        raise DataError(
            f"{path}, column {column}: data.files.behaviours says nothing of {some}{more}. Add how "
            "much each weighs; 0 leaves its rows out."
        )
    weights = pl.col(WEIGHT).replace_strict(files.behaviours, return_dtype=pl.Float32)
    told = [f"{name} {files.behaviours[name]:g} ({n:,} rows)" for name, n in counts.rows()]
    left_out = "; rows of weight 0 are left out" if 0 in files.behaviours.values() else ""
    sentence = f"Behaviours weigh: {', '.join(told)}{left_out}."
    return table.with_columns(weights).filter(pl.col(WEIGHT) > 0), (sentence,)


def _mostly_sound(
    path: Path, table: pl.DataFrame, bad: pl.Expr, reason: pl.Expr, cure: str
) -> None:
    """Nothing, if most rows are not bad; otherwise it is no slip in rows to be left out.

    Raises:
        DataError: most are bad.
    """
    rows = table.filter(bad).select(LINE, reason.alias(REASON))
    if rows.height * 2 > table.height:
        raise DataError(
            f"{path}:{rows[LINE][0]}: {rows[REASON][0]}. So it is with {rows.height:,} of "
            f"{table.height:,} rows. {cure}."
        )


def _decimals(column: str, texts: pl.Series, numbers: pl.Series, mark: str) -> tuple[str, ...]:
    """What a number with a comma was read as, if there is one."""
    row = (texts.str.contains(",") & numbers.is_not_null()).fill_null(False).arg_true()
    if not len(row):
        return ()
    what = {",": "a decimal comma", ".": "thousands parted by commas"}[mark]
    return (f"{column}: {what}; {texts[row[0]]} is {numbers[row[0]]:g}.",)


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
    table = without_repeats(table.with_columns(_id(table[external])), external, path, bad_rows)
    lists = [names[old] for old in files.list_columns if old in names]
    for column in names.values():
        if column in texts:
            table = table.with_columns(_text(table[column]))
        elif column != external:
            table = table.with_columns(_attribute(table[column], files, column in lists))
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


def _id(values: pl.Series) -> pl.Series:
    return canonical_ids(values).alias(values.name)


def _text(values: pl.Series) -> pl.Series:
    """`values` as text, lists joined with blanks; null where there is nothing in a list."""
    if values.dtype != pl.List:
        return as_texts(without_gaps(values))
    words = values.cast(pl.List(pl.String)).list.join(" ", ignore_nulls=True)
    return words.str.strip_chars().replace("", None)


def _attribute(values: pl.Series, files: FilesConfig, several: bool) -> pl.Series:
    """An attribute as lists, quantities or texts; `several` says that its cells hold several."""
    if values.dtype != pl.String:
        return without_gaps(values)
    if several or are_lists(values):
        return split_cells(as_texts(values), files.list_separator)
    return as_quantities(values, files.decimal)


def _table(
    files: FilesConfig, path: Path, needed: Sequence[str], bad_rows: BadRows
) -> pl.DataFrame:
    """LINE (a row's number in Parquet) and the columns of one file."""
    if not path.is_file():
        raise DataError(f"There is no file {path}. Mend its path in the experiment.")
    if holds_sequences(path):
        table = read_entities(path, needed[0], bad_rows)
        check_columns(path, table.columns, needed)
        return table
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
