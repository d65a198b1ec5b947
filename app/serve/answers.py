"""Answers of an export to what came over the wire; HTTP and MCP give the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from app.serve.desk import Opened
from app.serve.limits import Limits
from app.serve.wire import (
    Answer,
    Answers,
    AskBody,
    ExplainBody,
    Explanation,
    Item,
    Kind,
    Listed,
    Moved,
    NewcomerBody,
    Placed,
    RecommendBody,
    Refusal,
    SimilarBody,
)
from data.errors import AutoGraphError
from recommend.serve.reader import Ask, Export, Listing

QUICK_K = 100
NOTES = 20
"""At most in one answer: whoever excludes a thousand unknown items knows after some."""


def recommend(opened: Opened, body: RecommendBody, limits: Limits) -> Answer | Answers:
    """Items for one ask, or for each of several.

    Raises:
        Refusal: the one ask cannot be answered, or the body asks for too much. One of several that
            cannot has an error in its place.
    """
    if body.asks is None:
        listed = _all(opened, [_ask(body, limits)])[0]
        if isinstance(listed, Refusal):
            raise listed
        return Answer(opened.fingerprint, listed.items, listed.notes)
    alone = AskBody()
    if any(getattr(body, name) != getattr(alone, name) for name in AskBody.__struct_fields__):
        raise Refusal(Kind.BODY, "Give one ask, or several as asks, and not both.", "asks")
    if not body.asks:
        raise Refusal(Kind.BODY, "There is no ask in asks.", "asks")
    limits.check_asks(len(body.asks))
    asks = [_ask(one, limits, f"asks[{n}].") for n, one in enumerate(body.asks)]
    return Answers(
        opened.fingerprint,
        [Listed(error=one.told) if isinstance(one, Refusal) else one for one in _all(opened, asks)],
    )


def together(
    opened: Opened, bodies: Sequence[RecommendBody], limits: Limits
) -> list[Answer | Refusal]:
    """Items for each of several who asked at the same time, each with one ask."""
    asks: list[Ask | Refusal] = []
    for body in bodies:
        try:
            asks.append(_ask(body, limits))
        except Refusal as refusal:
            asks.append(refusal)
    found = iter(_all(opened, [ask for ask in asks if isinstance(ask, Ask)]))
    listed = [ask if isinstance(ask, Refusal) else next(found) for ask in asks]
    return [
        one if isinstance(one, Refusal) else Answer(opened.fingerprint, one.items, one.notes)
        for one in listed
    ]


def is_quick(body: RecommendBody) -> bool:
    """Whether it costs no more than any ask: nothing that has to be looked up among all items."""
    return body.asks is None and not body.where and body.k <= QUICK_K


def _all(opened: Opened, asks: Sequence[Ask]) -> list[Listed | Refusal]:
    """What each of some gets; where one cannot be answered, all are asked one by one."""
    try:
        listings = opened.export.recommend(asks) if asks else []
    except AutoGraphError as error:
        if len(asks) == 1:
            return [_refusal(opened.export, error, asks[0])]
        return [one for ask in asks for one in _all(opened, [ask])]
    return [Listed(_items(opened, one), _notes(one)) for one in listings]


def similar(opened: Opened, body: SimilarBody, limits: Limits) -> Answer:
    """Items like one.

    Raises:
        Refusal: the item is unknown, or too many are wanted.
    """
    limits.check_k(body.k)
    try:
        listing = opened.export.similar(item=body.item, k=body.k)
    except AutoGraphError as error:
        raise _refusal(opened.export, error, item=body.item) from None
    return Answer(opened.fingerprint, _items(opened, listing), _notes(listing))


def explain(opened: Opened, body: ExplainBody, limits: Limits) -> Explanation:
    """Why an item would be shown.

    Raises:
        Refusal: it, the user or the whole history is unknown, or neither of the two is given.
    """
    limits.check_items(body.history or (), "history")
    ask = _ask(AskBody(body.user, body.history, query=body.query), limits)
    try:
        why = opened.export.explain(body.item, ask.user, ask.history, ask.query)
    except AutoGraphError as error:
        raise _refusal(opened.export, error, ask, body.item) from None
    titles = opened.titles
    return Explanation(
        opened.fingerprint,
        Item(why.item, why.score, titles.get(why.item)),
        why.rank,
        list(why.reasons),
        [Moved(Item(one.without, None, titles.get(one.without)), one.rank) for one in why.moved],
        list(why.notes[:NOTES]),
    )


def newcomer(opened: Opened, body: NewcomerBody, limits: Limits) -> Placed:
    """What a new user or a new item is taken for, and what is listed for it.

    Raises:
        Refusal: nothing is said of it, or nothing matches what is said.
    """
    limits.check_k(body.k)
    limits.check_items(body.history, "history")
    limits.check_values(body.attributes, "attributes")
    limits.check_values(body.where, "where")
    try:
        placed = opened.export.newcomer(
            body.side, body.attributes, body.words, tuple(body.history), body.k, body.where
        )
    except AutoGraphError as error:
        ask = Ask(history=tuple(body.history) or None, where=body.where)
        raise _refusal(opened.export, error, ask) from None
    listed = placed.listing
    return Placed(
        opened.fingerprint,
        _items(opened, placed.alike),
        _items(opened, listed)
        if body.side == "user"
        else [Item(*one, None) for one in zip(listed.items, listed.scores, strict=True)],
        list(placed.notes[:NOTES]),
    )


def _ask(body: AskBody, limits: Limits, within: str = "") -> Ask:
    limits.check_ask(body, within)
    if body.user is None and body.history is None:
        raise Refusal(Kind.BODY, "Give a user or a history.", f"{within}user")
    history = None if body.history is None else tuple(body.history)
    return Ask(body.user, history, body.k, tuple(body.exclude), body.where, body.again, body.query)


def _items(opened: Opened, listing: Listing) -> list[Item]:
    titles = map(opened.titles.get, listing.items)
    return list(map(Item, listing.items, listing.scores, titles))


def _notes(listing: Listing) -> list[str]:
    """What is to be known of a listing; of very much, the beginning."""
    if not listing.notes:
        return []
    more = len(listing.notes) - NOTES
    return [*listing.notes[:NOTES], *([f"And {more} more notes."] if more > 0 else [])]


def _refusal(
    export: Export, error: AutoGraphError, ask: Ask | None = None, item: str | None = None
) -> Refusal:
    """What is said instead of an answer, with the field that is to blame."""
    if item is not None and not _known(export, [item]):
        return Refusal(Kind.UNKNOWN, str(error), "item")
    if ask is not None:
        if ask.user is not None and not _had(export, ask.user):
            return Refusal(Kind.UNKNOWN, str(error), "user")
        if ask.history and not any(_known(export, [one]) for one in ask.history):
            return Refusal(Kind.UNKNOWN, str(error), "history")
        if ask.history == ():
            return Refusal(Kind.VALUE, str(error), "history")
        if ask.query is not None and not _wants(export, ask.query):
            kind = Kind.VALUE if export.wanted is None else Kind.UNKNOWN
            return Refusal(kind, str(error), "for")
        if not _fits(export, ask.where):
            return Refusal(Kind.VALUE, str(error), "where")
        if ask.history and export.card["history"]["answered_by"] == "refused":
            return Refusal(Kind.VALUE, str(error), "history")
    return Refusal(Kind.VALUE, str(error))


def _known(export: Export, items: Sequence[str]) -> bool:
    try:
        export.titles(items)
    except AutoGraphError:
        return False
    return True


def _fits(export: Export, where: Mapping[str, Any]) -> bool:
    try:
        export.check_where(where)
    except AutoGraphError:
        return False
    return True


def _wants(export: Export, query: str) -> bool:
    try:
        return export.wanted is not None and export.wanted.find(query) is not None
    except AutoGraphError:
        return False


def _had(export: Export, user: str) -> bool:
    try:
        export.had(user)
    except AutoGraphError:
        return False
    return True
