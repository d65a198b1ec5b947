"""`autograph llm check` against endpoints that can more or less."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.endpoint import Answer, Call, Endpoint

EMBEDDING = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.1]}]}


def able(call: Call) -> Answer:
    if call.path.endswith("/embeddings"):
        return Answer(raw=json.dumps({**EMBEDDING, "model": "fake"}).encode())
    return Answer('{"mood": "calm"}' if "response_format" in call.body else "The Sea [1958]")


def unable(call: Call) -> Answer:
    chat = call.path.endswith("/chat/completions") and "response_format" not in call.body
    return Answer("Jaws") if chat else Answer("no such route", status=404)


def test_it_says_what_an_endpoint_is_and_can(autograph: Any) -> None:
    with Endpoint(able) as endpoint:
        told = autograph("llm", "check", "--url", endpoint.url, "--model", "fake")
    assert told.exit_code == 0, told.output
    for words in ("fake", "The Sea [1958]", "latency", "tokens"):
        assert words in told.output
    assert told.output.count("yes") == 3


def test_it_says_what_it_cannot(autograph: Any) -> None:
    with Endpoint(unable) as endpoint:
        told = autograph("llm", "check", "--url", endpoint.url, "--model", "fake")
    assert told.exit_code == 0 and told.output.count("no: ") == 2
    assert "Jaws" in told.output


def test_an_endpoint_that_ignores_the_schema_does_not_support_it(autograph: Any) -> None:
    with Endpoint(lambda _call: Answer("just words")) as endpoint:
        told = autograph("llm", "check", "--url", endpoint.url, "--model", "fake")
    assert "does not follow it" in " ".join(told.output.split())


def test_the_endpoint_of_an_experiment(autograph: Any, tmp_path: Path) -> None:
    with Endpoint(able) as endpoint:
        config = f'{{backend = "server", model = "fake", url = "{endpoint.url}"}}'
        path = tmp_path / "mine.toml"
        path.write_text(f'[data]\nname = "demo"\n[llm]\nuser = {config}\n')
        assert autograph("llm", "check", str(path)).exit_code == 0
        told = autograph("llm", "check", str(path), "--side", "item")
        assert told.exit_code == 1 and "No item of" in told.stderr


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (Answer("wrong key sk-abcdefgh1234", status=401), "refuses the key"),
        (Answer(raw=b"<html>"), "could not be read"),
    ],
)
def test_no_answer_gets_a_sentence(autograph: Any, answer: Answer, sentence: str) -> None:
    with Endpoint(lambda _call: answer) as endpoint:
        told = autograph("llm", "check", "--url", endpoint.url, "--model", "fake")
    assert told.exit_code == 1 and sentence in told.stderr
    assert "OPENAI_API_KEY" in told.stderr and "abcdefgh1234" not in told.stderr


def test_too_little_said(autograph: Any) -> None:
    told = autograph("llm", "check", "--url", "http://127.0.0.1:9/v1")
    assert told.exit_code == 1 and "--url and --model" in told.stderr
