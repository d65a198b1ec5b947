"""The words of a text that can say what it is about: single words, and names of several words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

_LETTER = r"[^\W\d_]"
_CAPITAL = r"[^\W\d_a-zß-öø-ÿ]"
_TAIL = rf"{_LETTER}*(?:[-'’](?!s\b){_LETTER}+)*"
_CAPITALISED = rf"{_CAPITAL}(?:\.|{_TAIL})"
_NAME_OR_WORD = re.compile(rf"\b{_CAPITALISED}(?:\s+{_CAPITALISED})+|\b{_LETTER}{_TAIL}")
_SHORTEST = 4


def words_in(text: str | None) -> list[str]:
    """Words of four letters or more in lower case, less stop words, and names as they stand.

    A name is a run of capitalised words. Its words are not counted apart.

    >>> words_in("Directed by Steven Spielberg, the adventure's hero is J. R. Jones.")
    ['directed', 'Steven Spielberg', 'adventure', 'hero', 'J. R. Jones']
    """
    found = map(_name_or_word, _NAME_OR_WORD.findall(text or ""))
    return [word for word in found if word]


def without_parts(words: Iterable[str], at_most: int) -> list[str]:
    """The first of `words`, less those that are part of another.

    >>> without_parts(["hanks", "Tom Hanks", "space"], 2)
    ['Tom Hanks', 'space']
    """
    every = list(words)
    parts = {part.lower() for word in every if " " in word for part in word.split()}
    return [word for word in every if word.lower() not in parts][:at_most]


def _name_or_word(found: str) -> str | None:
    """What was found without a leading stop word ("The", "With"); None if nothing is left."""
    first, _, others = found.partition(" ")
    if first.lower() in _stop_words():
        return _name_or_word(others) if others else None
    if others:
        return found
    return found.lower() if len(found) >= _SHORTEST else None


@cache
def _stop_words() -> frozenset[str]:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS)
