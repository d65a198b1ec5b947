"""Domains on the Demo: which one is recommended from, and what is known of whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from app.ui.demo.state import Shown
from app.ui.shared.frame import plain
from app.ui.shared.remembered import keep, remember
from data.domains import Domains
from data.names import Nouns
from recommend.reasons.showcase import Showcase

FROM, KNOWN, WHOM = "domain", "known", "whom"
"""In the address: what is recommended from, what is taken to be known, and whom to find."""
ALL = "all of them"
"""No domain is called so."""


@dataclass(frozen=True, slots=True)
class View:
    """What a visitor looks at.

    Attributes:
        domain: That is recommended from; None for everything.
        known: The only one of which the history is read; None for everything.
    """

    domain: str | None = None
    known: str | None = None

    def among(self, case: Showcase) -> np.ndarray | None:
        """(n_items,) bool, what is recommended from; None for everything."""
        return case.domains.holds(self.domain) if case.domains and self.domain else None

    def options(self) -> Iterator[str]:
        """Of the command that does the same."""
        for name, chosen in (("--domain", self.domain), ("--known", self.known)):
            yield from (name, chosen) if chosen else ()


def choose_whom(case: Showcase, turn: Callable[[np.ndarray | None], None]) -> np.ndarray | None:
    """(n,) numbers of those who are looked for; None where it is everybody.

    Args:
        case: Whose people may be looked for.
        turn: Called with them where a visitor chooses others.
    """
    if case.domains is None:
        return None
    found = {name: case.known_in(name) for name in case.domains.names}
    chosen = _select(
        WHOM,
        "Known in",
        {ALL: "Any domain"}
        | {
            name: f"{plain(name).capitalize()} alone · {len(users):,}"
            for name, users in found.items()
        },
        "Somebody whose training history is of one domain alone shows what carries over to others.",
        on_change=lambda: turn(found.get(st.session_state[f"chosen {WHOM}"])),
    )
    return found.get(chosen)


def choose_view(case: Showcase, who: Shown, nouns: Nouns) -> tuple[View, Shown]:
    """What is recommended from, and the person with what is then known; all, of one domain."""
    domains = case.domains
    if domains is None:
        return View(), who
    left, right = st.columns(2)
    with left:
        sizes = np.bincount(domains.of_item)
        several = zip(domains.names, sizes, strict=True)
        every = {ALL: f"Everything · {len(domains.of_item):,}"}
        labels = every | {name: f"{plain(name).capitalize()} · {n:,}" for name, n in several}
        tip = (
            "A domain is a part of the catalogue, such as a department. The lists are then of its "
            f"{nouns.many} alone, and ranks are among these."
        )
        domain = _select(FROM, "Recommend from", labels, tip)
    counts = domains.counts(who.given)
    with right:
        several = zip(domains.names, counts, strict=True)
        every = {ALL: f"Everything · {len(who.given):,}"}
        labels = every | {name: f"{plain(name).capitalize()} alone · {n:,}" for name, n in several}
        tip = f"What if only {nouns.many} of one domain were known? The others are held back."
        known = _select(KNOWN, "Known of this person", labels, tip, disabled=not len(who.given))
    view = View(*(None if one == ALL else one for one in (domain, known)))
    hidden = frozenset[int]()
    if view.known and len(who.given):
        outside = ~domains.holds(view.known)[who.given]
        hidden = frozenset(who.given[outside].tolist())
    shown = replace(who, hidden=hidden)
    for sentence in tell_view(case, domains, view, shown, nouns):
        st.caption(sentence)
    return view, shown


def tell_view(
    case: Showcase, domains: Domains, view: View, who: Shown, nouns: Nouns
) -> Iterator[str]:
    """What is read, and where nothing is known of somebody, in sentences."""
    back = [int(one) for one in who.given if int(one) in who.hidden]
    if back:
        of = _listed(domains, np.array(back))
        yield (
            f"What if only {plain(view.known or '')} were known? Held back: {of}. Where one of "
            "these is recommended, it says so."
        )
    if who.user is None:
        return
    train = domains.counts(case.histories.of(who.user))
    if view.domain and not train[domains.names.index(view.domain)]:
        yield f"In training, this person {nouns.did} nothing of {plain(view.domain)}."


def _listed(domains: Domains, items: np.ndarray) -> str:
    some = zip(domains.names, domains.counts(items), strict=True)
    return ", ".join(f"{n:,} of {plain(name)}" for name, n in some if n)


def _select(
    name: str,
    label: str,
    labels: dict[str, str],
    tip: str,
    *,
    disabled: bool = False,
    on_change: Callable[[], None] | None = None,
) -> str:
    """What is chosen; the address names it unless it is everything."""
    chosen = st.selectbox(
        label,
        list(labels),
        format_func=labels.__getitem__,
        key=remember(name, labels, ALL, "domain"),
        help=tip,
        disabled=disabled,
        on_change=on_change,
    )
    keep(name, None if chosen == ALL else chosen)
    return chosen


def badge(case: Showcase, item: int) -> str:
    """The domain of an item, as a badge; "" where there is one domain."""
    if case.domains is None:
        return ""
    return f" :gray-badge[{plain(case.domains.names[case.domains.of_item[item]])}]"
