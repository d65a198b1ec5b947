"""The screen Serve: a trained recommender as a folder, the command that serves it, and its cost."""

from __future__ import annotations

import re
import shlex
import socket
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.experiment.settings import Cell
from app.jobs.control import stop
from app.jobs.state import Job, list_jobs, read_job
from app.ui.demo.person import labels
from app.ui.serve.card import draw_export, draw_size
from app.ui.serve.trial import DIRECT, curl_line, draw_cost, draw_trial, example_call, lacks_serve
from app.ui.shared import visitors
from app.ui.shared.experiment import current_record, header, welcome
from app.ui.shared.exports import CHOSEN, FOLDER, choose_export, exports, open_export
from app.ui.shared.frame import command, empty, link, plain, show_error, workspace
from app.ui.shared.jobs import latest_job, start_button, start_once, tell_end, watch
from app.ui.shared.remembered import choose_next
from app.ui.shared.telling import callback, fragment
from app.ui.shared.words import hint
from data.errors import AutoGraphError
from recommend.settings.index import Kind

if TYPE_CHECKING:
    from app.pipeline.records import Record
    from recommend.serve.reader import Export

INDEXES: dict[Kind, str] = {
    "flat": "flat: looks at all items",
    "ivf": "ivf: looks at the nearest lists of items",
    "hnsw": "hnsw: walks a graph of neighbours",
}
PORT, PORTS = 8800, 50
"""Where a server listens unless the port is taken, and how many further ones are tried."""
AWAITED = "export awaited"
"""In the session: the name of an export that is made; it is shown once it is there."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")


def show() -> None:
    """Draws the screen."""
    header(
        "Serve",
        "A trained recommender as a folder that answers programs: export it, start it, ask it.",
        marked=False,
    )
    record, there = None, exports()
    if visitors.export_alone() is None:
        record = current_record()
        if record is None and not there:
            welcome()
            return
        if record is not None:
            _export(record, there)
    if not there:
        empty(
            "No export yet",
            "An export is a folder that holds all that a recommender needs to answer, and opens "
            "without torch. It is made above, or on the command line.",
            ":material/inventory_2:",
        )
        return
    folder = choose_export(there)
    try:
        opened = open_export(folder)
    except AutoGraphError as error:
        show_error(error)
        return
    data = (record.experiment.data.name, record.experiment.name) if record else ()
    draw_export(opened.export.card, *data)
    draw_size(opened.export.card)
    link("demo", "Show it to people in the Demo", ":material/live_tv:")
    if lacks_serve():
        return
    st.subheader("Start it", anchor=False)
    url = _server(folder, opened.export)
    st.subheader("Try it", anchor=False)
    fragment(draw_trial)(opened, url)
    st.subheader("What an answer costs", anchor=False)
    fragment(draw_cost)(opened, folder)


def _export(record: Record, there: dict[str, Path]) -> None:
    """A recommender to choose, and a job that writes it as a folder."""
    part = st.expander(
        "Export a trained recommender", icon=":material/inventory_2:", expanded=not there
    )
    with part:
        cells = labels(record.finished_cells(), record.experiment)
        if not cells:
            st.caption(f"No recommender of {plain(record.experiment.name)} is trained yet.")
            link("train", "Train some", ":material/model_training:")
            return
        left, middle, right = st.columns(3)
        best = max(record.validated().items(), key=lambda one: one[1])[0]
        with left:
            chosen = st.selectbox(
                "Recommender",
                list(cells),
                index=max(0, [*cells.values()].index(best) if best in cells.values() else 0),
                help="The best on validation is chosen at first.",
                key="export-recommender",
            )
        with middle:
            kind = st.selectbox(
                "Index", list(INDEXES), format_func=INDEXES.__getitem__, help=hint("index")
            )
        cell = cells[chosen]
        usual = f"{record.experiment.name}-{cell.backbone}-{cell.enhancer}"
        with right:
            name = st.text_input("Name of the folder", usual, key=f"export-name-{usual}")
        if not _NAME.fullmatch(name):
            show_error("A name has up to 60 letters, digits, dots, dashes and underscores.")
            return
        replace = name in there and st.checkbox(
            "Take the place of the export of this name: a server that answers from it goes over to "
            "the new one"
        )
        words = export_words(record.experiment.name, cell, workspace() / FOLDER / name, kind)
        _run_export(
            (*words, "--replace") if replace else words, name, name in there and not replace
        )


def export_words(experiment: str, cell: Cell, folder: Path, kind: Kind = "flat") -> tuple[str, ...]:
    """The words of the command that exports a recommender."""
    words = ("export", experiment, cell.label, str(folder), "--index", kind)
    return (*words, "--seed", str(cell.seed)) if cell.learns else words


def _run_export(words: tuple[str, ...], name: str, taken: bool) -> None:
    job = latest_job("export", words)
    if st.session_state.get(AWAITED) == name and name in exports() and not (job and job.active):
        del st.session_state[AWAITED]
        choose_next(CHOSEN, name)
    if job is not None and job.active:
        st.session_state[AWAITED] = name
        watch(job, what="Exporting")
        return
    if job is not None:
        tell_end(job)
    if start_button("Export", None, key="export", disabled=taken):
        start_once("export", words, f"Export {name}")
        st.rerun()
    if visitors.may_change():
        command(*words)


def running(folder: Path) -> Job | None:
    """The job that serves an export, or is about to."""
    jobs = (job for job in list_jobs(workspace()) if job.active and job.kind == "serve")
    return next((job for job in jobs if job.words[1] == str(folder)), None)


def _server(folder: Path, export: Export) -> str | None:
    """The command that serves an export, and a server to start; the address of one that answers."""
    alone = visitors.export_alone() is not None
    job = None if alone else running(folder)
    port = free_port() if job is None else int(job.words[-1])
    url = f"http://127.0.0.1:{port}"
    shown = str(folder) if visitors.may_change() else folder.name
    line = shlex.join(["autograph", "serve", shown, "--port", str(port)])
    st.code(line, language="shell", wrap_lines=True)
    st.code(curl_line(url, example_call(export)), language="shell", wrap_lines=True)
    st.caption(
        "It answers programs on this machine over HTTP, and assistants over MCP; "
        f"{url}/docs says how."
    )
    if alone:
        return None
    if job is None:
        _tell_last(folder)
        words = ("serve", str(folder), "--port", str(port))
        look = {"key": "start-server", "icon": ":material/play_arrow:", "type": "secondary"}
        if start_button("Start it as a job", None, **look):
            start_once("serve", words, f"Serve {folder.name}")
            st.rerun()
        return None
    if not answers(url):
        _wait(job, url)
        return None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":green-badge[:material/check_circle: answers] at {url}", width="content")
        if visitors.may_change():
            st.button("Stop the server", on_click=callback(stop), args=(job,), key="stop-server")
            link("jobs", "Its log", ":material/checklist:")
    return url


def _wait(job: Job, url: str) -> None:
    def look() -> None:
        if answers(url) or not read_job(workspace(), job.id).active:
            st.rerun()
        st.caption(":material/hourglass_top: The server is on its way up, or down.")

    fragment(look, run_every=1.0)()


def _tell_last(folder: Path) -> None:
    """Why the latest server of an export did not go on."""
    jobs = [job for job in list_jobs(workspace()) if job.kind == "serve"]
    last = max((job for job in jobs if job.words[1] == str(folder)), key=_turn, default=None)
    if last is not None and last.state in ("failed", "crashed"):
        tell_end(last)


def _turn(job: Job) -> tuple[int, float]:
    return job.turn


def free_port() -> int:
    """A port that nobody listens on: the usual one, or one after it."""
    for port in range(PORT, PORT + PORTS):
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(tried.getsockname()[1])
    return PORT


def answers(url: str) -> bool:
    """Whether a server is there."""
    try:
        with DIRECT.open(f"{url}/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except (OSError, HTTPException):  # nobody is there, or somebody who speaks no HTTP
        return False
