"""Commands that need no run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from app_fakes import REPOSITORY, environment

from app.cli.doctor import Finding, examine

COMMANDS = (
    "run",
    "compare",
    "recommend",
    "explain",
    "insert",
    "report",
    "doctor",
    "data",
    "prompts",
    "knowledge",
)
OF_PROMPTS = ("list", "show", "new", "edit", "diff", "render", "try", "estimate")
OF_DATA = ("list", "show", "stats", "download")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        *((name,) for name in COMMANDS),
        *(("data", name) for name in OF_DATA),
        *(("prompts", name) for name in OF_PROMPTS),
        ("knowledge", "update"),
    ],
    ids=" ".join,
)
def test_every_command_has_help(arguments: tuple[str, ...], autograph: Any) -> None:
    told = autograph(*arguments, "--help")
    assert told.exit_code == 0
    assert "Usage" in told.output


def test_help_names_every_command(autograph: Any) -> None:
    told = autograph("--help").output
    assert all(name in told for name in COMMANDS)


def test_help_lists_every_stage(autograph: Any) -> None:
    from app.pipeline.stages.order import STAGES

    told = autograph("run", "--help").output
    named = {stage.removesuffix("-item").removesuffix("-user") for stage in STAGES}
    assert {stage for stage in named if stage not in told} == set()


def test_the_catalogue_and_a_card(autograph: Any) -> None:
    from data.catalogue import CATALOGUE

    told = autograph("data", "list").output
    assert all(name in told for name in CATALOGUE)
    card = autograph("data", "show", "ml-1m").output
    assert "GroupLens" in card
    assert "ratings.dat" in card


def test_the_statistics_of_the_demo(autograph: Any, tmp_path: Path) -> None:
    told = autograph("data", "stats", "demo", "--workspace", tmp_path)
    assert told.exit_code == 0, told.output
    assert "users" in told.output
    assert "density" in told.output


def test_doctor_finds_this_installation_well(tmp_path: Path) -> None:
    findings = {found.what: found for found in examine(tmp_path / "not" / "there")}
    assert not [f for f in findings.values() if f.cure and f.needed]
    assert {"Python", "torch", "polars", "SQLite", "offline encoder"} <= set(findings)


def test_doctor_says_what_is_missing_and_how_to_get_it(
    autograph: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lacking = Finding("torch", "not installed", 'pip install "torch>=2.13,<3"')
    monkeypatch.setattr("app.cli.doctor.examine", lambda _workspace: iter([lacking]))
    told = autograph("doctor")
    assert told.exit_code == 1
    assert 'pip install "torch>=2.13,<3"' in told.output


def test_a_terminal_without_some_letters_shows_question_marks(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from app.cli.main import main; main()",
            "run",
            "demo",
            "--upto",
            "split",
        ],
        cwd=REPOSITORY,
        env=environment(PYTHONIOENCODING="cp1252", AUTOGRAPH_WORKSPACE=str(tmp_path)),
        capture_output=True,
        check=False,
    )
    told = done.stdout.decode("cp1252")
    assert done.returncode == 0, done.stderr
    assert "? splitting" in told, "the sign for what is finished is not of that encoding"
