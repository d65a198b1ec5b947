"""Every line of docs/graph.md runs, on the tables and settings that it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "graph.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
FIRST = PAGE.split("\n## ")[1]


def test_every_line_runs_in_a_folder_with_two_tables(tmp_path, monkeypatch):
    pytest.importorskip("torch_geometric", reason="the walk shows a sample in PyG")
    pytest.importorskip("ladybug", reason="the walk asks in Cypher")
    monkeypatch.chdir(tmp_path)
    for kind, text in BLOCKS:
        if kind in ("csv", "toml") and text.startswith("# "):
            name, _, rows = text.partition("\n")
            Path(name.removeprefix("# ")).write_text(rows, encoding="utf-8")
    known: dict[str, object] = {"__name__": "walk"}
    for kind, text in BLOCKS:
        if kind == "python":
            exec(compile(text, "docs/graph.md", "exec"), known)
    assert "<svg" in Path("sample.svg").read_text(encoding="utf-8")


def test_the_walk_from_tables_to_an_answer_is_under_twenty_lines():
    code = "".join(re.findall(r"```python\n(.*?)```", FIRST, re.DOTALL))
    lines = [line for line in code.splitlines() if line.strip() and "assert" not in line]
    assert "from_" not in code and len(lines) < 20
