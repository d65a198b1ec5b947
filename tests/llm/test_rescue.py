"""A cache that is damaged: it is moved aside as it is, and all that can be read is saved."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llm_fakes import QueueBackend, request

from data.errors import ArtifactError
from llm.cache import ResponseCache
from llm.knowledge import describe
from llm.protocol import Reply, request_key
from llm.salvage import Pages, rows
from llm.vectors import VectorCache
from prompts.requests import Request

N = 240
NAME = "replies.sqlite"
REQUESTS = [request(str(k)) for k in range(N)]
KEYS = [request_key(QueueBackend([]), one) for one in REQUESTS]


def text(k: int) -> str:
    """An answer; some need pages of their own."""
    return f"answer {k} " + f"{k * k}é" * (900 if k % 9 == 4 else 20)


def written(folder: Path) -> ResponseCache:
    """A cache of N answers, still open."""
    cache = ResponseCache(folder / NAME)
    describe(REQUESTS, QueueBackend([text(k).strip() for k in range(N)]), cache)
    return cache


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a cache that was closed."""
    folder = tmp_path_factory.mktemp("closed")
    written(folder).close()
    return (folder / NAME).read_bytes()


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a cache whose process was killed: half is in the log, half is not."""
    folder = tmp_path_factory.mktemp("killed")
    cache = ResponseCache(folder / NAME)
    texts = [text(k).strip() for k in range(N)]
    describe(REQUESTS[:120], QueueBackend(texts[:120]), cache)
    cache._store._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    describe(REQUESTS, QueueBackend(texts[120:]), cache)
    return {path.name: path.read_bytes() for path in folder.glob(f"{NAME}*")}


def whole_in(content: bytes) -> set[str]:
    """Keys of answers without pages of their own whose every byte stands in `content`."""
    return {
        key
        for k, key in enumerate(KEYS)
        if re.search(
            re.escape(f"{key}{text(k).strip()}fakestop".encode()) + rb"[\d: -]{19}", content
        )
    }


def kept(cache: ResponseCache) -> set[str]:
    """Keys that have their answers, each the right one."""
    texts = dict(zip(KEYS, (text(k).strip() for k in range(N)), strict=True))
    found = {row[0]: row[1] for row in cache.rows(KEYS)}
    assert found.items() <= texts.items()
    return set(found)


def read_by_sqlite(folder: Path, copy: Path) -> set[str]:
    """Keys that SQLite finds itself: of a log, up to the last commit that is whole."""
    shutil.copytree(folder, copy)
    with closing(sqlite3.connect(copy / NAME)) as database:
        found = {key for (key,) in database.execute("SELECT key FROM replies")}
    shutil.rmtree(copy)
    return found


values = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text()
values |= st.binary(max_size=3000) | st.integers(1000, 9000).map("ü".__mul__)
tables = st.lists(st.tuples(values, values, values), max_size=60)


@settings(max_examples=60, deadline=None)
@given(tables, st.sampled_from([512, 1024, 4096, 65_536]), st.booleans())
def test_rows_are_those_that_sqlite_reads(
    tmp_path_factory: pytest.TempPathFactory, table: list[tuple[object, ...]], size: int, wal: bool
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(f"PRAGMA page_size={size}")
        database.execute(f"PRAGMA journal_mode={'WAL' if wal else 'DELETE'}")
        database.execute("CREATE TABLE t (a, b, c)")
        database.executemany("INSERT INTO t VALUES (?, ?, ?)", table)
        pages = Pages(path)
        read = [tuple(row) for row in rows(pages) if len(row) == 3]
        assert not pages.damaged
        assert sorted(map(repr, read)) == sorted(map(repr, table))


def test_a_file_cut_off_anywhere_keeps_what_is_left(closed: bytes, tmp_path: Path) -> None:
    sizes = [1, 99, 100, 511, 512, 4095, 4096, 4097, len(closed) - 1]
    saved = []
    for size in sorted([*sizes, *range(2_000, len(closed), len(closed) // 25)]):
        folder = tmp_path / str(size)
        folder.mkdir()
        (folder / NAME).write_bytes(closed[:size])
        cache = ResponseCache(folder / NAME)
        found = kept(cache)
        assert found >= whole_in(closed[:size]), size
        saved.append(len(found))
        lacking = [k for k in range(N) if KEYS[k] not in found]
        backend = QueueBackend([text(k).strip() for k in lacking])
        known = describe(REQUESTS, backend, cache)
        assert backend.asked == [str(k) for k in lacking], "what was saved is asked again"
        assert known.failed.height == 0
        cache.close()
        assert (folder / f"{NAME}.damaged-1").read_bytes() == closed[:size], "it was changed"
        ResponseCache(folder / NAME).close()
        assert not (folder / f"{NAME}.damaged-2").exists(), "what was mended is whole"
    assert saved[0] == 0 and saved[-1] > N * 0.9


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_files_of_a_killed_process_cut_off_anywhere(
    ending: str, killed: dict[str, bytes], tmp_path: Path
) -> None:
    content = killed[f"{NAME}{ending}"]
    steps = range(0, len(content), max(1, len(content) // 20))
    for size in [*steps, len(content)]:
        folder = tmp_path / str(size)
        folder.mkdir()
        for name, whole in killed.items():
            (folder / name).write_bytes(whole[:size] if name == f"{NAME}{ending}" else whole)
        left = b"".join((folder / name).read_bytes() for name in (NAME, f"{NAME}-wal"))
        there = read_by_sqlite(folder, tmp_path / "copy") if ending else whole_in(left)
        with closing(ResponseCache(folder / NAME)) as cache:
            found = kept(cache)
            assert found >= there, size
            cache.put("new", "m", Reply(request("new"), "It can be written."))
            check = cache._store._database.execute("PRAGMA integrity_check").fetchall()
            assert check == [("ok",)]
        if ending == "":
            assert len(found) >= N - 120, "what is in the log is lost"
        if size == len(content):
            assert len(found) == N and not (folder / f"{NAME}.damaged-1").exists()


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
    assert "moved to replies.sqlite.damaged-1; the 0 entries" in told


def test_damage_inside_is_mended_when_it_is_met(
    closed: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
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
    with closing(ResponseCache(tmp_path / NAME)) as cache:
        assert not caplog.messages
        found = kept(cache)
        assert len(caplog.messages) == 1 and f"{len(found)} entries" in caplog.messages[0]
        assert found >= whole_in(wiped) and KEYS[100] not in found
        lacking = [k for k in range(N) if KEYS[k] not in found]
        backend = QueueBackend([text(k).strip() for k in lacking])
        assert describe(REQUESTS, backend, cache).failed.height == 0
        assert len(backend.asked) == N - len(found) < 10
    assert (tmp_path / f"{NAME}.damaged-1").read_bytes() == wiped


def test_a_vector_cache_is_rescued_as_well(tmp_path: Path) -> None:
    path = tmp_path / "vectors.sqlite"
    vectors = {str(k): np.full(384, k, dtype=np.float32) for k in range(200)}
    cache = VectorCache(path)
    cache.put(vectors)
    cache.close()
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with closing(VectorCache(path)) as cache:
        found = cache.get(vectors)
        assert 50 < len(found) < 150
        assert all(np.array_equal(found[key], vectors[key]) for key in found)


def test_nobody_else_may_be_using_it(
    closed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    with closing(ResponseCache(path)) as cache:
        assert len(kept(cache)) > 50


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
            cache.answered(KEYS)
    assert not list((tmp_path / ".replies-asking").iterdir())


class Died(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("step", range(1, 8))
def test_a_rescue_that_dies_is_finished_by_the_next_run(
    step: int, killed: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between any two files that it moves: log, shared memory, database, the mended file."""
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
        ResponseCache(tmp_path / NAME).close()
        assert step > 5
    except Died:
        assert step <= 5
    monkeypatch.undo()
    with closing(ResponseCache(tmp_path / NAME)) as cache:
        assert len(kept(cache)) >= N - 120
        assert cache._store._database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    aside = {path.name: path.read_bytes() for path in tmp_path.glob(f"{NAME}.damaged-1*")}
    assert aside[f"{NAME}.damaged-1"] == killed[NAME][:cut]
    assert aside[f"{NAME}.damaged-1-wal"] == killed[f"{NAME}-wal"]
    assert not [*tmp_path.glob("*.part"), *tmp_path.glob("*.rescued")]


def test_no_room_for_a_rescue_leaves_everything_as_it_is(
    closed: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / NAME
    path.write_bytes(closed[:-1])

    def full(*_: object) -> int:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("llm.rescue._written", full)
    with pytest.raises(ArtifactError, match=r"disk is full.*Check that the disk has room"):
        ResponseCache(path)
    assert path.read_bytes() == closed[:-1]
    assert [p.name for p in tmp_path.iterdir() if not p.name.startswith(".")] == [NAME]
    monkeypatch.undo()
    with closing(ResponseCache(path)) as cache:
        assert len(kept(cache)) > N * 0.9


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
