"""A cache that is damaged: it is moved aside as it is, and answers in finished knowledge stay."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from llm_fakes import QueueBackend, request

from data.errors import ArtifactError
from llm.cache import ResponseCache
from llm.knowledge import Knowledge, describe
from llm.protocol import Reply, request_key
from llm.vectors import VectorCache
from prompts.requests import Request

N, FINISHED = 240, 150
"""Answers in the cache, and those of them that finished knowledge holds, too."""
NAME = "replies.sqlite"
REQUESTS = [request(str(k)) for k in range(N)]
KEYS = [request_key(QueueBackend([]), one) for one in REQUESTS]


def text(k: int) -> str:
    """An answer; some need pages of their own."""
    return f"answer {k} " + f"{k * k}é" * (900 if k % 9 == 4 else 20)


TEXTS = [text(k).strip() for k in range(N)]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a workspace: knowledge of some, and what is left of a file of others."""
    folder = tmp_path_factory.mktemp("artifacts")
    with closing(ResponseCache(folder / NAME)) as cache:
        known = describe(REQUESTS[:FINISHED], QueueBackend(TEXTS[:FINISHED]), cache)
        other = describe(REQUESTS[FINISHED:], QueueBackend(TEXTS[FINISHED:]), cache)
    known.save(folder / "knowledge-item" / "one")
    other.save(folder / "knowledge-user" / "cut")
    cut = folder / "knowledge-user" / "cut" / "knowledge.parquet"
    cut.write_bytes(cut.read_bytes()[:-50])
    return folder


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a cache that was closed."""
    folder = tmp_path_factory.mktemp("closed")
    with closing(ResponseCache(folder / NAME)) as cache:
        describe(REQUESTS, QueueBackend(TEXTS), cache)
    return (folder / NAME).read_bytes()


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a cache whose process was killed: half is in the log, half is not."""
    folder = tmp_path_factory.mktemp("killed")
    cache = ResponseCache(folder / NAME)
    describe(REQUESTS[:120], QueueBackend(TEXTS[:120]), cache)
    cache._store._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    describe(REQUESTS, QueueBackend(TEXTS[120:]), cache)
    return {path.name: path.read_bytes() for path in folder.glob(f"{NAME}*")}


def kept(cache: ResponseCache) -> set[str]:
    """Keys that have their answers, each the right one."""
    found = {row[0]: row[1] for row in cache.rows(KEYS)}
    assert found.items() <= dict(zip(KEYS, TEXTS, strict=True)).items()
    return set(found)


def read_by_sqlite(folder: Path, copy: Path) -> set[str]:
    """Keys that SQLite finds itself: of a log, up to the last commit that is whole."""
    shutil.copytree(folder, copy)
    with closing(sqlite3.connect(copy / NAME)) as database:
        found = {key for (key,) in database.execute("SELECT key FROM replies")}
    shutil.rmtree(copy)
    return found


def test_a_file_cut_off_anywhere_keeps_what_is_finished(
    closed: bytes, artifacts: Path, tmp_path: Path
) -> None:
    sizes = [1, 15, 16, 99, 100, 511, 512, 4095, 4096, 4097, len(closed) - 4096, len(closed) - 1]
    for size in sorted([*sizes, *range(2_000, len(closed), len(closed) // 25)]):
        folder = tmp_path / str(size)
        folder.mkdir()
        (folder / NAME).write_bytes(closed[:size])
        cache = ResponseCache(folder / NAME, artifacts)
        assert kept(cache) == set(KEYS[:FINISHED]), size
        backend = QueueBackend(TEXTS[FINISHED:])
        known = describe(REQUESTS, backend, cache)
        assert backend.asked == [str(k) for k in range(FINISHED, N)], "asked again"
        assert known.texts == TEXTS
        cache.close()
        assert (folder / f"{NAME}.damaged-1").read_bytes() == closed[:size], "it was changed"
        ResponseCache(folder / NAME, artifacts).close()
        assert not (folder / f"{NAME}.damaged-2").exists(), "what was mended is whole"


def test_a_cache_that_was_deleted_begins_with_what_is_finished(
    artifacts: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        with closing(ResponseCache(tmp_path / NAME, artifacts)) as cache:
            assert kept(cache) == set(KEYS[:FINISHED])
    assert not list(tmp_path.glob("*damaged*"))


def test_answers_in_json_failures_and_older_tables_go_into_a_new_cache(
    closed: bytes, artifacts: Path, tmp_path: Path
) -> None:
    """What was said is put back, not its words; a failure is asked again."""
    schema = {"type": "object", "properties": {"mood": {"type": "string"}}}
    asked = [Request("item", e, ({"role": "user", "content": e},), "t@1", {}, schema) for e in "ab"]
    answers = ['{"mood": "tense"}', {"text": None, "error": "It broke."}]
    with closing(ResponseCache(tmp_path / NAME)) as cache:
        known = describe(asked, QueueBackend(answers), cache)
    assert known.texts == ["Mood: tense.", None]
    known.save(tmp_path / "artifacts" / "knowledge-item" / "json")
    older = Knowledge.load(artifacts / "knowledge-item" / "one").table.drop("aspects", "override")
    Knowledge.save(Knowledge(known.table.clear()), tmp_path / "artifacts" / "knowledge-item" / "no")
    older.write_parquet(tmp_path / "artifacts" / "knowledge-item" / "no" / "knowledge.parquet")
    (tmp_path / NAME).unlink()
    with closing(ResponseCache(tmp_path / NAME, tmp_path / "artifacts")) as cache:
        assert kept(cache) == set(KEYS[:FINISHED])
        backend = QueueBackend(['{"mood": "calm"}'])
        assert describe(asked, backend, cache).texts == ["Mood: tense.", "Mood: calm."]
        assert backend.asked == ["b"]


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_files_of_a_killed_process_cut_off_anywhere(
    ending: str, killed: dict[str, bytes], artifacts: Path, tmp_path: Path
) -> None:
    content = killed[f"{NAME}{ending}"]
    steps = range(0, len(content), max(1, len(content) // 20))
    for size in [*steps, len(content)]:
        folder = tmp_path / str(size)
        folder.mkdir()
        for name, whole in killed.items():
            (folder / name).write_bytes(whole[:size] if name == f"{NAME}{ending}" else whole)
        there = read_by_sqlite(folder, tmp_path / "copy") if ending else set(KEYS)
        with closing(ResponseCache(folder / NAME, artifacts)) as cache:
            damaged = (folder / f"{NAME}.damaged-1").exists()
            assert kept(cache) == (set(KEYS[:FINISHED]) if damaged else there), size
            cache.put("new", "m", Reply(request("new"), "It can be written."))
            check = cache._store._database.execute("PRAGMA integrity_check").fetchall()
            assert check == [("ok",)]
        assert not damaged or (ending == "" and size < len(content))
        assert damaged or ending or size > len(content) * 0.9, "its last pages are in the log"
        if damaged:
            assert (folder / f"{NAME}.damaged-1-wal").read_bytes() == killed[f"{NAME}-wal"]
        elif size == len(content):
            assert len(there) == N


def test_a_checkpoint_that_was_killed_loses_nothing(
    killed: dict[str, bytes], tmp_path: Path
) -> None:
    """The first page, which says how many there are, is in the file before the others."""
    whole = tmp_path / "whole" / NAME
    whole.parent.mkdir()
    for name, content in killed.items():
        (whole.parent / name).write_bytes(content)
    with closing(sqlite3.connect(whole)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    done, before = whole.read_bytes(), killed[NAME]
    for size in range(len(before), len(done), len(done) // 10):
        folder = tmp_path / str(size)
        folder.mkdir()
        for name, content in killed.items():
            (folder / name).write_bytes(content)
        (folder / NAME).write_bytes(done[:size])
        with closing(ResponseCache(folder / NAME)) as cache:
            assert len(kept(cache)) == N


def test_what_is_no_database_is_kept_beside_a_new_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    garbage = b"this is not a database at all, it is a text" * 100
    (tmp_path / NAME).write_bytes(garbage)
    with closing(ResponseCache(tmp_path / NAME)) as cache:
        assert describe([request("a")], QueueBackend(["A!"]), cache).texts == ["A!"]
    assert (tmp_path / f"{NAME}.damaged-1").read_bytes() == garbage
    (told,) = caplog.messages
    assert f"{tmp_path / NAME} was damaged" in told
    assert "moved to replies.sqlite.damaged-1" in told


def test_damage_inside_is_mended_when_it_is_met(
    closed: bytes, artifacts: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A page in the middle is wiped: the file looks whole, and a query runs into it."""
    size, mark = 4096, KEYS[100].encode()
    page = next(
        start
        for start in range(size, len(closed), size)
        if closed[start] == 0x0D and mark in closed[start : start + size]
    )
    wiped = closed[:page] + bytes(size) + closed[page + size :]
    (tmp_path / NAME).write_bytes(wiped)
    with closing(ResponseCache(tmp_path / NAME, artifacts)) as cache:
        assert not caplog.messages
        assert kept(cache) == set(KEYS[:FINISHED])
        assert len(caplog.messages) == 1
        backend = QueueBackend(TEXTS[FINISHED:])
        assert describe(REQUESTS, backend, cache).texts == TEXTS
    assert (tmp_path / f"{NAME}.damaged-1").read_bytes() == wiped


def test_a_damaged_vector_cache_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "vectors.sqlite"
    vectors = {str(k): np.full(384, k + 1, dtype=np.float32) for k in range(200)}
    with closing(VectorCache(path)) as cache:
        cache.put(vectors)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with closing(VectorCache(path)) as cache:
        assert cache.get(vectors) == {}
        cache.put(vectors)
        found = cache.get(vectors)
    assert all(np.array_equal(found[key], vectors[key]) for key in vectors)
    assert path.with_name("vectors.sqlite.damaged-1").read_bytes() == content[: len(content) // 2]


def test_nobody_else_may_be_using_it(
    closed: bytes, artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llm.store.PATIENCE_S", 0.0)
    path = tmp_path / NAME
    path.write_bytes(closed)
    other = ResponseCache(path)
    path.write_bytes(closed[: len(closed) // 2])
    with pytest.raises(ArtifactError, match=r"is damaged \(.*another run uses it.*Stop that run"):
        ResponseCache(path)
    assert path.read_bytes() == closed[: len(closed) // 2]
    other.close()
    with closing(ResponseCache(path, artifacts)) as cache:
        assert kept(cache) == set(KEYS[:FINISHED])


def test_damage_that_cannot_be_mended_ends_a_run_with_its_sentence(
    closed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is met in the middle of a run, and another uses the file, too."""
    monkeypatch.setattr("llm.store.PATIENCE_S", 0.0)
    path = tmp_path / NAME
    path.write_bytes(closed)
    with closing(ResponseCache(path)), closing(ResponseCache(path)) as cache:

        class Wipes(QueueBackend):
            def generate(self, requests: Iterable[Request]) -> Iterator[Reply]:
                for reply in super().generate(requests):
                    cache._store._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    path.write_bytes(closed[:4096] + bytes(len(closed) - 4096))
                    yield reply

        with pytest.raises(ArtifactError, match=r"is damaged \(.*another run uses it"):
            describe([request("new")], Wipes(["New."]), cache)
        with pytest.raises(ArtifactError, match="is damaged"):
            cache.answered_keys(KEYS)
    assert not list((tmp_path / ".replies-asking").iterdir())


class Died(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("step", range(1, 5))
def test_who_dies_while_moving_it_aside_is_followed_by_the_next_run(
    step: int,
    killed: dict[str, bytes],
    artifacts: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between any two files that it moves: shared memory, log, database."""
    cut = len(killed[NAME]) // 2
    for name, content in killed.items():
        (tmp_path / name).write_bytes(content[:cut] if name == NAME else content)
    moved, replace = iter(range(1, 100)), Path.replace

    def dies(self: Path, target: Path) -> Path:
        if next(moved) == step:
            raise Died
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", dies)
    try:
        ResponseCache(tmp_path / NAME, artifacts).close()
        assert step > 3
    except Died:
        assert step <= 3
    monkeypatch.undo()
    with closing(ResponseCache(tmp_path / NAME, artifacts)) as cache:
        assert kept(cache) == set(KEYS[:FINISHED])
        assert cache._store._database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    aside = {path.name: path.read_bytes() for path in tmp_path.glob(f"{NAME}.damaged-1*")}
    assert aside[f"{NAME}.damaged-1"] == killed[NAME][:cut]
    assert aside[f"{NAME}.damaged-1-wal"] == killed[f"{NAME}-wal"]


def test_who_dies_while_filling_a_new_cache_is_followed_by_the_next_run(
    artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers that are finished go in all at once, or the file is still a new one."""

    def dies(_artifacts: Path) -> Iterator[object]:
        yield "INSERT INTO replies VALUES ('k', '', '', 0, 0, 0, '', 0, NULL, '')", [()]
        yield "no statement", [()]

    monkeypatch.setattr("llm.cache._import_statements", dies)
    with pytest.raises(ArtifactError, match="run the same command"):
        ResponseCache(tmp_path / NAME, artifacts)
    monkeypatch.undo()
    with closing(ResponseCache(tmp_path / NAME, artifacts)) as cache:
        assert kept(cache) == set(KEYS[:FINISHED]) and not cache.answered_keys(["k"])


def test_full_disk_gets_a_sentence_and_what_was_kept_stays(tmp_path: Path) -> None:
    path = tmp_path / NAME
    cache = ResponseCache(path)
    describe([request("a")], QueueBackend(["A!"]), cache)
    pages = cache._store._database.execute("PRAGMA page_count").fetchone()[0]
    cache._store._database.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(ArtifactError, match=r"full.*room"):
        describe([request("b")], QueueBackend(["B!" * 100_000]), cache)
    cache.close()
    assert describe([request("a")], QueueBackend([]), ResponseCache(path)).texts == ["A!"]
