"""Recommenders side by side: how good, for whom, with what lists, at what cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from app.pipeline.records import Record, read_record
from app.results.bar import (
    against_in_words,
    learning_in_words,
    simple_in_words,
    twins_below_in_words,
)
from app.results.comparison import (
    Contender,
    baselines,
    best_simple,
    caution_notes,
    compare_contenders,
    contenders,
    drawn_among,
    judging_notes,
    plain_twins,
    short_lists,
)
from app.results.latex import comparison_latex
from app.results.metrics import METRICS
from app.results.results import stamp
from app.results.wording import SIGN_NOTE, change_in_words
from app.ui.compare.charts import forest
from app.ui.compare.domains import domains_and_losses
from app.ui.compare.near import near_and_far
from app.ui.compare.neighbours import neighbours
from app.ui.compare.tables import (
    ablations,
    beyond_accuracy,
    cost,
    evaluation,
    users,
    where_it_helps,
    with_words,
)
from app.ui.shared.charts import draw_chart
from app.ui.shared.experiment import badges, current_record, experiments, header, require
from app.ui.shared.frame import (
    choose,
    command,
    download,
    draw_tabs,
    empty,
    hint,
    name_badge,
    plain,
    table,
    workspace,
)
from app.ui.shared.remembered import find_named
from app.ui.shared.results import keep
from data.errors import AutoGraphError

if TYPE_CHECKING:
    import polars as pl

TWINS, SIMPLE = "Plain twins", "The best simple one"
MOST_ROWS = 20
"""Recommenders that are seen at once, simple ones below all others among them."""
EXPERIMENTS, BESIDE = "experiments", "experiments-beside"
"""Of the choice; and which experiment the sidebar said when they were chosen."""


def show() -> None:
    """Draws the screen."""
    what = "Which recommender is better, by how much, and whether that is luck."
    header("Compare", what, marked=False)
    judged = _judged_experiments()
    if not judged:
        require("evaluate")
        return
    left, right = st.columns([3, 2])
    with left:
        records = _choose_experiments(judged)
    if not records:
        empty("Nothing chosen", "Choose at least one experiment above.")
        return
    badges(records)
    found = contenders(records)
    if drawn := drawn_among(found):
        name_badge(drawn.strip(", "), "orange", hint("drawn"))
    with right:
        against = _against(found)
    pairs = baselines(found, against)
    tabs = {
        "Metrics": lambda: _metrics(records, found, against),
        "Users": lambda: users(found, pairs),
        "Where it helps": lambda: where_it_helps(found, pairs),
        "Beyond accuracy": lambda: beyond_accuracy(records, found),
        "Near and far": lambda: near_and_far(records, found),
        "Neighbours": lambda: neighbours(records, found),
        "Ablations": lambda: ablations(records),
        "Domains and losses": domains_and_losses,
        "Cost": lambda: cost(found),
    }
    draw_tabs(tabs, "compare")


def _judged_experiments() -> dict[str, Record]:
    """Experiments with a trained and judged recommender; a damaged one is named, and left out."""
    found = {}
    for name in experiments():
        try:
            record = read_record(name, workspace())
        except AutoGraphError as error:
            st.warning(plain(error), icon=":material/warning:")
            continue
        if record.finished_cells():
            found[name] = record
    return found


def _choose_experiments(judged: Mapping[str, Record]) -> list[Record]:
    _follow_the_sidebar(judged)
    find_named(EXPERIMENTS, judged, "experiment with results", "this workspace")
    some = st.multiselect(
        "Experiments",
        list(judged),
        key=EXPERIMENTS,
        bind="query-params",
        help="Several are shown together; results on other data cannot be tested against each "
        "other.",
    )
    return [judged[name] for name in some]


def _follow_the_sidebar(judged: Mapping[str, Record]) -> None:
    """Begins with the experiment of the sidebar, and again with each that is chosen there."""
    current, state = current_record(), st.session_state
    first = current.experiment.name if current else ""
    begun = EXPERIMENTS in state or set(st.query_params.get_all(EXPERIMENTS)) & set(judged)
    if not begun or state.get(BESIDE, first) != first:
        state[EXPERIMENTS] = [first if first in judged else next(iter(judged))]
    state[BESIDE] = first


def _against(found: Mapping[str, Contender]) -> str | None:
    """The label that all are compared with; None for the plain twins."""
    simple = best_simple(found)
    usual = TWINS if plain_twins(found) or simple is None else SIMPLE
    choices = [usual, *((SIMPLE,) if simple and usual is TWINS else ()), *found]
    find_named("against", choices, "recommender", "what is compared")
    one = st.selectbox(
        "Compared with",
        choices,
        key="against",
        bind="query-params",
        help=f"{hint('none')} {hint('simple')} Or one recommender that all others are compared "
        "with.",
    )
    return simple if one == SIMPLE else None if one == TWINS else one


def _comparison(found: Mapping[str, Contender], against: str | None) -> pl.DataFrame:
    folders = (one.record.folder("evaluate", c) for one in found.values() for c in one.cells)
    return keep(
        " ".join(["compared", str(against), *found, stamp(*folders)]),
        lambda: compare_contenders(found, against, evaluation),
    )


def _metrics(records: list[Record], found: Mapping[str, Contender], against: str | None) -> None:
    compared = _comparison(found, against)
    for told in learning_in_words(found, evaluation):
        st.info(plain(told), icon=":material/fitness_center:")
    wide = _wide(compared)
    height = 40 + 35 * min(wide.height, MOST_ROWS)
    table(wide, "comparison", columns=_columns(), height=height)
    _meaning(compared, found, against)
    tested = compared.filter(compared["difference"].is_not_null())
    if tested.height:
        metric = choose("Differences in", METRICS, "metric", default="ndcg@10")
        shown = tested.filter(metric=metric).rename({"run": "name"})
        draw_chart(
            forest(shown, f"difference in {METRICS[metric]}, 95 %"),
            height=64 + 30 * shown.height,
            key="forest",
            alt="Differences with their confidence intervals",
        )
        st.caption(
            "Diamonds are mean differences a user, bars their 95 % confidence intervals; grey ones "
            "reach over 0.",
            help=hint("interval"),
        )
    else:
        empty("Nothing to compare with", "None of these has a plain twin here: choose one above.")
    _exports(records, found, compared, against)


def _wide(compared: pl.DataFrame) -> pl.DataFrame:
    """A row a recommender: mean, deviation, change and mark of each metric."""
    import polars as pl

    rows = []
    for run in compared["run"].unique(maintain_order=True):
        row: dict[str, object] = {"recommender": run}
        for one in compared.filter(run=run).iter_rows(named=True):
            name = METRICS[one["metric"]]
            change = change_in_words(one, short=True) or None
            row |= {name: one["mean"], f"± {name}": one["sd"], f"Δ {name}": change}
            row[f"sign {name}"] = one["mark"]
        rows.append(row)
    wide = pl.DataFrame(rows, infer_schema_length=None)
    nothing = [name for name in wide.columns if wide[name].null_count() == wide.height]
    return wide.drop(nothing)


def _columns() -> dict[str, object]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    columns: dict[str, object] = {"recommender": text("Recommender", pinned=True)}
    for name in METRICS.values():
        columns[name] = number(format="%.4f", help=hint(name))
        columns[f"± {name}"] = number("±", format="%.4f", help=hint("sd"), width=65)
        columns[f"Δ {name}"] = text("Δ %", help=f"{hint('change')} {SIGN_NOTE}", width=60)
        columns[f"sign {name}"] = text("", help="* p < 0.05, ** p < 0.01, *** p < 0.001", width=38)
    return columns


def _meaning(compared: pl.DataFrame, found: Mapping[str, Contender], against: str | None) -> None:
    """What the marks say, and what they do not."""
    for told in filter(None, (against_in_words(found, against), *twins_below_in_words(found))):
        st.caption(plain(told))
    if lines := simple_in_words(found):
        st.caption("  \n".join(map(plain, lines)), help=hint("simple"))
    tests = int(compared["p"].is_not_null().sum())
    trained = [label for label, one in found.items() if one.learns]
    counts = sorted(set(compared.filter(compared["run"].is_in(trained))["seeds"]))
    common = ", judged by the seeds that both have" if len(counts) > 1 else ""
    seeds = _seeds(counts, bool(compared["sd"].is_not_null().any()))
    if tests:
        st.caption(
            f"\\* p < 0.05, \\*\\* p < 0.01, \\*\\*\\* p < 0.001: paired t-tests over users, "
            f"corrected for {tests} tests at once (Holm). They say whether these models would "
            f"differ on other users like these{common}. {SIGN_NOTE} {seeds}",
            help=f"{hint('p')} {hint('Holm')}",
        )
    else:
        st.caption(seeds, help=hint("seed"))
    for note in judging_notes(found):
        st.caption(plain(note), help=hint("seen"))
    for note in caution_notes(found):
        st.warning(note, icon=":material/warning:")


def _seeds(counts: Sequence[int], spread: bool) -> str:
    """How many trainings there are of each recommender, and what is known of another one.

    >>> _seeds([], False)
    'Nothing of this is trained, so that there is no luck of a seed in it.'
    """
    if not counts:
        return "Nothing of this is trained, so that there is no luck of a seed in it."
    told = (
        "± is the standard deviation over seeds: what another training would change."
        if spread
        else "There is one seed, so nothing is known of what another training would change."
    )
    return f"{told} Seeds: {' to '.join(map(str, dict.fromkeys((counts[0], counts[-1]))))}."


def _exports(
    records: list[Record],
    found: Mapping[str, Contender],
    compared: pl.DataFrame,
    against: str | None,
) -> None:
    drawn = drawn_among(found)
    with st.expander(f"Shorter lists{drawn}", icon=":material/vertical_align_top:"):
        folders = (one.record.folder("evaluate", c) for one in found.values() for c in one.cells)
        named = " ".join(["short", *found, stamp(*folders)])
        number = st.column_config.NumberColumn(format="%.4f")
        short = keep(named, lambda: short_lists(found, evaluation))
        looks = {name: number for name in short.columns if name != "run"}
        table(short, "short-lists", columns=looks)
        st.caption("HR and NDCG of the first 1, 5 and 10, from the ranks of the same evaluation.")
    with st.expander("All figures", icon=":material/table:"):
        table(
            with_words(compared.drop("leaking")),
            "comparison-all",
            columns={
                "p": st.column_config.NumberColumn(format="%.2g", help=hint("p")),
                "p_holm": st.column_config.NumberColumn(format="%.2g", help=hint("Holm")),
            },
        )
    latex = comparison_latex(compared, [*judging_notes(found), *caution_notes(found)], drawn=drawn)
    with st.expander("LaTeX", icon=":material/functions:"):
        st.code(latex, language="latex", height=240)
        download("LaTeX", latex, "comparison.tex", "application/x-tex", "latex")
    experiments = [record.experiment.name for record in records]
    words = ["compare", *experiments, "--csv", "comparison.csv", "--latex", "comparison.tex"]
    command(*words, *(["--against", against] if against else []))
