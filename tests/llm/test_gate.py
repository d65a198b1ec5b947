"""Which answers are taken, and what becomes of the others."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llm_fakes import request

from data.errors import BackendError
from llm.cache import ResponseCache
from llm.gate import judge_reply, rejection, without_thoughts
from llm.knowledge import Knowledge, describe
from llm.protocol import Reply, request_key
from llm.review import coverage, review_texts
from llm.settings import GateConfig
from prompts.requests import Request

GATE = GateConfig()
GOOD = (
    "Drawn to slow, wintry stories about people far from home, above all polar voyages and their "
    "aftermath; likes archive footage, dry humour and endings that leave things open."
)
ASKED = request(
    "e",
    "Describe the tastes of this viewer in one paragraph of a hundred words. Consider genres, "
    "themes and mood, where the evidence allows, and begin with what is most characteristic.",
)
SCHEMA = {
    "type": "object",
    "properties": {
        "genre": {"type": "array", "items": {"type": "string"}},
        "mood": {"enum": ["calm", "tense"]},
    },
    "required": ["genre", "mood"],
    "additionalProperties": False,
}


def with_schema(entity: str = "e") -> Request:
    return Request("item", entity, ASKED.messages, "t@1", {}, SCHEMA)


REJECTED = [
    ("", "empty"),
    (" \n", "empty"),
    ("I'm sorry, but I can't help with describing this person.", "refusal"),
    ("I cannot infer anything about this viewer from the list.", "refusal"),
    ("As an AI language model, I have no access to films or tastes.", "refusal"),
    ("Unfortunately, I do not have enough to go on for this one.", "refusal"),
    ("Sorry, but I can't provide a description of this film for you today.", "refusal"),
    ("Sorry, I am unable to determine from this list what the viewer likes.", "refusal"),
    ("I won't be able to assist with a description of this particular viewer.", "refusal"),
    ("I’m not able to say anything about a film that I have not seen yet.", "refusal"),
    ("As an AI, I do not watch films and so have no opinion about them.", "refusal"),
    ("As a large language model I have never been to a cinema, sadly.", "refusal"),
    (f"<think>Okay, the user wants a paragraph. {GOOD}", "thoughts cut off"),
    (f"{GOOD}\n<thinking>\nWas that enough?", "thoughts cut off"),
    ("Likes comedies.", "too short"),
    ("a dark and stormy night " * 12, "repetition"),
    (f"{GOOD} " + "and so on and on and on " * 15, "repetition"),
    (ASKED.messages[0]["content"], "prompt echoed"),
]


@pytest.mark.parametrize(("text", "reason"), REJECTED)
def test_what_is_no_answer(text: str, reason: str) -> None:
    found = rejection(text, ASKED, GATE)
    assert found is not None and found.reason == reason
    assert found.sentence.startswith(f"Rejected ({reason}): ")


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "As an airline disaster film it is tense, wry and quick, and spares nobody on board.",
        "As an AI thriller it asks what a machine may want, and lets nobody answer that.",
        "Sorry, Wrong Number is a taut noir in which a woman overhears her own murder.",
        "Sorry We Missed You is a bleak drama about a family that cannot make ends meet.",
        "I Can't Sleep is a French drama that follows lives around a killer in Paris.",
        "I Can't Give You Anything but Love is a musical with a warm and silly heart.",
        "I can't sleep is what its heroine tells all whom she meets at night in Paris.",
        "Unfortunately, in a small town nobody keeps a secret: a gentle comedy of errors.",
        "Apologetic heroes, sorry endings: I cannot stop films, in short, of quiet English regret.",
        "Отдаёт предпочтение медленным историям о людях, оказавшихся далеко от дома и семьи.",
        "偏爱节奏缓慢、关于远离家乡的人们的故事，尤其是极地探险及其后果的影片。",
        f"{ASKED.messages[0]['content'][:60]}: {GOOD}",
    ],
)
def test_what_is_one(text: str) -> None:
    assert rejection(text, ASKED, GATE) is None


def test_a_language_is_asked_for_by_its_script() -> None:
    russian = "Любит медленные истории о людях, оказавшихся далеко от дома и своей семьи."
    latin = GateConfig(language="latin")
    assert rejection(russian, ASKED, GateConfig(language="cyrillic")) is None
    assert rejection(GOOD, ASKED, latin) is None
    found = rejection(russian, ASKED, latin)
    assert found is not None and found.reason == "language" and "0%" in found.seen


@given(st.text())
def test_it_judges_anything(text: str) -> None:
    found = rejection(text, ASKED, GateConfig(language="greek"))
    greek = any("GREEK" in unicodedata.name(letter, "") for letter in text)
    assert found.sentence if found is not None else greek, "what passes has Greek letters"


def test_thoughts_are_no_part_of_an_answer() -> None:
    assert without_thoughts(f"<think>\nHmm.\n</think>\n\n{GOOD}") == GOOD
    assert without_thoughts(f"Okay, so.\n</think>\n\n{GOOD}") == GOOD
    assert without_thoughts(f"<think>a</think>b<Think>c</Think>{GOOD}") == GOOD
    assert without_thoughts(GOOD) == GOOD
    assert without_thoughts("<think>Hmm.") == "<think>Hmm."


THOUGHT = {
    "think": "<think>I must describe it.</think>{}",
    "thinking": "<thinking effort='high'>Hm.\n</thinking>\n{}",
    "thought": "<thought>Hm.</thought>{}",
    "reasoning": "<reasoning>\nHm.\n</reasoning>\n\n{}",
    "seed": "<seed:think>Hm.</seed:think>{}",
    "corners": "◁think▷Hm.◁/think▷{}",
    "brackets": "[THINK]I have to describe it.[/THINK]{}",
    "end of brackets alone": "I have to describe it.[/THINK]{}",
    "capitals": "<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>{}<|END_RESPONSE|>",
    "sections": "<|begin_of_thought|>Hm.<|end_of_thought|>\n<|begin_of_solution|>{}"
    "<|end_of_solution|>",
    "in words": "Here is my thought process: Hm.\nHere is my response: {}",
    "an answer in tags": "<think>Hm.</think>\n<answer>\n{}\n</answer>",
    "channels": "<|channel|>analysis<|message|>Short.<|end|><|start|>assistant"
    "<|channel|>final<|message|>{}",
    "channels to their end": "<|channel|>analysis<|message|>Short.<|end|><|start|>assistant"
    "<|channel|>final <|constrain|>text<|message|>{}<|return|>",
    "final channel alone": "<|channel|>final<|message|>{}",
    "three channels": "<|channel|>analysis<|message|>A.<|end|><|channel|>commentary<|message|>B."
    "<|end|><|start|>assistant<|channel|>final<|message|>{}",
    "bare channels": "analysisWe need a description. Keep it short.assistantfinal{}",
    "bare commentary": "analysisWe need one.assistantcommentaryI begin.assistantfinal{}",
    "bare final": "assistantfinal{}",
    "one channel": "<|channel>thought\nHm.<channel|>{}",
    "behind the answer": "{}\n<think>Was that enough?</think>",
    "one in another": "<think>a <think>b</think> c</think>{}",
}
"""How models mark what they think before they answer."""


@pytest.mark.parametrize("how", THOUGHT)
def test_thoughts_are_told_from_answers_by_their_marks(how: str) -> None:
    said = THOUGHT[how].format(GOOD)
    assert without_thoughts(said) == GOOD
    taken = judge_reply(Reply(ASKED, said), GATE)
    assert (taken.text, taken.error) == (GOOD, None)


@pytest.mark.parametrize("finish", ["stop", "length"])
@pytest.mark.parametrize(
    "opening",
    [
        *("<think>", "<reasoning>", "<thought>", "<seed:think>", "◁think▷", "[THINK]"),
        *("<|START_THINKING|>", "<|begin_of_thought|>", "<|channel>thought\n"),
        *("Here is my thought process: ", "<|channel|>analysis<|message|>", "analysis"),
        "<|channel|>analysis<|message|>Short.<|end|><|start|>assistant<|channel|>commentary",
    ],
)
def test_a_thought_without_an_end_is_no_answer(opening: str, finish: str) -> None:
    """Whatever reason the model gives for its end, and whatever the gate allows."""
    came = Reply(ASKED, f"{opening}{GOOD}", finish_reason=finish)
    verdict = judge_reply(came, GateConfig(cut_off=True))
    assert verdict.text is None and "no answer was reached" in str(verdict.error)


@pytest.mark.parametrize(
    "text",
    [
        "analysis of grief in a fishing village, told by the assistant finally left in charge.",
        "Analysis, commentary and thought: an essay film on how reasoning fails a family.",
        "final curtain for a troupe of clowns who think that thinking is for other people.",
        "The assistant finally speaks: a comedy of a channel, a start, a message and an end.",
        "commentary by the director is on the disc; the film is about a boat and a storm.",
        "thought-provoking and slow, it asks what a machine may want and never answers that.",
        "In <i>reasoning</i> with her son, a mother finds words [THINKING ALOUD] for her loss.",
        "It says: here is my response to those who answer thoughts with a <b>final</b> no.",
    ],
)
def test_a_word_is_no_mark(text: str) -> None:
    assert without_thoughts(text) == text
    assert rejection(text, ASKED, GATE) is None


CUT = f"{GOOD} It goes on to tell of the boat, which they lose in a storm and slowly rebu"


def test_an_answer_that_was_cut_off_is_taken_only_where_the_gate_says_so() -> None:
    for finish in ("length", "max_tokens", "MAX_TOKENS"):
        came = Reply(ASKED, CUT, finish_reason=finish)
        verdict = judge_reply(came, GATE)
        assert verdict.text is None and verdict.finish_reason == "rejected"
        assert str(verdict.error).startswith("Rejected (cut off): at max_tokens it stood at “…")
        assert "slowly rebu”; raise llm.item.sampling.max_tokens" in str(verdict.error)
        allowed = judge_reply(came, GateConfig(cut_off=True))
        assert (allowed.text, allowed.finish_reason, allowed.error) == (CUT, finish, None)


@pytest.mark.parametrize("finish", ["content_filter", "abort", "error", "CONTENT_FILTER"])
def test_an_answer_that_was_broken_off_is_rejected_with_the_reason(finish: str) -> None:
    verdict = judge_reply(Reply(ASKED, GOOD, finish_reason=finish), GateConfig(cut_off=True))
    assert verdict.text is None and f"Rejected ({finish})" in str(verdict.error)


@pytest.mark.parametrize(
    "thinking",
    [
        "Okay, the user wants a description. Let me think about what the identifier could mean",
        "We need to describe the tastes of this viewer in one paragraph. The list shows that",
        "Alright, so the user gave me a list of films. First, I should look at what they share",
        "Let me look at the list first. There are many films about the sea in it and so the",
        "",
    ],
)
def test_what_was_cut_off_while_it_thought_has_reached_no_answer(thinking: str) -> None:
    verdict = judge_reply(Reply(ASKED, thinking, finish_reason="length"), GateConfig(cut_off=True))
    assert str(verdict.error).startswith("Rejected (thoughts cut off): no answer was reached; rais")


def test_an_answer_in_json_is_whole_where_it_can_be_read() -> None:
    """Guided decoding may go on with blanks until max_tokens."""
    whole = '{"genre": ["noir"], "mood": "calm"}'
    asked = with_schema()
    assert judge_reply(Reply(asked, f"{whole}\n\n  ", finish_reason="length"), GATE).text == whole
    cut = judge_reply(Reply(asked, whole[:-9], finish_reason="length"), GATE)
    assert str(cut.error).startswith("Rejected (cut off)")


class Cut:
    """Every answer is cut off."""

    model, leaking = "cut", False

    def __init__(self, whole: frozenset[str] = frozenset()) -> None:
        self.whole, self.asked = whole, 0

    def content(self, asked: Request) -> Mapping[str, Any]:
        return {"messages": list(asked.messages), "warmer": asked.warmer}

    def generate(self, requests: Iterable[Request]) -> Iterator[Reply]:
        for asked in requests:
            self.asked += 1
            ended = asked.entity in self.whole
            yield Reply(asked, GOOD, finish_reason="stop" if ended else "length")


def test_cut_texts_that_are_taken_are_marked(cache: ResponseCache) -> None:
    asked = [request(name) for name in "abc"]
    kept = describe(asked, Cut(frozenset("a")), cache, gate=GateConfig(cut_off=True))
    assert kept.texts == [GOOD] * 3
    assert kept.report.select("outcome", "rows").rows() == [
        ("answered, cut off", 2),
        ("answered", 1),
    ]
    assert review_texts(kept)["state"].to_list() == ["described", "cut off", "cut off"]
    assert coverage(kept).cut_off == 2
    corrected = kept.with_overrides({"b": "By hand."})
    assert review_texts(corrected)["state"].to_list() == ["described", "by hand", "cut off"]


def test_whether_cut_texts_are_taken_is_decided_when_they_are_read(cache: ResponseCache) -> None:
    """No gate pays again for what another one got."""
    asked = [request(name) for name in "abc"]
    allowing, strict = GateConfig(cut_off=True, retries=0), GateConfig(retries=0)
    first, again = Cut(frozenset("a")), Cut()
    assert describe(asked, first, cache, gate=strict).texts == [GOOD, None, None]
    assert describe(asked, again, cache, gate=allowing).texts == [GOOD] * 3
    strictly = describe(asked, again, cache, gate=strict)
    assert strictly.texts == [GOOD, None, None] and again.asked == 0
    assert strictly.report["outcome"].to_list() == ["cut off", "answered"]


def test_a_model_that_is_always_cut_off_ends_the_run(cache: ResponseCache) -> None:
    """Each of its answers is paid in full, and all have the same max_tokens."""
    model, asked = Cut(), [request(f"e{k}") for k in range(500)]
    with pytest.raises(BackendError, match=r"20 answers in a row.*raise llm\.item.*is kept"):
        describe(asked, model, cache, gate=GATE)
    assert model.asked == 20
    some = Cut(frozenset(f"e{k}" for k in range(0, 500, 10)))
    known = describe(asked[:200], some, cache, gate=GateConfig(retries=1))
    assert known.failures.height == 180


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("genre: noir", "no JSON"),
        ("[1, 2]", "no JSON object"),
        ('{"genre": ["noir"]}', "'mood' is a required property"),
        ('{"genre": ["noir", 3], "mood": "calm"}', "genre.1: 3 is not of type 'string'"),
        ('{"genre": [], "mood": "loud"}', "mood: 'loud' is not one of"),
        ('{"genre": [], "mood": "calm", "x": 1}', "'x' was unexpected"),
        ('{"genre": ["noir"], "mood": "calm"', "no JSON"),
        ("[" * 2000 + "]" * 2000, "too many parts inside each other"),
    ],
)
def test_a_schema_is_checked(text: str, seen: str) -> None:
    found = rejection(text, with_schema(), GATE)
    assert found is not None and found.reason == "schema" and seen in found.seen


def test_a_schema_that_leads_into_itself_judges_all_the_same() -> None:
    deeper = {"properties": {"more": {"$ref": "#"}}, "type": "object"}
    asked = Request("item", "e", ASKED.messages, "t@1", {}, deeper)
    assert rejection('{"more": {"more": {}}}', asked, GATE) is None
    found = rejection('{"more": ' * 300 + "{}" + "}" * 300, asked, GATE)
    assert found is not None and found.reason == "schema"


def test_no_schema_makes_an_answer_be_looked_up_elsewhere(tmp_path: Any) -> None:
    there = tmp_path / "schema.json"
    there.write_text('{"type": "string"}')
    for reference in (there.as_uri(), "#/$defs/none"):
        asked = Request("item", "e", ASKED.messages, "t@1", {}, {"$ref": reference})
        found = rejection("{}", asked, GATE)
        assert found is not None and found.reason == "schema"


class Moody:
    """Answers by temperature: refuses until it is warm enough for the entity."""

    model, leaking = "moody", False

    def __init__(self, needs: Mapping[str, float], good: str = GOOD) -> None:
        self.needs, self.good = needs, good
        self.asked: list[tuple[str, float]] = []

    def content(self, asked: Request) -> Mapping[str, Any]:
        return {"messages": list(asked.messages), "warmer": asked.warmer}

    def generate(self, requests: Iterable[Request]) -> Iterator[Reply]:
        for asked in requests:
            self.asked.append((asked.entity, asked.warmer))
            warm = asked.warmer >= self.needs.get(asked.entity, 0.0)
            yield Reply(asked, self.good if warm else "I cannot say.", tokens_out=4)


def test_rejected_answers_are_asked_again_more_warmly(cache: ResponseCache) -> None:
    moody = Moody({"b": 0.2, "c": 0.5, "d": 9.0})
    told: list[int] = []
    asked = [request(name) for name in "abcd"]
    knowledge = describe(
        asked, moody, cache, lambda done, *_: told.append(done), total=4, gate=GATE
    )
    assert moody.asked == [
        *(("a", 0.0), ("b", 0.0), ("c", 0.0), ("d", 0.0)),
        *(("b", 0.3), ("c", 0.3), ("d", 0.3)),
        *(("c", 0.6), ("d", 0.6)),
    ]
    assert told == [1, 2, 3, 4, 4]
    assert knowledge.texts == [GOOD, GOOD, GOOD, None]
    assert knowledge.table["attempts"].to_list() == [1, 2, 3, 3]
    assert knowledge.table["error"].to_list()[:3] == [None] * 3
    assert knowledge.table["error"][3] == "Rejected (refusal): “I cannot say.”"
    assert knowledge.report.select("outcome", "rows").rows() == [("answered", 3), ("refusal", 1)]


def test_answers_that_pass_are_never_asked_again(cache: ResponseCache) -> None:
    describe([request("a"), request("b")], Moody({"b": 0.5}), cache, gate=GATE)
    again = Moody({})
    knowledge = describe([request("a"), request("b")], again, cache, gate=GATE)
    assert again.asked == [] and knowledge.failures.height == 0
    assert cache.answered_keys([request_key(again, request("b"))])


def test_without_a_gate_every_answer_is_taken(cache: ResponseCache) -> None:
    for gate in (None, GateConfig(enabled=False)):
        knowledge = describe([request("z")], Moody({"z": 9.0}), cache, gate=gate)
        assert knowledge.texts == ["I cannot say."]


def test_aspects_become_columns_and_words(cache: ResponseCache, tmp_path: Any) -> None:
    answer = '```json\n{"genre": ["noir", "drama"], "mood": "tense"}\n```'
    knowledge = describe([with_schema("x")], Moody({}, answer), cache, gate=GATE)
    assert knowledge.texts == ["Genre: noir, drama. Mood: tense."]
    assert knowledge.aspects.to_dicts() == [
        {"entity": "x", "genre": ["noir", "drama"], "mood": ["tense"]}
    ]
    knowledge.save(tmp_path)
    assert Knowledge.load(tmp_path).aspects.equals(knowledge.aspects)
    plain = describe([request("y")], Moody({}), cache, gate=GATE)
    assert plain.aspects.columns == ["entity"]
