"""How good recommenders are by how many neighbours they read, and what that takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.pipeline.records import Record
from app.results.comparison import Contender
from app.results.metrics import METRICS
from app.results.results import stamp
from app.results.sweep import (
    FIGURES,
    by_neighbours,
    efforts,
    read_runs,
    step_cost_in_words,
    trained_by_neighbours,
)
from app.ui.compare.neighbour_charts import effort_lines, neighbour_lines
from app.ui.compare.tables import evaluation
from app.ui.shared.charts import draw_chart
from app.ui.shared.frame import as_table, choose, command, empty, hint, plain, workspace
from app.ui.shared.results import keep
from recommend.settings.zoomer import ZoomerConfig

if TYPE_CHECKING:
    import polars as pl

COSTS = {"seconds": "seconds of training", "peak_mb": "most memory, MB"}
ZOOMER = ZoomerConfig().name
COMMAND = ("reproduce", ZOOMER, "--from", "DATA")


def neighbours(records: Sequence[Record], found: Mapping[str, Contender]) -> None:
    """The measurement of `autograph reproduce zoomer`, then recommenders of the experiments."""
    st.subheader("By how many neighbours are read", anchor=False, help=hint("sweep"))
    runs = read_runs(workspace())
    swept = by_neighbours(runs)
    if swept.height:
        _measured(runs)
    else:
        empty(
            "Not measured yet",
            "This will show how well ZOOMER and others tell which item a person took for what was "
            "asked (AUC) by the number of neighbours that they read, and what training takes. The "
            "command below trains them on MovieLens’ tags; DATA is the folder of its files.",
            ":material/show_chart:",
        )
    command(*COMMAND)
    _trained(records, found)


def _measured(runs: pl.DataFrame) -> None:
    """Lines of the measurement, and what it took."""
    there = set(runs.filter(group="neighbours")["metric"])
    names = {one: name for one, name in FIGURES.items() if one in there}
    metric = choose("Figure", names, "sweep-metric", default="auc" if "auc" in names else None)
    table = by_neighbours(runs, metric)
    draw_chart(
        neighbour_lines(table, names[metric]),
        height=360,
        key="sweep",
        alt=f"{names[metric]} by number of neighbours, a line a recommender",
    )
    st.caption(
        f"Test of (person, tag, film) triples of MovieLens: {seeds_in_words(table)} Source of the "
        "question: ZOOMER, figures 11 and 12."
    )
    as_table(table, "sweep")
    took = efforts(runs, metric)
    if took.filter(took["seconds"] > 0).height:
        column = choose("Against", COSTS, "sweep-cost")
        draw_chart(
            effort_lines(took, column, COSTS[column], names[metric]),
            height=360,
            key="efforts",
            alt=f"{names[metric]} against {COSTS[column]}, a line a recommender",
        )
        st.caption(
            "Numbers at points are neighbours that are read. Means over seeds; time and memory are "
            "those of the machine that measured."
        )
        as_table(took, "efforts")
    if said := step_cost_in_words(runs):
        st.markdown(plain(said))


def seeds_in_words(table: pl.DataFrame) -> str:
    """How many seeds points have, and what bars are."""
    counts = sorted({*table["seeds"].to_list()})
    if counts == [1]:
        return "one seed a point, so nothing is known of what another training would change."
    many = str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return f"{many} seeds a point, bars are ± one standard deviation over them."


def _trained(records: Sequence[Record], found: Mapping[str, Contender]) -> None:
    """Recommenders of the experiments above that read a number of neighbours."""
    st.subheader("In the experiments above", anchor=False)
    folders = (one.record.folder("evaluate", c) for one in found.values() for c in one.cells)
    metric = "ndcg@10"
    table: pl.DataFrame = keep(
        " ".join(["by neighbours", metric, *found, stamp(*map(Path, folders))]),
        lambda: trained_by_neighbours(found, metric, evaluation),
    )
    several = table.filter(table["row"].is_duplicated())
    name = records[0].experiment.name
    if not several.height:
        empty(
            "One number of neighbours at most",
            "Where experiments differ in how many neighbours a recommender reads, their quality "
            "stands here over that number. Train the same with another one, and choose both above.",
            ":material/tune:",
        )
        backbone = next(iter(table["row"]), ZOOMER).partition("+")[0]
        change = f"override.{backbone}.model.backbone.neighbours=5"
        command("run", name, "--set", f"name={name}-k5", "--set", change)
        return
    draw_chart(
        neighbour_lines(table, METRICS[metric]),
        height=320,
        key="trained-sweep",
        alt=f"{METRICS[metric]} by number of neighbours, a line a recommender",
    )
    st.caption(f"Test of {name} and what is judged on the same data: {seeds_in_words(table)}")
    as_table(table, "trained-sweep")
