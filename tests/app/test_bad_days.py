"""What goes wrong on a person's side gets a sentence, exit code 1 and no traceback."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from app_fakes import start


@pytest.fixture
def mine(tiny_experiment: Path, tmp_path: Path) -> Path:
    """A copy of the small experiment that may be spoilt."""
    shutil.copytree(tiny_experiment.parent, tmp_path / "mine")
    return tmp_path / "mine" / "tiny.toml"


def edit(name: str, change: Callable[[str], str]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / name
        path.write_text(change(path.read_text()))

    return apply


def write(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


FEW = "who,film,when\nu0,f0,1\nu0,f1,2\nu1,f0,1\n"

SPOILT: dict[str, tuple[Callable[[Path], None], list[str], list[str]]] = {
    "a missing file": (lambda folder: (folder / "items.csv").unlink(), [], ["items.csv"]),
    "a missing column": (
        edit("ratings.csv", lambda text: text.replace("who,", "whom,", 1)),
        [],
        ["ratings.csv", "who", "whom"],
    ),
    "an unknown encoding": ([], ["--set", "data.files.encoding=klingon"], ["klingon"]),  # type: ignore[dict-item]
    "another encoding": (
        lambda folder: (
            (folder / "items.csv").write_bytes(
                (folder / "items.csv").read_bytes() + "f99,Café,x\n".encode("latin-1")
            )
            and None
        ),
        [],
        ["items.csv", "34"],
    ),
    "an empty file": (write("ratings.csv", b""), [], ["ratings.csv", "empty"]),
    "duplicate ids": (
        edit("items.csv", lambda text: text + "f0,Again,A second one.\n"),
        [],
        ["items.csv", "f0"],
    ),
    "a rating that is no number": (
        edit(
            "ratings.csv",
            lambda text: (
                text.replace("when\n", "when,stars\n", 1).replace("000\n", "000,4\n")
                + "u0,f9,9,NaN\n"
            ),
        ),
        ["--set", "data.files.weight=stars"],
        ["ratings.csv", "NaN"],
    ),
    "users with too few interactions": (
        edit("ratings.csv", lambda _: FEW),
        [],
        ["data.min_history"],
    ),
    "a history shorter than a split needs": (
        edit("ratings.csv", lambda _: FEW),
        ["--set", "data.min_history=2"],
        ["data.min_history", "3"],
    ),
    "a template with an unknown variable": (
        write(
            "item.md",
            b"---\nside: item\nname: mine\nversion: 1\nnote: x\n---\n# user\n{{ titel }}\n",
        ),
        ["--set", "prompts.item_template=item.md"],
        ["titel"],
    ),
    "a template for the other side": (
        [],  # type: ignore[dict-item]
        ["--set", "prompts.item_template=any-user"],
        ["prompts.item_template"],
    ),
    "an encoder that is nowhere": (
        [],  # type: ignore[dict-item]
        ["--set", "encoder.model=./nowhere"],
        ["nowhere"],
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_bad_input_gets_its_sentence(
    name: str, mine: Path, tmp_path: Path, autograph: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, flags, parts = SPOILT[name]
    monkeypatch.chdir(mine.parent)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    if callable(spoil):
        spoil(mine.parent)
    told = autograph("run", mine, "--workspace", tmp_path / "ws", "--upto", "vectors-item", *flags)
    assert told.exit_code == 1, told.output
    assert "Traceback" not in told.output
    for part in parts:
        assert part in told.stderr, told.stderr


def test_bad_rows_are_skipped_when_told_to(mine: Path, tmp_path: Path, autograph: Any) -> None:
    table = mine.parent / "ratings.csv"
    table.write_text(table.read_text() + "u0,f9,yesterday-ish\n")
    where = ("--workspace", tmp_path / "ws", "--upto", "split")
    assert "ratings.csv" in autograph("run", mine, *where).stderr
    skipped = autograph("run", mine, *where, "--on-bad-row", "skip")
    assert skipped.exit_code == 0, skipped.output
    assert "bad rows 1" in skipped.output


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["run", "nothing"], ["no experiment 'nothing'", "demo"]),
        (["run", "demo", "--upto", "grph"], ["no stage 'grph'", "graph"]),
        (["run", "demo", "--device", "warp"], ["--device warp"]),
        (["run", "ml-1m"], ["--from"]),
        (["run", "ml-1m", "--from", "/nowhere", "--upto", "dataset"], ["/nowhere"]),
        (["compare", "demo"], ["was not run"]),
        (["recommend", "demo", "--user", "u"], ["was not run", "autograph run demo"]),
        (["explain", "demo", "--user", "u", "--item", "i"], ["was not run"]),
        (["insert", "demo", "item"], ["was not run"]),
        (["data", "show", "ml-2m"], ["no data set 'ml-2m'", "ml-1m"]),
        (["data", "stats", "ml-2m"], ["no data set 'ml-2m'"]),
        (["data", "stats", "files"], ["EXPERIMENT.toml"]),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else None,
)
def test_a_wrong_command_gets_its_sentence(
    arguments: list[str],
    parts: list[str],
    tmp_path: Path,
    autograph: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    told = autograph(*arguments)
    assert told.exit_code == 1, told.output
    for part in parts:
        assert part in told.stderr, told.stderr


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["recommend", "tiny", "--user", "nobody"], ["no user 'nobody'", "u0"]),
        (["recommend", "tiny", "--user", "u0", "--backbone", "mind"], ["gru4rec+none"]),
        (["explain", "tiny", "--user", "u0", "--item", "x"], ["no item 'x'"]),
        (["insert", "tiny", "item", "--with", "colour=red"], ["colour", "title"]),
        (["insert", "tiny", "item", "--text", "x", "--liked", "f0"], ["--liked"]),
        (["insert", "tiny", "user", "--liked", "x"], ["no item 'x'"]),
    ],
    ids=lambda value: " ".join(value[:4]) if isinstance(value, list) else None,
)
def test_a_wrong_question_about_a_run_gets_its_sentence(
    arguments: list[str], parts: list[str], finished: Path, autograph: Any
) -> None:
    told = autograph(*arguments, "--workspace", finished)
    assert told.exit_code == 1, told.output
    for part in parts:
        assert part in told.stderr, told.stderr


def test_a_full_disk_gets_its_sentence_and_loses_nothing(
    mine: Path, tmp_path: Path, autograph: Any
) -> None:
    """A limit on the size of files stands for the end of the disk."""
    command = ("run", mine, "--workspace", tmp_path / "ws", "--upto", "split")

    def quota() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    full = start(*command, preexec_fn=quota)
    _, errors = full.communicate(timeout=60)
    assert full.returncode == 1, errors
    assert "Cannot write" in errors
    assert "what is finished is kept" in errors
    assert "Traceback" not in errors
    roomy = autograph(*command)
    assert roomy.exit_code == 0, roomy.output


def test_ctrl_c_says_how_to_go_on(autograph: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("app.cli.run.run_experiment", stop)
    told = autograph("run", "demo")
    assert told.exit_code == 130
    assert "Run the same command to continue." in told.stderr
