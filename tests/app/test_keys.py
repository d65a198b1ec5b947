"""A key is nowhere but in the environment: an endpoint that repeats it meets closed doors."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from urllib.parse import quote

import pytest
from asking_fakes import N_USERS, Asked, write_shop
from forked import ForkServer

from benchmarks.endpoint import Answer, Call

KEY = "sesame/0pen+4711=Zq8xWvT2rKd"
QUOTED = quote(KEY, safe="")
PARTS = (KEY, KEY[:12], KEY[-12:], QUOTED, json.dumps(KEY)[1:-1], KEY.upper())
GOOD = "A film about the sea, which is told slowly, quietly and with the greatest care."
SAID = f"you sent the header Authorization: Bearer {KEY} in {QUOTED}"
"""What the endpoint repeats of a call, in words and in an address."""


def completion(text: str, **about: object) -> bytes:
    choice = {"message": {"content": text}, "finish_reason": "stop", **about}
    return json.dumps({"model": SAID, "choices": [choice]}).encode()


def failure(said: str) -> bytes:
    return json.dumps({"error": {"message": said, "type": KEY, "code": KEY}}).encode()


ECHO = {"x-echo": f"Bearer {KEY}", "x-request-id": KEY, "set-cookie": f"key={KEY}"}
ECHOES = (
    Answer(raw=completion(f"{GOOD} {SAID}"), headers=ECHO),
    Answer(raw=completion(GOOD, finish_reason=KEY), headers=ECHO),
    Answer(raw=failure(SAID), status=400, headers=ECHO),
    Answer(raw=failure("x" * 285 + " " + KEY), status=422, headers=ECHO),
    Answer(raw=f"<html>{SAID}</html>".encode(), status=400, headers=ECHO),
    Answer(raw=failure(SAID), status=500, headers=ECHO),
    Answer(raw=f'{{"{SAID}'.encode(), headers=ECHO),
    Answer(raw=json.dumps([SAID]).encode(), headers=ECHO),
    Answer(raw=completion("I'm sorry, " + SAID), headers=ECHO),
    replace(Answer(raw=completion(GOOD)), headers={**ECHO, "retry-after": KEY}, status=429),
)


class Echoing:
    """Repeats the key in every way there is, one call after the other."""

    def __init__(self) -> None:
        self._next = count()
        self.keys: set[str] = set()
        self.last: Answer | None = None

    def __call__(self, call: Call) -> Answer:
        self.keys.add(call.headers.get("authorization", ""))
        if call.path.endswith("/models"):
            return Answer(raw=json.dumps({"data": [{"id": SAID}]}).encode(), headers=ECHO)
        return self.last or ECHOES[next(self._next) % len(ECHOES)]


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    with Asked(write_shop(tmp_path, 5 * N_USERS), tmp_path / "ws").listening() as asked:
        yield asked


def leaks(*texts: str, folder: Path) -> list[str]:
    """Where the key, or a part of it, stands."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    contents = {str(path): path.read_bytes() for path in files}
    contents |= {f"output {n}": text.encode() for n, text in enumerate(texts)}
    wanted = [part.encode() for part in PARTS] + [base64.b64encode(KEY.encode())]
    return [place for place, content in contents.items() if any(w in content for w in wanted)]


def test_an_endpoint_that_repeats_the_key(asked: Asked, forks: ForkServer, tmp_path: Path) -> None:
    """Whole runs, every command that calls the endpoint, and everything that is logged."""
    echoing = Echoing()
    asked.on_message = echoing
    env = {"MY_KEY": KEY, "OPENAI_API_KEY": KEY}
    quick = ("llm.gate.retries=1", "llm.item.attempts=2", "llm.user.attempts=2")
    words = asked.words("knowledge-user", *quick)
    experiment, sets = str(asked.experiment), [w for w in words if w.startswith("--set")]
    where = ["--workspace", str(asked.workspace)]
    commands = [
        words,
        ["knowledge", "update", experiment, *where, *sets],
        ["prompts", "try", experiment, "item", "--entity", "f1", *where, *sets],
        ["prompts", "estimate", experiment, "item", "--measure", "3", *where, *sets],
        ["llm", "check", "--url", asked.url, "--model", "fake", "--key-variable", "MY_KEY"],
    ]
    said = [forks.run(*command, debug=True, **env).said for command in commands]
    assert "HTTP Request: POST" in said[0] and "request_id: ***" in said[0], "nothing was logged"
    for fatal in (401, 403, 404, 429):
        echoing.last = Answer(raw=failure(f"insufficient_quota {SAID}"), status=fatal)
        ended = forks.run(*words, "--set=llm.gate.min_words=9", debug=True, **env)
        assert ended.code == 1 and "***" in ended.said
        said += [ended.said, forks.run(*commands[-1], debug=True, **env).said]
    assert echoing.keys == {f"Bearer {KEY}"}, "the key was not in use"
    assert leaks(*said, folder=tmp_path) == []
    assert "***" in said[0] + "".join(asked.stored().values())


def test_an_encoder_that_repeats_the_key(asked: Asked, forks: ForkServer, tmp_path: Path) -> None:
    echoing = Echoing()
    asked.on_message = echoing
    facts = [f'--set=llm.{side}={{backend="facts"}}' for side in ("item", "user")]
    server = f'encoder={{kind="server",model="m",url="{asked.url}",key_variable="MY_KEY"}}'
    said = []
    for answer in (ECHOES[2], ECHOES[4], ECHOES[6], Answer(raw=failure(SAID), status=401)):
        echoing.last = answer
        words = [*asked.words("vectors-item"), *facts, f"--set={server}"]
        ended = forks.run(*words, debug=True, MY_KEY=KEY)
        assert ended.code == 1 and "does not encode" in ended.said and "Traceback" not in ended.said
        said.append(ended.said)
    assert leaks(*said, folder=tmp_path) == []


def test_a_key_in_the_place_of_its_variable(asked: Asked, forks: ForkServer) -> None:
    """Settings are stored, so they are refused without being shown."""
    words = asked.words("knowledge-item")
    said = [
        forks.run(*words, f"--set=llm.item.key_variable={KEY}"),
        forks.run(*words, f"--set=encoder.key_variable={KEY}"),
        forks.run(*words, f"--set=llm.item.url=http://me:{QUOTED}@127.0.0.1:1/v1"),
        forks.run(*words, f"--set=llm.item.url=http://me:{KEY}@127.0.0.1:1/v1"),
        forks.run(*words, f"--set=encoder.url={KEY}"),
        forks.run(*words, f"--set=llm.item.url=http://127.0.0.1:1/v1?api-key={KEY}"),
        forks.run(*words, f'--set=llm.ray.endpoints=["http://:{KEY}@127.0.0.1:1/v1"]'),
        forks.run(*words, f"--set=llm.item.api_key={KEY}"),
        forks.run("llm", "check", "--url", asked.url, "--model", "m", "--key-variable", KEY),
        forks.run("llm", "check", "--url", f"http://{KEY}@127.0.0.1:1/v1", "--model", "m"),
    ]
    assert [ended.code for ended in said] == [1] * len(said)
    assert not [ended.said for ended in said if "Traceback" in ended.said]
    assert "must stand in no settings" in said[0].said and "must hold no key" in said[2].said
    assert leaks(*(ended.said for ended in said), folder=asked.workspace.parent) == []


@pytest.mark.parametrize("key", ["two words-4711", "a\nb-4711-abc", "naïve-4711-abc"])
def test_a_key_that_cannot_be_sent(
    key: str, asked: Asked, forks: ForkServer, tmp_path: Path
) -> None:
    ended = forks.run(*asked.words("knowledge-item"), debug=True, MY_KEY=key)
    assert ended.code == 1 and "MY_KEY holds spaces" in ended.said
    assert "Traceback" not in ended.said and "4711" not in ended.said
    assert asked.keys == []


def test_without_a_key_no_word_is_hidden(asked: Asked, forks: ForkServer) -> None:
    asked.on_message = lambda _call: Answer(raw=failure("none of these models"), status=404)
    ended = forks.run(*asked.words("knowledge-item"), MY_KEY="")
    assert "none of these models" in ended.said


def test_names_of_variables_are_names() -> None:
    from llm.settings import EncoderConfig, ServerConfig

    for name in ("OPENAI_API_KEY", "K", "MY_KEY_2"):
        assert EncoderConfig(key_variable=name).key_variable == name
    for name in ("sk-abc", "hf_abcDEF123", "", "A B", "9A", "K" * 65):
        with pytest.raises(ValueError, match="environment variable in capitals"):
            ServerConfig(backend="server", model="m", key_variable=name)
