"""Why this item? What was measured of a recommender, and what joins a user and an item, in words.

A sentence says what is known: how far an item falls when one item of the history is left out, how
many of a group are in the history, how many people had both. It names a word only where that word
stands in the texts of all that it is said of. What only the graph knows begins with "In the graph".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from data.columns import ITEM_ID, TITLE
from data.dataset import Dataset, Histories
from data.domains import Domains
from graph import LatentGraph
from quantize.terms import words_in
from recommend.protocols import LeftOut

NAMED = 3
"""Items of the history that one sentence names."""
WORDS = 3
"""Words that one sentence names."""
RARE = 0.05
"""Of all texts: what more of them say is no reason, unless it tells a group from the rest."""
SHOWN = 5
"""Nodes of a kind that one step of a path holds."""
LATEST = 64
"""Items of the history that people are looked up by, the latest."""
LEAST_PEOPLE = 2
"""One person who had both is no reason."""
Node = tuple[str, int]
"""Type and number."""
Levels = Mapping[str, Sequence[int]]
"""Levels of codes, by "user" and "item"."""


@dataclass(frozen=True)
class People:
    """Who had what: interactions that took place.

    Attributes:
        histories: Of training.
    """

    histories: Histories

    def __len__(self) -> int:
        return len(self.histories)

    def had(self, item: int) -> np.ndarray:
        """(n,) each user who had the item, once, in order."""
        users = self._by_item[0][self._span(item)]
        first: np.ndarray = users[np.diff(users, prepend=-1) > 0]
        return first

    def went_before(self, item: int) -> tuple[np.ndarray, np.ndarray]:
        """Users who had the item, and what each had right before it; of equal times neither is."""
        users, places = (column[self._span(item)] for column in self._by_item)
        known = places > self.histories.offsets[users]
        users, places = users[known], places[known]
        times = self.histories.times
        later = times[places] > times[places - 1]
        return users[later], self.histories.items[places[later] - 1]

    def _span(self, item: int) -> slice:
        """Where an item stands in `_by_item`; nowhere, if nobody had it."""
        return slice(*self._starts[item : item + 2]) if item + 1 < len(self._starts) else slice(0)

    @cached_property
    def _by_item(self) -> tuple[np.ndarray, np.ndarray]:
        """Users, in order, and places in the histories of all interactions, item after item."""
        places = np.argsort(self.histories.items, kind="stable")
        users = np.repeat(np.arange(len(self.histories)), self.histories.lengths)
        return users[places], places

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.concatenate([[0], np.cumsum(np.bincount(self.histories.items))])


@dataclass(frozen=True, slots=True)
class Evidence:
    """What reasons may be drawn from.

    Attributes:
        dataset: For names.
        people: Who had what.
        graph: The latent-factor graph; None without one.
        terms: Of each factor of "user" and "item", the most telling first.
        rare: Of "user" and "item", terms that few texts hold: by their lower case the share of
            texts, and how they are written.
        texts: What is said of each user and item itself, whatever the codes were made of.
        did: What people do with items, in the past tense.
        domains: Parts of the catalogue, each named with its items; None where it is one.
    """

    dataset: Dataset
    people: People
    graph: LatentGraph | None = None
    terms: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    rare: Mapping[str, Mapping[str, tuple[float, str]]] = field(default_factory=dict)
    texts: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    did: str = "had"
    domains: Domains | None = None

    def title(self, item: int) -> str:
        """What an item is called, in quotation marks; its domain follows, where there are some."""
        row = self.dataset.items.row(item, named=True)
        return f"“{row.get(TITLE) or row[ITEM_ID]}”{self.of_domain(item)}"

    def of_domain(self, item: int) -> str:
        """The domain of an item, in brackets after a blank; "" where there are none."""
        if self.domains is None:
            return ""
        return f" ({self.domains.names[self.domains.of_item[item]]})"

    def said(self, side: str, number: int) -> frozenset[str]:
        """Words, names and pairs of words in the text of one user or item, without its title's."""
        texts = self.texts.get(side, ())
        if number >= len(texts):
            return frozenset()
        titled = side == "item" and TITLE in self.dataset.items.columns
        title = self.dataset.items[TITLE][number] if titled else None
        return words_in(texts[number] or "", title or "")

    def of(self, side: str, factor: int) -> Sequence[str]:
        """Terms of a factor, the most telling first."""
        terms = self.terms.get(side, ())
        return terms[factor] if 0 <= factor < len(terms) else ()

    def common(self, side: str, ends: Iterable[int], factor: int = -1) -> tuple[str, ...]:
        """What the texts of all ends say: terms of the factor first, then what few texts say."""
        said = frozenset.intersection(*(self.said(side, one) for one in ends))
        rare = self.rare.get(side, {})
        others = sorted(rare[word] for word in said if word in rare)
        told = (term for term in self.of(side, factor) if term.lower() in said)
        kept: list[str] = []
        for word in (*told, *(form for _, form in others)):
            if not any({*word.lower().split()} & {*one.lower().split()} for one in kept):
                kept.append(word)
        return tuple(kept[:WORDS])


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is known of a user and an item.

    Attributes:
        kind: "measured" of the recommender, a "path" of the graph, what "people" did, or "words" of
            both texts.
        item: Number of the item that is shown.
        metapath: The type of a path, such as `user > item > item_factor > item`; "" of what was
            measured.
        sentence: In words.
        weight: Reasons of a kind are ordered by it. Of paths and people: how rare the connection
            is, bits of surprise times the share of the history or of the group that has it.
        through: Dense numbers of the history's items that it is about.
        factor: Number of the factor node that is crossed, -1 where none is.
        words: That stand in the texts of all whom the sentence says them of.
        steps: Nodes of the way, a step of the metapath each: user first, item last, at most
            `SHOWN` in each; every node has an edge to all shown ones of the next step.
        people: How many other users the way leads through; `steps` holds some of them.
        decisive: Whether leaving one item out moved the recommender.
        across: Whether it leads from one domain to another.
    """

    kind: Literal["measured", "path", "people", "words"]
    item: int
    metapath: str
    sentence: str
    weight: float = 0.0
    through: tuple[int, ...] = ()
    factor: int = -1
    words: tuple[str, ...] = ()
    steps: tuple[tuple[Node, ...], ...] = ()
    people: int = 0
    decisive: bool = False
    across: bool = False


def explain(
    evidence: Evidence,
    history: np.ndarray,
    user: int,
    item: int,
    *,
    levels: Levels | None = None,
    limit: int = 3,
) -> list[Reason]:
    """The strongest ways from a user to an item, those with words first; nothing is measured.

    They say what joins the two, and not how much it moved any score.

    Args:
        evidence: What they are drawn from; its graph may hold a user and an item that are new.
        history: (n,) items that the user is taken to have had, oldest first.
        user: Number of the user, whose factors are the graph's; one beyond its users has none.
        item: Number of the item.
        levels: Of the factors that may be named: those that a recommender read; all by default.
        limit: Reasons at most.
    """
    found = [
        *_groups_of_items(evidence, history, user, item, levels),
        *_groups_of_users(evidence, user, item, levels),
        *_people_who_had_both(evidence, history, user, item),
    ]
    return sorted(found, key=lambda one: (not one.words, -one.weight))[:limit]


def measure(
    evidence: Evidence,
    left_out: LeftOut,
    place: int,
    item: int,
    levels: Levels | None = None,
) -> Reason | None:
    """What a recommender does without single items of the history; None of a history of one.

    Args:
        evidence: For names, and for words that both texts hold.
        left_out: What the recommender said.
        place: Where the item stands among those that it was asked about.
        item: Number of the item.
        levels: Of the factors whose words may be named.
    """
    falls = left_out.falls[:, place] if len(left_out.items) else np.zeros(0, dtype=np.int64)
    if not len(falls):
        return None
    most = int(falls.argmax())
    if falls[most] <= 0:
        n = len(left_out.items)
        which = "item of the history" if left_out.whole else f"one of the latest {n:,} items"
        return Reason(
            "measured",
            item,
            "",
            f"No single {which} decides it: take any one away, and nothing else overtakes it.",
        )
    one, before = int(left_out.items[most]), int(left_out.ranks[place])
    sentence = (
        f"Without {evidence.title(one)} in the history it would stand at rank "
        f"{int(left_out.without[most, place]):,} instead of {before:,}"
    )
    factor, words = _words_of_both(evidence, one, item, levels)
    also = f"; the descriptions of both mention {listed(words)}." if words else "."
    return Reason(
        "measured",
        item,
        "",
        sentence + also,
        float(falls[most]),
        (one,),
        factor,
        words,
        decisive=True,
    )


def _words_of_both(
    evidence: Evidence, one: int, item: int, levels: Levels | None
) -> tuple[int, tuple[str, ...]]:
    """A factor that two items share, -1 of none, and words in both texts.

    None for a recommender that reads no factors: it never saw what the texts say, or compared words
    in a way of its own, of which nothing is told here.
    """
    if levels is not None and not levels.get("item"):
        return -1, ()
    shared = [f for f, members in factors_of(evidence.graph, "item", item, levels) if members[one]]
    found = [(factor, evidence.common("item", (one, item), factor)) for factor in (*shared, -1)]
    return max(found, key=lambda one: len(one[1]))


def factors_of(
    graph: LatentGraph | None, side: str, number: int, levels: Levels | None
) -> Iterator[tuple[int, np.ndarray]]:
    """Factors of a node of the graph, with (n,) bool who has each."""
    if graph is None or number >= graph.size(side):
        return
    codes = graph.codes(side)
    for level in range(codes.shape[1]) if levels is None else levels.get(side, ()):
        code = int(codes[number, level])
        yield level * graph.k(side) + code, codes[:, level] == code


def _groups_of_items(
    evidence: Evidence, history: np.ndarray, user: int, item: int, levels: Levels | None
) -> Iterator[Reason]:
    """`user > item > item_factor > item`: items of the history that share a factor with it."""
    for factor, members in factors_of(evidence.graph, "item", item, levels):
        times = [int(one) for one in history[::-1] if one != item and members[one]]
        if not times:
            continue
        shared = tuple(dict.fromkeys(times))
        words, holders = words_of_most(evidence, factor, shared, item)
        weight = np.log2(len(members) / members.sum()) * len(times) / len(history)
        through = holders or shared
        titles = listed(evidence.title(one) for one in through)
        others = int(members.sum()) - 1
        if words:
            every = "both" if len(holders) == 1 else f"all {len(holders) + 1}"
            sentence = (
                f"In the graph it shares a group with {titles} in the history; "
                f"{every} descriptions mention {listed(words)}."
            )
        else:
            are = "is" if len(shared) == 1 else "are"
            sentence = (
                f"In the graph, {len(shared):,} of the {others:,} others in a group with it "
                f"{are} in the history: {titles}."
            )
        yield Reason(
            "path",
            item,
            "user > item > item_factor > item",
            sentence,
            float(weight),
            through,
            factor,
            words,
            way(user, ("item", through), ("item_factor", [factor]), item),
        )


def words_of_most(
    evidence: Evidence, factor: int, shared: Sequence[int], item: int
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Words that an item has in common with one of the history, and all that hold them, too."""
    words = max((evidence.common("item", (item, one), factor) for one in shared), key=len)
    if not words:
        return (), ()
    wanted = {word.lower() for word in words}
    return words, tuple(one for one in shared if evidence.said("item", one) >= wanted)


def _groups_of_users(
    evidence: Evidence, user: int, item: int, levels: Levels | None
) -> Iterator[Reason]:
    """`user > user_factor > user > item`: people in a group with the user who had it."""
    had = evidence.people.had(item)
    had = had[had != user]
    for factor, members in factors_of(evidence.graph, "user", user, levels):
        others = int(members.sum()) - 1
        alike = had[members[had]]
        expected = members.sum() / len(members)
        share = len(alike) / max(len(had), 1)
        if len(alike) == 0 or share <= expected:
            continue
        word, holders = _said_of_most(evidence, factor, user, alike)
        sentence = (
            f"In the graph, {len(alike):,} of the {others:,} others in a group with this person "
            f"{evidence.did} it"
        )
        if word:
            theirs = _theirs(len(holders), len(alike))
            sentence += f"; ‘{word}’ stands in this person’s description and in {theirs}"
        shown = holders if word else alike
        yield Reason(
            "path",
            item,
            "user > user_factor > user > item",
            f"{sentence}.",
            float(np.log2(share / expected) * len(alike) / max(others, 1)),
            (),
            factor,
            (word,) if word else (),
            way(user, ("user_factor", [factor]), ("user", shown), item),
            len(alike),
        )


def _theirs(holders: int, alike: int) -> str:
    """In whose descriptions a word stands, of those who had the item.

    >>> _theirs(1, 1), _theirs(3, 3), _theirs(1, 4), _theirs(2, 4)
    ('theirs', 'all of theirs', 'that of 1 of them', 'those of 2 of them')
    """
    if holders == alike:
        return "theirs" if alike == 1 else "all of theirs"
    return f"{'that' if holders == 1 else 'those'} of {holders:,} of them"


def _said_of_most(
    evidence: Evidence, factor: int, user: int, alike: np.ndarray
) -> tuple[str, list[int]]:
    """The word in the user's text that most of the others' hold, and those who do; "" of none."""
    own, rare = evidence.said("user", user), evidence.rare.get("user", {})
    held = {int(one): evidence.said("user", int(one)) for one in alike}
    words = [term for term in evidence.of("user", factor) if term.lower() in own]
    words += [form for _, form in sorted(rare[word] for word in own if word in rare)]
    found = [(word, [one for one in held if word.lower() in held[one]]) for word in words]
    word, holders = max(found, key=lambda one: len(one[1]), default=("", []))
    return (word, holders) if holders else ("", [])


def _people_who_had_both(
    evidence: Evidence, history: np.ndarray, user: int, item: int
) -> Iterator[Reason]:
    """`user > item > user > item`: people who had an item of the history had this one, too."""
    had = evidence.people.had(item)
    had = had[had != user]
    latest = [one for one in dict.fromkeys(history[::-1].tolist()) if one != item][:LATEST]
    if len(had) < LEAST_PEOPLE or not latest:
        return
    who = {one: evidence.people.had(one) for one in latest}
    has = np.zeros(len(evidence.people) + 1, dtype=bool)
    has[had] = True
    both = {one: users[has[users]] for one, users in who.items()}
    best = max(latest, key=lambda one: len(both[one]) ** 2 / max(len(who[one]), 1))
    n, share = len(both[best]), len(both[best]) / len(had)
    lift = share / max(len(who[best]) / len(evidence.people), 1e-12)
    if n < LEAST_PEOPLE or lift <= 1:
        return
    users, before = evidence.people.went_before(item)
    next_to = len(np.unique(users[(before == best) & (users != user)]))
    did, title = evidence.did, evidence.title(best)
    right = f", {next_to:,} of them right before it" if next_to >= LEAST_PEOPLE else ""
    yield Reason(
        "people",
        item,
        "user > item > user > item",
        f"{n:,} of the {len(had):,} others who {did} it also {did} {title}{right}.",
        float(np.log2(lift) * share / len(history) ** 0.5),
        (best,),
        steps=way(user, ("item", [best]), ("user", both[best]), item),
        people=n,
    )


def way(
    user: int,
    first: tuple[str, Iterable[int]],
    second: tuple[str, Iterable[int]],
    item: int,
) -> tuple[tuple[Node, ...], ...]:
    """The steps of a path of four."""
    between = (
        tuple((kind, int(number)) for number in list(numbers)[:SHOWN])
        for kind, numbers in (first, second)
    )
    return ((("user", user),), *between, (("item", item),))


def listed(names: Iterable[str]) -> str:
    """A, B and 3 more; words in quotation marks.

    >>> listed(["“A”", "“B”"]), listed(["ice", "rope"])
    ('“A” and “B”', '‘ice’ and ‘rope’')
    """
    every = [name if name.startswith("“") else f"‘{name}’" for name in names]
    shown = every[:NAMED]
    if len(every) > NAMED:
        return f"{', '.join(shown)} and {len(every) - NAMED:,} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
