"""Who asks for what, as the address holds it, and the boxes in which a visitor says so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import streamlit as st

from app.results.asking import Asking, nothing_near
from app.results.queries import Taken
from app.ui.shared import address
from app.ui.shared.frame import hint, plain
from app.ui.shared.people import search_people
from app.ui.shared.remembered import find_named
from app.ui.shared.telling import callback
from data.names import with_a

USER, ASK, WORDS, TAKEN, BESIDE = "user", "ask", "words", "taken", "beside"
"""In the address: who asks, for what by its id or in words, what these were taken for among the
nearest, and what is asked for beside it."""
LISTED, LETTERS = 500, 500
"""Queries of a list, and letters of words."""
_SEARCH, _WORDS, _LIST, _TAKEN, _BESIDE = (
    f"ask-{what}" for what in ("search", "words", "list", "taken", "beside")
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        user: Who asks.
        query: For what; None where words came near nothing.
        words: That were typed and come nearest to the query, if any.
        said: Whether anything was asked for; otherwise the recommender's guess stands in.
    """

    user: int
    query: int | None
    words: str = ""
    said: bool = True


def choose_user(asking: Asking) -> int:
    """The person whom the address names, or who is selected, or a usual one; and boxes to search.

    Args:
        asking: Whose people these are.
    """
    case = asking.case
    ids = case.dataset.user_ids
    find_named(USER, ids, "user", "this data set")
    search, dice = st.columns([6, 2], vertical_alignment="bottom")
    turn = partial(_turn_to, asking)
    search_people(case, turn, (search, dice), _SEARCH, label="Who asks")
    node = address.selected_node()
    wanted = (st.query_params.get(USER), node.id if node and node.type == "user" else None)
    return next((ids.number(one) for one in wanted if one and one in ids), case.typical())


def _turn_to(asking: Asking, user: int) -> None:
    external = asking.case.dataset.user_ids.external[user]
    address.select(address.Node("user", external), {USER: external})


def choose_question(asking: Asking, user: int) -> Question:
    """What is asked for: words, or a query of a list; where nothing is, the recommender's guess.

    Args:
        asking: What can be asked for.
        user: Who asks.
    """
    queries = asking.queries
    find_named(ASK, queries, queries.noun, "what can be asked for")
    typed, listed = st.columns(2, vertical_alignment="bottom")
    asked = st.query_params.get(ASK)
    chosen = queries.number(asked) if asked and asked in queries else None
    words = st.query_params.get(WORDS, "")[:LETTERS] if chosen is None else ""
    st.session_state[_WORDS] = words
    options = _listed(asking, chosen)
    st.session_state[_LIST] = chosen
    with typed:
        st.text_input(
            "What is asked for, in words",
            key=_WORDS,
            icon=":material/chat:",
            placeholder=_example(asking, user),
            help=hint("words"),
            on_change=callback(_keep_words),
        )
    with listed:
        st.selectbox(
            f"… or {with_a(queries.noun)} from the list",
            options,
            key=_LIST,
            index=None,
            format_func=partial(_called, asking),
            placeholder="Choose",
            help=hint(queries.noun),
            on_change=callback(partial(_keep_chosen, asking)),
        )
    if chosen is not None:
        return Question(user, chosen)
    if words.strip():
        return _take(asking, user, words)
    query = asking.usual(user)
    st.caption(
        f"Nothing is asked for, so **{plain(queries.names[query])}** is taken: "
        f"{asking.tell_usual()}."
    )
    return Question(user, query, said=False)


def _listed(asking: Asking, chosen: int | None) -> list[int]:
    """Queries of the list, those that most items have first; what is chosen is one of them."""
    sizes = asking.queries.sizes
    order = [one for one in (-sizes).argsort(kind="stable").tolist() if sizes[one]][:LISTED]
    return order if chosen is None or chosen in order else [chosen, *order]


def _called(asking: Asking, query: int) -> str:
    queries = asking.queries
    return f"{queries.names[query]} · {asking.count(query)}"


def _example(asking: Asking, user: int) -> str:
    """Words that somebody might type: the most telling one of something else."""
    query = asking.other(user, asking.usual(user))
    terms = asking.queries.terms[query]
    best = max(terms, key=lambda term: terms[term][1], default="")
    return f"Such as: {best}" if best else ""


def _keep_words() -> None:
    words = st.session_state[_WORDS].strip()[:LETTERS]
    address.change({WORDS: words, ASK: None, TAKEN: None})


def _keep_chosen(asking: Asking) -> None:
    chosen = st.session_state[_LIST]
    ask = None if chosen is None else asking.queries.ids[chosen]
    address.change({WORDS: None, ASK: ask, TAKEN: None})


def _take(asking: Asking, user: int, words: str) -> Question:
    """What words are taken for: the nearest, unless another one that is near was chosen."""
    if len(words) == LETTERS:
        st.caption(f"Of what was typed, the first {LETTERS} letters are read.")
    found = asking.queries.find(words)
    if not found:
        st.warning(plain(nothing_near(asking, words)), icon=":material/search_off:")
        return Question(user, None, words)
    ids = asking.queries.ids
    by_id = {ids[one.query]: one for one in found}
    first = ids[found[0].query]
    find_named(TAKEN, by_id, asking.queries.noun, "what comes nearest to these words")
    taken = by_id.get(st.query_params.get(TAKEN, first), found[0])
    st.session_state[_TAKEN] = ids[taken.query]
    st.segmented_control(
        "Taken for",
        list(by_id),
        key=_TAKEN,
        format_func=lambda id: plain(asking.queries.names[by_id[id].query]),
        required=True,
        on_change=callback(_keep_taken),
        help="What comes nearest to the words, nearest first. Choose another one if it was meant.",
    )
    _tell_taken(asking, words, taken)
    return Question(user, taken.query, words if taken is found[0] else "")


def _tell_taken(asking: Asking, words: str, taken: Taken) -> None:
    name = plain(asking.queries.names[taken.query])
    st.caption(
        f"‘{plain(words)}’ is taken for the {asking.queries.noun} **{name}**. {plain(taken.told)}"
    )


def _keep_taken() -> None:
    address.change({TAKEN: st.session_state[_TAKEN]})


def choose_beside(asking: Asking, question: Question, query: int) -> int:
    """What is asked for beside it; something else of the person's history unless chosen."""
    queries = asking.queries
    find_named(BESIDE, queries, queries.noun, "what can be asked for")
    asked = st.query_params.get(BESIDE)
    known = asked is not None and asked in queries
    chosen = queries.number(asked or "") if known else asking.other(question.user, query)
    st.session_state[_BESIDE] = chosen
    st.selectbox(
        f"The second {queries.noun}",
        _listed(asking, chosen),
        key=_BESIDE,
        format_func=partial(_called, asking),
        on_change=callback(partial(_keep_beside, asking)),
    )
    return chosen


def _keep_beside(asking: Asking) -> None:
    st.query_params[BESIDE] = asking.queries.ids[st.session_state[_BESIDE]]
