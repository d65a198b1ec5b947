"""How near the items are that people had next, and what those recommenders make of it that look."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import streamlit as st

from app.pipeline.records import Record
from app.results.comparison import Contender
from app.results.nearness import (
    SEEN,
    STEPS,
    closeness_table,
    gates_table,
    groups_table,
    looks_around,
    missing_nearness,
    nearness_in_words,
    nearness_steps,
    scores_table,
)
from app.results.results import stamp
from app.ui.compare.near_charts import gate_boxes, group_bars, sample_bars, score_lines
from app.ui.shared.charts import draw_chart
from app.ui.shared.frame import choose, command, empty, hint, plain, table
from app.ui.shared.jobs import job_button
from app.ui.shared.results import keep

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")
MEETINGS = {
    "gate": "share of a near item's score that paths have",
    "offset": "added to the scores of near items",
}


def near_and_far(records: Sequence[Record], found: Mapping[str, Contender]) -> None:
    """The locality score, and what recommenders make of it that look around."""
    names = [record.experiment.name for record in records]
    missing = missing_nearness(records)
    scores = _kept("scores", records, found, lambda: scores_table(records))
    if scores.height:
        for told in _kept("words", records, found, lambda: nearness_in_words(records, found)):
            st.markdown(plain(told))
        _draw_scores(records, found, scores)
    else:
        empty(
            "Not measured yet",
            "This will show how many of the items that people had next are a few steps from them "
            "in the graph (s_k), by groups of people, and how many of them are in the samples of "
            "recommenders that look around. Nothing is trained for it.",
            ":material/social_distance:",
        )
    if any(map(looks_around, found.values())):
        _draw_samples(records, found)
    else:
        empty(
            "None of these looks around",
            "Of recommenders that score near items by paths, such as ContextGNN, this would show "
            "what the sample around a user holds of the next items and of their lists, and what "
            "they make of near ones.",
            ":material/hub:",
        )
    if missing:
        words = ("locality", *names)
        job_button("Measure what is near", "locality", words, f"What is near: {', '.join(names)}")
    else:
        st.caption(SEEN)
        command("locality", *names)


def _draw_scores(
    records: Sequence[Record], found: Mapping[str, Contender], scores: pl.DataFrame
) -> None:
    measured = scores["experiment"].unique(maintain_order=True).to_list()
    name = measured[0]
    if len(measured) > 1:
        name = choose("Experiment", measured, "near-experiment")
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("By number of steps", anchor=False, help=hint("locality"))
        draw_chart(
            score_lines(scores.filter(experiment=name)),
            height=330,
            key="near-scores",
            alt="Share of next items that are at most so many steps away, by what is walked over",
        )
        st.caption(
            "Solid: of the items that people had next. Dashed: of all items, which is what a draw "
            "by chance would reach. Steps are edges; an item is an odd number of them away. "
            "Samples do not hold users' own factors: the texts about users were written with all "
            "of training in view."
        )
    groups = _kept("groups", records, found, lambda: groups_table(records))
    own = groups.filter(experiment=name).drop("experiment")
    with right:
        st.subheader(f"Within {STEPS} steps, by group", anchor=False, help=hint("locality"))
        draw_chart(group_bars(own), height=330, key="near-groups", alt="The same by group of users")
        st.caption("Groups of users by how many items they had had when the next one came.")
    with st.expander("Figures", icon=":material/table:"):
        wide = scores.filter(experiment=name).drop("experiment")
        share = st.column_config.NumberColumn("Next items", format="percent", help=hint("locality"))
        of_all = st.column_config.NumberColumn("All items", format="percent")
        formats = {"score": share, "near": of_all, "k": st.column_config.NumberColumn("Steps")}
        table(wide, "locality", columns=formats)
        table(own, "locality-by-group", columns=formats)


def _draw_samples(records: Sequence[Record], found: Mapping[str, Contender]) -> None:
    samples = _kept("samples", records, found, lambda: closeness_table(found))
    if not samples.height:
        return
    gates = _kept("gates", records, found, lambda: gates_table(found))
    st.subheader("Samples", anchor=False, help=hint("sample"))
    draw_chart(
        sample_bars(samples),
        height=60 + 84 * samples.height,
        key="near-samples",
        alt="What samples hold of the next items and of lists, for every recommender",
    )
    percent = {
        name: st.column_config.NumberColumn(format="percent", help=hint(name))
        for name in ("within", "covered", "bound", "of_list")
    }
    number_of = st.column_config.NumberColumn(format="%.1f", help=hint("near"))
    table(samples, "samples", columns={**percent, "near": number_of})
    for meeting in MEETINGS:
        own = gates.filter(meeting=meeting).drop("meeting")
        if own.height:
            st.subheader("What near items get", anchor=False, help=hint(meeting))
            draw_chart(
                gate_boxes(own, MEETINGS[meeting]),
                height=60 + 34 * own.height,
                key=f"near-{meeting}",
                alt="How users weigh what is near, by group",
            )
            st.caption(
                "Boxes hold the middle half of users, lines the middle 80 %; by how many items "
                "they had had."
            )


def _kept(
    what: str, records: Sequence[Record], found: Mapping[str, Contender], make: Callable[[], T]
) -> T:
    """What is made of measurements, once for all visitors."""
    places = (
        record.store.place(step.stage, step.key)
        for record in records
        for _, step in nearness_steps(record)
    )
    made: T = keep(" ".join(["near", what, *found, stamp(*places)]), make)
    return made
