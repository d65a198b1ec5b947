"""What the README and the docs beside it show works as it stands."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from app.experiment.file import check_experiment

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = [
    ROOT / "docs" / f"{name}.md" for name in ("results", "models", "graph", "context", "serving")
]
TOLD = "\n".join([README, *(path.read_text(encoding="utf-8") for path in DOCS)])
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", TOLD, re.DOTALL)
TOML = [text for kind, text in BLOCKS if kind == "toml"]
LINES = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
COMMANDS = [shlex.split(line, comments=True) for line in LINES if "autograph " in line]


@pytest.mark.parametrize("text", TOML, ids=range(len(TOML)))
def test_experiments_are_understood(text: str) -> None:
    assert check_experiment(tomllib.loads(text), "README.md").grid


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_and_their_options_exist(words: list[str], autograph: Any) -> None:
    arguments = words[1:]
    names = [word for word in arguments if re.fullmatch(r"[a-z]+", word)][:2]
    path = names if names[:1] in (["data"], ["graph"]) else names[:1]
    told = autograph(*path, "--help")
    assert told.exit_code == 0, told.output
    for option in (word for word in arguments if word.startswith("--")):
        assert option in told.output


def test_folders_and_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {w for line in LINES for w in re.findall(r"^make (\w+)", line)} | {"test"}
    assert targets >= {"demo", "test"}
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *DOCS):
        for name in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / name).exists(), f"{page.name} names {name}"


def test_the_readme_is_for_the_first_minutes() -> None:
    assert len(README.splitlines()) <= 180
