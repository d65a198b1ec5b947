"""What a model thought before it answered, told from its answer by the marks of chat formats.

A server that knows the model's format takes thoughts out by itself. Others leave them in the text,
in the marks that the model was trained with, or in what is left of them when special tokens are
taken out. Words alone are no mark: a text may well say "analysis" or "I thought".

Source: the reasoning parsers of vLLM, vllm/reasoning; the Harmony format of gpt-oss,
https://cookbook.openai.com/articles/openai-harmony.
"""

from __future__ import annotations

import re

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
