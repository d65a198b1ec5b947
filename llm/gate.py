"""Is an answer any good? Checks that need no other model, each with a reason a person can read."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from llm.protocol import Reply
from llm.settings import GateConfig
from llm.structured import read_aspects
from llm.thoughts import thinks_aloud, thinks_on, without_thoughts
from prompts.requests import Request

REJECTED = "rejected"
"""The `finish_reason` of an answer that did not pass the gate."""
GRAM = 4
"""Words that are compared at a time."""
REPEATED = 0.4
"""Share of an answer's word groups that may have stood in it before."""
ECHOED = 0.6
"""Share of an answer's word groups that may stand in the prompt."""
FEWEST_GRAMS = 12
"""Shorter answers say too little to be judged by word groups."""
IN_SCRIPT = 0.8
"""Share of letters that must be of the wanted script."""
_REFUSED = (
    "access|analy[sz]e|answer|assist|browse|comply|confirm|continue|create|describe|determine|"
    "discuss|draw|find|fulfil|fulfill|generate|give|guess|help|identify|infer|look|make|offer|"
    "produce|provide|recommend|say|share|summari[sz]e|tell|verify|view|write"
)
"""What is refused, in small letters: "I Can't Help Singing" is a title."""
_CANNOT = (
    r"(can(not|['’]t| not)|could(n['’]t| not)|won['’]t|will not"
    r"|(['’]m|am|['’]re|are) (unable|not able) to)"
)
_REFUSAL = re.compile(
    r"^\W*(i(['’]m| am) (sorry|unable|not able)\b"
    rf"|(sorry\W+(but )?)?(i|we) ?{_CANNOT}\b.{{0,40}}?\b(?-i:{_REFUSED})\b"
    r"|unfortunately,? i\b|as an? ((large )?language model|ai (large |language )*model)\b"
    r"|as an? ai( assistant| system| chatbot)?(,| i\b)"
    r"|(sorry\W+(but )?)?(i|we) (do not|don['’]t) (have|know)\b.{0,40}(information|data|access)"
    r"|(sorry\W+(but )?)?(there is|i have) (not enough|insufficient|no) information)",
    re.IGNORECASE,
)
CUT_OFF = frozenset({"length", "max_tokens", "max_output_tokens"})
"""Those of answers that ended at max_tokens, as endpoints call it."""
BROKEN_OFF = frozenset({"content_filter", "abort", "cancelled", "error", "safety", "recitation"})
"""Those of answers that were not written to their end, whatever the room."""


class Rejection(NamedTuple):
    """Why an answer is not taken: a word to count by, and what was seen."""

    reason: str
    seen: str

    @property
    def sentence(self) -> str:
        """The reason as `Knowledge` shows it."""
        return f"Rejected ({self.reason}): {self.seen}"


def judged(reply: Reply, gate: GateConfig | None) -> Reply:
    """The reply; a failure where the answer is blank, or does not pass the gate."""
    if reply.error is not None:
        return reply
    text = (reply.text or "").strip()
    if gate is not None and gate.enabled:
        text = without_thoughts(text)
        why = rejection(text, reply.request, gate, reply.finish_reason)
        if why is not None:
            return replace(reply, text=None, finish_reason=REJECTED, error=why.sentence)
    if not text:
        return replace(reply, text=None, finish_reason="error", error="The answer is empty.")
    return replace(reply, text=text)


def rejection(
    text: str, request: Request, config: GateConfig, finish_reason: str = "stop"
) -> Rejection | None:
    """Why `text` is no answer to `request`; None if it is one.

    Args:
        text: The answer, without thoughts.
        request: What was asked.
        config: How strict to be.
        finish_reason: Why the answer ended, as the model states it.
    """
    how = finish_reason.lower()
    cut = how in CUT_OFF
    if how in BROKEN_OFF:
        return Rejection(finish_reason, "the answer was broken off; it ended with this reason")
    if thinks_on(text) or (cut and (not text.strip() or thinks_aloud(text))):
        return Rejection("thoughts cut off", f"no answer was reached; {more_room(request)}")
    if not text.strip():
        return Rejection("empty", "there is no text")
    if request.schema is not None:  # a whole one may be followed by blanks up to max_tokens
        try:
            read_aspects(text, request.schema)
        except ValueError as error:
            return _cut_off(text, request) if cut else Rejection("schema", str(error))
        return None
    if cut and not config.cut_off:
        return _cut_off(text, request)
    if _REFUSAL.match(text):
        return Rejection("refusal", _quoted(text))
    words = re.findall(r"\w+", text.lower())
    if len(words) < config.min_words and not _without_spaces(text):
        return Rejection("too short", f"{len(words)} words, {config.min_words} are wanted")
    fitting = _share_of_script(text, config.language) if config.language else 1.0
    if fitting < IN_SCRIPT:
        return Rejection("language", f"{fitting:.0%} of the letters are {config.language}")
    return _said_before(_grams(words), request)


def more_room(request: Request) -> str:
    """Which setting to raise where an answer to `request` did not fit."""
    pairs = " (where it judges pairs, pairs.judge.sampling.max_tokens)"
    return f"raise llm.{request.side}.sampling.max_tokens{pairs * (request.side == 'item')}"


def _cut_off(text: str, request: Request) -> Rejection:
    end = " ".join(text.split())[-40:]
    return Rejection("cut off", f"at max_tokens it stood at “…{end}”; {more_room(request)}")


def _said_before(grams: Sequence[tuple[str, ...]], request: Request) -> Rejection | None:
    """Word groups that repeat each other, or the prompt."""
    if len(grams) < FEWEST_GRAMS:
        return None
    again = 1 - len(set(grams)) / len(grams)
    if again > REPEATED:
        ((most, _),) = Counter(grams).most_common(1)
        return Rejection("repetition", f"{again:.0%} repeats, such as “{' '.join(most)}”")
    prompt = (re.findall(r"\w+", m["content"].lower()) for m in request.messages)
    asked = {gram for words in prompt for gram in _grams(words)}
    echoed = sum(gram in asked for gram in grams) / len(grams)
    if echoed > ECHOED:
        return Rejection("prompt echoed", f"{echoed:.0%} of it stands in the prompt")
    return None


def _grams(words: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(words[k : k + GRAM]) for k in range(len(words) - GRAM + 1)]


def _without_spaces(text: str) -> bool:
    """Whether it is written in a script that sets no spaces, where words cannot be counted."""
    letters = [c for c in text if c.isalpha()]
    wide = sum(unicodedata.east_asian_width(c) == "W" for c in letters)
    return len(letters) >= 16 and wide > len(letters) / 2


def _share_of_script(text: str, script: str) -> float:
    letters = [c for c in text if c.isalpha()]
    fitting = sum(unicodedata.name(c, "").startswith(script.upper()) for c in letters)
    return fitting / max(len(letters), 1)


def _quoted(text: str) -> str:
    short = " ".join(text.split())
    return f"“{short[:80]}…”" if len(short) > 80 else f"“{short}”"
