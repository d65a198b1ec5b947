"""Parts of the comparison: users, buckets, lists, ablations, cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from app.experiment.cautions import notes
from app.experiment.settings import Cell
from app.pipeline.records import Record
from app.results.ablations import ablation, ablation_table, with_parts
from app.results.comparison import (
    LIST_LENGTH,
    Contender,
    beyond_table,
    cost_table,
    count_missing_lists,
    judged_by_seed,
    list_steps,
    plain_twins,
)
from app.results.metrics import METRICS
from app.results.results import stamp
from app.results.wording import NOTE, change_in_words
from app.ui.compare.charts import (
    bucket_bars,
    cost_scatter,
    forest,
    histogram,
    measure_bars,
    rank_scatter,
)
from app.ui.shared.charts import draw_chart
from app.ui.shared.frame import choose, command, empty, hint, table
from app.ui.shared.jobs import job_button
from app.ui.shared.remembered import find_named
from app.ui.shared.results import keep, results_of
from data.columns import USER_ID

if TYPE_CHECKING:
    import polars as pl

    from recommend.judge.evaluate import Evaluation

Found = Mapping[str, Contender]
COSTS = {
    "seconds": "seconds of training",
    "seconds_per_epoch": "seconds an epoch",
    "peak_mb": "memory, MB",
}
_NAMES = {
    "run": st.column_config.TextColumn(),
    **{
        name: st.column_config.NumberColumn(title, format="%.4f") for name, title in METRICS.items()
    },
    "seconds": st.column_config.NumberColumn(format="%.1f", help="Seconds of training."),
    "epochs": st.column_config.NumberColumn(format="%.0f"),
    "seconds_per_epoch": st.column_config.NumberColumn(format="%.3f"),
    "peak_mb": st.column_config.NumberColumn(format="%.0f", help="Most memory in training."),
}
_CHANGE = st.column_config.TextColumn(help=f"{hint('change')} {NOTE}")
BY = {
    "history": "Training interactions of the user",
    "popularity": "Training interactions of the held-out item",
}
MEASURED = {
    "coverage": "Coverage",
    "concentration": "Concentration",
    "novelty": "Novelty, bits",
    "diversity": "Diversity",
}


def users(found: Found, pairs: Mapping[str, str]) -> None:
    """Two recommenders, user by user."""
    pair = _pair(pairs)
    if pair is None:
        return
    metric = _metric("of")
    ranks, values = _user_table(found, pair, "rank"), _user_table(found, pair, metric)
    differences = values["difference"].to_numpy()
    more, less = int((differences > 0).sum()), int((differences < 0).sum())
    numbers = {"Better for": more, "The same for": values.height - more - less, "Worse for": less}
    for column, (label, n) in zip(st.columns(3), numbers.items(), strict=True):
        share = f"{n / values.height:.0%}"
        column.metric(label, f"{n:,} users", share, "off", border=True, delta_arrow="off")
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Ranks", anchor=False)
        draw_chart(
            rank_scatter(ranks, *pair),
            height=400,
            key="ranks",
            alt="Rank of the held-out item by both recommenders, a dot a user",
        )
        st.caption("A dot a user; below the line the held-out item stands higher than before.")
    with right:
        st.subheader(f"Differences in {METRICS[metric]}", anchor=False)
        draw_chart(
            histogram(values["difference"], "difference"),
            height=400,
            key="differences",
            alt="How many users differ by how much",
        )
        st.caption("Users without any difference are left out of the bars.")
    called = _with_people(_with_names(values, pair), found[pair[0]].record)
    table(called, "users", height=250, columns={"difference": _fine("%+.4f")})


def where_it_helps(found: Found, pairs: Mapping[str, str]) -> None:
    """Two recommenders, by length of history and by popularity of the held-out item."""
    from recommend.judge.buckets import in_buckets

    pair = _pair(pairs)
    if pair is None:
        return
    metric = _metric("by")
    values = _user_table(found, pair, metric)
    for by, title in BY.items():
        buckets = in_buckets(values, by)
        st.subheader(title, anchor=False, help=hint("cold") if by == "popularity" else None)
        left, right = st.columns(2, gap="large")
        with left:
            draw_chart(
                bucket_bars(buckets, *pair, METRICS[metric]),
                height=300,
                key=f"bars-{by}",
                alt=f"{METRICS[metric]} of both, by {title.lower()}",
            )
        with right:
            draw_chart(
                forest(buckets.rename({"bucket": "name"}), "difference, 95 %"),
                height=300,
                key=f"forest-{by}",
                alt=f"Differences by {title.lower()}",
            )
        columns = {name: _fine("%.4f") for name in (*pair, "low", "high")}
        columns |= {"difference": _fine("%+.4f"), "change": _CHANGE}
        columns |= {"p": _fine("%.2g"), "p_holm": _fine("%.2g", hint("Holm"))}
        table(_with_names(with_words(buckets), pair), f"by-{by}", columns=columns)


def _with_names(rows: pl.DataFrame, pair: tuple[str, str]) -> pl.DataFrame:
    """A table of two recommenders whose columns are called after them."""
    return rows.rename(dict(zip(("ours", "theirs"), pair, strict=True)))


def _with_people(rows: pl.DataFrame, record: Record) -> pl.DataFrame:
    """A table of users by number, each by name and id instead."""
    import polars as pl

    from data.names import user_names

    users = results_of(record).dataset.users
    numbers = rows["user"].to_list()
    names, ids = user_names(users)[numbers], users[USER_ID][numbers]
    return rows.select(names.alias("user"), ids.alias("id"), pl.exclude("user"))


def with_words(compared: pl.DataFrame) -> pl.DataFrame:
    """The table, with `change` in words: none where chance alone could make it."""
    import polars as pl

    said = [change_in_words(row) for row in compared.iter_rows(named=True)]
    return compared.with_columns(change=pl.Series(said, dtype=pl.String))


def _fine(form: str, help: str | None = None) -> object:
    return st.column_config.NumberColumn(format=form, help=help)


def _pair(pairs: Mapping[str, str]) -> tuple[str, str] | None:
    """A recommender and what it is compared with."""
    if not pairs:
        empty(
            "Nothing to compare with",
            "None of these has a plain twin here: choose what to compare with above, or train one.",
        )
        return None
    titles = {label: f"{label} against {other}" for label, other in pairs.items()}
    find_named("recommender", list(titles.values()), "pair", "what is compared")
    ours = st.selectbox(
        "Recommender",
        list(pairs),
        format_func=titles.__getitem__,
        key="recommender",
        bind="query-params",
    )
    return (ours, pairs[ours]) if ours in pairs else None


def _metric(key: str) -> str:
    return choose("Metric", METRICS, key, default="ndcg@10")


def evaluation(record: Record, cell: Cell) -> Evaluation:
    """How a recommender did, opened once for all."""
    return results_of(record).evaluation(cell)


def _user_table(found: Found, pair: tuple[str, str], metric: str) -> pl.DataFrame:
    from recommend.judge.compare import user_table

    ours, theirs = (found[label] for label in pair)
    folders = (one.record.folder("evaluate", c) for one in (ours, theirs) for c in one.cells)

    def make() -> pl.DataFrame:
        one, other = (judged_by_seed(of, evaluation) for of in (ours, theirs))
        return user_table(one, other, metric)

    return keep(" ".join(["users", *pair, metric, stamp(*folders)]), make)


def beyond_accuracy(records: Sequence[Record], found: Found) -> None:
    """What the lists are like that recommenders show."""
    missing = count_missing_lists(records)
    names = [record.experiment.name for record in records]
    if missing < sum(len(one.cells) for one in found.values()):
        stamps = (_stamp_of_lists(record) for record in records)
        measured = keep(" ".join(["beyond", *found, *stamps]), lambda: beyond_table(found))
        columns = st.columns(2, gap="large")
        for at, (measure, title) in enumerate(MEASURED.items()):
            with columns[at % 2]:
                st.subheader(title, anchor=False, help=hint(measure))
                if measured[measure].null_count() == measured.height:
                    empty("Not known", "These experiments have no vectors of item texts.")
                    continue
                draw_chart(
                    measure_bars(measured, measure),
                    height=50 + 26 * measured.height,
                    key=f"measure-{measure}",
                    alt=f"{title} of every recommender",
                )
        formats = {name: _fine("%.4f", hint(name)) for name in MEASURED}
        shown = measured.drop("backbone", "enhancer", "lists")
        table(shown, "beyond-accuracy", columns=formats | _NAMES)
        st.caption(
            f"Of the first {LIST_LENGTH} items of every user at the time of the test, without "
            "those that the user has had. Diversity: 1 − cosine of the items' vectors."
        )
    else:
        st.caption("Coverage, concentration, novelty and diversity are measured on lists.")
    if missing:
        words = ("beyond", *names)
        label = f"Make the lists of {missing} recommender{'s' * (missing > 1)}"
        job_button(label, "beyond", words, f"Lists of {', '.join(names)}")
    else:
        command("beyond", *names)


def _stamp_of_lists(record: Record) -> str:
    """That of an experiment's lists, and of what they are measured against."""
    lists = (record.store.place(step.stage, step.key) for _, step in list_steps(record))
    return f"{results_of(record).stamp} {stamp(*lists)}"


def ablations(records: Sequence[Record]) -> None:
    """What each metapath and level is worth, from runs that differ in nothing else."""
    choices = [(at, *pair) for at, r in enumerate(records) for pair in with_parts(r)]
    if not choices:
        empty(
            "No parts to leave out", "None of these experiments has a recommender with the graph."
        )
        return
    at, backbone, enhancer = st.selectbox(
        "Recommender",
        choices,
        format_func=lambda c: f"{records[c[0]].experiment.name}: {c[1]}+{c[2]}",
        key="ablated",
    )
    record = records[at]
    of = ablation(record, backbone, enhancer)
    if len(of.runs) > 1 or of.plain:
        metric = _metric("ablation_metric")
        compared = ablation_table(of, evaluation)
        shown = compared.filter(metric=metric)
        tested = shown.filter(shown["difference"].is_not_null()).rename({"run": "name"})
        draw_chart(
            forest(tested, f"difference in {METRICS[metric]} from the one as set, 95 %"),
            height=64 + 30 * tested.height,
            key="ablation-forest",
            alt="What each part is worth",
        )
        table(
            with_words(shown.drop("metric", "baseline")),
            "ablation",
            columns={
                **{name: _fine("%.4f") for name in ("mean", "sd", "low", "high")},
                "difference": _fine("%+.4f"),
                "change": _CHANGE,
                "p": _fine("%.2g", hint("p")),
                "p_holm": _fine("%.2g", hint("Holm")),
                "mark": st.column_config.TextColumn("", width=40),
            },
        )
        st.caption("A part that matters makes it worse to leave it out: bars left of 0.")
        for note in notes([of.marks]):
            st.warning(note, icon=":material/warning:")
    words = ("ablate", record.experiment.name, "--backbone", backbone, "--enhancer", enhancer)
    if of.missing:
        n = len(of.missing)
        st.caption("Not trained: " + " · ".join(f"*{v.name(of.base)}*" for v in of.missing))
        label = f"Train the missing {n}" if n > 1 else "Train the missing one"
        title = f"Ablations of {backbone}+{enhancer}, {record.experiment.name}"
        job_button(label, "ablate", words, title)
    else:
        command(*words)


def cost(found: Found) -> None:
    """What recommenders reach against what training took."""
    import polars as pl

    costs = cost_table(found)
    left, right = st.columns(2)
    with left:
        metric = _metric("height")
    with right:
        column = choose("Cost", COSTS, "cost")
    twins = plain_twins(found)
    names = pl.Series("twin", [twins.get(run) for run in costs["run"]], dtype=pl.String)
    draw_chart(
        cost_scatter(
            costs.with_columns(names),
            metric,
            METRICS[metric],
            f"{column}: {COSTS[column]}",
        ),
        height=440,
        key="costs",
        alt="Accuracy against cost of every recommender",
    )
    st.caption("Dashed lines join each recommender with its plain twin. Means over seeds.")
    table(costs.drop("backbone", "enhancer"), "cost", columns=_NAMES)
