"""From one domain to another: what joins what somebody had in the others and an item of this one.

A bridge says what is known of both its ends: how many of the others who had an item there had this
one, too, beside how many of everybody else did; a group of the graph that both are in, and words
that stand in both descriptions. Whether it moved any score it does not say.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from data.domains import Domains
from data.names import Nouns
from recommend.reasons.explain import (
    LATEST,
    LEAST_PEOPLE,
    Evidence,
    Levels,
    Reason,
    factors_of,
    listed,
    way,
    words_of_most,
)

if TYPE_CHECKING:
    from recommend.reasons.what_if import Ready


def bridges(
    evidence: Evidence,
    domains: Domains,
    history: np.ndarray,
    user: int,
    item: int,
    *,
    levels: Levels | None = None,
    limit: int = 2,
) -> list[Reason]:
    """The strongest ways from items of a history in other domains to an item, people first.

    Args:
        evidence: What they are drawn from.
        domains: Which domain each item is of.
        history: (n,) items that the user is taken to have had, oldest first.
        user: Number of the user.
        item: Number of the item.
        levels: Of the factors that may be named; all by default.
        limit: Bridges at most; none come back where nothing joins them.
    """
    afar = history[domains.of_item[history] != domains.of_item[item]]
    people = [*_people_of_both(evidence, afar, user, item)]
    groups = sorted(
        _groups_of_both(evidence, afar, user, item, levels), key=lambda one: -one.weight
    )
    telling = [one for one in groups if one.words]
    if not telling and (levels is None or levels.get("item")):
        telling = [*_words_of_both(evidence, afar, item)]
    return [*people, *telling, *(one for one in groups if not one.words)][:limit]


def _people_of_both(evidence: Evidence, afar: np.ndarray, user: int, item: int) -> Iterator[Reason]:
    """`user > item > user > item`: of the others who had an item there, many had this one, too.

    Of several items it is the one that says most: by the square of how many had both, over how many
    had it. One whose share is no larger than that of everybody else says nothing.
    """
    people = evidence.people
    had = people.had(item)
    had = had[had != user]
    everybody = len(people) - (user < len(people))
    has = np.zeros(len(people) + 1, dtype=bool)
    has[had] = True
    found = []
    for one in list(dict.fromkeys(afar[::-1].tolist()))[:LATEST]:
        who = people.had(one)
        who = who[who != user]
        both = who[has[who]]
        if len(both) >= LEAST_PEOPLE and len(both) * everybody > len(had) * len(who):
            found.append((len(both) ** 2 / len(who), one, both, len(who)))
    for _, one, both, n in sorted(found, key=lambda of: -of[0])[:1]:
        share, usual = len(both) / n, len(had) / everybody
        yield Reason(
            "people",
            item,
            "user > item > user > item",
            f"{len(both):,} of the {n:,} others who {evidence.did} {evidence.title(one)} also "
            f"{evidence.did} this{evidence.of_domain(item)}: {_percent(share)}, and of all others "
            f"{_percent(usual)}.",
            float(np.log2(share / usual) * share),
            (one,),
            steps=way(user, ("item", [one]), ("user", both), item),
            people=len(both),
            across=True,
        )


def _percent(share: float) -> str:
    """A share in two digits.

    >>> _percent(1.0), _percent(0.177), _percent(0.0228), _percent(0.00041)
    ('100%', '18%', '2.3%', '0.041%')
    """
    return f"{share:.0%}" if share >= 0.1 else f"{100 * share:.2g}%"


def _groups_of_both(
    evidence: Evidence, afar: np.ndarray, user: int, item: int, levels: Levels | None
) -> Iterator[Reason]:
    """`user > item > item_factor > item`: items there that are in a group with it."""
    for factor, members in factors_of(evidence.graph, "item", item, levels):
        shared = tuple(dict.fromkeys(int(one) for one in afar[::-1] if members[one]))
        if not shared:
            continue
        words, holders = words_of_most(evidence, factor, shared, item)
        through, n = holders or shared, int(members.sum())
        sentence = (
            f"In the graph {listed(evidence.title(one) for one in through)} in the history and "
            f"this{evidence.of_domain(item)} are in a group of {n:,}"
        )
        if words:
            every = "both" if len(holders) == 1 else f"all {len(holders) + 1}"
            sentence += f"; {every} descriptions mention {listed(words)}"
        yield Reason(
            "path",
            item,
            "user > item > item_factor > item",
            f"{sentence}.",
            float(np.log2(len(members) / n) * len(shared) / len(afar)),
            through,
            factor,
            words,
            way(user, ("item", through), ("item_factor", [factor]), item),
            across=True,
        )


def _words_of_both(evidence: Evidence, afar: np.ndarray, item: int) -> Iterator[Reason]:
    """The item there whose text has most words in common with its, of those that few texts have."""
    every = list(dict.fromkeys(afar[::-1].tolist()))[:LATEST]
    shared = {one: evidence.common("item", (one, item)) for one in every}
    one = max(every, key=lambda one: len(shared[one]), default=-1)
    if one < 0 or not shared[one]:
        return
    yield Reason(
        "words",
        item,
        "",
        f"The descriptions of {evidence.title(one)} in the history and of "
        f"this{evidence.of_domain(item)} both mention {listed(shared[one])}.",
        0.0,
        (one,),
        words=shared[one],
        across=True,
    )


def tell_none(
    evidence: Evidence, domains: Domains, history: np.ndarray, item: int, levels: Levels | None
) -> str:
    """That there is no bridge from a history to an item, in a sentence.

    Args:
        evidence: What bridges were looked for in.
        domains: Which domain each item is of.
        history: (n,) items that the user is taken to have had.
        item: Number of the item.
        levels: Of the factors that might have been named.
    """
    own = int(domains.of_item[item])
    afar = history[domains.of_item[history] != own]
    if not len(afar):
        return f"No way is found from another domain: the history is of {domains.names[own]} alone."
    there = " or ".join(domains.names[one] for one in np.flatnonzero(domains.counts(afar)))
    some = "item" if len(set(afar.tolist())) <= LATEST else f"of the latest {LATEST} items"
    read = evidence.graph is not None and (levels is None or levels.get("item"))
    groups = ", and no group of the graph holds both" if read else ""
    return (
        f"No way is found from {there}: fewer than {LEAST_PEOPLE} others {evidence.did} any one "
        f"{some} of this history there and this, too, or no more than usual{groups}."
    )


def tell_limits(
    ready: Ready,
    user: int,
    history: np.ndarray,
    other: np.ndarray,
    held_back: int,
    nouns: Nouns,
    domain: tuple[str, np.ndarray] | None = None,
) -> list[str]:
    """What a recommender cannot do with what is known of somebody, in sentences; none, if all.

    Args:
        ready: The recommender, which is asked.
        user: Number by which it knows the user.
        history: (n,) items that the user is taken to have had; not none.
        other: (m,) another history, which it is asked after, too; not none.
        held_back: Items that the user had in training and that are taken not to be known.
        nouns: How items are called.
        domain: That is ranked, with (n_items,) bool which items are in it; None for everything.
    """
    said, parts = [], ready.model.config
    name, among = domain or ("", None)
    same = f"it scores every {nouns.one}{f' of {name}' if name else ''} just the same"
    back = f", with all {held_back:,} {nouns.many} that are held back in view" if held_back else ""
    vector = "a vector of this person that training left"
    if not ready.reads_history(user, history, other, among):
        why = f"what a person {nouns.did} changes nothing in it"
        why = f"it goes by {vector}{back}" if parts.backbone.embeds else why
        said.append(f"Asked after another history, {same}: {why}.")
    else:
        if among is not None and not _carries(ready, user, history, other, among):
            said.append(
                f"Asked after other {nouns.many} of other domains, {same}: it carries nothing over."
            )
        if held_back and parts.backbone.embeds:
            said.append(f"It also has {vector}{back}.")
    every = [one.enhancer for one in (parts, parts.upon) if one is not None]
    for title in (one.title for one in every if held_back and one.remembers):
        said.append(
            f"With {title} it also knows this person by what was made of all of training, what is "
            "held back included."
        )
    return said


def _carries(
    ready: Ready, user: int, history: np.ndarray, other: np.ndarray, among: np.ndarray
) -> bool:
    """Whether any score in a domain differs if the history outside it is somebody else's.

    Where neither has anything outside it, that cannot be said, and it is taken to.
    """
    afar, own = other[~among[other]], history[among[history]]
    if not len(afar):
        return True
    first = np.concatenate([history[~among[history]], own])
    return not len(first) or ready.reads_history(user, first, np.concatenate([afar, own]), among)
