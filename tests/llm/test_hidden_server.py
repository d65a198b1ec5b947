"""A language model as encoder, by a server's embeddings endpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest

from data.errors import BackendError
from llm.encode import open_encoder
from llm.settings import EncoderConfig

TEXTS = ("a", "bb", "ccc", "dddd", "eeeee")


class Endpoint(ThreadingHTTPServer):
    """Gives [length, 1] for a text, the last one first; records what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.asked: list[list[str]] = []
        self.keys: set[str | None] = set()
        self.status = 200
        self.forgets = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Answer(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body["input"])
        self.server.keys.add(self.headers["Authorization"])
        rows = [
            {"object": "embedding", "index": k, "embedding": [float(len(text)), 1.0]}
            for k, text in enumerate(body["input"])
        ][self.server.forgets :]
        answer = {"object": "list", "model": body["model"], "data": rows[::-1]}
        content = json.dumps({**answer, "usage": {"prompt_tokens": 1, "total_tokens": 1}}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint() as opened:
        Thread(target=opened.serve_forever, daemon=True).start()
        yield opened
        opened.shutdown()


@pytest.fixture
def config(endpoint: Endpoint) -> EncoderConfig:
    return EncoderConfig(kind="server", model="m", url=endpoint.url, batch_size=2, key_variable="K")


def vectors(config: EncoderConfig) -> np.ndarray:
    encoder = open_encoder(config)
    return encoder.encode([encoder.pieces(text) for text in TEXTS])


def test_vectors_in_order_of_texts_by_batches(config: EncoderConfig, endpoint: Endpoint) -> None:
    made = vectors(config)
    assert made.dtype == np.float32
    assert made.tolist() == [[len(text), 1] for text in TEXTS]
    assert sorted(endpoint.asked) == [["a", "bb"], ["ccc", "dddd"], ["eeeee"]]


def test_prompt_and_key_are_sent(
    config: EncoderConfig, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K", "secret")
    vectors(config.model_copy(update={"prompt": "Film: "}))
    assert ["Film: a", "Film: bb"] in endpoint.asked
    assert endpoint.keys == {"Bearer secret"}
    assert "secret" not in open_encoder(config).id


def test_long_texts_are_cut_where_a_tokenizer_is_known(
    config: EncoderConfig, endpoint: Endpoint, tiny_qwen: Path
) -> None:
    cut = config.model_copy(update={"tokenizer": str(tiny_qwen), "max_length": 16})
    encoder = open_encoder(cut)
    text = "The old house by the sea. " * 8
    made = encoder.encode([encoder.pieces(text)])
    sent = [piece for batch in endpoint.asked for piece in batch]
    assert len(sent) > 1
    assert sum(map(len, sent)) == len(text)
    weights = [tokens for _, tokens in encoder.pieces(text)]
    lengths = [len(piece) for piece, _ in encoder.pieces(text)]
    np.testing.assert_allclose(made[0], [np.average(lengths, weights=weights), 1], rtol=1e-6)


def test_a_refusal_and_a_short_answer_get_sentences(
    config: EncoderConfig, endpoint: Endpoint
) -> None:
    endpoint.forgets = 1
    with pytest.raises(BackendError, match=r"gave (1 vectors for 2|0 vectors for 1) texts"):
        vectors(config)
    endpoint.status = 404
    with pytest.raises(BackendError, match=rf"{endpoint.url} does not encode.*serves 'm'"):
        vectors(config)
