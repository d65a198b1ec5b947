"""What is taken of an answer: no thoughts, JSON where it was asked for, and only what is any good.

A server that knows the model's format takes thoughts out by itself. Others leave them in the text,
in the marks that the model was trained with, or in what is left of them when special tokens are
taken out. Words alone are no mark: a text may well say "analysis" or "I thought". The checks need
no other model, and each has a reason that a person can read.

Source: the reasoning parsers of vLLM, vllm/reasoning; the Harmony format of gpt-oss,
https://cookbook.openai.com/articles/openai-harmony.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from llm.protocol import Reply
from llm.settings import GateConfig
from prompts.requests import Request
from prompts.sandbox import join_words, label
from prompts.schema import validator_of

_TAG = (
    r"(?:(?:seed|mm|antml?):)?(?:think(?:ing)?|thoughts?|reasoning|reflection|scratchpad)"
    r"(?:[:\s][^<>]{0,80})?"
)
_MARKS = (
    (rf"(?i:<{_TAG}>)", rf"(?i:</{_TAG}>)"),
    (r"◁think▷", r"◁/think▷"),
    (r"\[THINK\]", r"\[/THINK\]"),
    (r"<\|START_THINKING\|>", r"<\|END_THINKING\|>"),
    (r"<\|begin_of_thought\|>", r"<\|end_of_thought\|>"),
    (r"<\|inner_prefix\|>", r"<\|inner_suffix\|>"),
    (r"<\|open\|>\s*think\s*<\|sep\|>", r"<\|close\|>\s*think\s*<\|sep\|>"),
    (r"<\|channel>", r"<channel\|>"),
    (r"\A\s*Here(?:['’]s| is) my thought process:", r"Here(?:['’]s| is) my response:"),
)
"""Where thoughts begin and end."""
_ENDS = [re.compile(rf"\A.*{closing}", re.DOTALL) for _, closing in _MARKS]
_WHOLE = re.compile("|".join(f"{a}(?:(?!{a}).)*?{b}" for a, b in _MARKS), re.DOTALL)
_OPENINGS = re.compile("|".join(opening for opening, _ in _MARKS))
_HARMONY = re.compile(r"<\|(?:channel|start|message)\|>")
_FINAL = re.compile(
    r"<\|channel\|>\s*final(?:[^<]{0,40}(?:<\|constrain\|>[^<]{0,40})?<\|message\|>)?"
    r"|<\|start\|>assistant\s*<\|message\|>"
)
_AFTER_FINAL = re.compile(r"<\|(?:end|return|call|start|channel)\|>")
_NO_SMALL_LETTER = r"(?=[^\W\d_a-z]|[{\[“\"])"
_BARE_FINAL = re.compile(
    rf"\A(?:(?:analysis|commentary).*assistantfinal|.*assistantfinal{_NO_SMALL_LETTER})", re.DOTALL
)
_BARE_THOUGHT = re.compile(rf"\A(?:analysis|commentary){_NO_SMALL_LETTER}")
_BARE_LABEL = re.compile(rf"\A(?:(?:assistant)?final{_NO_SMALL_LETTER}|thought\n)")
_WRAPPED = re.compile(
    r"\A\s*(?:<(?P<name>answer|response|final_answer)>|<\|begin_of_solution\|>"
    r"|<\|START_(?:RESPONSE|TEXT)\|>|<\|open\|>\s*response\s*<\|sep\|>)(?P<said>.*?)"
    r"(?:</(?P=name)>|<\|end_of_solution\|>|<\|END_(?:RESPONSE|TEXT)\|>"
    r"|<\|close\|>\s*(?:response|message)\s*<\|sep\|>|\Z)",
    re.DOTALL,
)
_ALOUD = re.compile(
    r"\A\W*(?:(?:(?:okay|ok|alright|all right|hm+|so|well)\b\W+)+the user\b"
    r"|(?:(?:okay|ok|alright|all right|hm+|so|well|now|first)\b\W+)*"
    r"(?:the user (?:asks|asked|is asking|has asked|provided|wants (?:me|us|an? \w+ of)\b)"
    r"|let me\b|let['’]?s (?:see|think|start|break)\b|the (?:prompt|task) (?:is|asks|says)\b"
    r"|(?:i|we)(?:['’]re| are)? (?:need|have|want|should|must|will|asked|supposed)\b"
    r"|(?:i|we)['’]ll\b|i['’]m (?:asked|supposed)\b))",
    re.IGNORECASE,
)
SPECIAL = (
    *("<think>", "</think>", "[THINK]", "[/THINK]", "◁think▷", "◁/think▷"),
    *("<seed:think>", "</seed:think>", "<mm:think>", "</mm:think>", "<|channel>", "<channel|>"),
    *("<|START_THINKING|>", "<|END_THINKING|>", "<|inner_prefix|>", "<|inner_suffix|>"),
    *("<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|return|>"),
)
"""Marks that a tokenizer may hold as special tokens, which are left out of a text otherwise."""
_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*)\n\s*```\s*\Z", re.DOTALL)
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


def without_thoughts(text: str) -> str:
    """An answer without the reasoning that some models put around it.

    Where a chat format opens the reasoning itself, only its end stands in the answer.

    >>> without_thoughts("<think>Hm.</think>A quiet film."), without_thoughts("Analysis of grief.")
    ('A quiet film.', 'Analysis of grief.')
    """
    said = text = _of_final_channel(text.strip())
    for ending in _ENDS:
        said = ending.sub("", said)
    if not said.strip():  # the thoughts stand behind the answer
        said = text
        while (less := _WHOLE.sub("", said)) != said:
            said = less
    said = _BARE_LABEL.sub("", said.strip())
    return (wrapped["said"] if (wrapped := _WRAPPED.match(said)) else said).strip()


def thinks_on(text: str) -> bool:
    """Whether an answer without its thoughts still has the beginning of one, and no end."""
    return bool(_OPENINGS.search(text) or _HARMONY.search(text) or _BARE_THOUGHT.match(text))


def thinks_aloud(text: str) -> bool:
    """Whether a text begins as thoughts do: of one that was cut off, no more is known."""
    return bool(_ALOUD.match(text))


def _of_final_channel(text: str) -> str:
    """What follows the last final channel; all of a text that has none."""
    if _HARMONY.search(text):
        finals = list(_FINAL.finditer(text))
        return _AFTER_FINAL.split(text[finals[-1].end() :])[0] if finals else text
    return _BARE_FINAL.sub("", text)


def read_aspects(text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The aspects in an answer, which may stand in a Markdown fence.

    Raises:
        ValueError: it is no JSON object, or does not follow the schema; the message says where.
    """
    try:
        aspects = _check_schema(text, schema)
        in_words(aspects)  # whoever reads them puts them into words
    except RecursionError:
        raise ValueError("it has too many parts inside each other") from None
    return aspects


def _check_schema(text: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    from jsonschema.exceptions import best_match
    from referencing.exceptions import Unresolvable

    fenced = _FENCE.match(text)
    try:
        aspects = json.loads(fenced[1] if fenced else text)
    except ValueError as error:
        raise ValueError(f"it is no JSON ({error})") from None
    if not isinstance(aspects, dict):
        raise ValueError("it is no JSON object")
    try:
        worst = best_match(validator_of(schema).iter_errors(aspects))
    except Unresolvable as error:
        raise ValueError(f"the schema itself is wrong ({error})") from None
    if worst is not None:
        where = ".".join(map(str, worst.absolute_path)) or "the answer"
        raise ValueError(f"{where}: {worst.message[:200]}")
    return aspects


def in_words(aspects: Mapping[str, Any]) -> str:
    """The text that is encoded: a sentence an aspect, in the order of the answer.

    >>> in_words({"genre": ["noir", "drama"], "mood": "tense", "audience": None})
    'Genre: noir, drama. Mood: tense.'
    """
    said = ((label(name), _value(value)) for name, value in aspects.items())
    return " ".join(f"{name}: {value}." for name, value in said if value)


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        parts = ((name, _value(part)) for name, part in value.items())
        return "; ".join(f"{label(name).lower()} {part}" for name, part in parts if part)
    if isinstance(value, list):
        return join_words([said for part in value if (said := _value(part))])
    if isinstance(value, bool):
        return "yes" if value else "no"
    return join_words(value).strip().rstrip(".")


class Rejection(NamedTuple):
    """Why an answer is not taken: a word to count by, and what was seen."""

    reason: str
    seen: str

    @property
    def sentence(self) -> str:
        """The reason as `Knowledge` shows it."""
        return f"Rejected ({self.reason}): {self.seen}"


def judge_reply(reply: Reply, gate: GateConfig | None) -> Reply:
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
        return Rejection("refusal", _quote(text))
    words = re.findall(r"\w+", text.lower())
    if len(words) < config.min_words and not _without_spaces(text):
        return Rejection("too short", f"{len(words)} words, {config.min_words} are wanted")
    fitting = _share_of_script(text, config.language) if config.language else 1.0
    if fitting < IN_SCRIPT:
        return Rejection("language", f"{fitting:.0%} of the letters are {config.language}")
    return _repetition(_grams(words), request)


def more_room(request: Request) -> str:
    """Which setting to raise where an answer to `request` did not fit."""
    pairs = " (where it judges pairs, pairs.judge.sampling.max_tokens)"
    return f"raise llm.{request.side}.sampling.max_tokens{pairs * (request.side == 'item')}"


def _cut_off(text: str, request: Request) -> Rejection:
    end = " ".join(text.split())[-40:]
    return Rejection("cut off", f"at max_tokens it stood at “…{end}”; {more_room(request)}")


def _repetition(grams: Sequence[tuple[str, ...]], request: Request) -> Rejection | None:
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


def _quote(text: str) -> str:
    short = " ".join(text.split())
    return f"“{short[:80]}…”" if len(short) > 80 else f"“{short}”"
