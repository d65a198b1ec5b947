"""The data of the chosen experiment, in numbers and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from app.pipeline.records import Record
from app.results.results import stamp
from app.ui.data import charts
from app.ui.shared.charts import draw_chart
from app.ui.shared.experiment import require
from app.ui.shared.frame import as_table, choose, command, draw_figures, empty, hint, plain, table
from app.ui.shared.results import keep, results_of
from data.names import with_a

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

    from data.dataset import Dataset
    from data.distributions import Cold
    from data.statistics import Statistics

SHOWN = 1_000
"""Rows of a table that go to the browser; its downloads hold all."""
CHART_HEIGHT, BAR_HEIGHT = 280, 84
ROWS = ("Interactions", "Users", "Items")
CURVES = ("By rank", "By share")


@dataclass(frozen=True, slots=True)
class Figures:
    """All that the pictures show."""

    statistics: Statistics
    lengths: pl.DataFrame
    counts: np.ndarray
    cold: Cold
    period: tuple[date, date] | None
    timeline: tuple[str, pl.DataFrame] | None


def draw_this_experiment() -> None:
    """Draws the tab; without a data set, what makes one."""
    record = require("dataset", "split")
    found = _figures(record)
    _numbers(found)
    _domains(found.statistics)
    _log(found.statistics)
    _left_out(record)
    _repeats(found.statistics)
    _users_and_items(found)
    _time_and_split(found)
    _bad_rows(record)
    _rows(record)
    config = record.experiment.data
    if not config.tables and config.source is None:
        command("data", "stats", config.name)
    else:
        command("run", record.experiment.name, "--upto", "split")


def _figures(record: Record) -> Figures:
    made: Figures = keep(f"data figures {_stamp(record)}", partial(_measure, record))
    return made


def _stamp(record: Record) -> str:
    return stamp(record.folder("dataset"), record.folder("split"))


def _measure(record: Record) -> Figures:
    from data import distributions as of
    from data.dataset import histories
    from data.statistics import measure

    dataset, split = results_of(record).dataset, results_of(record).split
    clock = of.has_clock(record.experiment.data, dataset)
    lengths = histories(dataset.interactions, dataset.n_users).lengths
    first, last = of.period(dataset)
    return Figures(
        statistics=measure(dataset, split, record.left_out),
        lengths=of.length_bins(lengths),
        counts=of.training_counts(dataset, split),
        cold=of.cold_targets(dataset, split),
        period=(first, last) if clock else None,
        timeline=of.timeline(dataset, split) if clock else None,
    )


def _numbers(found: Figures) -> None:
    """What is asked first of any data set."""
    of = found.statistics
    draw_figures(
        ("Users", f"{of.users:,}", None),
        ("Items", f"{of.items:,}", "Those that anybody interacted with: the catalogue."),
        ("Interactions", f"{of.interactions:,}", "Positive ones; repeats count once."),
        ("Sparsity", f"{1 - of.density:.2%}", hint("sparsity")),
        ("Period", *_period(found.period)),
        widths=(2, 2, 2, 2, 3),
    )


def _domains(of: Statistics) -> None:
    """How large the domains are, and whether users join them."""
    import polars as pl

    if not of.domains:
        return
    st.subheader("Domains", help=hint("domain"), anchor=False)
    table(pl.DataFrame([asdict(one) for one in of.domains]).rename({"name": "domain"}), "domains")
    st.caption(
        f"{of.several_in_words} users have interactions in more than one domain: they are what "
        "joins them."
    )


def _log(of: Statistics) -> None:
    """How much is known of what users asked for."""
    if of.log is None:
        return
    st.subheader("Log", help=hint("log"), anchor=False)
    draw_figures(
        ("Asks", f"{of.log.asks:,}", hint("ask")),
        ("Queries", f"{of.log.queries:,}", hint("query")),
        ("Users who asked", f"{of.log.users:,}", None),
        ("Items taken", f"{of.log.items:,}", "Different ones."),
        ("Times taken", f"{of.log.taken:,}", "An item counts once an ask."),
        widths=(2, 2, 2, 2, 2),
    )


def _period(days: tuple[date, date] | None) -> tuple[str, str]:
    """In few letters, and in a sentence.

    >>> _period((date(2024, 1, 1), date(2024, 12, 3)))[0]
    '338 days'
    """
    if days is None:
        return "–", "These data have no times: the order of the rows stands for them."
    first, last = days
    if first.year != last.year:
        short = f"{first:%Y} – {last:%Y}"
    else:
        short = f"{(last - first).days + 1} days"
    return short, f"From {first:%d %B %Y} to {last:%d %B %Y}, in UTC."


def _users_and_items(found: Figures) -> None:
    from data.distributions import popularity

    left, right = st.columns(2, gap="large")
    of = found.statistics
    with left:
        st.subheader("Length of histories", anchor=False)
        draw_chart(
            charts.length_bars(found.lengths),
            height=CHART_HEIGHT,
            key="lengths",
            alt="Users by the number of their interactions",
        )
        as_table(found.lengths, "lengths", "table-lengths")
        quantiles = of.history
        st.caption(
            f"Half of the users have {quantiles['median']:g} interactions or fewer; the shortest "
            f"history has {quantiles['min']:g}, the longest {quantiles['max']:g}."
        )
    with right:
        name, choice = st.columns([5, 4], vertical_alignment="bottom")
        name.subheader("Popularity", help=hint("popularity"), anchor=False)
        with choice:
            kind = choose("Curve", CURVES, "popularity", hidden=True)
        curve = popularity(found.counts)
        by_rank = kind == CURVES[0]
        spec = charts.rank_curve(curve.ranks) if by_rank else charts.share_curve(curve.shares)
        draw_chart(spec, height=CHART_HEIGHT, key=f"curve-{kind}", alt="Popularity of items")
        shown = curve.ranks if by_rank else curve.shares
        as_table(shown, f"popularity-{'ranks' if by_rank else 'shares'}")
        st.caption(
            f"The most popular tenth of items has {of.head:.0%} of training interactions; the Gini "
            f"coefficient is {of.gini:.2f}.",
            help=hint("concentration"),
        )


def _time_and_split(found: Figures) -> None:
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Over time", anchor=False)
        if found.timeline is None:
            empty(
                "No dates",
                "These data have no times: the order of the rows stands for them.",
                ":material/event_busy:",
            )
        else:
            step, counts = found.timeline
            draw_chart(
                charts.timeline_bars(counts, step),
                height=CHART_HEIGHT,
                key="timeline",
                alt=f"Interactions {with_a(step)}, by part of the split",
            )
            as_table(counts, "timeline", "table-timeline")
    with right:
        _split(found)


def _split(found: Figures) -> None:
    st.subheader("Split", help=hint("leave-one-out"), anchor=False)
    parts = charts.split_parts(found.statistics.parts)
    draw_chart(
        charts.split_bar(found.statistics.parts),
        height=BAR_HEIGHT,
        key="split",
        alt=f"Interactions by part: {_counts_in_words(parts)}",
    )
    as_table(_rows_of(parts, "part", "interactions"), "split", "table-split")
    cold, seen = found.cold, charts.cold_parts(found.cold)
    st.subheader("How often training saw the test items", help=hint("cold"), anchor=False)
    draw_chart(
        charts.cold_bar(cold),
        height=BAR_HEIGHT,
        key="cold",
        alt=f"Test items by how often they occur in training: {_counts_in_words(seen)}",
    )
    as_table(_rows_of(seen, "in training", "test items"), "cold", "table-cold")
    st.caption(
        f"{found.statistics.cold_items:,} of {found.statistics.items:,} items never occur in "
        "training: no recommender can learn them from interactions alone."
    )


def _counts_in_words(parts: Mapping[str, int]) -> str:
    """Parts with their numbers, in words.

    >>> _counts_in_words({"Never": 1200, "5 or more": 3})
    'Never 1,200, 5 or more 3'
    """
    return ", ".join(f"{name} {n:,}" for name, n in parts.items())


def _rows_of(parts: Mapping[str, int], name: str, unit: str) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame({name: list(parts), unit: list(parts.values())})


def _left_out(record: Record) -> None:
    """How the source was read, and what of it was not kept."""
    for sentence in record.summary("dataset").get("understood", ()):
        st.caption(plain(sentence))
    counts = record.left_out or {}
    said = [f"{n:,} {plain(what)}" for what, n in counts.items() if n]
    if said:
        st.caption(f"Left out of the source: {'; '.join(said)}.")


def _repeats(of: Statistics) -> None:
    """How often somebody has an item twice, which decides what recommenders are judged on."""
    st.caption(f"Interactions with an item that the user had before: {of.repeats_in_words}.")


def _bad_rows(record: Record) -> None:
    """Rows that could not be read, by file and line."""
    from data import atomic

    folder = record.folder("dataset")
    read = partial(atomic.read_parquet, folder / "bad_rows.parquet")
    rows: pl.DataFrame = keep(f"bad rows {stamp(folder)}", read)
    if rows.is_empty():
        return
    st.subheader("Rows that could not be used", anchor=False)
    st.caption(f"{rows.height:,} rows were left out. Mend them in the source, and run it again.")
    table(rows.head(SHOWN), "bad-rows", height=240, whole=lambda: rows, raw=True)


def _rows(record: Record) -> None:
    """The data themselves."""
    dataset = results_of(record).dataset
    name, choice = st.columns([3, 2], vertical_alignment="bottom")
    name.subheader("Rows", anchor=False)
    with choice:
        kind = choose("Table", ROWS, "rows", hidden=True)
    shown, whole, n = _table_of(record, dataset, kind)
    named = f"{record.experiment.name}-{kind.lower()}"
    table(shown, named, height=360, whole=whole, raw=True)
    if n > shown.height:
        st.caption(f"The first {shown.height:,} of {n:,} rows. The downloads hold all of them.")


def _table_of(
    record: Record, dataset: Dataset, kind: str
) -> tuple[pl.DataFrame, partial[pl.DataFrame], int]:
    """The first rows of a table, what gives all of them, and how many there are."""
    from data.distributions import has_clock, interaction_rows

    if kind != ROWS[0]:
        whole = dataset.users if kind == ROWS[1] else dataset.items
        return whole.head(SHOWN), partial(whole.clone), whole.height
    every = partial(
        interaction_rows,
        dataset,
        results_of(record).split,
        clock=has_clock(record.experiment.data, dataset),
    )
    first = keep(f"rows {_stamp(record)}", lambda: every().head(SHOWN))
    return first, every, dataset.interactions.height
