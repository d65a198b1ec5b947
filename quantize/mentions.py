"""Which texts mention a term."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

_POSSESSIVE = re.compile(r"['’]s\b(?![-'’]\w)")


class Mentions:
    """Looks for terms in many texts at once: whole words, in any case.

    >>> Mentions(["A Space Opera.", None, "the spaceship", "space   opera"]).of("space opera")
    array([ True, False, False,  True])
    >>> Mentions(["a sled-dog", "the dog's sled", "dogs"]).of("dog")
    array([False,  True, False])
    """

    def __init__(self, texts: Sequence[str | None]) -> None:
        self._n = len(texts)
        lowered = [" ".join((text or "").lower().split()) for text in texts]
        self._ends = list(accumulate(len(text) + 1 for text in lowered))
        self._whole = "\n".join(lowered)

    def of(self, term: str) -> np.ndarray:
        """(n,) bool, whether each text holds the term."""
        found = np.zeros(self._n, dtype=bool)
        sought = " ".join(term.lower().split())
        at = self._whole.find(sought) if sought else -1
        while at >= 0:
            end = at + len(sought)
            if not (self._goes_on(at - 1, -1) or self._goes_on(end, 1)):
                found[bisect_right(self._ends, at)] = True
            at = self._whole.find(sought, end)
        return found

    def _goes_on(self, at: int, step: int) -> bool:
        """Whether a word goes on at a place: by a letter, or a hyphen or apostrophe and letters.

        The s of a possessive is no part of its word.
        """
        if not 0 <= at < len(self._whole):
            return False
        if self._whole[at] not in "-'’":
            return self._whole[at].isalnum()
        possessive = step > 0 and _POSSESSIVE.match(self._whole, at) is not None
        beyond = self._whole[at + step : at + step + 1] if at + step >= 0 else ""
        return beyond.isalpha() and not possessive
