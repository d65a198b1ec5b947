"""The Ask screen: somebody asks for something, what comes of it, and what was listened to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal, cast

import streamlit as st

from app.experiment.settings import Cell
from app.pipeline.records import Record, settings_file
from app.results.asking import (
    ASKER,
    WHAT_WEIGHTS_ARE,
    Answer,
    Asking,
    Offer,
    asking_cells,
    compare_answers,
    no_asker,
    open_asking,
)
from app.ui.ask.charts import (
    MOVED,
    drawn_places,
    height_of,
    moved_nodes,
    moves_chart,
    region_chart,
    region_in_words,
    weights_chart,
)
from app.ui.ask.state import Question, choose_beside, choose_question, choose_user
from app.ui.demo.person import labels
from app.ui.shared.charts import draw_chart
from app.ui.shared.experiment import header, require
from app.ui.shared.frame import (
    as_table,
    choose,
    command,
    draw_tabs,
    empty,
    go,
    hint,
    link,
    plain,
)
from app.ui.shared.jobs import at_work_on, run_once, start_button
from app.ui.shared.remembered import keep, remember
from app.ui.shared.results import results_of

LIST = 8
"""Items of an answer."""


def show() -> None:
    """Draws the screen."""
    header("Ask", "Somebody asks for something: what comes of it, and what was listened to.")
    record = require("dataset", "split", "train", "evaluate")
    cells = asking_cells(record)
    if not cells:
        _offer_asker(record)
        return
    cell = _choose_recommender(record, cells)
    needed = record.experiment.model_of(cell).needs
    require(*(("codes-item", "factors-item", "vectors-item") if "graph" in needed else ()))
    asking = open_asking(results_of(record), cell)
    user = choose_user(asking)
    question = choose_question(asking, user)
    if question.query is None:
        return
    _introduce(asking, question, question.query)
    answer = asking.answer(user, question.query, LIST)
    tabs = {
        "Answer": lambda: _answer(asking, answer),
        "Another question": lambda: _beside(asking, question, answer),
        "Weights": lambda: _weights(asking, answer),
    }
    draw_tabs(tabs, "view")
    _command(record, asking, question, question.query)


def _offer_asker(record: Record) -> None:
    """What stands here where nothing can be asked: why, and the command that adds it."""
    name, grid = record.experiment.name, record.experiment.grid
    empty("Nobody to ask", plain(no_asker(record)), ":material/contact_support:")
    known = dict.fromkeys((*(cell.backbone for cell in grid), ASKER))
    sets = (f"grid.backbones={json.dumps(list(known))}",)
    if start_button(f"Add {ASKER} and train it", at_work_on(name), key="add-asker"):
        run_once(settings_file(record), sets)
        go("jobs")
    command("run", name, "--set", sets[0])


def _choose_recommender(record: Record, cells: list[Cell]) -> Cell:
    """The recommender that is asked; chosen where there are several."""
    named = labels(cells, record.experiment)
    best = max(cells, key=record.validated().__getitem__)
    usual = next(name for name, cell in named.items() if cell == best)
    if len(named) == 1:
        return best
    chosen = st.selectbox(
        "Recommender", list(named), key=remember("asked", list(named), usual, "recommender")
    )
    keep("asked", chosen)
    return named[chosen]


def _introduce(asking: Asking, question: Question, query: int) -> None:
    case = asking.case
    name, about = plain(case.people[question.user]), plain(case.about[question.user])
    asked = "asks for" if question.said else "as if asking for"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"{name} {asked} {plain(asking.queries.names[query])}", anchor=False)
        link(
            "demo", "See this person in the Demo", ":material/live_tv:", user=_id(asking, question)
        )
    had = len(case.histories.of(question.user))
    many = asking.kind("item", had)
    told = f"{asking.nouns.did} {had:,} {many} that the recommender knows."
    st.caption(f"{about} · {told}" if about else told.capitalize())


def _id(asking: Asking, question: Question) -> str:
    return asking.case.dataset.user_ids.external[question.user]


def _answer(asking: Asking, answer: Answer) -> None:
    listed, read = st.columns([5, 7], gap="large")
    with listed:
        st.markdown(f"**{asking.nouns.many.capitalize()}**", help=hint("answer"))
        st.caption(asking.tell_answer(answer))
        if told := asking.tell_training():
            st.caption(plain(told), help=hint("asked"))
        for offer in answer.offers:
            _row(asking, offer)
    with read:
        _region(asking, answer)


def _row(asking: Asking, offer: Offer, badge: str = "") -> None:
    with st.container(horizontal=True, vertical_alignment="top", gap="small"):
        st.markdown(f"**{offer.rank}**", width=18)
        with st.container(gap=None, width="stretch"):
            later = f" :primary-badge[:material/check: {asking.nouns.did} later]"
            own = f":{'green' if offer.has else 'gray'}-badge[{asking.has(offer)}]"
            badges = f"{own}{badge}{later if offer.later else ''}"
            st.markdown(f"**{plain(asking.case.title(offer.item))}** {badges}")
            said = asking.tell_found(offer)
            gist = asking.case.gists[offer.item]
            st.caption(plain(" · ".join(filter(None, (gist, said)))))


def _region(asking: Asking, answer: Answer) -> None:
    """What was read of the graph, as a picture and as a table."""
    region = answer.region
    st.markdown("**Region of interest**", help=hint("region"))
    st.caption(plain(asking.tell_region(region)))
    if not len(region.sources):
        return
    spec = region_chart(region, asking.name, asking.kind)
    draw_chart(
        spec,
        height=height_of(spec),
        key="region",
        alt=region_in_words(region, asking.name),
    )
    every, drawn = len(region.kinds), len(drawn_places(region))
    some = f"Drawn are {drawn:,} of {every:,} nodes, the heaviest; the table has all. "
    dashed = (
        " Dashed edges count against: their type has a negative share."
        if (region.shares < 0).any()
        else ""
    )
    st.caption(
        f"{some if drawn < every else ''}The thicker an edge, the larger its weight among those "
        f"that are heard with it.{dashed} {WHAT_WEIGHTS_ARE}",
        help=f"{hint('focal points')} {hint('attention')}",
    )
    as_table(asking.edges(region), "region", columns=_columns())


def _columns() -> Mapping[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "hop": number("Step", help="1 is next to the person or what is asked for; 2 is beyond."),
        "by": {"label": "Who listens"},
        "node": {"label": "To whom or what"},
        "type": {"label": "Type"},
        "relevance": number("Relevance", format="%.3f", help=hint("relevance")),
        "weight": number("Weight", format="%.3f", help=hint("attention")),
        "share": number("Type counts", format="%.3f", help=hint("type share")),
    }


def _beside(asking: Asking, question: Question, answer: Answer) -> None:
    """Two asks of one person: what stays of what is read and shown, and what leaves."""
    second = asking.answer(
        question.user, choose_beside(asking, question, answer.query), len(answer.offers) or LIST
    )
    if second.query == answer.query:
        empty("The same question", f"Choose another {asking.queries.noun} above.")
        return
    move = compare_answers(answer, second)
    st.markdown(plain(asking.tell_move(move)))
    moved = moved_nodes(answer, second, move)
    names = [asking.queries.names[one.query] for one in (answer, second)]
    spec = moves_chart(
        moved, (("query", answer.query), ("query", second.query)), asking.name, asking.kind
    )
    alt = f"Neighbours read for {names[0]}, for {names[1]}, and for both"
    draw_chart(spec, height=height_of(spec) + 60, key="moves", alt=alt)
    left_out = len(move.stay) + len(move.leave) + len(move.come) - len(moved)
    cut = f" Up to {MOVED} of each kind are drawn, the heaviest." if left_out > 0 else ""
    st.caption(
        f"Left: what is asked for first; right: second. Between them, from above: neighbours read "
        f"for the first alone, for both, for the second alone.{cut} {WHAT_WEIGHTS_ARE}",
        help=hint("region"),
    )
    for place, one, name, own in zip(
        st.columns(2, gap="large"), (answer, second), names, (move.gone, move.fresh), strict=True
    ):
        with place, st.container(border=True):
            st.markdown(f"**{plain(name)}**")
            st.caption(asking.tell_answer(one))
            for offer in one.offers:
                alone = offer.item in own
                _row(asking, offer, " :violet-badge[here alone]" if alone else "")


def _weights(asking: Asking, answer: Answer) -> None:
    """Weights of the same items under several asks. Source: ZOOMER, figure 13."""
    noun = asking.queries.noun
    ways = {
        "user": f"This person, other {asking.queries.many}",
        "query": f"This {noun}, other people",
    }
    ego = cast(Literal["user", "query"], choose("What stays", ways, "stays"))
    weights = asking.weights(ego, answer.user, answer.query)
    if not weights.height:
        empty("No neighbour", f"No {asking.nouns.one} of the catalogue has this {noun}.")
        return
    who = "the person" if ego == "user" else f"the {noun}"
    varied = asking.queries.many if ego == "user" else "people"
    which = (
        f"the latest {asking.nouns.many} of the person’s history"
        if ego == "user"
        else f"the {asking.nouns.many} of this {noun} that most people {asking.nouns.did}"
    )
    st.markdown("**How much is listened to what**", help=hint("coupling"))
    st.caption(
        f"Columns are {which}; rows are {varied}, the one in question first. Each row sums to 1: "
        f"how much {who} would listen to each {asking.nouns.one} if these were all."
    )
    rows = weights["ask"].n_unique()
    cells = weights["weight"].to_numpy()
    draw_chart(
        weights_chart(weights),
        height=170 + 30 * rows,
        key=f"weights-{ego}",
        alt="Weights of items by asks; the table below has them",
    )
    others = "; the other people are drawn at random, always the same" if ego == "query" else ""
    extremes = f"Weights here are {cells.min():.3f} to {cells.max():.3f}"
    st.caption(f"{extremes}{others}. {WHAT_WEIGHTS_ARE}")
    wide = weights.drop("ask", "item").rename({"name": "asks"})
    as_table(wide, "weights", key=f"weights-table-{ego}")


def _command(record: Record, asking: Asking, question: Question, query: int) -> None:
    words = ("--for", question.words) if question.words else ("--query", asking.queries.ids[query])
    command("ask", record.experiment.name, _id(asking, question), *words, "-k", str(LIST))
