"""How well codes do, on the screen of factors: use, training, collisions, other methods."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from app.pipeline.records import Record
from app.results.alternatives import alternative_table, alternatives
from app.ui.factors.charts import curves_chart, kept_chart, usage_chart
from app.ui.shared.charts import draw_chart
from app.ui.shared.frame import as_table, command, empty, hint, table
from app.ui.shared.jobs import job_button
from data import atomic
from prompts.template import Side

if TYPE_CHECKING:
    from quantize.lexicon import Lexicon


def codes_in_use(record: Record, lexicon: Lexicon, side: Side) -> None:
    """How codes are used level by level, and how they were learnt."""
    from quantize.diagnostics import collision_table, level_table

    percent = partial(st.column_config.NumberColumn, format="percent")
    table(
        level_table(lexicon.codes.statistics),
        f"codes-{side}",
        columns={
            "level": st.column_config.NumberColumn(help=hint("level")),
            "active_ratio": percent("active", help=hint("active ratio")),
            "perplexity": st.column_config.NumberColumn(format="%.1f", help=hint("perplexity")),
            "distinct": st.column_config.NumberColumn(help=hint("distinct")),
            "kept": percent(help=hint("reconstruction")),
            "gained": percent(help=hint("gained")),
        },
    )
    folder = record.folder(f"codes-{side}")
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Members of each code", anchor=False)
        usage = atomic.read_parquet(folder / "usage.parquet")
        draw_chart(
            usage_chart(usage, side),
            height=320,
            key=f"usage-{side}",
            alt="Members of each code, the largest first",
        )
        as_table(usage, f"usage-{side}", f"table-usage-{side}")
    with right:
        st.subheader("Training", anchor=False)
        curves = atomic.read_parquet(folder / "curves.parquet")
        if curves.height:
            draw_chart(
                curves_chart(curves),
                height=320,
                key=f"curves-{side}",
                alt="Losses by epoch",
            )
            as_table(curves, f"losses-{side}", f"table-losses-{side}")
        else:
            empty("No curves", "This method places its codes without epochs of training.")
    st.subheader("Collisions", anchor=False, help=hint("collision"))
    shared = collision_table(lexicon.codes.ids, lexicon.codes.codes)
    if shared.height:
        table(shared, f"collisions-{side}", height=240)
    else:
        st.caption(f"No two {side}s have the same codes on every level.")
    command("factors", "show", record.experiment.name, side)


def other_methods(record: Record, side: Side) -> None:
    """Other ways to quantise the same vectors, side by side."""
    st.caption(
        "The same vectors, as many levels and as many codes, by every method there is. "
        "What is trained here changes nothing of the experiment."
    )
    found = alternatives(record, side)
    fitted = alternative_table(found)
    draw_chart(
        kept_chart(fitted),
        height=90 + 44 * fitted["method"].n_unique(),
        key=f"kept-{side}",
        alt="How much of the vectors each method keeps",
    )
    percent = partial(st.column_config.NumberColumn, format="percent")
    table(
        fitted.drop("codes", "gained", "used"),
        f"methods-{side}",
        columns={
            "own": st.column_config.CheckboxColumn("in use", help="What the experiment uses."),
            "active_ratio": percent("active", help=hint("active ratio")),
            "collisions": percent(help=hint("collision")),
            "perplexity": st.column_config.NumberColumn(format="%.1f", help=hint("perplexity")),
            "distinct": st.column_config.NumberColumn(help=hint("distinct")),
            "kept": percent(help=hint("reconstruction")),
        },
    )
    missing = [one.method for one in found if one.figures is None]
    name = record.experiment.name
    words = ("factors", "alternatives", name, side)
    if missing:
        label = f"Compare with {', '.join(missing)}"
        job_button(label, "alternatives", words, f"Other codes of {side}s, {name}")
    else:
        command(*words)
