"""The part of the demo about one person: the history, two recommenders, reasons, and what if."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.experiment.settings import Cell, Experiment
from app.pipeline.records import Record
from app.results.comparison import default_pair, plain_twin
from app.results.wording import called
from app.ui.demo import domains, state
from app.ui.demo.around import draw_around
from app.ui.demo.charts import height_of, reason_chart, way_in_words
from app.ui.demo.domains import View
from app.ui.demo.state import Shown
from app.ui.shared import address
from app.ui.shared.address import Node
from app.ui.shared.charts import draw_chart
from app.ui.shared.frame import empty, link, plain
from app.ui.shared.remembered import keep, remember
from data.errors import AutoGraphError
from data.names import Nouns, with_a
from recommend.protocols import Around
from recommend.reasons.across import tell_limits
from recommend.reasons.showcase import Asked, Showcase, Why
from recommend.reasons.ways import look_around

if TYPE_CHECKING:
    from recommend.newcomers.placing import NewUser

LIST, HISTORY, FOUND = 6, 8, 6
SHORT, LONG = 2, 4
"""Reasons in a list, and in a window of their own."""
WHY, WHOSE = "why", "whose"
"""In the address: the item that is asked about, and which list it stands in."""
MEANT = {
    "measured": "The first sentence was measured: the recommender was asked again without each "
    "item of the history.",
    "path": "What begins with “In the graph” is a way through it, and does not say how much it "
    "moved the recommender.",
    "people": "Other people are counted in the history that recommenders learn from.",
}
"""What the kinds of reasons are worth."""
SIDES = ("left", "right")
WHERE = {"left": "in the first list", "right": "in the second list"}


@dataclass(frozen=True, slots=True)
class _Ranked:
    """What a recommender makes of a person.

    Attributes:
        rows: Its first items, with reasons.
        note: What it does not know of the person, in a sentence.
        why_not: Why there is nothing at all, likewise.
    """

    rows: list[tuple[dict[str, Any], list[Why]]]
    note: str = ""
    why_not: str = ""


def person(record: Record, case: Showcase, who: Shown, nouns: Nouns, view: View) -> None:
    """The history beside what two recommenders make of it, of everything or of one domain."""
    history, left, right = st.columns([4, 5, 5], gap="medium")
    pair, boxes, ranked = default_pair(record), [], []
    cells: list[Cell] = []
    for place, side, chosen in zip((left, right), SIDES, pair, strict=True):
        with place, st.container(border=True):
            cell = _recommender(record, side, _usual(record, chosen, pair, cells))
            cells.append(cell)
            boxes.append(st.container())
        ranked.append(_rank(record, case, who, cell, nouns, view))
    if told := tell_differences(*cells):
        st.caption(told)
    # Drawn at one go: a browser takes as long to draw twice as Python does to rank.
    with history:
        draw_history(case, who, nouns)
    for box, side, one in zip(boxes, SIDES, ranked, strict=True):
        with box:
            _list(case, who, one, nouns, side, view)
    _why(record, case, who, nouns, dict(zip(SIDES, cells, strict=True)), view)


def _usual(
    record: Record, chosen: Cell | None, pair: Sequence[Cell | None], beside: Sequence[Cell]
) -> Cell:
    """What a list shows at first: the plain twin of the one beside it, or else another one."""
    twin = plain_twin(beside[0], record.finished_cells()) if beside else None
    some = [cell for cell in (twin, chosen, *pair) if cell is not None]
    return next((cell for cell in some if cell not in beside), some[0])


def draw_history(
    case: Showcase,
    who: Shown,
    nouns: Nouns,
    follow: str = "both lists follow",
    fixed: bool = False,
) -> None:
    """What somebody had, the latest first, and what if it were not so.

    Args:
        case: For names.
        who: Whose it is.
        nouns: How items are called.
        follow: What happens where it is changed.
        fixed: Whether nothing can be changed.
    """
    with st.container(border=True):
        n = len(who.history)
        st.markdown(f"**{nouns.did.capitalize()} so far** · {n:,}")
        said = "" if fixed else f"Take one out or add one, and {follow}. "
        st.caption(f"{said}Latest {nouns.one} first.")
        given = [one for one in who.given[::-1].tolist() if one not in who.hidden]
        latest = [*who.added[::-1], *dict.fromkeys(given)]
        every = st.session_state.get("whole-history", False)
        with st.container(gap=None):
            for item in latest if every else latest[:HISTORY]:
                _history_row(case, who, item, fixed)
        if len(latest) > HISTORY:
            st.toggle(f"Show all {len(latest):,}", key="whole-history")
        if fixed:
            return
        _add(case, who, nouns)
        if who.added or who.removed:
            st.button(
                "Undo all changes",
                icon=":material/undo:",
                on_click=state.start_over,
                width="stretch",
            )


def _history_row(case: Showcase, who: Shown, item: int, fixed: bool) -> None:
    gone = item in who.removed
    title = plain(case.title(item))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if gone:
            st.markdown(f":gray[~~{title}~~]", width="stretch")
            st.button(
                "Put back",
                key=f"back-{item}",
                type="tertiary",
                help=f"{title} counts again",
                on_click=partial(state.add, case, item, who),
            )
            return
        badge = " :green-badge[added]" if item in who.added else ""
        st.markdown(f"{title}{badge}{domains.badge(case, item)}", width="stretch")
        if fixed:
            return
        st.button(
            "Take out",
            key=f"out-{item}",
            type="tertiary",
            help=f"What if not {title}?",
            on_click=partial(state.take_away, case, item, who),
        )


def _add(case: Showcase, who: Shown, nouns: Nouns) -> None:
    words = st.text_input(
        "What if also …",
        key="add-words",
        placeholder=f"Title of {with_a(nouns.one)}",
        icon=":material/add:",
    )
    if not words:
        return
    found = case.find_items(words, who.history.tolist(), FOUND)
    if not found:
        st.caption(f"No {nouns.one} is called that.")
    for item in found:
        st.button(
            plain(case.title(item)),
            key=f"add-{item}",
            icon=":material/add:",
            width="stretch",
            on_click=partial(_add_item, case, item, who),
        )


def _add_item(case: Showcase, item: int, who: Shown) -> None:
    state.add(case, item, who)
    st.session_state["add-words"] = ""


def _recommender(record: Record, side: str, default: Cell) -> Cell:
    """The recommender that a visitor chose for one list; the best of today is named in the link."""
    cells = labels(record.finished_cells(), record.experiment)
    names = list(cells)
    usual = names[list(cells.values()).index(default)]
    chosen = st.selectbox(
        "Recommender",
        names,
        key=remember(side, names, usual, "recommender"),
        label_visibility="collapsed",
    )
    keep(side, chosen)
    return cells[chosen]


def tell_differences(one: Cell, other: Cell) -> str:
    """That two recommenders differ in more than one thing, "" where they do not.

    >>> tell_differences(Cell("sasrec", "autograph", 0), Cell("sasrec", "none", 0))
    ''
    >>> tell_differences(Cell("sasrec", "autograph", 0), Cell("mind", "none", 0))[:35]
    'These two differ in backbone and en'
    """
    names = ("backbone", "enhancer", *(("seed",) if one.learns and other.learns else ()))
    differing = [name for name in names if getattr(one, name) != getattr(other, name)]
    if len(differing) < 2:
        return ""
    told = f"{', '.join(differing[:-1])} and {differing[-1]}"
    return f"These two differ in {told}, so no difference in the lists is due to one of them alone."


def labels(cells: Sequence[Cell], experiment: Experiment | None = None) -> dict[str, Cell]:
    """Recommenders by what they are called; the seed is named where there are several.

    What is not trained is there once: it is the same for every seed.

    >>> list(labels([Cell("ease", "none", seed) for seed in (0, 1)]))
    ['EASE']
    >>> list(labels([Cell("mind", "kar", 0)])), list(labels([Cell("mind", "kar", 1)] * 2))
    (['MIND with KAR'], ['MIND with KAR'])
    >>> list(labels([Cell("mind", "kar", seed) for seed in (0, 1)]))
    ['MIND with KAR, seed 0', 'MIND with KAR, seed 1']
    """
    several = len({cell.seed for cell in cells if cell.learns}) > 1
    labels: dict[str, Cell] = {}
    for cell in cells:
        seed = f", seed {cell.seed}" if several and cell.learns else ""
        labels.setdefault(f"{called(cell, experiment)}{seed}", cell)
    return labels


def _rank(
    record: Record, case: Showcase, who: Shown, cell: Cell, nouns: Nouns, view: View
) -> _Ranked:
    """What a recommender shows first, with a reason for each."""
    from recommend.reasons.what_if import moves

    if not len(who.history):
        return _Ranked([])
    before = who.given if len(who.given) else who.history
    try:
        met = state.meet(record, case, who, cell)
        table = moves(met.ready, met.number, before, who.history, LIST, view.among(case))
        notes = [met.note, *_limits(case, who, met, nouns, view)]
    except AutoGraphError as error:
        return _Ranked([], why_not=str(error))
    items = table["item"].to_list()
    whys = _reasons(record, case, who, met, items, SHORT, view)
    rows = list(zip(table.iter_rows(named=True), whys, strict=True))
    return _Ranked(rows, " ".join(filter(None, notes)))


def _limits(case: Showcase, who: Shown, met: NewUser, nouns: Nouns, view: View) -> list[str]:
    """What a recommender cannot do with what is known of somebody in one domain."""
    if view == View():
        return []
    trained = set() if who.user is None else set(case.histories.of(who.user).tolist())
    back, other = len(who.hidden & trained), case.another(_number(case, who))
    among = view.among(case)
    domain = None if among is None else (view.domain or "", among)
    return tell_limits(met.ready, met.number, who.history, other, back, nouns, domain)


def _reasons(
    record: Record,
    case: Showcase,
    who: Shown,
    met: NewUser,
    items: Sequence[int],
    limit: int,
    view: View,
) -> list[list[Why]]:
    """Why a recommender shows the person each of some items."""
    graph = state.graph_with(record, case, who)
    asked = Asked(met.ready, met.number, graph, among=view.among(case))
    return case.whys(who.history, _number(case, who), items, asked, limit)


def _number(case: Showcase, who: Shown) -> int:
    """The number of the person in the graph; an invented one comes after all users."""
    return who.user if who.user is not None else case.dataset.n_users


def _list(case: Showcase, who: Shown, ranked: _Ranked, nouns: Nouns, side: str, view: View) -> None:
    if not len(who.history) and who.hidden:
        empty("Nothing to go on", f"This person {nouns.did} nothing of {plain(view.known or '')}.")
        return
    if not len(who.history):
        empty("Nothing to go on yet", f"Add {with_a(nouns.one)} on the left.")
        return
    if ranked.why_not:
        st.info(plain(ranked.why_not), icon=":material/info:")
        return
    if ranked.note:
        st.caption(plain(ranked.note))
    if not ranked.rows:
        of = f" of {plain(view.domain)}" if view.domain else ""
        empty(f"No {nouns.one} is left", f"This person has had everything{of}.")
    for row, whys in ranked.rows:
        item = row["item"]
        with st.container(horizontal=True, vertical_alignment="top", gap="small"):
            st.markdown(f"**{row['rank']}**", width=18)
            with st.container(gap=None, width="stretch"):
                marks = badges(case, who, row, nouns)
                marks += "" if view.domain else domains.badge(case, item)
                st.markdown(f"**{plain(case.title(item))}**{marks}")
                for sentence in _in_short(whys) or [_no_reason(nouns)]:
                    st.caption(plain(sentence))
            st.button(
                "Why?",
                key=f"why-{side}-{item}",
                type="tertiary",
                disabled=not whys,
                help=f"Why {plain(case.title(item))} stands {WHERE[side]}",
                on_click=partial(_ask_why, case, item, side),
            )


def _in_short(whys: Sequence[Why]) -> list[str]:
    """What was measured, and a way from another domain where one is asked for.

    Where no single item of the history decides, what else joins the two.
    """
    first = whys[:1] if whys and whys[0].reason.decisive else whys
    shown = [*first, *(why for why in whys[len(first) :] if why.reason.across)]
    return [_shorter(why) for why in shown]


def _shorter(why: Why) -> str:
    """A sentence; where there is no way from another domain, without what was looked for."""
    sentence = why.reason.sentence
    if why.reason.across and not why.reason.through:
        return f"{sentence.partition(': ')[0]}."
    return sentence


def _no_reason(nouns: Nouns) -> str:
    return f"Nothing that is known joins this person and the {nouns.one}."


def badges(case: Showcase, who: Shown, row: Mapping[str, int | None], nouns: Nouns) -> str:
    """What happened to an item: how far it moved, and whether it came true.

    Args:
        case: Says what people had later.
        who: Who is shown.
        row: `item`, `before` (its rank before a change, None where it was in the history then) and
            `moved` (places upwards).
        nouns: How items are called.
    """
    said = ""
    moved, item = row["moved"], row["item"]
    if item in who.hidden:
        said += f" :violet-badge[:material/visibility_off: {nouns.did}, held back]"
    elif who.changed and row["before"] is None:
        said += " :violet-badge[:material/undo: was in the history]"
    elif who.changed and moved:
        up = moved > 0
        colour, arrow = ("green", "arrow_upward") if up else ("red", "arrow_downward")
        said += f" :{colour}-badge[:material/{arrow}: {abs(moved):,}]"
    if who.user is not None and item in case.later[who.user]:
        said += f" :primary-badge[:material/check: {nouns.did} later]"
    return said


def _ask_why(case: Showcase, item: int, side: str) -> None:
    address.change({WHY: case.dataset.item_ids.external[item], WHOSE: side})


def _forget_why() -> None:
    address.change({WHY: None, WHOSE: None})


def _why(
    record: Record,
    case: Showcase,
    who: Shown,
    nouns: Nouns,
    cells: Mapping[str, Cell],
    view: View,
) -> None:
    """Opens the reasons of the item and the recommender that the address asks about."""
    external, ids = st.query_params.get(WHY), case.dataset.item_ids
    if external is None or external not in ids or not len(who.history):
        return
    item, cell = ids.number(external), cells.get(st.query_params.get(WHOSE, ""), cells[SIDES[0]])
    try:
        met = state.meet(record, case, who, cell)
    except AutoGraphError:
        return
    (whys,) = _reasons(record, case, who, met, [item], LONG, view)
    around = look_around(met.ready.answers, met.number, who.history, [item])
    dialog = st.dialog(f"Why this {nouns.one}?", width="large", on_dismiss=_forget_why)
    name = called(cell, record.experiment)
    ranked = view.domain or ""
    dialog(show_whys)(case, who.name, item, whys, name, nouns, around, ranked)


def show_whys(
    case: Showcase,
    name: str,
    item: int,
    whys: Sequence[Why],
    recommender: str,
    nouns: Nouns,
    around: Sequence[Around] = (),
    domain: str = "",
) -> None:
    """Reasons one under the other: a sentence, the way drawn, what was said that carries it.

    Below them stands what is around, of a recommender that looks there; where the list is of one
    domain, ranks in sentences that were measured are ranks in that list.
    """
    st.subheader(plain(case.title(item)), anchor=False)
    st.caption(f"{plain(case.gists[item])} · for {plain(name)} · {plain(recommender)}")
    if not whys:
        empty("No reason", _no_reason(nouns))
    for at, why in enumerate(whys):
        st.markdown(f"**{plain(why.reason.sentence)}**")
        if why.steps:
            draw_chart(
                reason_chart(why, name),
                height=height_of(why),
                key=f"way-{item}-{at}",
                alt=way_in_words(why, name),
            )
        for quoted in why.quotes:
            marked = "".join(
                f":orange-background[{plain(part)}]" if term else _with_blanks(part)
                for part, term in quoted.quotation.parts()
            )
            st.markdown(f"“{marked}”")
            st.caption(f"From the description of {plain(quoted.of)}")
    kinds = {why.reason.kind for why in whys}
    meant = [text for kind, text in MEANT.items() if kind in kinds]
    if domain and "measured" in kinds:
        meant.insert(1, f"Its ranks are among the {nouns.many} of {plain(domain)}.")
    st.caption(" ".join(meant))
    if domain and any(one.rank for one in around):
        st.caption(f"Ranks below are among all {nouns.many}, of {plain(domain)} or not.")
    for one in around:
        draw_around(case, name, one, nouns)
    if case.graph is not None:
        node = Node("item", case.dataset.item_ids.external[item])
        link("graph", "See what stands around it in the graph", ":material/hub:", node=str(node))


def _with_blanks(part: str) -> str:
    """A part of a sentence with the blanks at its ends."""
    lead = " " if part[:1].isspace() else ""
    tail = " " if part[-1:].isspace() else ""
    return f"{lead}{plain(part)}{tail}"
