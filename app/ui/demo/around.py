"""What was sampled around somebody, and what each way in it gave a recommendation."""

from __future__ import annotations

import polars as pl
import streamlit as st

from app.ui.demo.charts import WAYS, ways_chart, ways_height, ways_in_words
from app.ui.shared.charts import draw_chart
from app.ui.shared.frame import plain, table
from app.ui.shared.words import hint
from data.names import Nouns
from recommend.protocols import Around
from recommend.reasons.showcase import Showcase
from recommend.reasons.ways import NOT_A_SUM, name_ways, tell_around, tell_score


def draw_around(case: Showcase, name: str, of: Around, nouns: Nouns) -> None:
    """A sentence, the ways to an item as a picture and as a table, and what its score is made of.

    Args:
        case: For names.
        name: How the person is called.
        of: What is around the person.
        nouns: How items are called.
    """
    st.markdown("**What is around**", help=hint("sample"))
    st.markdown(plain(tell_around(case, of, nouns)), help=f"{hint('near')} All else is far.")
    if not of.rank:
        return
    ways, title = name_ways(case, of), case.title(of.item)
    if ways:
        draw_chart(
            ways_chart(ways, name, title),
            height=ways_height(ways),
            key=f"around-{of.item}",
            alt=ways_in_words(ways, name, title),
        )
        if len(ways) > WAYS:
            st.caption(f"Drawn are the {WAYS} that gave most; the table has all.")
        rows = pl.DataFrame(
            {
                "first": [one.first for one in ways],
                "given": [one.given for one in ways],
                "rank": [one.rank for one in ways],
                "over": [one.over for one in ways],
            }
        )
        without = f"Its rank without these ways; with all of them it is {of.rank:,}."
        looks = {
            "first": {"label": "From", "help": f"A {nouns.one} of the history."},
            "given": st.column_config.NumberColumn("Gave", format="%.2f", help=hint("gave")),
            "rank": {"label": "Rank without", "help": without},
            "over": {"label": "Over", "help": hint("over")},
        }
        table(rows, "ways", columns=looks, key=f"ways-{of.item}")
        st.caption(f"Of ways, {NOT_A_SUM}")
    if told := tell_score(of, nouns):
        st.caption(plain(told), help=hint("pair score"))
