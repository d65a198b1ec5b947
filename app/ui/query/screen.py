"""The Query screen: ask the graph, see the answer as a table and as a picture, and what it took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from app.results.results import Results
from app.ui.graph.of_log import tell_log
from app.ui.query.answers import draw_answer, draw_walk
from app.ui.query.same import offer_cypher, offer_walk
from app.ui.query.seeds import Begin, choose_begin
from app.ui.query.state import LANGUAGE, LANGUAGES, Console, ask_again, history
from app.ui.query.waiting import wait_for
from app.ui.shared.experiment import header, require
from app.ui.shared.frame import choose, empty, plain, show_error
from app.ui.shared.results import results_of
from app.ui.shared.telling import callback
from data.errors import AutoGraphError
from graph.explore.examples import ARROWS, CHAINS, CYPHER, Example, examples
from graph.explore.walked import Walked, walk
from graph.query.console import read_chain, read_query
from graph.query.query import Query
from graph.query.suggest import suggest, suggest_calls
from graph.schema import Schema

HEIGHT = 112
"""Pixels of the box."""
STYLE = "<style>[class*='st-key-query-text'] textarea { font-family: monospace; }</style>"
"""As code stands below: a caret points at the same letter there."""
SUGGESTED = 14
"""Words that can be put behind what stands in the box."""
SAYS = {
    ARROWS: "Types with > between them: `user:5 > item:8 latest` draws the eight latest items of "
    "five users. A number draws so many, at random or by a word behind it; without one, all "
    "edges are walked.",
    CHAINS: "Chains of calls as in GLE (graph-learn): `g.V('user').batch(5).outV('…').sample(8)`. "
    "They are read, and never run as Python.",
    CYPHER: "openCypher, on a database of the same graph. It only reads, for ten seconds at most; "
    "every node has `number`, `id` and `name`, edges have `time`, and `moment` where it is a date.",
}
"""What each language is, for whoever meets it for the first time."""
READS: Mapping[str, Callable[[str, Schema], Query]] = {ARROWS: read_query, CHAINS: read_chain}
"""What reads a query, by language."""


def show() -> None:
    """Draws the screen."""
    st.html(STYLE)
    header("Query", "Ask the graph: where to begin, which way to go, how much to take.")
    tell_log()
    record = require("dataset", "factors-item", "factors-user", "graph")
    results = results_of(record)
    language = choose("Language", LANGUAGES, LANGUAGE, hidden=True)
    st.caption(SAYS[language])
    offered = _examples(results, language)
    console = Console(language)
    console.open(offered[0].text if offered else "")
    begin = _write(console, results)
    _offer(console, offered)
    if console.refused:
        show_error(console.refused)
    _say_which(console)
    name = record.experiment.name
    if console.asked is None:
        _invite()
    elif begin is None:
        _ask_database(results, console.asked)
        offer_cypher(name, console.asked)
    else:
        walked = _ask_graph(results, console, begin)
        if walked is not None:
            offer_walk(name, console.asked, begin, walked)
    _history(console)


def _say_which(console: Console) -> None:
    """Which query the answer below belongs to, where the box holds another one."""
    if console.asked is not None and console.asked != console.draft.strip():
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption("The box holds another query, which is not asked yet. This answers:")
            st.code(console.asked, language=None, wrap_lines=True)


def _examples(results: Results, language: str) -> list[Example]:
    return results.derive(f"examples {language}", lambda: examples(results.atlas, language))


def _write(console: Console, results: Results) -> Begin | None:
    """The box, what can follow, and the button; gives where the query is to begin."""
    st.text_area(
        "Query",
        key=console.key,
        height=HEIGHT,
        max_chars=console.longest,
        label_visibility="collapsed",
        placeholder="Write a query, or take an example below.",
        on_change=console.hold,
    )
    _suggest(console, results)
    begin = None
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Ask",
            type="primary",
            icon=":material/play_arrow:",
            on_click=callback(console.ask),
            disabled=not console.draft.strip() or bool(console.refused),
        )
        if console.language != CYPHER:
            begin = choose_begin(results.atlas, _read_draft(console, results.atlas.schema))
    return begin


def _read_draft(console: Console, schema: Schema) -> Query | None:
    """The query in the box, if it is one."""
    try:
        return READS[console.language](console.draft, schema)
    except AutoGraphError:
        return None


def _suggest(console: Console, results: Results) -> None:
    """Words that make a query of what stands in the box, or lead on from it."""
    reads: dict[str, Callable[..., list[str]]] = {ARROWS: suggest, CHAINS: suggest_calls}
    if console.language not in reads:
        return
    graph = results.atlas.graph
    words = reads[console.language](console.draft, graph.schema, graph)[:SUGGESTED]
    _choose_one(
        console,
        "Go on with",
        {word: plain(word.strip()) for word in words},
        console.add,
        "What can stand behind the text in the box; a click puts it there.",
    )


def _offer(console: Console, offered: Sequence[Example]) -> None:
    _choose_one(
        console,
        "Examples from this experiment",
        {example.text: plain(example.title) for example in offered},
        console.ask,
        "A click puts it into the box and asks it.",
    )


def _choose_one(
    console: Console,
    label: str,
    titles: Mapping[str, str],
    act: Callable[[str], None],
    what: str,
) -> None:
    """Titles beside each other; a click on one acts, and leaves none chosen."""
    turn = console.turn
    key = f"{label} {console.language} {turn}"

    def take() -> None:
        chosen = st.session_state.get(key)
        if chosen is not None and console.turn == turn:  # a quick click elsewhere sends it again
            console.go_on()
            act(chosen)

    if titles:
        st.pills(
            label,
            list(titles),
            key=key,
            format_func=titles.__getitem__,
            on_change=callback(take),
            help=what,
        )


def _invite() -> None:
    empty(
        "Nothing asked yet",
        "The box holds a first query: ask it, take an example, or write your own.",
        ":material/manage_search:",
    )


def _ask_graph(results: Results, console: Console, begin: Begin) -> Walked | None:
    try:
        query = READS[console.language](console.asked or "", results.atlas.schema)
        walked = _walk(results, query, begin)
    except AutoGraphError as error:
        _tell(error)
        return None
    draw_walk(walked, begin)
    return walked


def _walk(results: Results, query: Query, begin: Begin) -> Walked:
    """What a query finds; the last one is kept, so that looking at it asks nothing again."""
    key = f"{results.stamp} {query} {begin}"
    known: tuple[str, Walked] | None = st.session_state.get("query-walked")
    if known is None or known[0] != key:
        atlas = results.described
        seeds = begin.seeds(atlas, query)
        known = key, walk(atlas, query, seeds, begin.at, begin.seed)
        st.session_state["query-walked"] = known
    return known[1]


def _ask_database(results: Results, text: str) -> None:
    try:
        answer = wait_for(results, text)
    except AutoGraphError as error:
        _tell(error)
        return
    if answer is not None:
        draw_answer(results, text, answer)


def _tell(error: AutoGraphError) -> None:
    """A mistake in a sentence, and below it where it is."""
    said, _, where = str(error).partition("\n")
    show_error(said)
    where = getattr(error, "pointer", "") or where
    if where:
        st.code(where, language=None)


def _history(console: Console) -> None:
    asked = history()
    if not asked:
        return
    with st.expander("Asked before", icon=":material/history:"):
        for number, question in enumerate(asked):
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.button(
                    LANGUAGES[question.language],
                    key=f"query-again-{number}",
                    icon=":material/replay:",
                    help=f"Asks it again, from where it is to begin now: {plain(question.text)}",
                    type="tertiary",
                    on_click=callback(ask_again),
                    args=(question,),
                )
                st.code(question.text, language=None, wrap_lines=True)
    console.hold()
