"""The backend `server` against an endpoint that misbehaves on demand."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from llm_fakes import request

from benchmarks.endpoint import Answer, Call, Endpoint
from data.errors import ArtifactError, BackendError
from llm.cache import ResponseCache
from llm.knowledge import describe
from llm.protocol import request_key
from llm.server import ServerBackend
from llm.settings import Sampling, ServerConfig
from prompts.requests import Request

GOOD = Answer()
SCHEMA = {"type": "object", "properties": {"genre": {"type": "string"}}, "required": ["genre"]}
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses a hundredth as long."""
    monkeypatch.setattr("llm.failures.FIRST_PAUSE_S", 0.005)


def backend(endpoint: Endpoint, **about: object) -> ServerBackend:
    given = {"backend": "server", "model": "fake", "url": endpoint.url, **about}
    return ServerBackend(ServerConfig.model_validate(given))


def some(n: int) -> list[Request]:
    return [request(f"e{k}") for k in range(n)]


def first_times(bad: Answer, times: int = 1) -> Callable[[Call], Answer]:
    """`bad` for the first calls about each entity, then a good answer."""
    met: dict[str, int] = {}

    def behave(call: Call) -> Answer:
        asked = call.body["messages"][0]["content"]
        met[asked] = met.get(asked, 0) + 1
        return bad if met[asked] <= times else GOOD

    return behave


def test_what_is_sent_and_what_comes_back() -> None:
    with Endpoint() as endpoint:
        sampling = Sampling(temperature=0.5, top_p=0.9, max_tokens=77, seed=3)
        (reply,) = backend(endpoint, sampling=sampling).generate([request("e", "who is it")])
    (call,) = endpoint.calls
    assert call.path == "/v1/chat/completions"
    assert call.body == {
        "model": "fake",
        "messages": [{"role": "user", "content": "who is it"}],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 77,
        "seed": 3,
    }
    assert call.headers["content-type"] == "application/json"
    assert not [name for name in call.headers if name.startswith("x-stainless")]
    assert reply.text == GOOD.text and reply.error is None and reply.attempts == 1
    assert (reply.tokens_in, reply.tokens_out) == (3, len(GOOD.text.split()))
    assert reply.finish_reason == "stop" and 0 < reply.latency_s < 10


def test_replies_come_as_they_are_ready_and_requests_are_drawn_as_they_are_needed() -> None:
    drawn: list[int] = []

    def drawing():
        for k in range(400):
            drawn.append(k)
            yield request(f"e{k}")

    slow_first = lambda call: Answer(delay_s=0.3 if call.number == 0 else 0.001)  # noqa: E731
    with Endpoint(slow_first) as endpoint:
        replies = backend(endpoint, concurrency=8).generate(drawing())
        first = next(replies)
        assert first.request.entity != "e0"
        assert len(drawn) < 400
        assert {first.request.entity, *(r.request.entity for r in replies)} == {
            f"e{k}" for k in range(400)
        }
    assert endpoint.most_at_once <= 8


def test_concurrency_grows_with_use() -> None:
    with Endpoint(0.02) as endpoint:
        list(backend(endpoint, concurrency=64).generate(some(600)))
    assert 8 < endpoint.most_at_once <= 64


def test_retry_after_holds_every_caller() -> None:
    busy = Answer("slow down", status=429, headers={"retry-after": "0.4"})
    at: list[tuple[float, int]] = []

    def behave(call: Call) -> Answer:
        at.append((time.monotonic(), call.number))
        return busy if call.number == 0 else GOOD

    with Endpoint(behave) as endpoint:
        list(backend(endpoint, concurrency=1).generate(some(3)))
    assert at[1][0] - at[0][0] >= 0.4


def test_a_request_that_is_refused_is_a_row_and_the_others_go_on(cache: ResponseCache) -> None:
    def behave(call: Call) -> Answer:
        asked = call.body["messages"][0]["content"]
        return Answer("too many tokens", status=400) if "e3?" in asked else GOOD

    with Endpoint(behave) as endpoint:
        knowledge = describe(some(8), backend(endpoint), cache)
    (row,) = knowledge.failures.iter_rows(named=True)
    assert row["entity"] == "e3" and row["attempts"] == 1
    assert "refuses this request (400: too many tokens" in row["error"]


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Answer("bad key", status=401), "refuses the key"),
        (Answer("no model 'fake'", status=404), "knows no such model"),
        (Answer("forbidden", status=403), "refuses the key"),
        (Answer("insufficient_quota", status=429), "no credit left"),
        (Answer("add some", status=402), "no credit left"),
    ],
)
def test_what_no_request_survives_ends_the_run_at_once(answer: Answer, sentence: str) -> None:
    with Endpoint(lambda _call: answer) as endpoint, pytest.raises(BackendError, match=sentence):
        list(backend(endpoint).generate(some(500)))
    assert endpoint.count <= 16


def test_failure_after_failure_ends_the_run_with_the_reason(cache: ResponseCache) -> None:
    fail_late = lambda call: GOOD if call.number < 5 else Answer("oh no", status=500)  # noqa: E731
    with Endpoint(fail_late) as endpoint:
        mine = backend(endpoint, attempts=2, stop_after=6)
        with pytest.raises(BackendError, match=r"6 requests in a row failed.*oh no.*llm check"):
            describe(some(500), mine, cache)
        assert endpoint.count < 100
        keys = [request_key(mine, r) for r in some(500)]
        assert len(cache.answered_keys(keys)) == 5, "what was answered is kept"
        endpoint.behave = lambda _call: GOOD
        knowledge = describe(some(500), mine, cache)
    assert knowledge.failures.height == 0


@pytest.mark.parametrize("status", [400, 413, 422])
def test_an_endpoint_that_refuses_everything_ends_the_run(status: int) -> None:
    with Endpoint(lambda _call: Answer("no", status=status)) as endpoint:
        with pytest.raises(BackendError, match=rf"20 requests in a row.*{status}: no.*stop_after"):
            list(backend(endpoint).generate(some(500)))
        assert endpoint.count <= 20 + 8


def about_every(n: int, bad: Answer) -> Callable[[Call], Answer]:
    """`bad` about the last of every `n` entities, a good answer about the others."""

    def behave(call: Call) -> Answer:
        number = int(call.body["messages"][0]["content"].removeprefix("Who is e").rstrip("?"))
        return bad if number % n == n - 1 else GOOD

    return behave


@pytest.mark.parametrize("status", [400, 403])
def test_an_answer_between_them_forgives_refusals(status: int) -> None:
    """Where the key was taken before, what is forbidden is one request."""
    with Endpoint(about_every(4, Answer("moderated", status=status))) as endpoint:
        replies = list(backend(endpoint, concurrency=1, stop_after=2).generate(some(40)))
    failed = [reply for reply in replies if reply.error is not None]
    assert len(failed) == 10 and endpoint.count == 40
    assert all(f"refuses this request ({status}: moderated" in str(r.error) for r in failed)


def test_a_key_that_is_taken_back_ends_the_run() -> None:
    no = Answer("no", status=403)
    with (
        Endpoint(lambda call: GOOD if call.number < 5 else no) as endpoint,
        pytest.raises(BackendError, match=r"in a row.*403: no"),
    ):
        list(backend(endpoint, stop_after=3).generate(some(500)))


def wordless(finish: str) -> Answer:
    choice = {"message": {"content": None}, "finish_reason": finish}
    usage = {"prompt_tokens": 7, "completion_tokens": 512}
    return Answer(raw=json.dumps({"choices": [choice], "usage": usage}).encode())


@pytest.mark.parametrize(
    ("finish", "sentence"),
    [
        ("length", r"all of its max_tokens \(512\) .*raise llm\.item\.sampling\.max_tokens"),
        ("content_filter", "filter kept the answer back"),
    ],
)
def test_an_answer_without_words_is_paid_once_and_accounted(
    finish: str, sentence: str, cache: ResponseCache
) -> None:
    with Endpoint(about_every(4, wordless(finish))) as endpoint:
        known = describe(some(12), backend(endpoint, concurrency=1, stop_after=2), cache)
        assert endpoint.count == 12
    assert known.failures["entity"].to_list() == ["e3", "e7", "e11"]
    assert known.failures.select("tokens_in", "tokens_out", "attempts").rows() == [(7, 512, 1)] * 3
    assert all(re.search(sentence, error) for error in known.failures["error"])


FILM = "A quiet drama about fishermen who lose their boat and rebuild their trust."
THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}


@pytest.mark.parametrize(
    "message",
    [
        {"content": [THOUGHT, {"type": "text", "text": FILM}]},
        {"content": [{"type": "text", "text": FILM[:9]}, {"type": "text", "text": FILM[9:]}]},
        {"content": [{"type": "reasoning", "text": "hm"}, {"type": "output_text", "text": FILM}]},
        {"content": FILM, "reasoning_content": "hm", "reasoning": "hm"},
    ],
)
def test_thoughts_that_stand_apart_are_no_part_of_an_answer(message: dict[str, object]) -> None:
    raw = json.dumps({"choices": [{"message": message, "finish_reason": "STOP"}]}).encode()
    with Endpoint(lambda _call: Answer(raw=raw)) as endpoint:
        (reply,) = backend(endpoint).generate(some(1))
    assert (reply.text, reply.finish_reason, reply.error) == (FILM, "stop", None)


@pytest.mark.parametrize("content", [None, "", [THOUGHT], []])
def test_thoughts_alone_are_no_answer(content: object) -> None:
    message = {"content": content, "reasoning_content": "hm"}
    raw = json.dumps({"choices": [{"message": message, "finish_reason": "length"}]}).encode()
    with Endpoint(lambda _call: Answer(raw=raw)) as endpoint:
        (reply,) = backend(endpoint).generate(some(1))
        assert endpoint.count == 1
    assert reply.text is None and "without an answer; raise llm.item" in str(reply.error)


def test_a_model_that_never_comes_to_its_answers_ends_the_run() -> None:
    with Endpoint(lambda _call: wordless("length")) as endpoint:
        with pytest.raises(BackendError, match=r"3 requests in a row.*max_tokens") as stopped:
            list(backend(endpoint, stop_after=3).generate(some(500)))
        assert endpoint.count <= 3 + 8 and "the key" not in str(stopped.value)
    with Endpoint(lambda _call: wordless("content_filter")) as endpoint:
        replies = list(backend(endpoint, stop_after=3).generate(some(20)))
    assert len(replies) == endpoint.count == 20


def test_a_lost_connection_is_told_from_an_answer_that_came_too_late() -> None:
    def said(answer: Answer) -> str:
        with Endpoint(lambda _call: answer) as endpoint:
            mine = backend(endpoint, attempts=1, timeout_s=0.2)
            (reply,) = mine.generate(some(1))
        return str(reply.error)

    assert said(Answer(cut=True)).startswith("The connection failed")
    assert said(Answer(delay_s=float("inf"))) == "No answer came in time."


def test_nobody_there_gets_a_sentence() -> None:
    config = ServerConfig(
        backend="server", model="fake", url="http://127.0.0.1:9/v1", attempts=1, stop_after=2
    )
    with pytest.raises(
        BackendError, match=r"The connection failed.*Check http://127\.0\.0\.1:9/v1"
    ):
        list(ServerBackend(config).generate(some(9)))


def test_a_schema_guides_where_the_endpoint_can() -> None:
    asked = Request("item", "e", ({"role": "user", "content": "x"},), "t@1", {}, SCHEMA)
    with Endpoint() as endpoint:
        list(backend(endpoint).generate([asked]))
    sent = endpoint.calls[0].body["response_format"]
    assert sent["type"] == "json_schema" and sent["json_schema"]["schema"] == SCHEMA

    def behave(call: Call) -> Answer:
        refused = Answer("unknown field response_format", status=400)
        return refused if "response_format" in call.body else GOOD

    with Endpoint(behave) as endpoint:
        replies = list(backend(endpoint, concurrency=1).generate([asked, asked, asked]))
    assert all(reply.error is None for reply in replies)
    assert endpoint.count == 4, "it is asked once whether it can"


def test_the_answer_depends_on_what_is_sent_and_not_on_the_address() -> None:
    def key(asked: Request, **about: object) -> str:
        given = {"backend": "server", "model": "fake", **about}
        return request_key(ServerBackend(ServerConfig.model_validate(given)), asked)

    one = request("e")
    same = [key(one), key(one, url="http://elsewhere/v1"), key(one, concurrency=3)]
    warmer = Request(one.side, one.entity, one.messages, one.template, one.facts, warmer=0.3)
    other = [
        key(request("f")),
        key(one, model="other"),
        key(one, sampling={"temperature": 1}),
        key(one, sampling={"max_tokens": 9}),
        key(warmer),
        key(Request(one.side, one.entity, one.messages, one.template, one.facts, SCHEMA)),
    ]
    assert len(set(same)) == 1 and len({*same, *other}) == 7


def test_the_key_comes_from_the_environment_and_goes_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: ResponseCache
) -> None:
    secret = "sesame-open-0815"
    monkeypatch.setenv("MY_KEY", secret)

    def behave(call: Call) -> Answer:
        said = f"you sent {call.headers['authorization']} with {call.body['messages']}"
        return Answer(said, status=400 if call.number % 2 else 200)

    with Endpoint(behave) as endpoint:
        mine = backend(endpoint, key_variable="MY_KEY", concurrency=2)
        knowledge = describe(some(6), mine, cache)
    assert endpoint.calls[0].headers["authorization"] == f"Bearer {secret}"
    knowledge.save(tmp_path / "knowledge")
    assert secret not in repr(mine.config) + mine.config.model_dump_json()
    failures = "".join(knowledge.failures["error"])
    assert "***" in failures and secret not in failures


def test_an_early_end_stops_the_calls() -> None:
    with Endpoint(0.01) as endpoint:
        replies = backend(endpoint).generate(some(5_000))
        next(replies)
        replies.close()
        seen = endpoint.count
        time.sleep(0.2)
        assert endpoint.count <= seen + 8 < 5_000
    assert not [thread for thread in threading.enumerate() if thread.name == "endpoint"]


def test_an_error_of_the_requests_is_raised() -> None:
    def broken():
        yield request("e0")
        raise ArtifactError("the disk is full")

    with Endpoint() as endpoint, pytest.raises(ArtifactError, match="disk is full"):
        list(backend(endpoint).generate(broken()))


def test_a_length_needs_a_tokenizer_and_room_for_a_prompt() -> None:
    given = {"backend": "server", "model": "fake"}
    with pytest.raises(ValueError, match="needs the model's tokenizer"):
        ServerConfig.model_validate({**given, "max_length": 4096})
    with pytest.raises(ValueError, match="leave room for a prompt"):
        ServerConfig.model_validate({**given, "max_length": 512, "tokenizer": "x"})
    config = ServerConfig.model_validate({**given, "max_length": 4096, "tokenizer": "x"})
    assert ServerBackend(config).limit == 4096 - 512
    assert ServerBackend(ServerConfig.model_validate(given)).limit is None


def test_tokens_are_those_of_the_chat_template(tiny_model: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.chat_template = "{% for m in messages %}the {{ m.content }} . {% endfor %}"
    folder = tiny_model.parent / "chat"
    tokenizer.save_pretrained(folder)
    config = ServerConfig(backend="server", model="fake", tokenizer=str(folder))
    chat = [{"role": "user", "content": "space house"}] * 2
    words = tokenizer("the space house . the space house . ", add_special_tokens=False)
    assert ServerBackend(config).count_tokens(chat) == len(words["input_ids"]) == 8
    plain = ServerConfig(backend="server", model="fake")
    assert ServerBackend(plain).count_tokens(chat) is None
