"""The paper's table 3: what it takes to build each graph, and to put one node into it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl

from app.experiment.cautions import of_settings
from app.pipeline.records import Record, read_record
from app.pipeline.runner import CLOCK
from app.pipeline.stages.train import SOURCES
from app.reproduce.paper import means, paper
from app.reproduce.sheets import TABLE, Sheet, Told
from app.reproduce.stages import stages_behind
from app.results.results import Results
from data.errors import AutoGraphError
from recommend.settings import ENHANCERS, PLAIN

GIVEN = ("dataset", "split")
"""Stages that are there before any graph, and no part of what another one takes."""
INSERTED = 5
"""Items that are put in to measure one; their median counts."""


def table_3(record: Record, measure: bool = True) -> Told:
    """Seconds of building each graph and of inserting an item, and what GAUC gained by it.

    Args:
        record: Of a run.
        measure: Put items in to see how long it takes, which asks the encoder; nothing else does.

    Source: AutoGraph, section 4.3 and table 3.
    """
    dataset = record.experiment.data.name
    rows, figures = [], []
    for enhancer, theirs in paper()["table3"].items():
        settings = ENHANCERS[enhancer].config
        ours = {
            "built": _seconds(record, SOURCES.get(settings.needs[0], GIVEN[-1])),
            "inserted": None if "item" in settings.strangers or not measure else _insertion(record),
            "gauc": gauc_improvement(record.workspace, enhancer),
        }
        told = {
            "paper_built": theirs.get(dataset),
            "paper_inserted": theirs.get(f"insert_{dataset}"),
            "paper_gauc": theirs["gauc_improvement"],
        }
        figures.append({"enhancer": enhancer, "calls": theirs["calls"], **ours, **told})
        rows.append([enhancer, theirs["calls"], *_pairs(ours, told)])
    heads = ("graph of", "calls", "built in", "paper", "inserted in", "paper", "Δ GAUC", "paper")
    sheet = Sheet(f"{record.experiment.name}: cost of graphs", heads, rows)
    return Told(
        record.experiment.name,
        record.experiment.note,
        [sheet],
        [*_notes(record), *([] if measure else ["On a dry run nothing is inserted."])],
        {TABLE: pl.DataFrame(figures, infer_schema_length=None)},
    )


def _pairs(ours: Mapping[str, float | None], theirs: Mapping[str, float | None]) -> list[str]:
    cells = []
    for name, unit, digits in (("built", " s", 1), ("inserted", " s", 3), ("gauc", " %", 2)):
        for value in (ours[name], theirs[f"paper_{name}"]):
            cells.append("–" if value is None else f"{value:,.{digits}f}{unit}")
    return cells


def _seconds(record: Record, last: str) -> float | None:
    """Seconds that a stage took with all that it reads, from the texts on.

    None where one of them was not run, or not measured.
    """
    total = 0.0
    for stage in sorted({last} | stages_behind(record.experiment, last).difference(GIVEN)):
        key = record.keys.get(stage)
        if key is None or not record.store.holds(stage, key):
            return None
        clock = record.summary(stage).get(CLOCK)
        if clock is None:
            return None
        total += float(clock["seconds"])
    return total


def _insertion(record: Record) -> float | None:
    """Median seconds to put an item into the graph by its text; the encoder is open already."""
    if not all(record.store.holds(s, record.keys.get(s, "")) for s in ("graph", "factors-item")):
        return None
    results = Results(record)
    texts = [text for text in results.encoded("item").texts if text][: INSERTED + 1]
    inserter = results.inserter
    seconds = []
    for text in texts:
        start = time.perf_counter()
        inserter.place("item", f"{text} ", {}, [])
        seconds.append(time.perf_counter() - start)
    return median(seconds[1:]) if len(seconds) > 1 else None


def gauc_improvement(workspace: Path, enhancer: str) -> float | None:
    """Mean relative gain of GAUC over the plain twin, %, of all tables 2 that were run."""
    gains = []
    for path in sorted((workspace / "runs").glob("table2-*.json")):
        try:
            record = read_record(path.stem, workspace)
            gains += _gains(record, enhancer)
        except AutoGraphError:
            continue
    return 100 * sum(gains) / len(gains) if gains else None


def _gains(record: Record, enhancer: str) -> list[float]:
    """GAUC of each finished backbone with an enhancer over that without, less one.

    What was no fair run, as a whole or of one recommender, has none.
    """
    if of_settings(record.experiment):
        return []
    reached: dict[tuple[str, str], list[float]] = {}
    for cell in record.finished_cells():
        if record.cautions(cell):
            continue
        value = record.summary("evaluate", cell)["gauc"]
        reached.setdefault((cell.backbone, cell.enhancer), []).append(value)
    mean: dict[tuple[str, str], float] = {k: sum(v) / len(v) for k, v in reached.items()}
    return [
        mean[backbone, enhancer] / mean[backbone, PLAIN] - 1
        for backbone, of in mean
        if of == enhancer and (backbone, PLAIN) in mean
    ]


def _notes(record: Record) -> list[str]:
    theirs = means()
    sides = [side for side in ("user", "item") if f"knowledge-{side}" in record.keys]
    models: dict[str, Any] = {s: record.summary(f"knowledge-{s}")["model"] for s in sides}
    by = ", ".join(f"{side}s by {model}" for side, model in models.items())
    return [
        "Not comparable with the paper: seconds are of this machine, there of "
        f"{theirs['machine']}.",
        f"Not comparable with the paper: texts of {by or 'nobody yet'}; there by "
        f"{theirs['texts']}, one call after another. Recorded texts and stated facts cost no "
        "call here.",
        "Built: what the stages took when they were run, from the texts on, those that several "
        "methods share charged to each; – where they were not, or were run by a version that did "
        "not measure it. Answers and vectors from a cache cost nothing again. "
        "Inserted: an item by its text, without the call that writes the text.",
        "Δ GAUC is the mean over the finished backbones of all tables 2 in this workspace; there "
        "over four backbones and three data sets. It has no interval: tables 2 say which of these "
        "gains are certain.",
    ]
