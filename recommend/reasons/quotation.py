"""The sentence of a text that carries what a factor means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

LONGEST = 280
"""Letters of a sentence that are quoted; what is longer is cut around its first term."""
_LEAD = 60
_END = re.compile(r"(?<=[.!?…])[\"”’)\]]*\s+(?=[\"“‘(\[]?[^\W_a-z])")
_ABBREVIATED = re.compile(r"(?:\b[^\W\d_]|\b(?:Mr|Mrs|Ms|Dr|St|Jr|Sr|vs|No|Vol|Lt|Col|Gen|Sgt))\.$")


@dataclass(frozen=True, slots=True)
class Quotation:
    """A sentence, and where in it the terms stand.

    Attributes:
        sentence: As it stands in the text, with "…" where it was cut.
        marks: (start, stop) of each term, in their order, none over another.
    """

    sentence: str
    marks: tuple[tuple[int, int], ...]

    def parts(self) -> Iterator[tuple[str, bool]]:
        """The sentence in pieces, each with whether it is a term."""
        at = 0
        for start, stop in self.marks:
            if start > at:
                yield self.sentence[at:start], False
            yield self.sentence[start:stop], True
            at = stop
        if at < len(self.sentence):
            yield self.sentence[at:], False


def quotation(text: str | None, terms: Sequence[str]) -> Quotation | None:
    """The sentence with most of the terms, the first ones weighing more; None where none stands.

    >>> quotation("A dog. The rope of Anna is cut.", ["rope", "dog"]).sentence
    'The rope of Anna is cut.'

    Args:
        text: Knowledge of a user or an item.
        terms: Of a factor, the most telling first.
    """
    best, most = None, 0.0
    for sentence in sentences(text or ""):
        found = [list(_places(sentence, term)) for term in terms]
        weight = sum(1 / (rank + 1) for rank, places in enumerate(found) if places)
        if weight > most:
            best, most = (sentence, [place for places in found for place in places]), weight
    return _cut(best[0], _apart(best[1])) if best else None


def sentences(text: str) -> list[str]:
    """The sentences of a text; an initial or an abbreviation ends none.

    >>> sentences("Dr. No (1962) is old. J. R. Hartley wrote it!")
    ['Dr. No (1962) is old.', 'J. R. Hartley wrote it!']
    """
    whole: list[str] = []
    for part in _split(" ".join(text.split())):
        if whole and _ABBREVIATED.search(whole[-1]):
            whole[-1] = f"{whole[-1]} {part}"
        elif part:
            whole.append(part)
    return whole


def _split(text: str) -> Iterator[str]:
    at = 0
    for end in _END.finditer(text):
        yield text[at : end.end()].rstrip()
        at = end.end()
    yield text[at:]


def _places(sentence: str, term: str) -> Iterator[tuple[int, int]]:
    words = r"\s+".join(map(re.escape, term.split()))
    if words:
        for match in re.finditer(rf"(?<!\w){words}(?!\w)", sentence, re.IGNORECASE):
            yield match.span()


def _apart(places: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """In order, without those that reach into an earlier or longer one."""
    kept: list[tuple[int, int]] = []
    for start, stop in sorted(places, key=lambda place: (place[0], -place[1])):
        if not kept or start >= kept[-1][1]:
            kept.append((start, stop))
    return tuple(kept)


def _cut(sentence: str, marks: tuple[tuple[int, int], ...]) -> Quotation:
    if len(sentence) <= LONGEST:
        return Quotation(sentence, marks)
    first = max(marks[0][0] - _LEAD, 0)
    start = sentence.find(" ", first) + 1 if first else 0
    start = min(start, marks[0][0])
    stop = start + LONGEST
    stop = max(sentence.rfind(" ", start, stop), marks[0][1]) if stop < len(sentence) else stop
    lead = "… " if start else ""
    tail = " …" if stop < len(sentence) else ""
    shift = len(lead) - start
    kept = tuple((a + shift, b + shift) for a, b in marks if b <= stop)
    return Quotation(f"{lead}{sentence[start:stop]}{tail}", kept)
