"""What a query found: rows, a picture, and what it took."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import polars as pl
import streamlit as st

from app.results.results import Results
from app.ui.graph.explorer import VIEW
from app.ui.graph.picture import graph_view
from app.ui.query.seeds import SELECTED, Begin, day_of
from app.ui.shared.charts import draw_chart
from app.ui.shared.frame import choose, download, draw_tabs, empty, link, plain, show_error, table
from graph.database.ask import Answer, AskError, ask
from graph.database.plan import read_plan
from graph.database.statement import SHOWN_FIRST
from graph.database.write import tables_of
from graph.explore.atlas import Atlas, Picture, lay_out
from graph.explore.flat import Node
from graph.explore.sketch import CAP
from graph.explore.subgraph import Count, Subgraph, look
from graph.explore.view import View, view_text
from graph.explore.walked import Walked

ROWS = 1_000
"""Rows that a table shows; downloads hold all."""
HEIGHT = 520
"""Pixels of the picture."""


def draw_walk(walked: Walked, begin: Begin) -> None:
    """What a walk found."""
    draw_tabs(
        {
            "Table": lambda: _rows(walked, begin),
            "Picture": lambda: _picture(walked.atlas, walked.picture),
            "Explain": lambda: _steps(walked),
        },
        "answer",
    )


def _rows(walked: Walked, begin: Begin) -> None:
    branches = {str(leaf): plain(walked.branch(leaf)) for leaf in walked.leaves}
    chosen = choose("Branch", branches, "branch", hidden=True) if len(branches) > 1 else ""
    leaf = int(chosen or next(iter(branches)))
    total = walked.size(leaf)
    if not total:
        empty("Nothing found", _why_nothing(walked, begin))
        return
    shown = f"the first {ROWS:,} of {total:,}" if total > ROWS else f"{total:,}"
    ends = walked.steps[leaf - 1].distinct if leaf else walked.distinct
    st.caption(
        f"{shown[0].upper()}{shown[1:]} {'way' if total == 1 else 'ways'} from "
        f"{_many(walked.size(0), 'start', 'starts')} to {ends:,} different "
        f"{_named(walked, walked.query.types[leaf], ends)}, along {branches[str(leaf)]}."
    )
    rows = walked.table(leaf, ROWS)
    table(rows, "answer", raw=True, key=f"answer-{leaf}", whole=lambda: walked.table(leaf))
    _json(lambda: walked.table(leaf))


def _many(n: int, one: str, more: str) -> str:
    return f"{n:,} {one if n == 1 else more}"


def _named(walked: Walked, kind: str, n: int) -> str:
    """What some nodes of a type are called."""
    about = walked.atlas.schema.node(kind)
    return plain((about.title if n == 1 else about.plural).lower())


def _why_nothing(walked: Walked, begin: Begin) -> str:
    """Why no way was found, as far as it shows."""
    start = walked.query.start
    if not walked.size(0):
        what = "edge" if start.edge is not None else _named(walked, start.type, 1)
        if begin.way == SELECTED:
            return f"The selected {what} does not fit what the query says of where it begins."
        return f"No {what} fits what the query says of where it begins."
    starts = "the start" if walked.size(0) == 1 else f"any of the {walked.size(0):,} starts"
    before = "" if begin.at is None else f" by what was there before {day_of(begin.at)}"
    return f"No way leads to the end of the query from {starts}{before}."


def _json(whole: Callable[[], pl.DataFrame]) -> None:
    """The rows as JSON, as `table` gives them as CSV and Parquet."""
    with st.container(horizontal=True, horizontal_alignment="right", gap="small"):
        download(
            "JSON",
            lambda: whole().write_json(),
            "answer.json",
            "application/json",
            "json-answer",
            "tertiary",
        )


def _steps(walked: Walked) -> None:
    """What every hop did."""
    if not walked.steps:
        empty("No hop", "The query lists where it begins, and goes nowhere.")
        return
    start, begun = walked.query.start, walked.size(0)
    named = _named(walked, start.type, begun)
    what = _many(begun, "edge", "edges") if start.edge is not None else f"{begun:,} {named}"
    st.caption(f"Starts from {what}.")
    st.markdown("\n".join(f"{n}. {plain(step.says)}" for n, step in enumerate(walked.steps, 1)))
    rows = pl.DataFrame(
        {
            "hop": range(1, len(walked.steps) + 1),
            "from": [step.origins for step in walked.steps],
            "edges": [step.seen for step in walked.steps],
            "drawn": [step.drawn for step in walked.steps],
            "different": [step.distinct for step in walked.steps],
            "ms": [step.seconds * 1000 for step in walked.steps],
        },
        schema_overrides={"edges": pl.Int64},
    )
    number = st.column_config.NumberColumn
    table(
        rows,
        "explain",
        columns={
            "hop": number("Hop"),
            "from": number("From", format="localized", help="Nodes from which it starts."),
            "edges": number(
                "Edges in sight",
                format="localized",
                help="Edges that lead on from there and that the start may see: those before its "
                "moment. A hop draws from them without looking at each.",
            ),
            "drawn": number("Drawn", format="localized", help="Nodes that it leads to."),
            "different": number("Different", format="localized", help="Different ones among them."),
            "ms": number("Milliseconds", format="%.2f"),
        },
    )
    st.caption("As it was understood:")
    st.code(str(walked.query), language=None, wrap_lines=True)


def draw_answer(results: Results, text: str, answer: Answer) -> None:
    """What the database answered."""
    atlas = results.atlas
    tables = tables_of(atlas.schema)
    nodes = [(tables[kind], number) for kind, number in answer.nodes if kind in tables]
    draw_tabs(
        {
            "Table": lambda: _answer_rows(answer),
            "Picture": lambda: _nodes(atlas, nodes),
            "Explain": lambda: _plan(results, text, answer),
        },
        "answer",
    )


def _answer_rows(answer: Answer) -> None:
    if not answer.rows:
        empty("Nothing found", "The query is in order, and no row fits it.")
        return
    many = "1 row" if answer.total == 1 else f"{answer.total:,} rows"
    shown = f"The first {len(answer.rows):,} of {many}" if answer.cut else many
    st.caption(f"{shown}, in {answer.seconds * 1000:,.0f} ms.")
    table(answer.table, "answer", raw=True, key="answer-cypher")
    _json(lambda: answer.table)
    if answer.cut:
        st.caption(
            f"The files hold these {len(answer.rows):,} rows, too; for others, say ORDER BY, SKIP "
            "and LIMIT."
        )


def _nodes(atlas: Atlas, nodes: Sequence[Node]) -> None:
    if not nodes:
        empty(
            "No nodes in this answer",
            "A picture shows the nodes that a query returns, as in RETURN u, i.",
        )
        return
    _picture(atlas, lay_out(_look(atlas, nodes)))


def _look(atlas: Atlas, nodes: Sequence[Node]) -> Subgraph:
    """Nodes of an answer, the first `CAP`, and the edges between them; no others count."""
    seen = look(atlas.flat, _view(nodes))
    every, shown = (Counter(kind for kind, _ in some) for some in (nodes, seen.nodes))
    return replace(
        seen,
        counts={
            kind: Count(shown[kind], every[kind] - shown[kind], 0, 0) for kind in atlas.schema.types
        },
    )


def _picture(atlas: Atlas, seen: Picture) -> None:
    """Nodes of an answer and the edges between them, and the way to the Graph screen."""
    shown = seen.subgraph.nodes
    if not shown:
        empty("Nothing found", "There is nothing to draw.")
        return
    with st.container(border=True):
        draw_chart(
            graph_view(
                seen.subgraph,
                seen.places,
                list(map(atlas.names.title, shown)),
                domains=atlas.domains,
            ),
            height=HEIGHT,
            key="answer-picture",
            alt=f"{len(shown)} nodes of the answer; the table holds their names.",
        )
    if left := _left_out(seen.subgraph):
        st.caption(left)
    link("graph", "Open in Graph", icon=":material/hub:", **{VIEW: graph_address(atlas, shown)})


def _left_out(seen: Subgraph) -> str:
    """What of an answer has no room in its picture, in a sentence; empty if all has."""
    counts = seen.counts.items()
    total = sum(count.total for _, count in counts)
    if total == len(seen.nodes):
        return ""
    hidden = [
        f"{count.cap:,} of {count.total:,} {plain(seen.schema.node(kind).plural.lower())}"
        for kind, count in counts
        if count.cap
    ]
    return (
        f"{len(seen.nodes):,} of {total:,} nodes are drawn, here and in Graph: the first rows of "
        f"the answer. Left out: {', '.join(hidden)}."
    )


def _view(nodes: Sequence[Node]) -> View:
    shown = tuple(nodes[:CAP])
    return View(starts=shown, cap=max(1, len(shown)))


def graph_address(atlas: Atlas, nodes: Sequence[Node]) -> str:
    """The view of the Graph screen that shows these nodes, the first `CAP`, and no others."""
    return view_text(_view(nodes), atlas.schema)


def _plan(results: Results, text: str, answer: Answer) -> None:
    """What the engine does, step by step, and how long each takes."""
    if text.split(None, 1)[0].upper() in SHOWN_FIRST:
        st.caption("The table holds the plan.")
        return
    try:
        plan = _profile(results, text)
    except AskError as error:
        show_error(error)
        return
    st.caption(
        f"The query took {answer.seconds * 1000:,.0f} ms. This is what the database did, asked "
        "once more: the steps in their order, what each looked at, and the rows that left it."
    )
    number = st.column_config.NumberColumn
    table(
        plan,
        "explain",
        key="explain-cypher",
        columns={
            "step": st.column_config.TextColumn("Step", width="medium"),
            "about": st.column_config.TextColumn("Looked at"),
            "rows": number("Rows", format="localized"),
            "ms": number("Milliseconds", format="%.3f"),
        },
    )


def _profile(results: Results, text: str) -> pl.DataFrame:
    """The plan of a query; the last one is kept for this visitor."""
    key = results.stamp, text
    known: tuple[tuple[str, str], pl.DataFrame] | None = st.session_state.get("query-plan")
    if known is None or known[0] != key:
        drawn = ask(results.database, f"PROFILE {text}").rows[0][0]
        known = st.session_state["query-plan"] = key, read_plan(drawn)
    return known[1]
