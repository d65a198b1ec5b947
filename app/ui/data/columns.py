"""Which column of which table means what: guessed, shown beside the rows, and corrected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import streamlit as st

from app.ui.shared import frame
from app.ui.shared.results import keep
from data.errors import AutoGraphError
from data.loaders.delimited import SEPARATORS
from data.loaders.peek import Peek, peek
from data.settings import ROWS, STEPS, TABLES, FilesConfig, LogConfig
from data.uploads import Upload as File

ENCODINGS = ("utf-8", "latin-1", "cp1252")
MARKS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
GUESS = "guess"
ROWS_SHOWN = 6
NO_TIME = "None: the order of the rows"
NO_WEIGHT = "None: all weigh the same"
NO_ASK = "None: half an hour parts them"
TOLD = "As the values show"
PATTERN = "As a pattern says"
FORMS = {
    "day first": "Day first: 30.08.2025",
    "month first": "Month first: 8/30/2025",
    "year first": "Year first: 2025-08-30",
    "seconds": "Seconds since 1970",
    "milliseconds": "Milliseconds since 1970",
    "microseconds": "Microseconds since 1970",
    "nanoseconds": "Nanoseconds since 1970",
    STEPS: "Numbers that only put rows in order",
    PATTERN: "As a pattern says …",
}
"""Ways to write times, as settings and as people call them."""
DECIMALS = {".": "Point: 4.5", ",": "Comma: 4,5"}


@dataclass(frozen=True, slots=True)
class Mapped:
    """Tables with their columns described.

    Attributes:
        files: As settings take them.
    """

    files: FilesConfig


def describe(files: dict[str, File]) -> Mapped | None:
    """The description of the chosen tables; None, and why, while there is none."""
    st.subheader("2 · Columns", anchor=False)
    encoding, given = _format()
    try:
        peeks = {role: _peek(file, given, encoding) for role, file in files.items()}
    except AutoGraphError as error:
        frame.show_error(error)
        return None
    marks = {role: one.separator for role, one in peeks.items() if one.separator}
    if len(set(marks.values())) > 1:
        said = ", ".join(f"{role}: {MARKS[mark]}" for role, mark in marks.items())
        st.error(
            f"The text tables are separated differently ({said}). Save them with the same "
            "separator, or choose one under File format.",
            icon=":material/error:",
        )
        return None
    found: dict[str, Any] = {"encoding": encoding, "separator": next(iter(marks.values()), ",")}
    found |= {role: file.path for role, file in files.items() if role in TABLES}
    keys = {role: f"{role}-{file.name}" for role, file in files.items()}
    found |= _interactions(keys["interactions"], peeks["interactions"])
    if "items" in files:
        found |= _items(keys["items"], peeks["items"], peeks["interactions"], found["item"])
    if "users" in files:
        found |= _users(keys["users"], peeks["users"], peeks["interactions"], found["user"])
    log = _log(keys["log"], peeks["log"], found) if "log" in files else None
    if len({found["user"], found["item"], found["time"], found["weight"]} - {None}) < (
        2 + (found["time"] is not None) + (found["weight"] is not None)
    ):
        st.error(
            "User, item, time and weight have to be different columns.", icon=":material/error:"
        )
        return None
    if log is not None:
        problem = _problem_of_log(found["time"], log)
        if problem:
            st.error(problem, icon=":material/error:")
            return None
        found["log"] = LogConfig(path=files["log"].path, **log)
    return Mapped(FilesConfig(**found))


def _problem_of_log(time: str | None, log: dict[str, Any]) -> str:
    """Why a log cannot be used whose columns are these; "" if it can.

    Args:
        time: Column of the times of interactions.
        log: Settings of the log, its path apart.
    """
    if time is None:
        return (
            "A log says what was asked for and when, and interactions say nothing of when, so "
            "nobody knows which came first. Choose the column Time of Interactions, or leave the "
            "log out."
        )
    named = [log[role] for role in ("user", "query", "item", "time", "ask") if log[role]]
    if len({*named}) < len(named):
        return "User, query, item, time and ask of the log have to be different columns."
    return ""


def _format() -> tuple[str, str | None]:
    with st.expander("File format", icon=":material/tune:"):
        left, right, _ = st.columns(3)
        encoding = left.selectbox(
            "Encoding of text files",
            ENCODINGS,
            key="own-encoding",
            bind="query-params",
            help="UTF-8 unless the file says otherwise; older spreadsheets write cp1252.",
        )
        mark = right.selectbox(
            "Separator",
            [GUESS, *SEPARATORS],
            format_func=lambda one: MARKS.get(one, one),
            key="own-separator",
            help="What stands between the fields of a row.",
        )
    return encoding, None if mark == GUESS else mark


def _peek(file: File, separator: str | None, encoding: str) -> Peek:
    name = f"peek {file.path} {separator!r} {encoding}"
    found: Peek = keep(name, partial(peek, file.path, separator=separator, encoding=encoding))
    return found


def _interactions(key: str, found: Peek) -> dict[str, Any]:
    from data.column_guess import guess_interactions

    guess = guess_interactions(found.rows)
    with st.container(border=True):
        st.markdown("**Interactions**")
        user, item, time, weight = st.columns(4)
        chosen = {
            "user": _column(user, "User", key, found, guess["user"]),
            "item": _column(item, "Item", key, found, guess["item"]),
            "time": _column(time, "Time", key, found, guess["time"], NO_TIME),
            "weight": _column(weight, "Rating or count", key, found, guess["weight"], NO_WEIGHT),
        }
        chosen |= _writing(key, found, chosen)
        _preview(found)
    return chosen


def _writing(key: str, found: Peek, chosen: dict[str, Any]) -> dict[str, Any]:
    """How times and decimals are written, where that cannot be told."""
    left, right, _ = st.columns([2, 1, 1], vertical_alignment="bottom")
    with left:
        form = _order_of_rows(key, found, chosen) if chosen["time"] is None else _form(key)
    mark = right.selectbox(
        "Decimals",
        [TOLD, *DECIMALS],
        format_func=lambda one: DECIMALS.get(one, one),
        key=f"decimal-{key}",
        help="Of ratings, counts, prices and all other numbers in text files.",
    )
    return {"time_format": form, "decimal": None if mark == TOLD else mark}


def _form(key: str) -> str | None:
    form: str = st.selectbox(
        "How times are written",
        [TOLD, *FORMS],
        format_func=lambda one: FORMS.get(one, one),
        key=f"form-{key}",
        help="What was understood stands under Check, with examples.",
    )
    if form != PATTERN:
        return None if form == TOLD else form
    pattern = st.text_input(
        "Pattern",
        value="%d.%m.%Y %H:%M",
        key=f"pattern-{key}",
        max_chars=60,
        help="%d day, %m month, %Y year, %y year of two digits, %H hour, %M minute, %S second.",
    )
    return pattern if "%" in pattern else None


def _order_of_rows(key: str, found: Peek, chosen: dict[str, Any]) -> str | None:
    """What stands for times where there are none; asked where a column looks like them."""
    from data.loaders.times import looks_like_date

    used = set(chosen.values())
    dates = [one for one in found.columns if one not in used and looks_like_date(found.rows[one])]
    if not dates:
        return None
    st.warning(
        f"{frame.plain(dates[0])} looks like times. Choose it as Time, or say that the rows are in "
        "order.",
        icon=":material/event:",
    )
    said = st.checkbox("The order of the rows is the order in time", key=f"rows-{key}")
    return ROWS if said else None


def _items(key: str, found: Peek, beside: Peek, item: str) -> dict[str, Any]:
    from data.column_guess import guess_items, guess_lists

    guess = guess_items(found.rows, _ids(beside, item), item)
    with st.container(border=True):
        st.markdown("**Items**")
        ids, title, about, mark = st.columns(4)
        chosen: dict[str, Any] = {
            "items_id": _column(ids, "Id", key, found, guess["id"]),
            "title": _column(title, "Title", key, found, guess["title"], "None"),
            "description": _column(about, "Description", key, found, guess["description"], "None"),
        }
        lists, between = guess_lists(found.rows, list(chosen.values()))
        rest = [name for name in found.columns if name not in chosen.values()]
        chosen["list_separator"] = (
            mark.text_input(
                "Between the values of a list",
                value=between,
                key=f"mark-{key}",
                max_chars=5,
            )
            or between
        )
        chosen["list_columns"], chosen["item_attributes"] = _attributes(key, rest, lists)
        _preview(found)
    return chosen


def _users(key: str, found: Peek, beside: Peek, user: str) -> dict[str, Any]:
    from data.column_guess import guess_id

    with st.container(border=True):
        st.markdown("**Users**")
        ids, others = st.columns([1, 3])
        guess = guess_id(found.rows, _ids(beside, user), user)
        chosen: dict[str, Any] = {"users_id": _column(ids, "Id", key, found, guess)}
        rest = [name for name in found.columns if name != chosen["users_id"]]
        chosen["user_attributes"] = tuple(
            others.multiselect("Attributes to keep", rest, default=rest, key=f"kept-{key}")
        )
        _preview(found)
    return chosen


def _log(key: str, found: Peek, beside: dict[str, Any]) -> dict[str, Any]:
    from data.column_guess import guess_log

    guess = guess_log(found.rows, {role: beside[role] for role in ("user", "item", "time")})
    with st.container(border=True):
        st.markdown("**Log**", help=frame.hint("log"))
        user, query, item, time, ask = st.columns(5)
        chosen: dict[str, Any] = {
            "user": _column(user, "User", key, found, guess["user"]),
            "query": _column(query, "Query", key, found, guess["query"], about=frame.hint("query")),
            "item": _column(
                item, "Item", key, found, guess["item"], about="What was taken for the query."
            ),
            "time": _column(time, "Time", key, found, guess["time"]),
            "ask": _column(ask, "Ask", key, found, guess["ask"], NO_ASK, about=frame.hint("ask")),
        }
        left, _ = st.columns(2)
        with left:
            chosen["time_format"] = _form(key)
        _preview(found)
    return chosen


def _attributes(
    key: str, rest: Sequence[str], lists: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Columns of lists, and all further columns to keep."""
    left, right = st.columns(2)
    kept = left.multiselect("Attributes to keep", rest, default=rest, key=f"kept-{key}")
    several = right.multiselect(
        "Of these, with several values in a cell",
        kept,
        default=[name for name in lists if name in kept],
        key=f"lists-{key}",
        help="Such as genres: Drama|Comedy.",
    )
    return tuple(name for name in several if name in kept), tuple(kept)


def _column(
    place: Any,
    label: str,
    key: str,
    found: Peek,
    guess: str | None,
    none: str | None = None,
    about: str | None = None,
) -> str | None:
    """A column that a person names.

    Args:
        place: Where it is drawn.
        label: Above it.
        key: Role and file, which tell it from others of that label.
        found: How the table begins.
        guess: The column that is chosen until somebody chooses.
        none: What leaving it open means; None where it has to be named.
        about: A hint.
    """
    options: list[str | None] = [*([None] if none else []), *found.columns]
    chosen: str | None = place.selectbox(
        label,
        options,
        index=options.index(guess) if guess in options else 0,
        format_func=lambda one: none if one is None else one,
        key=f"column-{label}-{key}-{'|'.join(found.columns)[:200]}",
        help=about,
    )
    return chosen


def _ids(found: Peek, column: str) -> set[str]:
    import polars as pl

    return set(found.rows[column].cast(pl.String, strict=False).drop_nulls())


def _preview(found: Peek) -> None:
    st.dataframe(found.rows.head(ROWS_SHOWN), hide_index=True, placeholder="")
