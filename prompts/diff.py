"""What differs between two texts, word by word."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import groupby
from typing import Literal

from prompts.template import Template, schema_text

Op = Literal["equal", "removed", "added"]
Change = tuple[Op, str]
"""A stretch of text and what became of it."""

_TOKENS = re.compile(r"\s+|\w+|[^\w\s]")


def word_diff(old: str, new: str) -> list[Change]:
    """Stretches of both texts, in order: "equal" and "removed" give `old`, the others `new`.

    >>> word_diff("a short text", "a long text")
    [('equal', 'a '), ('removed', 'short'), ('added', 'long'), ('equal', ' text')]
    """
    before, after = _TOKENS.findall(old), _TOKENS.findall(new)
    found: list[Change] = []
    for tag, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(("equal", "".join(before[a:b])))
        else:
            found += [("removed", "".join(before[a:b])), ("added", "".join(after[c:d]))]
    return list(_gather(_without_lone_blanks(found)))


def template_diff(old: Template, new: Template) -> list[Change]:
    """What differs between two templates, in schema and body; names and notes left out."""
    return word_diff(_content(old), _content(new))


def _content(template: Template) -> str:
    return schema_text(template) + template.body


def _without_lone_blanks(changes: list[Change]) -> list[Change]:
    """With blanks between two changes taken into them: a phrase reads better than its words."""
    kept: list[Change] = []
    for place, (op, text) in enumerate(changes):
        inside = 0 < place < len(changes) - 1
        if op == "equal" and inside and not text.strip() and "\n" not in text:
            kept += [("removed", text), ("added", text)]
        else:
            kept.append((op, text))
    return kept


def _gather(changes: Iterable[Change]) -> Iterable[Change]:
    """Neighbouring changes together: what was removed, then what was added."""
    for equal, some in groupby(changes, key=lambda change: change[0] == "equal"):
        parts = list(some)
        ops: tuple[Op, ...] = ("equal",) if equal else ("removed", "added")
        for wanted in ops:
            text = "".join(text for op, text in parts if op == wanted)
            if text:
                yield wanted, text
