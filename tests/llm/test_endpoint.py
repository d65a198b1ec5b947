"""An endpoint that does not end, overflows, sends elsewhere, or says no in its own way."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from llm_fakes import request

from benchmarks.endpoint import Answer, Call, Endpoint
from data.errors import BackendError
from llm.endpoint import LARGEST
from llm.inspection import inspect_endpoint
from llm.server import ServerBackend
from llm.settings import EncoderConfig, ServerConfig

LONG = {"content-length": "100000000"}


@cache
def bomb() -> bytes:
    """Some kilobytes that unpack to four times the largest answer."""
    return gzip.compress(bytes(4 * LARGEST), 9)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses a hundredth as long."""
    monkeypatch.setattr("llm.failures.FIRST_PAUSE_S", 0.005)


def server(url: str, **about: Any) -> ServerConfig:
    return ServerConfig.model_validate({"backend": "server", "model": "m", "url": url, **about})


def failure(url: str, **about: Any) -> str:
    """Why the backend gets no answer."""
    (reply,) = ServerBackend(server(url, attempts=1, **about)).generate([request("e")])
    assert reply.text is None
    return str(reply.error)


def inspection(url: str, **about: Any) -> str:
    """Why `llm check` gets no answer."""
    with pytest.raises(BackendError) as refused:
        inspect_endpoint(server(url, **about))
    return str(refused.value)


def encoding(url: str, **about: Any) -> str:
    """Why the encoder gets no vectors."""
    from llm.hidden import ServerEncoder

    encoder = ServerEncoder(EncoderConfig(kind="server", model="m", url=url, **about))
    with pytest.raises(BackendError) as refused:
        encoder.encode([encoder.pieces("x")])
    return str(refused.value)


WAYS = (failure, inspection, encoding)
"""All that calls an endpoint."""


@pytest.mark.parametrize("way", WAYS)
def test_a_call_has_one_deadline_however_the_answer_drips(
    way: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte comes in time, and the last one never."""
    monkeypatch.setattr("llm.hidden.ATTEMPTS", 1)
    drip = Answer(raw=b"{", headers=LONG, drip_s=0.02)
    with Endpoint(lambda _call: drip) as endpoint:
        assert "No answer came in time" in way(endpoint.url, timeout_s=0.3)
        assert endpoint.count == 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status", [200, 500])
def test_an_answer_that_unpacks_to_more_than_any_is_not_read(
    way: Callable[..., str], status: int
) -> None:
    packed = Answer(raw=bomb(), status=status, headers={"content-encoding": "gzip"})
    assert len(bomb()) < LARGEST / 100
    with Endpoint(lambda _call: packed) as endpoint:
        assert re.search(r"sends an answer of more than \d+ MiB", way(endpoint.url))
        assert endpoint.count == 1, "it would be no smaller the next time"


def test_an_answer_that_is_large_as_it_comes_is_not_read_to_its_end() -> None:
    large = Answer(raw=b" " * (LARGEST + 1))
    with Endpoint(lambda _call: large) as endpoint:
        assert "an answer of more than 8 MiB" in failure(endpoint.url)


def test_an_answer_packed_in_another_is_not_opened() -> None:
    twice = Answer(raw=gzip.compress(bomb()), headers={"content-encoding": "gzip, gzip"})
    with Endpoint(lambda _call: twice) as endpoint:
        assert "packed more than once" in failure(endpoint.url)


def test_a_packed_answer_of_usual_size_is_read() -> None:
    body = json.dumps({"choices": [{"message": {"content": "A film."}}]}).encode()
    packed = Answer(raw=gzip.compress(body), headers={"content-encoding": "gzip"})
    with Endpoint(lambda _call: packed) as endpoint:
        (reply,) = ServerBackend(server(endpoint.url)).generate([request("e")])
    assert reply.text == "A film."


@pytest.mark.parametrize("way", [inspection, encoding, None])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nobody_is_sent_on(way: Callable[..., str] | None, status: int) -> None:
    """What is asked holds a company's data and key."""
    with Endpoint() as other:
        there = {"location": f"http://me:secret@127.0.0.1:{other.port}/v1/x?token=secret"}
        with Endpoint(lambda _call: Answer("", status=status, headers=there)) as endpoint:
            if way is None:
                with pytest.raises(BackendError) as stopped:
                    list(ServerBackend(server(endpoint.url)).generate([request("e")]))
                said = str(stopped.value)
            else:
                said = way(endpoint.url)
            assert endpoint.count == 1
        assert other.count == 0
    assert f"on to http://127.0.0.1:{other.port}/v1/x ({status})" in said
    assert "secret" not in said and "set url to it" in said


SAID = {
    "an object": {"error": {"message": "no room", "code": 17}},
    "a text": {"error": "no room"},
    "a text of its own": "no room",
    "a list": [{"error": {"code": 400, "message": "no room"}}],
    "a detail": {"detail": "no room"},
    "details": {"detail": [{"loc": ["body", "messages"], "msg": "no room", "type": "value"}]},
    "an error in an error": {"error": {"error": {"message": "no room"}}},
    "errors": {"errors": [{"title": "no room"}]},
    "a message that is an object": {"error": {"message": {"text": "no room"}}},
}


@pytest.mark.parametrize("form", SAID)
def test_the_endpoints_own_words_are_quoted(form: str) -> None:
    refused = Answer(raw=json.dumps(SAID[form]).encode(), status=400)
    with Endpoint(lambda _call: refused) as endpoint:
        assert failure(endpoint.url).startswith("The endpoint refuses this request (400: no room")
        assert "(400: no room" in inspection(endpoint.url)
        assert "(400: no room" in encoding(endpoint.url)


def test_words_among_marks_are_quoted_without_them() -> None:
    page = b"<html><style>p {color: red}</style><h1>Bad</h1><p>gateway</p></html>"
    with Endpoint(lambda _call: Answer(raw=page, status=502)) as endpoint:
        assert failure(endpoint.url) == "The endpoint answered 502: Bad gateway"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"error": {"message": "too many", "code": 429}, "choices": None}, "answered 429: too man"),
        ({"error": {"message": "too many", "code": "429"}}, "answered 429: too many"),
        ({"error": {"message": "too long", "code": 400}}, "refuses this request (400: too long"),
        ({"error": "out of memory"}, "answered with an error: out of memory"),
        ({"object": "error", "message": "asleep", "code": 503}, "answered 503: asleep"),
        (
            {"choices": [{"error": {"message": "lost", "code": 502}, "message": {"content": "A"}}]},
            "answered 502: lost",
        ),
    ],
)
def test_an_error_with_a_status_of_success_is_what_it_says(
    body: dict[str, Any], sentence: str
) -> None:
    with Endpoint(lambda _call: Answer(raw=json.dumps(body).encode())) as endpoint:
        assert sentence in failure(endpoint.url)
        assert sentence in inspection(endpoint.url)


def test_such_an_error_ends_the_run_where_its_status_would() -> None:
    refused = {"error": {"message": "who are you", "code": 401}}
    with (
        Endpoint(lambda _call: Answer(raw=json.dumps(refused).encode())) as endpoint,
        pytest.raises(BackendError, match="refuses the key"),
    ):
        list(ServerBackend(server(endpoint.url)).generate([request("e")] * 9))


def embeddings(*vectors: Any) -> Answer:
    rows = [{"index": k, "embedding": vector} for k, vector in enumerate(vectors)]
    return Answer(raw=json.dumps({"object": "list", "data": rows}).encode())


@pytest.mark.parametrize(
    ("vector", "why"),
    [
        ([None, None], "holds null in place of a number"),
        ([[0.1, 0.2], [0.3, 0.4]], "does not pool"),
        ([], "empty or missing"),
        (None, "empty or missing"),
        ({"values": [1]}, "empty or missing"),
        (["0.5"], 'holds "0.5" in place of a number'),
        ("no base64!", "no base64"),
        ([10**400], "beyond all bounds"),
    ],
)
def test_what_is_no_vector_gets_a_sentence(vector: Any, why: str) -> None:
    with Endpoint(lambda _call: embeddings(vector)) as endpoint:
        said = encoding(endpoint.url)
    assert why in said and endpoint.url in said and "next run" in said


def test_vectors_of_unlike_lengths_get_a_sentence() -> None:
    from llm.hidden import ServerEncoder

    with Endpoint(lambda _call: embeddings([0.1, 0.2, 0.3], [0.1, 0.2])) as endpoint:
        encoder = ServerEncoder(EncoderConfig(kind="server", model="m", url=endpoint.url))
        with pytest.raises(BackendError, match="2 or 3 numbers"):
            encoder.encode([encoder.pieces("x"), encoder.pieces("y")])


@pytest.mark.parametrize("places", [[0, 0], [1, 2], [None, None], [True, False], ["0", "1"]])
def test_vectors_of_unknown_texts_are_not_dealt_out(places: list[Any]) -> None:
    from llm.hidden import UnusableVectorsError, vectors_in

    rows = [{"index": place, "embedding": [1.0]} for place in places]
    with pytest.raises(UnusableVectorsError, match="which vector is of which text"):
        vectors_in({"data": rows}, 2)


def test_vectors_come_as_numbers_or_packed() -> None:
    import base64

    from llm.hidden import vectors_in

    packed = base64.b64encode(np.array([0.5, -2.0], dtype="<f4").tobytes()).decode()
    rows = [{"index": 1, "embedding": [1, 2.5]}, {"index": 0, "embedding": packed}]
    first, second = vectors_in({"data": rows}, 2)
    assert first.tolist() == [0.5, -2.0] and second.tolist() == [1.0, 2.5]
    assert first.dtype == second.dtype == np.float32


def test_an_encoder_tries_again_what_passes(tmp_path: Path) -> None:
    from llm.hidden import ServerEncoder

    def behave(call: Call) -> Answer:
        busy = {"error": {"message": "busy", "code": 429}}
        return Answer(raw=json.dumps(busy).encode()) if call.number < 3 else embeddings([1.0, 2.0])

    with Endpoint(behave) as endpoint:
        encoder = ServerEncoder(EncoderConfig(kind="server", model="m", url=endpoint.url))
        assert encoder.encode([encoder.pieces("x")]).tolist() == [[1.0, 2.0]]
        assert endpoint.count == 4


def test_an_encoder_works_where_a_loop_runs_already() -> None:
    import asyncio

    async def inside(url: str) -> str:
        return encoding(url)

    with Endpoint(lambda _call: Answer("no", status=400)) as endpoint:
        assert "(400: no" in asyncio.run(inside(endpoint.url))
