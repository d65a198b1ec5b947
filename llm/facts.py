"""The backend without a language model: it states an entity's own facts as plain sentences.

Content comes first and set phrases are few: a sentence encoder that reads the same words in every
text puts all entities in the same place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from llm.protocol import Reply
from prompts.requests import Request
from prompts.sandbox import join_words, label
from prompts.views import UNTITLED

VERSION = 2
"""Raised when the wording changes."""

PHRASES = {
    "genre": "{}",
    "genres": "{}",
    "category": "{}",
    "categories": "{}",
    "subjects": "{}",
    "tags": "{}",
    "era": "{}",
    "author": "By {}",
    "authors": "By {}",
    "director": "Directed by {}",
    "directors": "Directed by {}",
    "writer": "Written by {}",
    "writers": "Written by {}",
    "actors": "Starring {}",
    "cast": "Starring {}",
    "publisher": "Published by {}",
    "brand": "Made by {}",
}
"""How an attribute is said; any other as "Name: value"."""

NUMBERED = "attributes"
"""What a publication calls attributes of which it tells the numbers alone."""
_USERS_FACTS = ("profile", "traits", "themes", "favourites", "recent")
_ITEMS_FACTS = ("title", "year", "era", "description", "attributes")
_NOTABLE_LIFT = 1.1
_NAMED_VALUES = 4
_SILENT = ("url", "link", "image", "poster")


class FactsBackend:
    """States facts; needs no model, no network and no time."""

    model = f"facts {VERSION} (no LLM)"
    leaking = False

    def content(self, request: Request) -> Mapping[str, Any]:
        """The facts that the text is made of."""
        names = _USERS_FACTS if request.side == "user" else _ITEMS_FACTS
        return {"side": request.side, **{name: request.facts[name] for name in names}}

    def generate(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """A text a request, in their order."""
        for request in requests:
            state = user_text if request.side == "user" else item_text
            yield Reply(request, state(request.facts), finish_reason="stop")


def item_text(facts: Mapping[str, Any]) -> str:
    """Title and year, kinds, description, people and every other attribute of an item."""
    title, year = facts["title"], facts["year"]
    if title == UNTITLED:
        title = str(year) if year else None
    elif year and str(year) not in title:
        title = f"{title} ({year})"
    said = {name: _phrase(name, value) for name, value in facts["attributes"].items()}
    if title and _are_numbers(facts["attributes"].get(NUMBERED)):
        del said[NUMBERED]
    kinds = [text for name, text in said.items() if PHRASES.get(name) == "{}"]
    others = [text for name, text in said.items() if PHRASES.get(name) != "{}"]
    return _sentences([title, *kinds, facts["era"], facts["description"], *others])


def user_text(facts: Mapping[str, Any]) -> str:
    """What a training history has in common, its favourite and latest items, and the profile."""
    favourites = facts["favourites"]
    recent = [title for title in facts["recent"] if title not in favourites]
    shared = dict(facts["traits"])
    named = any(title != UNTITLED for title in [*favourites, *recent])
    if named and _are_numbers([value["value"] for value in shared.get(NUMBERED, ())]):
        del shared[NUMBERED]
    traits = [_phrase(name, _notable(values)) for name, values in shared.items()]
    profile = [_phrase(name, value) for name, value in facts["profile"].items()]
    return _sentences(
        [
            *traits,
            join_words(facts["themes"]),
            f"Favourites: {'; '.join(favourites)}" if favourites else None,
            f"Recently: {'; '.join(recent)}" if recent else None,
            *profile,
        ]
    )


def _are_numbers(values: object) -> bool:
    """Whether there are values, and all are whole numbers, which say nothing beside a title."""
    return isinstance(values, list) and bool(values) and all(str(one).isdigit() for one in values)


def _notable(values: Sequence[Mapping[str, Any]]) -> list[str]:
    """Values that are more frequent than usual; where none is, the most frequent one."""
    notable = [str(v["value"]) for v in values if v["lift"] >= _NOTABLE_LIFT][:_NAMED_VALUES]
    return notable or [str(max(values, key=lambda v: v["count"])["value"])]


def _phrase(name: str, value: object) -> str | None:
    """An attribute in words; None where it is empty or means nothing to a reader."""
    text = join_words(value)
    if not text or text.startswith("http") or name.rsplit("_")[-1] in _SILENT:
        return None
    return PHRASES[name].format(text) if name in PHRASES else f"{label(name)}: {text}"


def _sentences(parts: Iterable[str | None]) -> str:
    """Parts that are there, each ended by a full stop."""
    said = (part[0].upper() + part[1:] for part in parts if part)
    return " ".join(part if part[-1] in ".!?…" else f"{part}." for part in said)
