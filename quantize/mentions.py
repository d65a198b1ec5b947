"""Which texts mention a term."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np


class Mentions:
    """Looks for terms in many texts at once: whole words, in any case.

    >>> Mentions(["A Space Opera.", None, "the spaceship", "space   opera"]).of("space opera")
    array([ True, False, False,  True])
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
            if not (self._wordy(at - 1) or self._wordy(end)):
                found[bisect_right(self._ends, at)] = True
            at = self._whole.find(sought, end)
        return found

    def _wordy(self, at: int) -> bool:
        return 0 <= at < len(self._whole) and self._whole[at].isalnum()
