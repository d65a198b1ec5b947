"""The backend `vllm` on the real engine: whole answers, in time, and reasons for none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("vllm", reason="the real engine has an environment of its own: make test-vllm")

from tiny_qwen import POSITIONS

from llm.backends import open_backend
from llm.cache import ResponseCache
from llm.engine import AHEAD, VllmBackend
from llm.knowledge import describe
from llm.settings import GateConfig, Sampling, VllmConfig
from prompts.requests import Request

TOKENS = 12
ABOUT = ("a space ship", "an old house", "the sea", "quiet films", "Ünïcode — 電影", "x")


def request(entity: str, content: str | None = None, **more: Any) -> Request:
    messages = (
        {"role": "system", "content": "You know films."},
        {"role": "user", "content": content or f"What is it like: {entity}?"},
    )
    return Request("item", entity, messages, "test@1", {"id": entity}, **more)


@pytest.fixture(scope="module")
def config(tiny_qwen: Path) -> VllmConfig:
    sampling = Sampling(max_tokens=TOKENS)
    return VllmConfig(backend="vllm", model=str(tiny_qwen), dtype="float32", sampling=sampling)


@pytest.fixture(scope="module")
def backend(config: VllmConfig) -> VllmBackend:
    opened = open_backend(config)
    assert isinstance(opened, VllmBackend)
    return opened


@pytest.fixture(scope="module")
def greedy(tiny_qwen: Path) -> Mapping[str, str]:
    """What transformers makes of the same chats, taking the likeliest token each time."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_qwen)
    model = AutoModelForCausalLM.from_pretrained(tiny_qwen, dtype=torch.float32)
    answers = {}
    for entity in ABOUT:
        read = tokenizer.apply_chat_template(
            list(request(entity).messages),
            add_generation_prompt=True,
            return_tensors="pt",
            return_dict=True,
        )
        written = model.generate(**read, max_new_tokens=TOKENS, do_sample=False)
        told = written[0, read["input_ids"].shape[1] :]
        answers[entity] = whole(tokenizer.decode(told, skip_special_tokens=True))
    return answers


def whole(text: str) -> str:
    """Without the first bytes of a character at the end, which only transformers decodes."""
    return text.rstrip("\ufffd")


def test_the_likeliest_words_are_those_of_transformers(
    backend: VllmBackend, greedy: Mapping[str, str]
) -> None:
    replies = {r.request.entity: r.text or "" for r in backend.generate(map(request, ABOUT))}
    assert {entity: whole(text) for entity, text in replies.items()} == greedy


def test_a_reply_tells_what_it_took(backend: VllmBackend) -> None:
    (reply,) = backend.generate([request("the sea")])
    assert reply.error is None
    assert reply.tokens_in == backend.count_tokens(request("the sea").messages)
    assert reply.tokens_out == TOKENS
    assert reply.finish_reason == "length"
    assert reply.latency_s > 0
    assert backend.limit == POSITIONS - TOKENS


def test_a_request_that_is_refused_is_a_reply(backend: VllmBackend) -> None:
    asked = [request("a"), request("long", "word " * POSITIONS), request("b")]
    replies = {reply.request.entity: reply for reply in backend.generate(asked)}
    assert replies["long"].text is None
    assert "maximum context length" in (replies["long"].error or "")
    assert replies["long"].finish_reason == "error"
    assert replies["a"].error is None and replies["b"].error is None


def test_a_prompt_at_the_limit_is_answered_in_full(backend: VllmBackend) -> None:
    def length(words: int) -> int:
        return backend.count_tokens(request("a", "x " * words).messages)

    words = next(n for n in range(1, POSITIONS) if length(n + 1) > backend.limit)
    (reply,) = backend.generate([request("a", "x " * words)])
    assert (reply.error, reply.tokens_out) == (None, TOKENS)


def test_requests_are_drawn_as_they_are_needed(backend: VllmBackend) -> None:
    seats = backend._llm.llm_engine.vllm_config.scheduler_config.max_num_seqs
    drawn = 0

    def many() -> Iterator[Request]:
        nonlocal drawn
        for k in range(AHEAD * seats + 200):
            drawn += 1
            yield request(f"film {k}")

    entities = set()
    for answered, reply in enumerate(backend.generate(many()), start=1):
        entities.add(reply.request.entity)
        assert drawn <= AHEAD * seats + answered
    assert len(entities) == drawn == AHEAD * seats + 200


def test_what_is_left_unread_never_turns_up_later(backend: VllmBackend) -> None:
    replies = backend.generate(map(request, ABOUT))
    next(replies)
    replies.close()  # type: ignore[attr-defined]
    assert not backend._llm.llm_engine.has_unfinished_requests()
    assert [reply.request.entity for reply in backend.generate([request("new")])] == ["new"]


def test_an_answer_follows_its_schema(backend: VllmBackend) -> None:
    moods = {"enum": ["dark", "light"]}
    (guided,) = backend.generate([request("the sea", schema=moods)])
    (free,) = backend.generate([request("the sea")])
    assert json.loads(guided.text or "") in moods["enum"]
    assert guided.finish_reason == "stop"
    assert free.text != guided.text


def test_a_schema_that_is_none_is_an_error_of_its_request(backend: VllmBackend) -> None:
    asked = [request("a", schema={"type": "nonsense"}), request("b")]
    replies = {reply.request.entity: reply for reply in backend.generate(asked)}
    assert "nonsense" in (replies["a"].error or "")
    assert replies["b"].error is None


def test_warmth_finds_other_words(backend: VllmBackend) -> None:
    asked = [request("the sea"), request("the sea", warmer=2.0)]
    cool, warm = sorted(backend.generate(asked), key=lambda reply: reply.request.warmer)
    assert cool.text != warm.text


def test_a_second_run_asks_nothing(backend: VllmBackend, tmp_path: Path) -> None:
    cache = ResponseCache(tmp_path / "replies.sqlite")
    asked = list(map(request, ABOUT))
    first = describe(asked, backend, cache)
    again = VllmBackend(backend._config)
    second = describe(asked, again, cache)
    assert first.table.equals(second.table)
    assert "_llm" not in vars(again)
    cache.close()


def test_an_answer_that_is_cut_off_is_no_answer(backend: VllmBackend, tmp_path: Path) -> None:
    cache = ResponseCache(tmp_path / "replies.sqlite")
    gate = GateConfig(retries=0, min_words=1)
    (error,) = describe([request("the sea")], backend, cache, gate=gate).table["error"]
    assert error.startswith("Rejected (cut off)") and "raise llm.item.sampling.max_tokens" in error
    taken = describe(
        [request("the sea")], backend, cache, gate=gate.model_copy(update={"cut_off": True})
    )
    assert taken.texts[0] and taken.table["finish_reason"].to_list() == ["length"]
    cache.close()


def test_special_tokens_are_left_out_where_none_marks_thoughts(
    backend: VllmBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert backend._sampling(request("a")).skip_special_tokens
    monkeypatch.setitem(vars(backend), "_marks", frozenset({"[THINK]"}))
    assert not backend._sampling(request("a")).skip_special_tokens


def test_a_server_of_the_same_model_says_the_same(
    backend: VllmBackend, serve: Callable[..., str]
) -> None:
    from openai import OpenAI

    client = OpenAI(base_url=serve(), api_key="none")
    for entity in ABOUT[:2]:
        (ours,) = backend.generate([request(entity)])
        theirs = client.chat.completions.create(
            model="tiny",
            messages=list(request(entity).messages),  # type: ignore[arg-type]
            temperature=0,
            max_tokens=TOKENS,
        )
        assert theirs.choices[0].message.content == ours.text
        assert theirs.usage is not None
        assert theirs.usage.prompt_tokens == ours.tokens_in


APART = """
import sys
from multiprocessing import active_children
from llm.engine import VllmBackend, close_engines
from llm.settings import GateConfig, Sampling, VllmConfig
from prompts.requests import Request

config = VllmConfig(backend="vllm", model=sys.argv[1], sampling=Sampling(max_tokens=4))
asked = [Request("item", k, ({"role": "user", "content": k},), "test@1", {}) for k in "abc"]
for _ in range(2):
    replies = list(VllmBackend(config).generate(asked))
    assert [reply.error for reply in replies] == [None] * 3
    before = len(active_children())
    close_engines()
    print(before, len(active_children()))
"""


def test_an_engine_in_its_own_process_ends_when_it_is_closed(tiny_qwen: Path) -> None:
    apart = {**os.environ, "VLLM_ENABLE_V1_MULTIPROCESSING": "1"}
    done = subprocess.run(
        [sys.executable, "-c", APART, str(tiny_qwen)],
        cwd=Path(__file__).resolve().parents[2],
        env=apart,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert [line for line in done.stdout.splitlines() if line[0].isdigit()] == ["1 0"] * 2


def test_a_reply_is_the_same_whoever_else_is_asked(backend: VllmBackend) -> None:
    together = {r.request.entity: r.text for r in backend.generate(map(request, ABOUT))}
    for entity in ABOUT:
        (alone,) = backend.generate([request(entity)])
        assert alone.text == together[entity]
