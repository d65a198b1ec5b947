"""What is around somebody and what it gave an item, in words that a page and a terminal share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.names import Nouns
from recommend.protocols import Around, LooksAround, Ways
from recommend.reasons.explain import NAMED, Evidence
from recommend.reasons.showcase import Showcase

NOT_A_SUM = (
    "each was left out of the sample by itself, and the recommender was asked again; what they "
    "gave does not add up, since what one says others may say, too."
)
"""What figures of ways are worth."""


@dataclass(frozen=True, slots=True)
class Named:
    """Ways that begin with the same item, with names.

    Attributes:
        first: The item of the history that they begin with.
        over: What leads on from there, such as "2 other people"; "" where they begin with the item
            itself.
        kind: Its type; "" where no node is between.
        given: Score that they gave.
        rank: Of the item without them.
    """

    first: str
    over: str
    kind: str
    given: float
    rank: int


def look_around(
    recommender: object, user: int, history: np.ndarray, items: Sequence[int]
) -> tuple[Around, ...]:
    """What is around a user, for each of some items; nothing of one that looks at no sample."""
    if not isinstance(recommender, LooksAround) or not len(history):
        return ()
    return recommender.around(user, history, np.asarray(items, dtype=np.int64))


def name_ways(case: Showcase, of: Around) -> list[Named]:
    """All ways with names, those first that gave most.

    A group is named by those of its words that stand in the descriptions of both its ends.
    """
    return [
        Named(case.title(one.first), _over(case, of.item, one), _kind(one), one.given, one.rank)
        for one in of.ways
    ]


def _kind(ways: Ways) -> str:
    return ways.metapath.split(" > ")[2] if len(ways.between) else ""


def _over(case: Showcase, item: int, ways: Ways) -> str:
    n, kind = len(ways.between), _kind(ways)
    if not n:
        return "" if ways.first == item else f"{case.did} soon after"
    if kind == "user":
        return f"{n:,} other {'person' if n == 1 else 'people'}"
    if n > 1:
        return f"{n:,} groups"
    factor = int(ways.between[0])
    if words := _words(case.evidence, (ways.first, item), factor):
        return ", ".join(f"‘{one}’" for one in words)
    return "a group" if case.graph is None else f"a group of {case.sizes('item')[factor]:,}"


def _words(evidence: Evidence, ends: Sequence[int], factor: int) -> list[str]:
    """The most telling terms of a factor that stand in the texts of both ends."""
    said = frozenset.intersection(*(evidence.said("item", one) for one in ends))
    return [term for term in evidence.of("item", factor) if term.lower() in said][:NAMED]


def tell_around(case: Showcase, of: Around, nouns: Nouns) -> str:
    """Whether an item is near, how many ways lead to it, and which of them gave most.

    An item of the history has no rank, so nothing is said of what would become of it.
    """
    title, n = f"“{case.title(of.item)}”", sum(map(len, of.ways))
    if not of.rank:
        return f"{title} is in the history of this person, so it has no rank here."
    if not of.near:
        return _far(title, of, n, nouns)
    begins = len({one.first for one in of.ways})
    sample = f"{begins:,} of the {of.first_hop:,} {nouns.many}"
    if of.first_hop == 1:
        sample = f"the one {nouns.one}"
    lead = "way leads" if n == 1 else "ways lead"
    told = f"{title} is near: {n:,} {lead} to it from {sample} of the history in the sample."
    best, named = of.ways[0], name_ways(case, of)[0]
    one = len(best) == 1
    without = f"without {'it' if one else 'them'}, "
    falls = f"would stand at rank {best.rank:,} instead of {of.rank:,}"
    if len(of.ways) == 1:
        return f"{told} {without.capitalize()}it would be far, and {falls}."
    if best.given <= 0:
        return (
            f"{told} None of them holds it up by itself: left out one {nouns.one} after another, "
            "people and groups apart, its score is no lower."
        )
    if best.rank == of.rank:
        falls = f"its score would be {best.given:.2f} lower, and its rank the same"
    else:
        falls = f"it {falls}"
    most = f"What gave it most {'is the way' if one else 'are the ways'} from “{named.first}”"
    return f"{told} {most}{_at_length(named, nouns)}: {without}{falls}."


def _at_length(named: Named, nouns: Nouns) -> str:
    if named.kind == "user":
        return f" over {named.over} in the sample who {nouns.did} both"
    if named.over.startswith("‘"):
        word = "word" if named.over.count("‘") == 1 else "words"
        stand = "stands" if word == "word" else "stand"
        said = f"whose {word} {named.over} {stand} in both descriptions"
        return f" over a group that both are in, {said}"
    if not named.kind:
        return f", which somebody {nouns.did} shortly before it" if named.over else " itself"
    return f" over {named.over} that both are in"


def _far(title: str, of: Around, n: int, nouns: Nouns) -> str:
    if of.ways:
        lead, move = ("way leads", "moves") if n == 1 else ("ways lead", "move")
        return (
            f"This recommender scores every {nouns.one} by vectors alone. {n:,} {lead} to {title} "
            f"in what was sampled around this person, and {move} it by moving the person’s vector."
        )
    why = f"{title} is far: nothing that was sampled around this person leads to it"
    if np.isnan(of.alone):
        return f"{why}, and this recommender puts all that is far below what is near."
    return f"{why}, so the vectors of the two alone scored it."


def tell_ways(case: Showcase, of: Around, limit: int) -> list[str]:
    """The first ways in a line each, with what they gave and the rank without them."""
    return [
        f"{named.first} → {named.over or 'itself'}: gave {_given(named.given)}; "
        f"rank {named.rank:,} without"
        for named in name_ways(case, of)[:limit]
    ]


def _given(given: float) -> str:
    return f"{given:+.2f}" if np.isfinite(given) else "all of its score"


def tell_score(of: Around, nouns: Nouns) -> str:
    """What the score of an item near is made of; "" of what is far."""
    if not of.near:
        return ""
    pair = f"Its score of {of.score:.2f} "
    if not np.isnan(of.share):
        pair += (
            f"is {of.share:.0%} of its pair score of {of.pair:.2f} and {1 - of.share:.0%} of what "
            f"the vectors alone give it, {of.alone:.2f}."
        )
    elif not np.isnan(of.offset):
        sign = "less" if of.offset < 0 else "and"
        pair += (
            f"is its pair score of {of.pair:.2f} {sign} {abs(of.offset):.2f} that every near "
            f"{nouns.one} {'loses' if of.offset < 0 else 'gets'} for this person."
        )
    else:
        pair += "is its pair score."
    if np.isnan(of.alone):
        return pair
    return (
        f"{pair} If the vectors alone scored this {nouns.one}, and all others as they are, it "
        f"would stand at rank {of.alone_rank:,}."
    )
