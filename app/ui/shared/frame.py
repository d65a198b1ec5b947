"""What every screen is made of: links, tables, tabs, and what it shows when nothing is there."""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.ui.shared import visitors
from app.ui.shared.address import parameters
from app.ui.shared.words import EXPLAINED, heading, hint
from data.inert import csv_bytes, visible

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "as_table",
    "choose",
    "command",
    "command_line",
    "download",
    "draw_figures",
    "draw_tabs",
    "empty",
    "go",
    "hint",
    "link",
    "miss",
    "name_badge",
    "plain",
    "show_error",
    "table",
    "workspace",
]
LONGEST_NAME = 60
"""Letters of a name in a link that are said again."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:&\"'=])")
_OBEYED = re.compile(
    r"""(?:(?<=:)(?=[\w+/-]+:)       # :smile: and :material/home:
      | (?<=http:)(?=//) | (?<=https:)(?=//) | (?<=www)(?=\.)
      | (?<=[-.\w+]@)(?=[-\w]+\.)      # addresses of mail
      | (?<=-)(?=>) | (?<=<)(?=[-=]) | (?<=-)(?=-) | (?<=[>~])(?==))  # arrows and dashes
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Where Streamlit looks again at what Markdown has made of a text, so that no escape helps."""
_JOINED = "\N{WORD JOINER}"
"""It has no width, and ends what is looked for."""


def workspace() -> Path:
    """The folder of results, caches and jobs that the page shows, and all that it writes to."""
    return Path(os.environ.get("AUTOGRAPH_WORKSPACE") or "workspace").resolve()


def name_badge(name: object, color: str, what: str) -> None:
    """A name from data as a badge; `st.badge` escapes brackets once more.

    Args:
        name: That it shows.
        color: As Streamlit names colours.
        what: It is, for who points at it.
    """
    st.markdown(f":{color}-badge[{plain(name)}]", help=what, width="content")


def link(screen: str, label: str, icon: str | None = None, **more: str) -> None:
    """A link to another screen that keeps the experiment and the selected node.

    There is none to a screen that is not open to the visitor.

    Args:
        screen: Its name in the address, for instance "graph".
        label: What the link says.
        icon: As Streamlit names icons.
        more: Further parameters of the address.
    """
    if not visitors.opens(screen):
        return
    page = st.session_state["screens"][screen]
    st.page_link(page, label=label, icon=icon, query_params=parameters(**more))


def go(screen: str) -> None:
    """Goes to another screen, keeping the experiment and the selected node."""
    st.switch_page(st.session_state["screens"][screen], query_params=parameters())


def command(*words: str) -> None:
    """The command that does the same as this screen."""
    with st.expander("The same on the command line", icon=":material/terminal:"):
        st.code(command_line(*words), language="shell", wrap_lines=True)


def command_line(*words: str) -> str:
    """A command of AutoGraph on this workspace, as a person types it."""
    where = str(workspace()) if visitors.may_change() else "WORKSPACE"
    place = [] if workspace() == Path("workspace").resolve() else ["--workspace", where]
    end = words.index("--") if "--" in words else len(words)
    return shlex.join(["autograph", *words[:end], *place, *words[end:]])


def table(
    rows: pl.DataFrame,
    name: str,
    *,
    columns: Mapping[str, Any] | None = None,
    height: int | None = None,
    key: str | None = None,
    select: str | None = None,
    whole: Callable[[], pl.DataFrame] | None = None,
    raw: bool = False,
) -> list[int]:
    """A table with its downloads; gives the numbers of selected rows.

    Args:
        rows: What it shows.
        name: Of the downloaded file, without its ending.
        columns: `st.column_config` by column.
        height: In pixels; None is as high as it needs, up to ten rows.
        key: Of the widget.
        select: "single-row" or "multi-row", if rows can be selected.
        whole: Gives what the downloads hold, where `rows` is a part of it.
        raw: Whether the columns are somebody's own, which are called as they are.
    """
    every = whole or (lambda: rows)
    given = dict(columns or {})
    looks = given if raw else {one: _look_of(one, given.get(one)) for one in rows.columns}

    def saved() -> pl.DataFrame:
        return every() if raw else _with_headings(every())

    more: dict[str, Any] = {"on_select": "rerun", "selection_mode": select} if select else {}
    if height is not None:
        more["height"] = height
    state = st.dataframe(
        rows,
        hide_index=True,
        column_config=looks,
        key=key or f"table-{name}",
        placeholder="",
        **more,
    )
    with st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        own = key or name
        csv, parquet = "text/csv", "application/vnd.apache.parquet"
        download("CSV", lambda: csv_bytes(saved()), f"{name}.csv", csv, f"csv-{own}", "tertiary")
        whole_file = partial(_parquet, saved)
        download("Parquet", whole_file, f"{name}.parquet", parquet, f"parquet-{own}", "tertiary")
    return list(state["selection"]["rows"]) if select else []


def _look_of(column: str, look: Any) -> Any:
    """How a column of results looks: under a heading for people, which is explained if need be."""
    if look is not None and not isinstance(look, dict):
        return look
    term = EXPLAINED.get(column)
    usual = {"label": heading(column), "help": hint(term) if term else None}
    return {**usual, **{name: value for name, value in (look or {}).items() if value is not None}}


def _with_headings(rows: pl.DataFrame) -> pl.DataFrame:
    """The same under headings for people, unless two columns would have one."""
    headings = {column: heading(column) for column in rows.columns}
    return rows.rename(headings) if len({*headings.values()}) == rows.width else rows


def as_table(
    rows: pl.DataFrame,
    name: str,
    key: str | None = None,
    columns: Mapping[str, Any] | None = None,
) -> None:
    """What a picture above shows, as a table that a person opens; see `table`."""
    part = st.expander(
        "As a table", icon=":material/table:", key=f"open-{key or name}", on_change="rerun"
    )
    if part.open:
        with part:
            table(rows, name, columns=columns, key=key)


def _parquet(rows: Callable[[], pl.DataFrame]) -> bytes:
    buffer = io.BytesIO()
    rows().write_parquet(buffer)
    return buffer.getvalue()


def download(
    label: str, data: Any, name: str, mime: str, key: str, kind: Any = "secondary", **look: Any
) -> None:
    """A button that gives a file, and runs nothing else.

    Args:
        label: Of the button.
        data: What the file holds, or what gives it once somebody asks.
        name: Of the file.
        mime: Its type.
        key: Of the button.
        kind: As Streamlit names types of buttons.
        look: More of `st.download_button`.
    """
    icon = ":material/download:"
    st.download_button(
        label, data, name, mime, key=key, type=kind, icon=icon, on_click="ignore", **look
    )


def draw_tabs(tabs: Mapping[str, Callable[[], None]], key: str = "part") -> None:
    """Tabs by title; the one that is open is in the address under `key`, and is drawn alone."""
    titles = st.tabs(list(tabs), key=key, on_change="rerun", bind="query-params")
    for tab, draw in zip(titles, tabs.values(), strict=True):
        if tab.open:
            with tab:
                draw()


def draw_figures(*figures: tuple[str, str, str | None], widths: Sequence[float] = ()) -> None:
    """Figures beside each other: what one is called, the figure, and what it means.

    Args:
        figures: To draw.
        widths: Of columns, of which the last may stay empty.
    """
    columns = st.columns(list(widths) or len(figures))
    for column, (label, value, meaning) in zip(columns, figures, strict=False):
        column.metric(label, value, help=meaning, border=True)


def choose(
    label: str,
    options: Mapping[str, str] | Sequence[str],
    key: str,
    *,
    default: str | None = None,
    hidden: bool = False,
) -> str:
    """One of a few options beside each other, which is in the address.

    Args:
        label: What is chosen.
        options: To choose from; a mapping says how each is called.
        key: In the address.
        default: What is chosen at first, if not the first.
        hidden: Whether the label is for screen readers alone.
    """
    names = options if isinstance(options, Mapping) else {one: one for one in options}
    first = default or next(iter(names))
    chosen: str | None = st.segmented_control(
        label,
        list(names),
        default=first,
        format_func=names.__getitem__,
        key=key,
        bind="query-params",
        required=True,
        label_visibility="collapsed" if hidden else "visible",
    )
    return chosen or first


def miss(what: str, name: str, where: str = "this workspace") -> None:
    """Says that what a link names is not there, so that nothing else passes for it."""
    short = name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…"
    said = f"There is no {what} ‘{plain(short)}’ in {plain(where)}."
    st.warning(said, icon=":material/link_off:")


def empty(title: str, what: str, icon: str = ":material/inbox:") -> None:
    """What a part of a screen shows where there is nothing to show."""
    with st.container(border=True):
        st.markdown(f"{icon} **{title}**")
        st.caption(what)


def show_error(error: object, icon: str = ":material/error:") -> None:
    """What went wrong, in a sentence; what it quotes, of data or of the address, stays text."""
    st.error(plain(error), icon=icon)


def plain(text: object) -> str:
    r"""A text from data so that Markdown shows it as it is.

    >>> print(plain("*Alien* <b>"))
    \*Alien\* \<b\>
    """
    line = _OBEYED.sub(_JOINED, visible(" ".join(str(text).split())))
    return _MARKDOWN.sub(r"\\\1", line)
