"""A person's own tables, of one data set or of several domains whose users have the same ids."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import polars as pl

from data.columns import DOMAIN, ITEM_ID, LEAST_CLOCK, TIME, USER_ID
from data.errors import DataError
from data.loaders import own_files
from data.loaders.raw import BadRows
from data.loaders.sequences import holds_sequences
from data.preprocess import Raw
from data.settings import DataConfig, DomainConfig, FilesConfig


def load(config: DataConfig, bad_rows: BadRows) -> Raw:
    """The tables that settings describe; those of domains joined by the ids of users.

    An item of a domain has the id "books:12", for another domain may call another item 12, and the
    attribute `domain`. A user has the attributes that the tables of all domains have, those of the
    first that says something. Attributes of one name that are of several types become texts, or
    lists if one of them is.

    Raises:
        ConfigError: one column is named for two purposes.
        DataError: a table cannot be used, or times of two domains cannot be compared.
    """
    if config.files is not None:
        return own_files.load(config.files, bad_rows)
    read = [(one, own_files.load(one.files, bad_rows)) for one in config.domains if one.files]
    _check_times(read)
    users = _joined([raw.users for _, raw in read])
    others = [pl.col(name).drop_nulls().first() for name in users.columns if name != USER_ID]
    users = users.group_by(USER_ID, maintain_order=True).agg(others)
    return Raw(
        users,
        _joined([_within(domain, raw.items) for domain, raw in read]),
        pl.concat([_named(domain, raw.ratings) for domain, raw in read], how="diagonal"),
        understood=(*_understood(read), _overlap(read)),
        counted=any(raw.counted for _, raw in read),
    )


def _check_times(read: Sequence[tuple[DomainConfig, Raw]]) -> None:
    """Nothing, if it can be said which of two interactions in two domains came first.

    Raises:
        DataError: it cannot, or a domain has no interaction.
    """
    empty = next((domain for domain, raw in read if raw.ratings.is_empty()), None)
    if empty is not None:
        raise DataError(
            f"The domain {empty.name!r} has no interaction that counts; mend its tables or "
            "data.min_rating, or delete it."
        )
    for (one, raw), (other, more) in pairwise(read):
        for domain, beside in ((one, other), (other, one)):
            if domain.files is not None and _has_no_times(domain.files):
                raise DataError(
                    f"The domain {domain.name!r} has no times but the order of its own rows, which "
                    f"says nothing of {beside.name!r}. Name its column of times in the time of "
                    "its data.domains.files."
                )
        kinds = [_is_dated(table) for table in (raw, more)]
        if kinds[0] != kinds[1]:
            dated, steps = (one, other) if kinds[0] else (other, one)
            raise DataError(
                f"Times of the domain {dated.name!r} are dates, and those of {steps.name!r} only "
                "put its rows in order, so nobody knows what came first. Give both dates, or say "
                "how they are written in the time_format of data.domains.files."
            )


def _has_no_times(files: FilesConfig) -> bool:
    return files.time is None or holds_sequences(files.interactions)


def _is_dated(raw: Raw) -> bool:
    latest: int = raw.ratings[TIME].max() or 0  # type: ignore[assignment]
    return latest >= LEAST_CLOCK


def _named(domain: DomainConfig, table: pl.DataFrame) -> pl.DataFrame:
    """With ids of items that no other domain has."""
    return table.with_columns(pl.format(f"{domain.name}:{{}}", ITEM_ID).alias(ITEM_ID))


def _within(domain: DomainConfig, items: pl.DataFrame) -> pl.DataFrame:
    """Items with the attribute `domain`; one that they have already becomes `other_domain`."""
    if DOMAIN in items.columns:
        free = f"other_{DOMAIN}"
        while free in items.columns:
            free = f"other_{free}"
        items = items.rename({DOMAIN: free})
    return _named(domain, items).with_columns(pl.lit(domain.name).alias(DOMAIN))


def _joined(tables: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Tables one below another; a column of several types has one that holds them all."""
    names = dict.fromkeys(name for table in tables for name in table.columns)
    for name in names:
        found = {table.schema[name] for table in tables if name in table.columns}
        if len(found) > 1:
            tables = [_cast(table, name, found) for table in tables]
    return pl.concat(tables, how="diagonal")


def _cast(table: pl.DataFrame, name: str, found: set[pl.DataType]) -> pl.DataFrame:
    if name not in table.columns:
        return table
    column = pl.col(name)
    if any(isinstance(one, pl.List) for one in found):
        if not isinstance(table.schema[name], pl.List):
            some = pl.concat_list(column.cast(pl.String))
            return table.with_columns(pl.when(column.is_not_null()).then(some).alias(name))
        return table.with_columns(column.cast(pl.List(pl.String)))
    numbers = all(one.is_numeric() for one in found)
    return table.with_columns(column.cast(pl.Float64 if numbers else pl.String))


def _understood(read: Sequence[tuple[DomainConfig, Raw]]) -> tuple[str, ...]:
    return tuple(f"{domain.name}: {one}" for domain, raw in read for one in raw.understood)


def _overlap(read: Sequence[tuple[DomainConfig, Raw]]) -> str:
    """How many users the domains share, in a sentence."""
    of = {domain.name: raw.ratings[USER_ID].unique() for domain, raw in read}
    counts = pl.concat(list(of.values())).value_counts()["count"]
    each = ", ".join(f"{len(users):,} in {name}" for name, users in of.items())
    shared = int((counts > 1).sum())
    if len(of) == 1:
        return f"Users: {each}, the only domain."
    told = f"{shared:,} in more than one" if shared else "no id is in two of them"
    return f"Users: {each}; {told}."
