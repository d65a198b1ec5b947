"""Training that is under way, as it goes: jobs, and the curves of their recommenders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import streamlit as st

from app.jobs.state import Job, list_jobs
from app.pipeline.records import Record, read_record
from app.pipeline.stages.order import STAGES
from app.results.curves import training_curves
from app.ui.jobs.views import draw_progress, draw_title
from app.ui.shared import frame
from app.ui.shared.charts import draw_chart
from app.ui.shared.telling import fragment
from app.ui.train.charts import curves_chart
from data.errors import AutoGraphError

if TYPE_CHECKING:
    import polars as pl

EVERY_S = 1.0
HEIGHT = 400


def active_runs() -> list[Job]:
    """Jobs that run an experiment or wait to, the one that began first at the front."""
    jobs = [job for job in list_jobs(frame.workspace()) if job.active and job.kind == "run"]
    return sorted(jobs, key=lambda job: job.turn)


def steps_of(jobs: Iterable[Job]) -> tuple[tuple[str, ...], ...]:
    """How the steps of jobs at work stand: changes when one begins or ends."""
    return tuple((job.id, *(step.state for step in job.steps)) for job in jobs if job.active)


def draw_live() -> None:
    """What runs, drawn again every second until it has ended; nothing where nothing runs.

    The rest of the screen, which says how each recommender stands, is drawn again with every step
    that begins or ends.
    """
    jobs = active_runs()
    if jobs:
        fragment(_live, run_every=EVERY_S)(steps_of(jobs))


def _live(before: tuple[tuple[str, ...], ...]) -> None:
    jobs = active_runs()
    if steps_of(jobs) != before:
        st.rerun()
    for job in jobs:
        with st.container(border=True, key=f"live-{job.id}"):
            title, bars, chart = (st.container() for _ in range(3))
            frame.link("jobs", "Log, cancel, continue", ":material/checklist:")
        with title:
            draw_title(job, jobs)
        with bars:
            draw_progress(job)
        with chart:
            if (record := _record_of(job)) is not None:
                draw_curves(_trained_by(job, record), f"live-curves-{job.id}")


def _record_of(job: Job) -> Record | None:
    """The experiment of a job whose turn has come; None before it has written one."""
    if job.started is None or not job.steps:
        return None
    try:
        return read_record(job.experiment, frame.workspace())
    except AutoGraphError:
        return None


def _trained_by(job: Job, record: Record) -> pl.DataFrame:
    """The curves of the recommenders that a job trains, or has found there."""
    steps = {step.name for step in job.steps}
    own = [str(cell) for cell in record.cells if f"{STAGES['train'].what} {cell}" in steps]
    curves = training_curves(record)
    return curves.filter(curves["recommender"].is_in(own))


def draw_curves(curves: pl.DataFrame, key: str) -> bool:
    """Training curves, if a recommender has got through an epoch."""
    if curves.is_empty():
        return False
    best = curves.sort("ndcg@10").row(-1, named=True)
    told = f"best so far {best['recommender']}, NDCG@10 {best['ndcg@10']:.4f}"
    draw_chart(
        curves_chart(curves),
        height=HEIGHT,
        key=key,
        alt=f"Loss and validation NDCG@10 by epoch of {curves['recommender'].n_unique()} "
        f"recommenders; {told}.",
    )
    frame.as_table(curves, "training-curves", f"table-{key}")
    return True
