"""What a person may choose about the data."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from data.config import Config

UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
"""Units of times since 1970: how many are a second."""
STEPS, ROWS = "steps", "rows"
"""Times that are numbers without dates; no times, but the order of the rows."""
TIME_FORMATS = ("day first", "month first", "year first", *UNITS, STEPS, ROWS)
"""What a person may say of times in words."""

TABLES = ("interactions", "users", "items")
"""Settings of own tables that name a file."""


def _check_format(form: str, where: str) -> None:
    """Nothing, if times can be written so.

    Raises:
        ValueError: nobody knows what it means.
    """
    if form not in TIME_FORMATS and "%" not in form:
        raise ValueError(
            f"{where} is {form!r}; it is one of "
            f'{", ".join(TIME_FORMATS)}, or a pattern such as "%d.%m.%Y %H:%M"'
        )


class LogConfig(Config):
    """A person's own table of what users asked for: a row an item that was taken for a query."""

    path: Path
    """CSV or Parquet file; separator and encoding are those of the other tables."""
    user: str = "user_id"
    """Column of the user's id."""
    query: str = "query"
    """Column of what was asked for: words, or a name of it."""
    item: str = "item_id"
    """Column of the id of the item that was taken."""
    time: str = "time"
    """Column of the time."""
    time_format: str | None = None
    """How times are written, as in data.files.time_format; none: told from the whole column."""
    ask: str | None = None
    """Column that tells one ask of a user from another, such as a session; none: what a user takes
    for one query is one ask until half an hour goes by without an item for it."""

    @field_validator("time_format")
    @classmethod
    def _time_format_is_one(cls, form: str | None) -> str | None:
        if form is not None:
            _check_format(form, "data.files.log.time_format")
        if form == ROWS:
            raise ValueError(
                f'data.files.log.time_format is "{ROWS}", and a log needs times; name their column '
                "in data.files.log.time"
            )
        return form


class FilesConfig(Config):
    """A person's own tables: where they are and which column means what."""

    interactions: Path
    """CSV or Parquet file with one row an interaction; or sequences, the oldest first: JSON, one
    object user → items, or a text of a line a user, ids with blanks between them."""
    user: str = "user_id"
    """Column of the user's id."""
    item: str = "item_id"
    """Column of the item's id."""
    time: str | None = None
    """Column of the time: dates, dates with time, or seconds or smaller units since 1970; none: the
    order of the rows, which also decides among equal times, as on one day where there are dates
    only."""
    time_format: str | None = None
    """How times are written: "day first", "month first", "year first", "seconds", "milliseconds",
    "microseconds", "nanoseconds", "steps" (numbers that only put rows in order), "rows" (no times:
    the order of the rows) or a pattern such as "%d.%m.%Y %H:%M"; none: told from the whole
    column."""
    weight: str | None = None
    """Column of the strength (a rating, a count); none: every interaction weighs 1."""
    behaviour: str | None = None
    """Column of what was done, such as click, like or cart; none: all rows say the same."""
    behaviours: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """How much each of these weighs in the graph, such as { click = 1, cart = 3 }: repeats of a
    user and an item add up there. Rows of one that weighs 0 are left out."""
    decimal: Literal[".", ","] | None = None
    """What stands before the decimals of a number, while the other one parts thousands; none: told
    from the whole column."""
    log: LogConfig | None = None
    """What users asked for when they took an item; none: nobody knows."""
    users: Path | None = None
    """CSV or Parquet file with one row a user; none: users have no attributes."""
    users_id: str = "user_id"
    """Column of the id in the user table."""
    user_attributes: tuple[str, ...] | None = None
    """Columns of the user table to keep; none: all."""
    items: Path | None = None
    """CSV or Parquet file with one row an item, or JSON, one object item → attributes; none: items
    have no attributes."""
    items_id: str = "item_id"
    """Column of the id in the item table."""
    title: str | None = None
    """Column of the item's readable name."""
    description: str | None = None
    """Column of free text about the item."""
    item_attributes: tuple[str, ...] | None = None
    """Columns of the item table to keep; none: all."""
    list_columns: tuple[str, ...] = ()
    """Columns whose cells hold several values."""
    list_separator: str = Field(default="|", min_length=1)
    """What stands between the values of a list column."""
    separator: str = Field(default=",", min_length=1, max_length=1)
    """What stands between the fields of a CSV row."""
    encoding: str = "utf-8"
    """Encoding of the CSV files."""

    @field_validator("encoding")
    @classmethod
    def _encoding_is_one(cls, name: str) -> str:
        try:
            codecs.lookup(name)
            "a".encode(name)
        except (LookupError, ValueError):
            raise ValueError(
                f"there is no encoding {name!r} of texts; try utf-8, latin-1 or cp1252"
            ) from None
        return name

    @model_validator(mode="after")
    def _behaviours_have_a_column(self) -> FilesConfig:
        if (self.behaviour is not None) != bool(self.behaviours):
            raise ValueError(
                "data.files.behaviour names the column of what was done, and data.files.behaviours "
                "says how much each weighs, such as { click = 1, cart = 3 }; give both, or neither"
            )
        if self.behaviours and not any(self.behaviours.values()):
            raise ValueError("all of data.files.behaviours weigh 0, and nothing would be left")
        if self.behaviour is not None and self.weight is not None:
            raise ValueError(
                "data.files.weight and data.files.behaviour both say how much a row weighs; leave "
                "one of them out"
            )
        return self

    @property
    def paths(self) -> dict[str, Path | None]:
        """Every file that is named, by what it is for."""
        named = {table: getattr(self, table) for table in TABLES}
        return named if self.log is None else {**named, "log": self.log.path}

    @model_validator(mode="after")
    def _log_has_a_clock(self) -> FilesConfig:
        if self.log is not None and self.time is None:
            raise ValueError(
                "data.files.log says what users asked for and when, and data.files.time names no "
                "column of the times of interactions, so nobody knows which came first; name it, "
                "or leave the log out"
            )
        return self

    @model_validator(mode="after")
    def _time_format_is_one(self) -> FilesConfig:
        form = self.time_format
        if form is None:
            return self
        _check_format(form, "data.files.time_format")
        if (form == ROWS) != (self.time is None):
            raise ValueError(
                f'data.files.time_format = "{ROWS}" goes without data.files.time, and all others '
                "with it"
            )
        return self


class DomainConfig(Config):
    """A part of the catalogue with items of its own, whose users are those of the others."""

    name: str
    """How it is called: small letters, digits and underscores."""
    attribute: str | None = None
    """Attribute of items that tells which are in it; none: all that are in no domain before it."""
    values: tuple[str, ...] = ()
    """Values of the attribute that are in it; of several values of an item, one is enough."""
    least: float | None = None
    """Least number of the attribute that is in it, where it is a number."""
    below: float | None = None
    """Number of the attribute from which on nothing is in it."""
    files: FilesConfig | None = None
    """Its own tables, in the place of an attribute; users are told by their ids in all of them."""

    @field_validator("name")
    @classmethod
    def _name_is_a_word(cls, name: str) -> str:
        if not re.fullmatch("[a-z][a-z0-9_]*", name) or name.split("_")[0] == "user":
            raise ValueError(
                "a domain is called by small letters, digits and underscores, a letter first, such "
                "as books, and not like users"
            )
        return name

    @model_validator(mode="after")
    def _something_tells_it(self) -> DomainConfig:
        bounds = self.least is not None or self.below is not None
        if (self.attribute is not None) != (bool(self.values) or bounds):
            raise ValueError(
                f"the domain {self.name!r} needs an attribute and what it has to be, values or "
                "least or below; or none of them, to take all items that are in no domain before it"
            )
        if self.values and bounds:
            raise ValueError(
                f"the domain {self.name!r} is told by values and by least or below; leave out one "
                "of them"
            )
        if None not in (self.least, self.below) and not self.least < self.below:  # type: ignore[operator]
            raise ValueError(
                f"the domain {self.name!r} has nothing between least and below; least has to be "
                "the smaller one"
            )
        if self.files is not None and self.files.log is not None:
            raise ValueError(
                f"the domain {self.name!r} has a log of what users asked for, which is read of one "
                "data set without domains only; leave it out"
            )
        if self.attribute is not None and self.files is not None:
            raise ValueError(
                f"the domain {self.name!r} has tables of its own, whose items are all in it; leave "
                "out the attribute, or the tables"
            )
        return self


class DataConfig(Config):
    """Which data set, from where, and how it is prepared."""

    name: str = "demo"
    """Name in the catalogue: `autograph data list` shows them."""
    source: Path | None = None
    """Folder with the publisher's original files, also .zst or .gz; none: download them."""
    min_rating: float | None = None
    """Keep interactions whose rating is at least this; none: what the data set's card says."""
    min_history: int = Field(default=5, ge=3)
    """Drop users with fewer interactions than this; leave-one-out needs 3."""
    max_history: int = Field(default=30, ge=1)
    """Most recent interactions a model may look back on."""
    on_bad_row: Literal["stop", "skip"] = "stop"
    """At a malformed row, stop with its line and reason, or skip it and list it."""
    enrich: bool = False
    """Add overview, director and actors from extended_movie.csv (ml-1m, if the file is there)."""
    files: FilesConfig | None = None
    """Your own tables, for the data set "files"."""
    domains: tuple[DomainConfig, ...] = ()
    """Parts of the catalogue, each with items of its own and the same users; none: it is one."""

    @property
    def tables(self) -> tuple[FilesConfig, ...]:
        """All of a person's own tables: the data set's, or those of each domain."""
        own = (self.files, *(domain.files for domain in self.domains))
        return tuple(files for files in own if files is not None)

    @model_validator(mode="after")
    def _tables_belong_to_domains(self) -> DataConfig:
        named = [domain.name for domain in self.domains if domain.files is not None]
        if not named:
            return self
        if self.name != "files":
            raise ValueError(
                f"the domain {named[0]!r} has tables of its own, which needs data.name = "
                f'"files"; here data.name is {self.name!r}'
            )
        if self.files is not None:
            raise ValueError(
                f"the domain {named[0]!r} has tables of its own, and data.files describes others; "
                "make these a domain, too: a block [[data.domains]] with a name and its tables as "
                "[data.domains.files]"
            )
        bare = next((domain.name for domain in self.domains if domain.files is None), None)
        if bare is not None:
            raise ValueError(
                f"the domain {bare!r} has no tables, and {named[0]!r} has; give each its own, as "
                "[data.domains.files] below its name"
            )
        twice = next((name for at, name in enumerate(named) if name in named[:at]), None)
        if twice is not None:
            raise ValueError(f"two domains with tables are called {twice!r}; name them apart")
        if any(one.behaviour for one in self.tables) and any(one.weight for one in self.tables):
            raise ValueError(
                "one domain says by files.behaviour how much a row weighs, and another by "
                "files.weight; say it of all in one way"
            )
        return self

    @model_validator(mode="after")
    def _files_belong_to_files(self) -> DataConfig:
        if bool(self.tables) != (self.name == "files"):
            raise ValueError(
                'data.files describes your own tables and needs data.name = "files"; '
                f"here data.name is {self.name!r} and data.files is "
                f"{'given' if self.files else 'missing'}"
            )
        return self
