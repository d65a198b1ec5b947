"""An export that says how long the parts of its answers took."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from time import perf_counter

import numpy as np

from recommend.serve.forms import ByVectors, Form, Found, Want, Who
from recommend.serve.reader import Export


class Clock:
    """A form that gives what another gives, and says how long its last `top` took.

    Args:
        form: That answers.

    Attributes:
        reading_s: Seconds until there were vectors of who was asked about: the backbone's share. 0
            where scores are not made of vectors.
        search_s: Seconds of all that came after it: the search, and what was barred.
    """

    def __init__(self, form: Form) -> None:
        self._form = form
        self.reading_s = self.search_s = 0.0

    def scores(self, who: Who) -> np.ndarray:
        """As the form."""
        return self._form.scores(who)

    def top(self, whos: Sequence[Who], wants: Sequence[Want]) -> list[Found]:
        """As the form."""
        begin = perf_counter()
        if isinstance(self._form, ByVectors):
            queries = self._form.vectors(whos)
            read = perf_counter()
            found = self._form.top_of(queries, wants)
        else:
            read, found = begin, self._form.top(whos, wants)
        self.reading_s, self.search_s = read - begin, perf_counter() - read
        return found


def with_clock(export: Export) -> tuple[Export, Clock]:
    """An export that recommends as another does, from the same arrays, and its clock."""
    twin, clock = copy(export), Clock(export._form)
    twin._form = clock
    return twin, clock
