"""A dry run of what is no table of recommenders: it shows what is there, and asks nobody."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prompt_fakes import ASKS, Teller

from app.experiment.file import load_experiment, save_experiment

KINDS = {
    "figure3": "code vectors by level",
    "figure6": "what factors mean",
    "table3": "cost of graphs",
}


@pytest.fixture(params=KINDS)
def other(request: pytest.FixtureRequest, tiny_experiment: Path) -> Iterator[Path]:
    """The experiment of a figure or the table of costs, whose stages are those of the tiny one."""
    path = tiny_experiment.with_name(f"{request.param}-dry.toml")
    path.write_text('extends = "tiny"\n')
    yield path
    path.unlink()


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if "cache" not in path.parts)


def test_what_is_there_is_shown_and_nothing_is_written(
    other: Path, finished: Path, tmp_path: Path, autograph: Any
) -> None:
    own = Path(shutil.copytree(finished, tmp_path / "workspace"))
    before = files(own)
    told = autograph("reproduce", other, "--dry-run", "--workspace", own)
    assert told.exit_code == 0, told.output
    assert KINDS[other.stem.split("-")[0]] in told.output
    assert files(own) == before


def test_nobody_is_asked_for_what_is_not_there(
    other: Path, tmp_path: Path, teller: Teller, autograph: Any
) -> None:
    asking = load_experiment(str(other), ASKS)
    path = save_experiment(asking, tmp_path / f"{asking.name}.toml")
    told = autograph("reproduce", path, "--dry-run", "--workspace", tmp_path / "workspace")
    said = " ".join(told.output.split())
    assert told.exit_code == 0, told.output
    assert f"{asking.name} is not there. It would be made by reading data, " in said
    assert "a call each: " in said and "items by fake" in said
    assert teller.asked == [] and not (tmp_path / "workspace" / "runs").exists()
    assert not list(tmp_path.glob("workspace/artifacts/*/*/manifest.json"))


@pytest.mark.parametrize("given", [("--seeds", 1), ("--only", "sasrec+*")])
def test_there_are_no_rows_to_choose_from(
    given: tuple[str, object], other: Path, tmp_path: Path, autograph: Any
) -> None:
    told = autograph("reproduce", other, *given, "--workspace", tmp_path)
    assert told.exit_code == 1 and "choose among recommenders" in told.output
    assert not list(tmp_path.iterdir())
