"""The experiment that the page shows: which it is, what it lacks, and what is to be known of it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import streamlit as st

from app.experiment.cautions import Caution, of_settings
from app.experiment.settings import PLAIN
from app.pipeline.records import Record, read_record
from app.pipeline.stages.order import STAGES
from app.ui.shared import address, visitors
from app.ui.shared.frame import command, miss, plain, workspace
from app.ui.shared.jobs import run_button
from app.ui.shared.results import results_of
from app.ui.shared.telling import tell_failure
from data.errors import ArtifactError, AutoGraphError

DEMO = "demo"
OF_ANY_RUN = {"dataset", "split", "train", "evaluate"}
"""Stages that plain recommenders take."""


def experiments() -> list[str]:
    """Names of the experiments that were run in the workspace, the latest first."""
    times: dict[str, float] = {}
    for path in (workspace() / "runs").glob("*.json"):
        with suppress(OSError):  # it may be gone since it was listed
            times[path.stem] = path.stat().st_mtime
    return sorted(times, key=lambda name: -times[name])


def current_record() -> Record | None:
    """The experiment that was chosen in the sidebar; None where none was ever run.

    Raises:
        AutoGraphError: what is kept of it cannot be read.
    """
    known = experiments()
    name = address.experiment()
    if not known:
        return None
    return read_record(name if name in known else known[0], workspace())


def require(*stages: str) -> Record:
    """The chosen experiment with these stages finished; otherwise the screen ends here.

    A visitor sees what is missing and a button that makes it.

    Args:
        stages: Of `STAGES`; "train" and "evaluate" mean at least one recommender.
    """
    record = current_record()
    if record is None:
        welcome()
        st.stop()
    missing = [stage for stage in stages if not _is_finished(record, stage)]
    if missing:
        show_missing(record, *missing)
        st.stop()
    return record


def _is_finished(record: Record, stage: str) -> bool:
    if stage in ("train", "evaluate"):
        return bool(record.finished_cells())
    return stage in record.keys and record.store.holds(stage, record.keys[stage])


def welcome() -> None:
    """What a first visit shows."""
    with st.container(border=True):
        st.subheader("Nothing here yet")
        if not visitors.may_change():
            st.write("Nobody has run an experiment in this workspace.")
            return
        st.write(
            "Build the demo: invented films and viewers, described without a language model. "
            "Four recommenders are trained without the graph, with it, and with texts and "
            "neighbours added, beside five simple ones; it takes two to three minutes."
        )
        run_button("Build the demo", DEMO)
        command("run", DEMO)


def show_missing(record: Record, *missing: str) -> None:
    """What an experiment lacks, why its last run did not make it, and a button that makes it."""
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
    cells = [one for cell in of.grid for one in (cell, of.source(cell)) if one is not None]
    enhanced = [cell for cell in cells if cell.enhancer != PLAIN and of.reads(cell) is None]
    if "graph" in missing:
        return any("graph" in of.model_of(cell).needs for cell in enhanced)
    return bool(enhanced) or {*missing} <= {*OF_ANY_RUN, *record.keys}


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
        record = current_record() if marked else None
        badges([record] if record else [])


def badges(records: Sequence[Record]) -> None:
    """What is to be known of experiments, each once."""
    for caution in dict.fromkeys(one for record in records for one in _cautions(record)):
        st.badge(caution.badge, icon=":material/warning:", color="red", help=caution.note)


def _cautions(record: Record) -> tuple[Caution, ...]:
    """What is to be known of an experiment; texts that are not finished have told nothing yet."""
    try:
        return record.cautions_of_graph()
    except ArtifactError:
        return of_settings(record.experiment)


@tell_failure("The selection")
def find_selected() -> None:
    """Says so, and selects nothing, where what is selected is not in the chosen experiment."""
    asked = st.query_params.get(address.NODE)
    if asked and address.Node.parse(asked) is None:
        address.select(None)
        miss("node", asked, "a graph: one is written TYPE:ID, for instance item:1")
    node = address.selected_node()
    with suppress(AutoGraphError):
        record = current_record()
        if node is not None and record is not None and not _there(record, node):
            address.select(None)
            miss(address.TYPES[node.type], node.id, record.experiment.name)


def _there(record: Record, node: address.Node) -> bool:
    """Whether an experiment has a node.

    Raises:
        ArtifactError: what says so is not finished, or damaged.
    """
    if node.type in ("user", "item"):
        data = results_of(record).dataset
        return node.id in (data.user_ids if node.type == "user" else data.item_ids)
    side = node.type.removesuffix("_factor")
    if side not in ("user", "item"):
        ids = results_of(record).atlas.names.ids
        return node.type in ids and node.id in ids[node.type]
    codes = results_of(record).codes(side).codes
    level, _, code = node.id.partition("-")
    known = level.isdecimal() and code.isdecimal()
    return known and int(level) < codes.levels and int(code) < codes.k
