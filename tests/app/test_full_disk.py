"""A disk that is full at any write: a sentence says so, nothing is lost, the next run goes on."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking_fakes import Asked, answer_to, texts_of, write_shop
from forked import SENTENCE, Ended, Fault, ForkServer

STAGE, N_ITEMS = "knowledge-item", 100
SIZES = (2_000, 3_000, 4_500, 6_000, 10_000, 20_000, 40_000, 70_000, 100_000)
"""Bytes of the largest file there is room for, one run after the other."""
ROOMS_KB = (24, 60, 100, 140, 200, 260, 400, 8_000)
"""What there is room for on the whole disk."""


class Kept:
    """What was safe after each run so far, which every later one must keep and not ask again."""

    def __init__(self, asked: Asked, workspace: Path) -> None:
        self._asked, self._workspace = asked, workspace
        self._answers: dict[str, str] = {}
        self._finished: dict[Path, bytes] = {}
        self._calls = 0

    def check(self) -> None:
        asked = set(self._asked.keys[self._calls :])
        self._calls = len(self._asked.keys)
        assert not self._answers.keys() & asked, "what was stored is asked again"
        answers = self._asked.stored()
        assert self._answers.items() <= answers.items(), "an answer was lost"
        assert all(path.read_bytes() == held for path, held in self._finished.items())
        self._answers = answers
        for manifest in self._workspace.glob("artifacts/*/*/manifest.json"):
            for path in manifest.parent.glob("*.*"):
                self._finished.setdefault(path, path.read_bytes())


def failed_in_words(ended: Ended) -> None:
    assert ended.code == 1, ended.said
    assert "Traceback" not in ended.said and "run the same command" in ended.said, ended.said


def finished_well(ended: Ended, workspace: Path) -> None:
    assert ended.code == 0, ended.said
    rows = texts_of(workspace, STAGE)
    assert len(rows) == N_ITEMS
    assert all(text == answer_to(key) for key, text in rows)


def test_at_every_change_that_python_makes(forks: ForkServer, tmp_path: Path) -> None:
    """The disk is full from the n-th change of the stage on, for every n."""
    place = rf"/ws/(cache|artifacts/{STAGE})"
    with Asked(write_shop(tmp_path, N_ITEMS), tmp_path / "ws").listening() as asked:
        words, kept = asked.words(STAGE), Kept(asked, tmp_path / "ws")
        full = forks.run(*asked.words("dataset"), fault=Fault("os.rename .*/items.parquet", 1))
        failed_in_words(full)
        assert forks.run(*asked.words("dataset")).code == 0
        changes, nth = set(), 0
        while (ended := forks.run(*words, fault=Fault(place, nth := nth + 1))).faults:
            if ended.code:
                failed_in_words(ended)
                assert SENTENCE in ended.said, ended
            kept.check()
            changes.add(ended.events[-ended.faults].split(" ")[0])
    assert nth > 15 and changes >= {"open", "os.mkdir", "os.rename"}
    finished_well(ended, tmp_path / "ws")


def test_a_record_that_cannot_be_written(forks: ForkServer, tmp_path: Path) -> None:
    with Asked(write_shop(tmp_path, N_ITEMS), tmp_path / "ws").listening() as asked:
        words = [word for word in asked.words("") if word not in ("--upto", "")]
        record = tmp_path / "ws" / "runs" / "tiny.json"
        record.parent.mkdir(parents=True)
        record.write_text("what was there")
        full = forks.run(*words, fault=Fault(r"os.rename .*/runs/", 1))
    failed_in_words(full)
    assert f"Cannot write {record}" in full.said
    assert record.read_text() == "what was there" and len(list(record.parent.iterdir())) == 1


def test_at_any_size_of_a_file(forks: ForkServer, tmp_path: Path) -> None:
    """As Python sees nothing of what SQLite and Parquet write, a limit stands for the disk."""
    with Asked(write_shop(tmp_path, N_ITEMS), tmp_path / "ws").listening() as asked:
        words, kept, said = asked.words(STAGE), Kept(asked, tmp_path / "ws"), ""
        for size in SIZES:
            ended = forks.run(*words, fault=Fault(largest=size))
            failed_in_words(ended)
            said += ended.said
            kept.check()
        ended = forks.run(*words)
        kept.check()
    assert "Cannot write" in said and "replies.sqlite cannot be used" in said
    finished_well(ended, tmp_path / "ws")


def test_whatever_meets_the_end_of_the_disk_first(
    autograph: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that writes by itself, such as one that fetches."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, SENTENCE, "/tmp/of-a-library")

    monkeypatch.setattr("app.cli.run.run_experiment", full)
    told = autograph("run", "demo")
    assert told.exit_code == 1
    assert f"Cannot write /tmp/of-a-library: {SENTENCE}" in told.stderr


@pytest.fixture
def small_disks() -> Iterator[ForkServer]:
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a disk of their own")
    with ForkServer(unshared=True) as server:
        yield server


def test_on_a_disk_that_is_full(small_disks: ForkServer, tmp_path: Path) -> None:
    workspace = tmp_path / "ws"
    workspace.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOMS_KB[0]}k", "tmpfs", str(workspace)]
    assert small_disks.ask({"mount": mount}) == 0
    seen = small_disks.root / workspace.relative_to("/")
    with Asked(write_shop(tmp_path, N_ITEMS), workspace).listening() as asked:
        words = asked.words(STAGE)
        asked.workspace = seen
        kept, full = Kept(asked, seen), 0
        for room in ROOMS_KB:
            grow = ["mount", "-o", f"remount,size={room}k", str(workspace)]
            assert small_disks.ask({"mount": grow}) == 0
            ended = small_disks.run(*words)
            if ended.code:
                failed_in_words(ended)
                full += 1
            kept.check()
    assert full >= 3
    finished_well(ended, seen)
