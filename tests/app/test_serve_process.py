"""`autograph serve` as a process: it says where it listens, ends well, and comes back."""

from __future__ import annotations

import gc
import json
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from app_fakes import REPOSITORY
from serve_fakes import run, write_export

from app.serve.run import YOUNG, Place
from app.serve.run import run as serve

COMMAND = (sys.executable, "-c", "from app.cli.main import main; main()", "serve")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "export"
    write_export(folder)
    return folder


@contextmanager
def server(folder: Path, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A running server, and what it printed as it began."""
    words = [*COMMAND, str(folder), "--port", str(port)]
    with subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, [process.stdout.readline() for _ in range(5)]
        finally:
            process.kill()


def port_of(lines: list[str]) -> int:
    found = re.search(r"http://127\.0\.0\.1:(\d+)", lines[0])
    assert found, lines
    return int(found[1])


def recommended(port: int) -> dict[str, Any]:
    answer = httpx2.post(f"http://127.0.0.1:{port}/recommend", json={"user": "u1", "k": 2})
    assert answer.status_code == 200
    return dict(answer.json())


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def test_it_ends_what_is_in_flight_and_takes_nothing_more(folder):
    with server(folder) as (process, lines):
        port, body = port_of(lines), b'{"user": "u1", "k": 2}'
        words = shlex.split(lines[1])
        assert words[0] == "curl" and words[1].startswith(f"http://127.0.0.1:{port}/")
        asked = httpx2.post(words[1], content=words[words.index("-d") + 1])
        assert asked.status_code == 200 and len(asked.json()["items"]) == 5
        with socket.create_connection(("127.0.0.1", port)) as one:
            head = ("POST /recommend HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}")
            one.sendall("\r\n".join([*head, "", ""]).encode() + body[:5])
            httpx2.get(f"http://127.0.0.1:{port}/health")  # so the first one has begun
            process.send_signal(signal.SIGTERM)
            while listens(port):
                pass
            one.sendall(body[5:])
            answer = one.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 200")
        assert len(json.loads(answer.partition(b"\r\n\r\n")[2])["items"]) == 2
        assert process.wait(30) == 0


def test_killed_it_comes_back_with_the_same_answers(folder):
    with server(folder) as (process, lines):
        port = port_of(lines)
        before = recommended(port)
        process.kill()
        process.wait(30)
    with server(folder, port) as (_, lines):
        assert port_of(lines) == port and recommended(port) == before


def test_an_assistant_is_answered_over_stdin_and_stdout(folder):

    from mcp import Client, StdioServerParameters

    async def ask() -> Any:
        words = StdioServerParameters(
            command=COMMAND[0],
            args=[*COMMAND[1:], str(folder), "--mcp"],
            cwd=str(REPOSITORY),
        )
        async with Client(words) as client:
            return await client.call_tool("recommend", {"user": "u1", "k": 1})

    assert run(ask()).structured_content["items"][0]["id"] == "i2"


def test_what_cannot_begin_says_why(folder, autograph, monkeypatch, tmp_path):
    monkeypatch.delenv("AUTOGRAPH_TOKEN", raising=False)
    told = autograph("serve", str(folder), "--host", "0.0.0.0")
    assert told.exit_code == 1 and "--token-file" in told.output
    told = autograph("serve", str(tmp_path / "nothing"))
    assert told.exit_code == 1 and "There is no export in" in told.output
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = autograph("serve", str(folder), "--port", port)
    assert told.exit_code == 1 and f"127.0.0.1:{port}" in told.output and "in use" in told.output
    (tmp_path / "token").write_text("short")
    told = autograph("serve", str(folder), "--token-file", str(tmp_path / "token"))
    assert told.exit_code == 1 and "holds no token" in told.output
    told = autograph("serve", str(folder), "--token-file", str(tmp_path / "none"))
    assert told.exit_code == 1 and "cannot be read" in told.output


def test_garbage_is_not_looked_for_in_what_is_kept(monkeypatch):
    seen, before, leave = [], gc.get_threshold(), signal.getsignal(signal.SIGTERM)

    def answer(*of: Any, **more: Any) -> None:
        seen.append((gc.get_freeze_count(), gc.get_threshold()[0]))

    monkeypatch.setattr("uvicorn.Server.run", answer)
    place = Place(port=0)
    try:
        with place.listen() as there:
            serve(lambda: None, place, there)
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
        signal.signal(signal.SIGTERM, leave)
    ((kept, young),) = seen
    assert kept > 1000 and young == YOUNG


def test_without_its_libraries_it_says_how_to_get_them(folder, autograph, monkeypatch):
    import app.cli.serve as command

    monkeypatch.setattr(command, "find_spec", lambda name: None)
    told = autograph("serve", str(folder))
    assert told.exit_code == 1 and "pip install 'autograph-rec[serve]'" in told.output
