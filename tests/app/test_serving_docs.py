"""The first commands of docs/serving.md lead from a run of the demo to an answer."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
from app_fakes import REPOSITORY, run_here

PAGE = (REPOSITORY / "docs" / "serving.md").read_text(encoding="utf-8")
LINES = [
    line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()
]
DEMO = """
[data]
name = "demo"
[grid]
backbones = ["ease"]
"""


@pytest.fixture(scope="module")
def after_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the demo was run, with one recommender that is fitted at once."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "demo.toml").write_text(DEMO)
    run_here(folder / "demo.toml", folder / "workspace")
    return folder


def test_three_commands_lead_from_the_demo_to_an_answer(after_demo, autograph, monkeypatch):
    export, serve, curl = (shlex.split(line) for line in LINES[:3])
    assert export[0] == serve[0] == ".venv/bin/autograph" and curl[0] == "curl"
    monkeypatch.chdir(after_demo)
    told = autograph(*export[1:])
    assert told.exit_code == 0, told.output
    main = [sys.executable, "-c", "from app.cli.main import main; main()"]
    words = [*main, serve[1], str(after_demo / serve[2]), *serve[3:], "--port", "0"]
    with subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = re.search(r":(\d+):", process.stdout.readline())
            assert port
            answer = json.loads(asked([word.replace("8800", port[1]) for word in curl]))
        finally:
            process.kill()
    body = json.loads(curl[-1])
    assert set(answer) == {"export", "items", "notes"} and len(answer["items"]) == body["k"]
    assert all(item["title"] for item in answer["items"])


def asked(curl: list[str]) -> str:
    """What a command of curl prints; without curl, what it would."""
    if shutil.which("curl"):
        return subprocess.run(curl, capture_output=True, text=True, check=True).stdout
    return httpx2.post(curl[1], content=curl[curl.index("-d") + 1]).text


def test_the_page_is_short_and_names_what_the_server_has():
    assert len(PAGE.splitlines()) <= 130
    from app.serve.api import ENDPOINTS
    from app.serve.wire import STATUS

    assert all(f"{path}`" in PAGE for path in ENDPOINTS)
    for kind, status in STATUS.items():
        assert re.search(rf"\| {status} \|.*`{kind.value}`", PAGE), kind
