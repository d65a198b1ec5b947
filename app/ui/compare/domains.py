"""What each setting of a recommender of several domains is worth, from rows that differ in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.pipeline.records import Record, read_record
from app.reproduce.variants import DOMAINS
from app.results.domains import (
    MAIN,
    MEASURES,
    OTHERS,
    STAGE,
    Choice,
    base_row,
    choices_of,
    count_tests,
    families,
    goals_in_words,
    group_in_words,
    reach_table,
    runs_of,
    seeds_in_words,
    title_of,
)
from app.results.results import stamp
from app.ui.compare.domain_charts import points, sweep
from app.ui.shared.charts import draw_chart
from app.ui.shared.frame import choose, command, command_line, empty, hint, plain, table, workspace
from app.ui.shared.results import keep
from data.errors import AutoGraphError

if TYPE_CHECKING:
    import polars as pl

    from app.experiment.settings import Experiment

MADE = f"{STAGE}/*"
"""Where measurements are."""
ABOUT = {
    "Loss": ("triplet", "InfoNCE", "λ"),
    "Negatives": ("negatives",),
    "Types": ("types",),
    "Layers": ("layers",),
    "Domains": ("domain",),
    "Edges between items": ("alike edges",),
    OTHERS: ("others",),
}
"""Terms that explain a group, by its title."""
WHO = {
    "all": "all",
    "0": "none before",
    "1–5": "1 to 5",
    "5 or fewer": "5 or fewer",
    "6+": "6 and more",
}
"""Buckets of users, in words."""


def domains_and_losses() -> None:
    """The ablations of a family of experiments, whichever are chosen above."""
    names = [name for kind in DOMAINS for name in families(workspace(), kind)]
    if not names:
        _nothing(DOMAINS[0])
        return
    name = choose("Ablations of", names, "ablations") if len(names) > 1 else names[0]
    try:
        record = read_record(name, workspace())
    except AutoGraphError as error:
        st.warning(plain(error), icon=":material/warning:")
        return
    found = keep(f"domains {_stamp(record)}", lambda: _table(record))
    if not found.height:
        _nothing(name)
        return
    _draw(record, found)


def _nothing(name: str) -> None:
    empty(
        "No ablations yet",
        "This will show what each loss, each kind of negatives, types, domains and edges between "
        "items are worth: whether the item that somebody had next is among the first 100 of its "
        "domain, for people with much and little in that domain. It is filled by "
        f"`{command_line('reproduce', name, '--from', 'FOLDER')}`, row by row; what is there shows "
        "at once.",
        ":material/science:",
    )


def _table(record: Record) -> pl.DataFrame:
    return reach_table(runs_of(record), base_row(record.experiment))


def _stamp(record: Record) -> str:
    """All that the table depends on: the family's records, and the measurements that are there."""
    own = record.experiment.name
    records = sorted((record.workspace / "runs").glob(f"{own}*.json"))
    times = [f"{one.stem} {one.stat().st_mtime_ns}" for one in records]
    return " ".join([str(record.workspace), *times, stamp(*sorted(record.store.root.glob(MADE)))])


def _draw(record: Record, found: pl.DataFrame) -> None:
    import polars as pl

    base, choices = base_row(record.experiment), choices_of(record.experiment)
    st.markdown(plain(_subject(record.experiment, title_of(base))))
    for told in goals_in_words(found, choices, base):
        st.markdown(plain(told))
    left, right = st.columns(2)
    with left:
        known = [name for name in WHO if (found["bucket"] == name).any()]
        bucket = choose("People, by what they had in the domain", {n: WHO[n] for n in known}, "had")
    with right:
        measure = choose("Measure", MEASURES, "reached", default=MAIN)
    part = found.filter(bucket=bucket, measure=measure)
    own = part.filter(row=base)
    who = f"{part['users'][0]:,} people"
    st.caption(
        f"{plain(who)}. {_meaning(measure)} Diamonds are means, bars their 95 % intervals over "
        f"people; the dashed line is {plain(title_of(base))} as set. Green is better, red worse, "
        "grey no difference beyond chance: paired tests over people, corrected for all "
        f"{count_tests(found)} tests of the family (Holm). {plain(seeds_in_words(found))}",
        help=f"{hint('Recall@100')} {hint('bucket')} {hint('Holm')}",
    )
    most = float(part["mean_high"].clip(0, 1).max() or 1)  # type: ignore[arg-type]
    level = float(own["mean"][0]) if own.height else 0.0
    columns = st.columns(2, gap="large")
    groups = list(dict.fromkeys(c.group for c in choices))
    drawn = 0
    for group in groups:
        there = [c for c in choices if c.group == group and (part["row"] == c.row).any()]
        if not [c for c in there if c.row != base]:
            continue
        rows = _named(part, there)
        with columns[drawn % 2]:
            st.subheader(group, anchor=False, help=" ".join(map(hint, ABOUT[group])))
            draw_chart(
                points(rows, MEASURES[measure], most, level),
                height=64 + 30 * rows.height,
                key=f"ablated-{group}",
                alt=f"{MEASURES[measure]} by {group.lower()}",
            )
            for told in group_in_words(rows, base):
                st.caption(plain(told))
        drawn += 1
    _draw_sweep(part, choices, measure)
    with st.expander("Figures", icon=":material/table:"):
        called = pl.Series("called", [_called(row, choices) for row in found["row"]])
        table(found.with_columns(called), "ablations-over-domains")
    command("reproduce", record.file or record.experiment.name)


def _subject(experiment: Experiment, title: str) -> str:
    """What is compared with what, in sentences."""
    names = [one.name for one in experiment.data.domains]
    of = f", whose items are of several domains ({', '.join(names)})" if names else ""
    return (
        f"{experiment.name}: {title} on {experiment.data.name}{of}. Each row below is {title} "
        "trained anew with one setting changed, or another recommender; all are compared with it "
        "as set."
    )


def _meaning(measure: str) -> str:
    if measure.startswith("recall"):
        return (
            f"{MEASURES[measure]}: the share whose next item is among the first "
            f"{measure.partition('@')[2]} of its own domain, what they have had left out."
        )
    return f"{MEASURES[measure]}: {hint('NDCG@10').rstrip('.')}, among all items."


def _named(part: pl.DataFrame, there: list[Choice]) -> pl.DataFrame:
    """Rows of a group in its order, with `name` and `value`."""
    import polars as pl

    order = pl.DataFrame(
        {
            "row": [c.row for c in there],
            "name": [c.words for c in there],
            "value": [float(c.value) if isinstance(c.value, float) else None for c in there],
        },
        schema_overrides={"value": pl.Float64},
    )
    return order.join(part, on="row", how="left", maintain_order="left")


def _called(row: str, choices: list[Choice]) -> str:
    return "; ".join(f"{c.group}: {c.words}" for c in choices if c.row == row)


def _draw_sweep(part: pl.DataFrame, choices: list[Choice], measure: str) -> None:
    there = [c for c in choices if c.setting == "balance" and (part["row"] == c.row).any()]
    if len(there) < 3:
        return
    rows = _named(part, there).sort("value")
    st.subheader("From InfoNCE to triplet", anchor=False, help=hint("λ"))
    draw_chart(
        sweep(rows, MEASURES[measure], "λ"),
        height=260,
        key="sweep",
        alt=f"{MEASURES[measure]} by λ, the share of the triplet loss",
    )
    one = rows["seed_low"].null_count() == rows.height
    st.caption(
        "Dotted: 95 % intervals of the mean over people; over seeds there is none, with one each."
        if one
        else "Dotted: 95 % intervals of the mean over seeds, where there are several."
    )
