"""All about one latent factor, on the screen of factors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.pipeline.records import Record
from app.ui.factors.charts import Factor, contrast_chart, flat, sunburst, terms_chart
from app.ui.shared import address
from app.ui.shared.charts import draw_chart
from app.ui.shared.frame import draw_tabs, empty, hint, link, plain, table
from app.ui.shared.results import results_of

if TYPE_CHECKING:
    import polars as pl

    from quantize.lexicon import Lexicon

LEVEL, ALL = "level", "All levels"
"""The key of the choice whose codes the map shows, and the choice of all."""
NEIGHBOURS = 8
CONTRASTED = 5
NUMBERS = ("code", "size", "level", "shared")
LONGEST = 60
"""Letters of a label in a list."""
NARROW = {name: st.column_config.NumberColumn(width=65) for name in NUMBERS}
LABEL = st.column_config.TextColumn(width=150)
DISTANCE = st.column_config.NumberColumn(format="%.2f", width=75, help=hint("distance"))
ROWS, TABLE_HEIGHT = 8, 330


def number_of(factor: Factor) -> str:
    """A factor as the address writes it."""
    return f"{factor[0]}-{factor[1]}"


def label_of(lexicon: Lexicon, factor: Factor) -> str:
    """What a factor is called where there are many: its number first, for labels may repeat."""
    number, name = number_of(factor), _bare_name(lexicon, factor)
    return f"{number} · {name[:LONGEST]}" if name else number


def short(lexicon: Lexicon, factor: Factor) -> str:
    """What a factor is called where there is little room."""
    return _bare_name(lexicon, factor)[:LONGEST] or number_of(factor)


def _bare_name(lexicon: Lexicon, factor: Factor) -> str:
    """A name without the number; "" where there is nothing else."""
    name, number = lexicon.name(*factor), number_of(factor)
    return "" if name == f"factor {number}" else name.removesuffix(f" ({number})")


def read_click(key: str) -> tuple[str, int] | None:
    """Series and row of the last click in a chart.

    A chart tells all that are selected, and a second click takes one back: what changed since the
    last time is what was clicked.
    """
    groups = st.session_state[key]["selection"]["selected"]
    found = {(str(g["series_id"]), int(row)) for g in groups for row in g["data_indices"]}
    known = st.session_state.get(f"{key}-known", set())
    st.session_state[f"{key}-known"] = found
    changed = found ^ known
    return min(changed) if changed else None


def forget_clicks(key: str) -> None:
    """Before a chart is drawn: one that did not stand there before has nothing selected."""
    if key not in st.session_state:
        st.session_state.pop(f"{key}-known", None)


def level_title(level: int) -> str:
    """What a level is called where the map's is chosen."""
    return f"Level {level}"


def go_to(side: str, factor: Factor) -> None:
    """Selects a factor for the whole page; a map of one level follows to that of the factor."""
    address.select(address.Node(f"{side}_factor", number_of(factor)))
    if st.session_state.get(LEVEL, ALL) != ALL:
        st.session_state[LEVEL] = level_title(factor[0])


def summary(record: Record, side: str, factor: Factor) -> None:
    """What a factor means, and the way to the graph."""
    lexicon = results_of(record).lexicon(side)
    rows = lexicon.rows(*factor)
    everybody = len(lexicon.codes)
    st.subheader(plain(lexicon.name(*factor)), anchor=False)
    st.caption(
        f"Factor {number_of(factor)} of {side}s: level {factor[0]}, code {factor[1]}. "
        f"{len(rows):,} of {everybody:,} {side}s have it.",
        help=hint("latent factor"),
    )
    if told := lexicon.told(*factor):
        st.caption(plain(f"{told}."))
    terms = lexicon.terms(*factor)
    if terms.height:
        height = 70 + 30 * terms.height
        draw_chart(
            terms_chart(terms, side),
            height=height,
            key=f"terms-{side}",
            alt=f"Terms that distinguish factor {number_of(factor)}",
        )
    else:
        empty(
            "No word tells it apart",
            "Its texts share no term more than by chance; the name is that of the nearest factor "
            "whose texts do.",
        )
    node = address.Node(f"{side}_factor", number_of(factor))
    link("graph", "Open it in the graph", ":material/hub:", node=str(node))


def details(record: Record, side: str, factor: Factor) -> None:
    """Members with their texts, near factors, terms beside theirs, and other levels."""
    lexicon = results_of(record).lexicon(side)
    tabs = {
        "Members": lambda: _members(record, lexicon, side, factor),
        "Nearest factors": lambda: _near(lexicon, side, factor),
        "Other levels": lambda: _other_levels(lexicon, side, factor),
    }
    draw_tabs(tabs, "detail")


def _members(record: Record, lexicon: Lexicon, side: str, factor: Factor) -> None:
    members = _with_titles(record, side, lexicon.members(*factor))
    if not members.height:
        empty("Nobody has it", "No description was given this code on this level.")
        return
    left, right = st.columns([3, 2])
    with left:
        rows = table(
            members.drop("row"),
            f"{side}-factor-{number_of(factor)}",
            columns={
                "distance": DISTANCE,
                "codes": st.column_config.TextColumn(help=hint("code")),
            },
            height=TABLE_HEIGHT if members.height > ROWS else None,
            key=f"members-{side}-{number_of(factor)}",
            select="single-row",
        )
    with right:
        _text(record, side, members.row(rows[0] if rows else 0, named=True), typical=not rows)


def _text(record: Record, side: str, member: dict[str, object], typical: bool) -> None:
    """What was said of a member; by default of the most typical one."""
    name = str(member.get("title") or member["id"])
    which = "The most typical: nearest to the code's centre." if typical else "As selected."
    st.markdown(f"**{plain(name)}**")
    st.caption(f"{which} Select a row to read another.")
    text = results_of(record).knowledge(side).texts[int(str(member["row"]))]
    with st.container(border=True, height=236):
        st.text(text or "There is no text.")
    node = address.Node(side, str(member["id"]))
    link("graph", f"Open this {side} in the graph", ":material/hub:", node=str(node))


def _with_titles(record: Record, side: str, members: pl.DataFrame) -> pl.DataFrame:
    from data.names import names_of

    names = names_of(results_of(record).dataset, side)
    titles = names[members["row"].to_list()].alias("title")
    return members.with_columns(titles).select("row", "title", "id", "codes", "distance")


def _near(lexicon: Lexicon, side: str, factor: Factor) -> None:
    """Selecting a row goes to that factor."""
    level = factor[0]
    near = lexicon.neighbours(*factor, limit=NEIGHBOURS)
    left, right = st.columns(2)
    with left:
        st.caption("Codes of the same level, nearest first. Select one to go there.")
        rows = table(
            near,
            f"near-{number_of(factor)}",
            columns={
                **NARROW,
                "label": st.column_config.TextColumn(width=150),
                "distance": DISTANCE,
            },
            key=f"near-{side}-{number_of(factor)}",
            select="single-row",
        )
    if rows:
        go_to(side, (level, int(near["code"][rows[0]])))
        st.rerun()
    codes = [factor[1], *near["code"].head(CONTRASTED - 1).to_list()]
    contrast = lexicon.contrast(level, codes)
    columns = {code: _two_lines(lexicon, (level, code)) for code in codes}
    with right:
        if not contrast.height:
            empty("No terms to compare", "No word tells this factor or its nearest ones apart.")
            return
        st.caption("How many of each factor's texts mention a term: the paper's figure 6.")
        draw_chart(
            contrast_chart(contrast, columns, side),
            height=80 + 22 * contrast["term"].n_unique(),
            key=f"contrast-{side}",
            alt="Terms of this factor and of the nearest ones",
        )


def _two_lines(lexicon: Lexicon, factor: Factor) -> str:
    """Number over label, for narrow columns; numbers make all of them differ."""
    number, name = number_of(factor), short(lexicon, factor)
    return number if name == number else f"{number}\n{name}"


def _other_levels(lexicon: Lexicon, side: str, factor: Factor) -> None:
    """Selecting a row goes to that factor."""
    from quantize.codes import hierarchy

    levels = [level for level in range(lexicon.codes.levels) if level != factor[0]]
    beside = lexicon.beside(*factor)
    if not beside.height:
        empty("Nothing on other levels", "There is one level only, or nobody has this factor.")
        return
    left, right = st.columns([3, 2])
    with right:
        st.caption("Factors that its members have on other levels. Select one to go there.")
        rows = table(
            beside,
            f"beside-{number_of(factor)}",
            columns=NARROW,
            height=TABLE_HEIGHT if beside.height > ROWS else None,
            key=f"beside-{side}-{number_of(factor)}",
            select="single-row",
        )
    if rows:
        go_to(side, (int(beside["level"][rows[0]]), int(beside["code"][rows[0]])))
        st.rerun()
    tree = hierarchy(lexicon.codes.codes[lexicon.rows(*factor)][:, levels])
    with left:
        named = " then ".join(f"level {level}" for level in levels)
        st.caption(f"How its members divide: {named}, from the inside out.")
        key, nodes = f"inside-{side}-{number_of(factor)}", flat(tree)
        forget_clicks(key)
        draw_chart(
            sunburst(tree, lambda *of: short(lexicon, of), levels, side),
            height=400,
            key=key,
            on_select=lambda: _clicked_ring(key, side, levels, nodes),
            alt=f"Members of factor {number_of(factor)} by their codes on other levels",
        )


def _clicked_ring(key: str, side: str, levels: list[int], nodes: list[tuple[int, ...]]) -> None:
    found = read_click(key)
    if found is not None and nodes[found[1]]:
        codes = nodes[found[1]]
        go_to(side, (levels[len(codes) - 1], codes[-1]))
