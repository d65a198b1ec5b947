"""What every screen is made of: its header, its tables, and what it shows when nothing is there."""

from __future__ import annotations

import io
import os
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.experiment.cautions import Caution, of_settings
from app.experiment.settings import PLAIN
from app.pipeline.records import Record, read_record
from app.ui.server import visitors
from app.ui.shared.address import experiment, parameters
from app.ui.shared.words import EXPLAINED, heading, hint
from data.errors import ArtifactError, AutoGraphError
from data.inert import csv_bytes, visible

if TYPE_CHECKING:
    import polars as pl

__all__ = [
    "as_table",
    "badges",
    "chosen",
    "command",
    "empty",
    "failed",
    "header",
    "hint",
    "link",
    "miss",
    "name_badge",
    "names",
    "opened",
    "plain",
    "table",
    "typed",
    "unfinished",
    "workspace",
]
DEMO = "demo"
LONGEST_NAME = 60
"""Letters of a name in a link that are said again."""
OF_ANY_RUN = {"dataset", "split", "train", "evaluate"}
"""Stages that plain recommenders take."""
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


def names() -> list[str]:
    """Names of the experiments that were run in the workspace, the latest first."""
    times: dict[str, float] = {}
    for path in (workspace() / "runs").glob("*.json"):
        with suppress(OSError):  # it may be gone since it was listed
            times[path.stem] = path.stat().st_mtime
    return sorted(times, key=lambda name: -times[name])


def chosen() -> Record | None:
    """The experiment that was chosen in the sidebar; None where none was ever run.

    Raises:
        AutoGraphError: what is kept of it cannot be read.
    """
    known = names()
    name = experiment()
    if not known:
        return None
    return read_record(name if name in known else known[0], workspace())


def opened(*stages: str) -> Record:
    """The chosen experiment with these stages finished; otherwise the screen ends here.

    A visitor sees what is missing and a button that makes it.

    Args:
        stages: Of `STAGES`; "train" and "evaluate" mean at least one recommender.
    """
    record = chosen()
    if record is None:
        _welcome()
        st.stop()
    missing = [stage for stage in stages if not _finished(record, stage)]
    if missing:
        unfinished(record, *missing)
        st.stop()
    return record


def _finished(record: Record, stage: str) -> bool:
    if stage in ("train", "evaluate"):
        return bool(record.finished())
    return stage in record.keys and record.store.holds(stage, record.keys[stage])


def _welcome() -> None:
    """What a first visit shows."""
    with st.container(border=True):
        st.subheader("Nothing here yet")
        if not visitors.may_change():
            st.write("Nobody has run an experiment in this workspace.")
            return
        st.write(
            "Build the demo: invented films and viewers, described without a language model. "
            "Eight recommenders are trained, with and without the graph, in about two minutes."
        )
        run_button("Build the demo", DEMO)
        command("run", DEMO)


def unfinished(record: Record, *missing: str) -> None:
    """What an experiment lacks, why its last run did not make it, and a button that makes it."""
    from app.pipeline.stages.order import STAGES

    name = record.experiment.name
    what = ", ".join(STAGES[stage].what for stage in missing)
    with st.container(border=True):
        st.subheader("Not finished yet")
        st.write(f"For this screen the experiment **{plain(name)}** still needs: {what}.")
        if not _asked_for(record, missing):
            st.write("None of its recommenders asks for it; add autograph on the Train screen.")
        else:
            run_button("Run it now", name, record)
        command("run", name)


def _asked_for(record: Record, missing: Sequence[str]) -> bool:
    """Whether a run of the experiment makes what is missing."""
    of = record.experiment
    enhanced = [cell for cell in of.grid if cell.enhancer != PLAIN]
    if "graph" in missing:
        return any("graph" in of.model_of(cell).needs for cell in enhanced)
    return bool(enhanced) or set(missing) <= OF_ANY_RUN


def run_button(label: str, name: str, record: Record | None = None) -> None:
    """A button that runs an experiment as a job, as `record` has it, and goes to the jobs."""
    from app.pipeline.records import settings_file
    from app.ui.shared.starting import at_work_on, run_once, start_button, tell_bad_end

    tell_bad_end(name)
    if start_button(label, at_work_on(name), key=f"run-{name}"):
        run_once(settings_file(record) if record else name)
        go("jobs")


def header(title: str, what: str, *, marked: bool = True) -> None:
    """The title of a screen and, in a sentence, what it is for.

    Args:
        title: Of the screen.
        what: It is for.
        marked: Whether it says what is to be known of the chosen experiment.
    """
    st.title(title, anchor=False)
    st.caption(what)
    with suppress(AutoGraphError):
        record = chosen() if marked else None
        badges([record] if record else [])


def badges(records: Sequence[Record]) -> None:
    """What is to be known of experiments, each once."""
    for caution in dict.fromkeys(one for record in records for one in _cautions(record)):
        st.badge(caution.badge, icon=":material/warning:", color="red", help=caution.note)


def name_badge(name: object, color: str, what: str) -> None:
    """A name from data as a badge; `st.badge` escapes brackets once more.

    Args:
        name: That it shows.
        color: As Streamlit names colours.
        what: It is, for who points at it.
    """
    st.markdown(f":{color}-badge[{plain(name)}]", help=what, width="content")


def _cautions(record: Record) -> tuple[Caution, ...]:
    """What is to be known of an experiment; texts that are not finished have told nothing yet."""
    try:
        return record.cautions_of_graph()
    except ArtifactError:
        return of_settings(record.experiment)


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
        st.code(typed(*words), language="shell", wrap_lines=True)


def typed(*words: str) -> str:
    """A command of AutoGraph on this workspace, as a person types it."""
    place = [] if workspace() == Path("workspace").resolve() else ["--workspace", str(workspace())]
    return shlex.join(["autograph", *words, *place])


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
    looks = given if raw else {one: _headed(one, given.get(one)) for one in rows.columns}

    def saved() -> pl.DataFrame:
        return every() if raw else _renamed(every())

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
        st.download_button(
            "CSV",
            lambda: csv_bytes(saved()),
            f"{name}.csv",
            "text/csv",
            key=f"csv-{key or name}",
            type="tertiary",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Parquet",
            lambda: _parquet(saved()),
            f"{name}.parquet",
            "application/vnd.apache.parquet",
            key=f"parquet-{key or name}",
            type="tertiary",
            icon=":material/download:",
            on_click="ignore",
        )
    return list(state["selection"]["rows"]) if select else []


def _headed(column: str, look: Any) -> Any:
    """How a column of results looks: under a heading for people, which is explained if need be."""
    if look is not None and not isinstance(look, dict):
        return look
    term = EXPLAINED.get(column)
    usual = {"label": heading(column), "help": hint(term) if term else None}
    return {**usual, **{name: value for name, value in (look or {}).items() if value is not None}}


def _renamed(rows: pl.DataFrame) -> pl.DataFrame:
    """The same under headings for people, unless two columns would have one."""
    headings = {column: heading(column) for column in rows.columns}
    return rows.rename(headings) if len({*headings.values()}) == rows.width else rows


def as_table(rows: pl.DataFrame, name: str, key: str | None = None) -> None:
    """What a picture above shows, as a table that a person opens; see `table`."""
    part = st.expander(
        "As a table", icon=":material/table:", key=f"open-{key or name}", on_change="rerun"
    )
    if part.open:
        with part:
            table(rows, name, key=key)


def _parquet(rows: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    rows.write_parquet(buffer)
    return buffer.getvalue()


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


def failed(error: object, icon: str = ":material/error:") -> None:
    """What went wrong, in a sentence; what it quotes, of data or of the address, stays text."""
    st.error(plain(error), icon=icon)


def plain(text: object) -> str:
    r"""A text from data so that Markdown shows it as it is.

    >>> print(plain("*Alien* <b>"))
    \*Alien\* \<b\>
    """
    line = _OBEYED.sub(_JOINED, visible(" ".join(str(text).split())))
    return _MARKDOWN.sub(r"\\\1", line)
