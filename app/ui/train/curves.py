"""Training curves of all recommenders in one chart, and training that is under way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import streamlit as st

from app.experiment.settings import BACKBONES, ENHANCERS, PLAIN
from app.jobs.state import Job, list_jobs
from app.pipeline.records import Record, read_record
from app.pipeline.stages.order import STAGES
from app.results.colours import SERIES
from app.results.metrics import training_curves
from app.ui.jobs.screen import draw_progress, draw_title
from app.ui.shared import frame
from app.ui.shared.charts import NARROW, Spec, axis, draw_chart
from app.ui.shared.telling import fragment
from data.errors import AutoGraphError

if TYPE_CHECKING:
    import polars as pl

PANELS = (("loss", "Training loss"), ("ndcg@10", "Validation NDCG@10"))
"""Columns of the curves, and what stands above each panel."""
LINES: tuple[str | list[int], ...] = (
    *("solid", "dotted", [14, 3], [10, 3, 2, 3], [10, 3, 2, 3, 2, 3], [2, 7], [3, 3, 9, 9]),
    *([20, 4], [1, 4], [16, 3, 4, 3], [6, 8], [2, 2, 8, 2]),
)
"""Of enhancers; the plain twin is dashed."""
EVERY_S = 1.0
HEIGHT = 400


def curves_chart(curves: pl.DataFrame) -> Spec:
    """Loss and validation NDCG@10 by epoch, beside each other.

    A backbone has a colour and an enhancer a dash; of one backbone alone, each enhancer has a
    colour. What learns nothing has no loss, and its NDCG@10 is a level line: the bar to clear.

    Args:
        curves: As `app.results.metrics.training_curves` gives them.
    """
    parts = curves.partition_by("recommender", maintain_order=True)
    seeds = curves["seed"].n_unique() > 1
    alone = curves["backbone"].n_unique() == 1
    last = _last(curves)
    legend = {"type": "scroll", "bottom": 0, "itemWidth": 44, "textStyle": {"color": "text"}}
    bold = {"fontSize": 13, "fontWeight": "bold", "color": "text"}
    return {
        "animation": False,
        "title": [{"text": text, "textStyle": bold} for _, text in PANELS],
        "grid": _beside_each_other()["grid"],
        "xAxis": [_epochs(panel, curves) for panel in range(len(PANELS))],
        "yAxis": [axis(gridIndex=panel, scale=True) for panel in range(len(PANELS))],
        "tooltip": {"trigger": "axis", "confine": True, "order": "valueDesc"},
        "legend": legend,
        "media": [
            {"query": {"maxWidth": NARROW}, "option": _one_below_the_other()},
            {"option": _beside_each_other()},
        ],
        "series": [
            _line(_level(part, last), panel, column, seeds, alone)
            for part in parts
            for panel, (column, _) in enumerate(PANELS)
        ],
    }


def _one_below_the_other() -> Spec:
    """Places of the panels where there is no room beside each other."""
    place = {"left": 44, "right": 12, "width": "auto", "bottom": "auto", "height": "29%"}
    return {
        "title": [{"left": 0, "top": top} for top in ("0%", "46%")],
        "grid": [{**place, "top": top} for top in ("8%", "54%")],
    }


def _beside_each_other() -> Spec:
    """Places of the panels where there is."""
    lefts = [f"{50 * panel + 4}%" for panel in range(len(PANELS))]
    place = {"right": "auto", "width": "43%", "top": 36, "bottom": 80, "height": "auto"}
    return {
        "title": [{"left": left, "top": 2} for left in lefts],
        "grid": [{"left": left, **place} for left in lefts],
    }


def _line(part: pl.DataFrame, panel: int, column: str, seeds: bool, alone: bool) -> Spec:
    """One recommender in one panel; a point at its end while it is trained."""
    first = part.row(0, named=True)
    there = part.select("epoch", column).drop_nulls().iter_rows()
    points = [[epoch, round(value, 5)] for epoch, value in there]
    known, name = (ENHANCERS, "enhancer") if alone else (BACKBONES, "backbone")
    colour = SERIES[known.index(first[name]) % len(SERIES)]
    again = known.index(first[name]) // len(SERIES)  # colours are fewer than enhancers
    dash = _dash(first["enhancer"])
    if alone and first["enhancer"] != PLAIN:
        dash = LINES[again]
    return {
        "type": "line",
        "name": first["recommender"] if seeds else f"{first['backbone']}+{first['enhancer']}",
        "xAxisIndex": panel,
        "yAxisIndex": panel,
        "data": points,
        "symbol": "none" if first["finished"] else "circle",
        "symbolSize": 5,
        "itemStyle": {"color": colour},
        "lineStyle": {"color": colour, "type": dash, "width": 2},
        "emphasis": {"focus": "series"},
    }


def _level(part: pl.DataFrame, last: int) -> pl.DataFrame:
    """A recommender's epochs; of one that learns nothing, the same value to the last of others."""
    if part["loss"].null_count() < part.height:
        return part
    both = part.clear().vstack(part.head(1)).vstack(part.head(1))
    return both.with_columns(epoch=part["epoch"].extend_constant(last, 1).tail(2))


def _dash(enhancer: str) -> str | list[int]:
    if enhancer == PLAIN:
        return "dashed"
    others = [name for name in ENHANCERS if name != PLAIN]
    return LINES[others.index(enhancer) % len(LINES)]


def _epochs(panel: int, curves: pl.DataFrame) -> Spec:
    """The axis of epochs, from the first to the last there is, but to the second at least."""
    ends: Spec = {
        **{"min": 1, "max": _last(curves), "minInterval": 1},
        "splitLine": {"show": False},
    }
    return axis(name="epoch", nameGap=24, gridIndex=panel, **ends)


def _last(curves: pl.DataFrame) -> int:
    last: int = curves["epoch"].max()  # type: ignore[assignment]
    return max(2, last)


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
