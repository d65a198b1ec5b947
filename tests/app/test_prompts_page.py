"""What docs/prompts.md shows works as it stands."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from llm.workshop.prices import Prices
from prompts.settings import PromptConfig
from prompts.template import parse_template
from prompts.variables import check_variables

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "prompts.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", PAGE, re.DOTALL)
LINES = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]


@pytest.mark.parametrize("line", LINES)
def test_commands_and_their_options_exist(line: str, autograph: Any) -> None:
    words = shlex.split(line, comments=True)
    assert words[0] == "autograph"
    told = autograph(*words[1:3], "--help")
    assert told.exit_code == 0, told.output
    for option in (word for word in words if word.startswith("--")):
        assert option in told.output


def test_tables_and_the_template_are_understood() -> None:
    setting, prices = (tomllib.loads(text) for kind, text in BLOCKS if kind == "toml")
    assert PromptConfig.model_validate(setting["prompts"]).item_template == "films"
    assert Prices.model_validate(prices).models["my-model"].prompt == 0.15
    (text,) = (text for kind, text in BLOCKS if not kind)
    template = parse_template(text)
    check_variables(template)
    messages = template.render({"title": "Alien", "attributes": {"genres": ["Horror"]}})
    assert messages[1]["content"].splitlines()[1:3] == ["Title: Alien", "Genres: Horror"]
