"""What the README shows works as it stands."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from app.experiment_file import checked

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
TOML = [text for kind, text in BLOCKS if kind == "toml"]
LINES = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]
COMMANDS = [shlex.split(line, comments=True) for line in LINES if "autograph " in line]


@pytest.mark.parametrize("text", TOML, ids=range(len(TOML)))
def test_experiments_are_understood(text: str) -> None:
    assert checked(tomllib.loads(text), "README.md").grid


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_and_their_options_exist(words: list[str], autograph: Any) -> None:
    arguments = words[1:]
    names = [word for word in arguments if re.fullmatch(r"[a-z]+", word)][:2]
    path = names if names[:1] == ["data"] else names[:1]
    told = autograph(*path, "--help")
    assert told.exit_code == 0, told.output
    for option in (word for word in arguments if word.startswith("--")):
        assert option in told.output


def test_folders_and_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = {w for line in LINES for w in re.findall(r"^make (\w+)", line)} | {"test"}
    assert targets >= {"demo", "test"}
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in targets)
    for name in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / name).exists(), name
