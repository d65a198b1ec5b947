"""Results appear whole, once, and are found again when nothing that matters has changed."""

import errno
import json
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data import artifacts, atomic
from data.artifacts import MANIFEST, ArtifactStore, fingerprint
from data.errors import ArtifactError

ROOT = Path(__file__).resolve().parents[2]
ABOUT = {"config": {"k": 3}, "inputs": {}}


def test_fingerprint_ignores_the_order_of_settings_and_sees_every_part():
    same = fingerprint("codes", 1, {"a": 1, "b": {"c": 2.5, "d": None}}, {"x": "1", "y": "2"})
    assert same == fingerprint(
        "codes", 1, {"b": {"d": None, "c": 2.5}, "a": 1}, {"y": "2", "x": "1"}
    )
    others = [
        fingerprint("graph", 1, {"a": 1, "b": {"c": 2.5, "d": None}}, {"x": "1", "y": "2"}),
        fingerprint("codes", 2, {"a": 1, "b": {"c": 2.5, "d": None}}, {"x": "1", "y": "2"}),
        fingerprint("codes", 1, {"a": 1, "b": {"c": 2.6, "d": None}}, {"x": "1", "y": "2"}),
        fingerprint("codes", 1, {"a": 1, "b": {"c": 2.5}}, {"x": "1", "y": "2"}),
        fingerprint("codes", 1, {"a": "1", "b": {"c": 2.5, "d": None}}, {"x": "1", "y": "2"}),
        fingerprint("codes", 1, {"a": 1, "b": {"c": 2.5, "d": None}}, {"x": "1", "y": "3"}),
        fingerprint("codes", 1, {"a": 1, "b": {"c": 2.5, "d": None}}, {"y": "1", "x": "2"}),
    ]
    assert len({same, *others}) == 1 + len(others)
    assert len(same) == 16 and int(same, 16) >= 0


def test_fingerprint_is_the_same_in_another_process():
    code = (
        "from data.artifacts import fingerprint as f; print(f('s', 1, {'ü': [1, 2.0]}, {'a': 'b'}))"
    )
    there = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "7"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert there.stdout.strip() == fingerprint("s", 1, {"ü": [1, 2.0]}, {"a": "b"})


def test_made_once_and_described(tmp_path):
    store, calls = ArtifactStore(tmp_path), []

    def fill(folder):
        calls.append(folder)
        atomic.write_text(folder / "sub" / "a.txt", "abc")
        return {"n": 3}

    folder = store.make("codes", "k1", fill, ABOUT)
    assert store.make("codes", "k1", fill, ABOUT) == folder == tmp_path / "codes" / "k1"
    assert len(calls) == 1
    manifest = store.manifest("codes", "k1")
    assert manifest["files"] == {"sub/a.txt": 3}
    assert manifest["summary"] == {"n": 3}
    assert manifest["config"] == {"k": 3}


def test_an_interrupted_fill_is_unfinished_and_resumes_from_its_scratch(tmp_path):
    store = ArtifactStore(tmp_path)

    def dies(folder):
        atomic.write_text(folder / "scratch" / "half", "17")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.make("codes", "k1", dies, ABOUT)
    assert not store.holds("codes", "k1")

    def resumes(folder):
        atomic.write_text(folder / "done.txt", (folder / "scratch" / "half").read_text() + "+")

    folder = store.make("codes", "k1", resumes, ABOUT)
    assert (folder / "done.txt").read_text() == "17+"
    assert not (folder / "scratch").exists()
    assert store.manifest("codes", "k1")["files"] == {"done.txt": 3}


def test_a_process_killed_in_the_middle_leaves_no_artifact_and_no_lock(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from data import atomic; from data.artifacts import ArtifactStore\n"
        "def fill(folder):\n"
        "    atomic.write_text(folder / 'scratch' / 'safe', 'kept')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "ArtifactStore(Path(sys.argv[1])).make('codes', 'k1', fill, {})\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=False)
    assert killed.returncode == -9
    store = ArtifactStore(tmp_path)
    assert not store.holds("codes", "k1")
    found = []
    store.make("codes", "k1", lambda f: found.append((f / "scratch" / "safe").read_text()), ABOUT)
    assert found == ["kept"]


def test_a_second_run_is_told_to_wait(tmp_path):
    store = ArtifactStore(tmp_path)

    def fill(folder):
        with pytest.raises(ArtifactError, match=r"Another run is computing .*k1"):
            store.make("codes", "k1", lambda _: None, ABOUT)

    store.make("codes", "k1", fill, ABOUT)
    assert store.holds("codes", "k1")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda path: path.unlink(), "a.bin is missing"),
        (lambda path: path.write_bytes(b"ab"), "a.bin has 2 bytes instead of 4"),
    ],
)
def test_a_damaged_artifact_is_told(tmp_path, damage, sentence):
    store = ArtifactStore(tmp_path)
    folder = store.make("codes", "k1", lambda f: (f / "a.bin").write_bytes(b"abcd") and None, ABOUT)
    damage(folder / "a.bin")
    with pytest.raises(ArtifactError, match=sentence):
        store.make("codes", "k1", lambda _: None, ABOUT)


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("t.parquet", atomic.read_parquet),
        ("t.safetensors", atomic.read_arrays),
        ("t.json", atomic.read_json),
    ],
)
def test_damaged_and_missing_files_are_told(tmp_path, name, read):
    with pytest.raises(ArtifactError, match=rf"{name} is missing. Delete its folder"):
        read(tmp_path / name)
    (tmp_path / name).write_bytes(b"\x00\x01 no such thing")
    with pytest.raises(ArtifactError, match=rf"{name} is damaged"):
        read(tmp_path / name)


def test_a_file_cut_off_at_any_byte_gets_a_sentence(tmp_path):
    table = pl.DataFrame({"a": range(40), "b": [f"text {k}" for k in range(40)]})
    atomic.write_parquet(tmp_path / "t.parquet", table)
    atomic.write_arrays(tmp_path / "t.safetensors", {"a": np.arange(40.0)})
    atomic.write_json(tmp_path / "t.json", {"ä": ["é" * 9, 1.5, None] * 20})
    readers = (atomic.read_parquet, atomic.read_arrays, atomic.read_json)
    for name, read in zip(("t.parquet", "t.safetensors", "t.json"), readers, strict=True):
        whole = (tmp_path / name).read_bytes().rstrip()
        for size in range(len(whole)):
            (tmp_path / name).write_bytes(whole[:size])
            with pytest.raises(ArtifactError, match=rf"{name} is damaged .*Delete its folder"):
                read(tmp_path / name)


def test_a_file_with_wrong_bytes_gets_a_sentence_or_is_read(tmp_path):
    """Polars panics at some of them, which no `except Exception` catches."""
    path, rng = tmp_path / "t.parquet", random.Random(4)
    numbers = {"a": range(300), "t": [f"text {k}" * 5 for k in range(300)]}
    whole = atomic.write_parquet(path, pl.DataFrame(numbers)).read_bytes()
    told = 0
    for _ in range(150):
        spoilt = bytearray(whole)
        for place in rng.choices(range(len(whole)), k=4):
            spoilt[place] = rng.randrange(256)
        path.write_bytes(spoilt)
        try:
            atomic.read_parquet(path)
        except ArtifactError as error:
            told += "t.parquet is damaged" in str(error)
    assert told > 20


def test_a_manifest_cut_off_at_any_byte_gets_a_sentence(tmp_path):
    store = ArtifactStore(tmp_path)
    folder = store.make("codes", "k1", lambda f: (f / "a.bin").write_bytes(b"ab") and None, ABOUT)
    whole = (folder / MANIFEST).read_bytes().rstrip()
    for size in range(len(whole)):
        (folder / MANIFEST).write_bytes(whole[:size])
        with pytest.raises(ArtifactError, match=r"manifest\.json is damaged .*Run its experiment"):
            store.make("codes", "k1", lambda _: None, ABOUT)
    (folder / MANIFEST).unlink()
    store.make("codes", "k1", lambda f: None, ABOUT)
    assert store.manifest("codes", "k1")["files"] == {"a.bin": 2}


@pytest.mark.parametrize("fails", [False, True])
def test_whoever_waits_finds_what_the_other_run_made_or_makes_it(tmp_path, fails):
    store, made, begun, waits = ArtifactStore(tmp_path), [], Event(), Event()

    def first(folder):
        begun.set()
        assert waits.wait(60)
        if fails:
            raise ArtifactError("the disk is full")
        made.append("first")

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(store.make, "codes", "k1", first, ABOUT)
        assert begun.wait(60)
        folder = store.make("codes", "k1", lambda _: made.append("second"), ABOUT, waits.set)
        assert (running.exception(60) is not None) is fails
    assert made == ["second" if fails else "first"]
    assert store.manifest("codes", "k1") and folder == store.place("codes", "k1")


def test_what_dead_runs_left_half_written_is_removed(tmp_path):
    store = ArtifactStore(tmp_path)
    half = store.place("codes", "k1") / "scratch" / ".weights.safetensors.17-1.part"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    seen = []
    store.make("codes", "k1", lambda folder: seen.append(half.exists()), ABOUT)
    assert seen == [False]


WRITE_UNDER_A_QUOTA = """
import resource, sys
from pathlib import Path
import numpy as np, polars as pl
from data import artifacts, atomic
from data.errors import ArtifactError
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
numbers = np.arange(50_000) ** 2
for name, write, value in (
    ("t.parquet", atomic.write_parquet, pl.DataFrame({"a": numbers})),
    ("t.safetensors", atomic.write_arrays, {"a": numbers}),
    ("t.json", atomic.write_json, "long " * 10_000),
):
    try:
        write(Path(sys.argv[1]) / name, value)
    except ArtifactError as error:
        print(error)
"""


def test_a_quota_is_told_and_what_was_there_stays(tmp_path):
    names = ["t.json", "t.parquet", "t.safetensors"]
    for name in names:
        (tmp_path / name).write_bytes(b"what was there")
    told = subprocess.run(
        [sys.executable, "-c", WRITE_UNDER_A_QUOTA, str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert len(told) == 3
    assert all("File too large" in line and "Free some space" in line for line in told)
    assert all(any(f"Cannot write {tmp_path / name}" in line for line in told) for name in names)
    assert all((tmp_path / name).read_bytes() == b"what was there" for name in names)
    assert sorted(p.name for p in tmp_path.iterdir()) == names


def test_no_space_left_while_an_artifact_is_made(tmp_path, monkeypatch):
    store = ArtifactStore(tmp_path)

    def full(self, *args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill(folder):
        atomic.write_text(folder / "scratch" / "first", "safe")
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_text", full)
            atomic.write_text(folder / "second", "lost")

    with pytest.raises(ArtifactError, match=r"second: No space left on device. Free some space"):
        store.make("codes", "k1", fill, ABOUT)
    assert not store.holds("codes", "k1")
    assert (store.place("codes", "k1") / "scratch" / "first").read_text() == "safe"
    assert not (store.place("codes", "k1") / MANIFEST).exists()


arrays = st.dictionaries(
    st.text("abc_", min_size=1, max_size=4),
    st.lists(st.integers(-(2**31), 2**31 - 1), max_size=9).map(lambda x: np.array(x, np.int64)),
    max_size=3,
)


@given(arrays)
def test_arrays_round_trip(tmp_path_factory, named):
    path = tmp_path_factory.mktemp("arrays") / "a.safetensors"
    loaded = atomic.read_arrays(atomic.write_arrays(path, named))
    assert loaded.keys() == named.keys()
    assert all(np.array_equal(loaded[name], named[name]) for name in named)


def test_transposed_arrays_keep_their_values(tmp_path):
    square = np.arange(6, dtype=np.float32).reshape(2, 3)
    path = atomic.write_arrays(tmp_path / "a.safetensors", {"t": square.T})
    assert np.array_equal(atomic.read_arrays(path)["t"], square.T)


def test_json_is_readable_text(tmp_path):
    path = atomic.write_json(tmp_path / "a.json", {"name": "Zoë", "n": [1, None]})
    assert "Zoë" in path.read_text(encoding="utf-8")
    assert json.loads(path.read_text()) == atomic.read_json(path)


@pytest.mark.parametrize("links", [True, False])
def test_a_file_is_created_once_and_never_overwritten(tmp_path, monkeypatch, links):
    if not links:

        def refuse(self, target):
            raise PermissionError(errno.EPERM, "no links here")

        monkeypatch.setattr(Path, "hardlink_to", refuse)
    path = tmp_path / "sub" / "1.md"
    assert atomic.create_text(path, "first")
    assert not atomic.create_text(path, "second")
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_reopening_reaches_all_that_was_made_from_it_and_nothing_else(tmp_path):
    store = ArtifactStore(tmp_path)
    made = {
        "texts": [],
        "vectors": ["texts"],
        "codes": ["vectors"],
        "other": ["split"],
        "split": [],
    }
    for stage, inputs in made.items():
        about = {"inputs": {name: f"key of {name}" for name in inputs}}
        store.make(stage, f"key of {stage}", lambda folder: None, about)
    reopened = store.reopen("texts", "key of texts")
    assert [stage for stage, _ in reopened] == ["texts", "vectors", "codes"]
    assert {stage for stage in made if store.holds(stage, f"key of {stage}")} == {"other", "split"}
    store.make("texts", "key of texts", lambda folder: {"again": True}, {"inputs": {}})
    store.close(reopened)
    assert all(store.holds(stage, f"key of {stage}") for stage in made)
    assert store.manifest("texts", "key of texts")["summary"] == {"again": True}
    assert store.reopen("texts", "no such key") == []


@pytest.fixture
def opened_again(tmp_path):
    """A store whose texts, and codes made from them, are finished and reopened."""
    store = ArtifactStore(tmp_path)

    def fill(folder):
        atomic.write_text(folder / "a.txt", "first")
        atomic.write_text(folder / "b.txt", "first")

    store.make("texts", "t", fill, {"inputs": {}})
    store.make("codes", "c", fill, {"inputs": {"texts": "t"}})
    assert store.reopen("texts", "t") == [("texts", "t"), ("codes", "c")]
    return store


def remake(store, fill):
    with pytest.raises(ArtifactError, match="gave up"):
        store.make("texts", "t", fill, {"inputs": {}})
    store.close([("texts", "t"), ("codes", "c")])


def test_a_failure_that_touched_no_file_can_be_taken_back(opened_again):
    def fails(folder):
        atomic.write_text(folder / "scratch" / "half", "17")
        raise ArtifactError("gave up")

    remake(opened_again, fails)
    assert opened_again.manifest("texts", "t")["files"] == {"a.txt": 5, "b.txt": 5}
    assert opened_again.holds("codes", "c")


@pytest.mark.parametrize("name", ["a.txt", "c.txt"])
def test_what_is_half_replaced_is_never_taken_for_finished(opened_again, name):
    def fails(folder):
        atomic.write_text(folder / name, "other")
        raise ArtifactError("gave up")

    remake(opened_again, fails)
    assert not opened_again.holds("texts", "t")
    assert not opened_again.holds("codes", "c"), "it was made from what is gone"

    folder = opened_again.make("texts", "t", lambda f: {"kept": (f / name).read_text()}, ABOUT)
    assert opened_again.manifest("texts", "t")["summary"] == {"kept": "other"}
    assert not list(folder.glob(".manifest*"))


def test_what_was_killed_while_it_was_made_again_is_never_taken_for_finished(opened_again):
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from data import atomic; from data.artifacts import ArtifactStore\n"
        "def fill(folder):\n"
        "    atomic.write_text(folder / 'a.txt', 'other')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "ArtifactStore(Path(sys.argv[1])).make('texts', 't', fill, {})\n"
    )
    words = [sys.executable, "-c", code, str(opened_again.root)]
    assert subprocess.run(words, cwd=ROOT, check=False).returncode == -9
    opened_again.close([("texts", "t"), ("codes", "c")])
    assert not opened_again.holds("texts", "t")
    folder = opened_again.make("texts", "t", lambda f: None, ABOUT)
    assert opened_again.holds("texts", "t") and not list(folder.glob(".manifest*"))


@pytest.fixture
def kept(tmp_path):
    """A store with one artifact of three files."""
    store = ArtifactStore(tmp_path)

    def fill(folder):
        atomic.write_parquet(folder / "t.parquet", pl.DataFrame({"a": range(40)}))
        atomic.write_arrays(folder / "t.safetensors", {"a": np.arange(40.0)})
        atomic.write_json(folder / "t.json", {"ä": 1.5})
        return {"mrr": 0.125, "n": 3}

    store.make("codes", "k1", fill, {"settings": {"k": 3}, "inputs": {"texts": "t"}})
    return store


def flip(path, place, bit=0):
    spoilt = bytearray(path.read_bytes())
    spoilt[place] ^= 1 << bit
    path.write_bytes(spoilt)


@pytest.mark.parametrize("name", ["t.parquet", "t.safetensors", "t.json"])
def test_one_flipped_bit_is_told(kept, name):
    path = kept.place("codes", "k1") / name
    assert kept.sound("codes", "k1")
    for place in range(0, path.stat().st_size, 7):
        flip(path, place, place % 8)
        with pytest.raises(ArtifactError, match=rf"{name} holds other bytes .*Run its experiment"):
            kept.manifest("codes", "k1")
        assert not kept.sound("codes", "k1")
        flip(path, place, place % 8)
    assert kept.sound("codes", "k1")


def test_a_flipped_bit_in_a_manifest_is_told_or_changes_nothing(kept):
    path = kept.place("codes", "k1") / MANIFEST
    parts = ("files", "checksums", "inputs", "settings", "summary", "made_at")
    whole, before = path.read_bytes(), kept.manifest("codes", "k1")
    told = 0
    for place in range(len(whole) - 1):
        flip(path, place, place % 8)
        try:
            found = kept.manifest("codes", "k1")
            assert all(found[part] == before[part] for part in parts)
        except ArtifactError as error:
            told += "manifest.json" in str(error) or "is damaged" in str(error)
        path.write_bytes(whole)
    assert told > 0.6 * len(whole), "the rest is blanks that stand for nothing"


def test_content_is_read_once_and_again_when_a_file_is_another(kept, monkeypatch):
    read = []
    monkeypatch.setattr(artifacts, "_SOUND", set())
    checksum = artifacts._checksum
    monkeypatch.setattr(artifacts, "_checksum", lambda path: read.append(path) or checksum(path))
    for _ in range(3):
        kept.manifest("codes", "k1")
    path = kept.place("codes", "k1") / "t.json"
    assert len(read) == 3
    before = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes().replace(b"1.5", b"1.6"))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    with pytest.raises(ArtifactError, match="holds other bytes"):
        kept.manifest("codes", "k1")
    assert len(read) == 4


def test_a_damaged_artifact_is_made_again_where_that_is_wished(kept):
    path = kept.place("codes", "k1") / "t.json"
    flip(path, 3)
    told, begun = [], []

    def fill(folder):
        begun.append(kept.holds("codes", "k1"))
        atomic.write_json(folder / "t.json", {"ä": 2.5})

    kept.make("codes", "k1", fill, ABOUT, on_damage=told.append)
    assert begun == [False], "it is unfinished until it is made"
    assert len(told) == 1 and told[0].endswith("t.json holds other bytes than were written.")
    assert kept.sound("codes", "k1") and atomic.read_json(path) == {"ä": 2.5}


def test_manifests_from_before_there_were_checksums_open(kept):
    folder = kept.place("codes", "k1")
    old = json.loads((folder / MANIFEST).read_text())
    old = {name: old[name] for name in old if name not in ("checksums", "checksum", "settings")}
    (folder / MANIFEST).write_text(json.dumps(old))
    assert kept.manifest("codes", "k1")["summary"] == {"mrr": 0.125, "n": 3}
    (folder / "t.json").write_text("{}")
    with pytest.raises(ArtifactError, match=r"t\.json has 2 bytes instead of"):
        kept.manifest("codes", "k1")


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "3",
        "null",
        "NaN",
        "{}",
        '{"files": []}',
        '{"files": {"t.json": "3"}}',
        '{"files": {"t.json": NaN}}',
        '{"files": {"t.json": true}}',
        '{"files": {}, "summary": [1]}',
        '{"files": {}, "summary": {}, "inputs": ["a"]}',
        '{"files": {}, "summary": {}, "inputs": {"a": 1}}',
        '{"files": {}, "checksums": 3}',
        '{"files": {}, "made_at": 3}',
        '{"files": {"' + "x" * 300 + '": 3}}',
        '{"files": {"a\\u0000b": 3}}',
        '{"files": {"\\ud800": 3}}',
        "[" * 5000,
        '{"files": ' + "9" * 5000 + "}",
    ],
)
def test_manifests_of_another_shape_get_a_sentence(kept, text):
    folder = kept.place("codes", "k1")
    (folder / MANIFEST).write_text(text)
    with pytest.raises(ArtifactError, match=r"is damaged.*Run its experiment again"):
        kept.manifest("codes", "k1")
    assert not kept.sound("codes", "k1")
    assert kept.reopen("other", "k") == []
    kept.make("codes", "k1", lambda _: None, ABOUT, on_damage=lambda _: None)
    assert kept.sound("codes", "k1")


def test_a_damaged_manifest_stops_no_reopening_of_others(kept):
    kept.make("texts", "t", lambda _: None, {"inputs": {}})
    (kept.place("codes", "k1") / MANIFEST).write_text("[]")
    assert kept.reopen("texts", "t") == [("texts", "t")]


@pytest.mark.parametrize(
    "kind", ["?", "i1", "u1", "i2", "u2", "f2", "i4", "u4", "f4", "i8", "u8", "f8"]
)
def test_arrays_of_every_type_are_what_safetensors_reads_and_what_a_map_shows(tmp_path, kind):
    from safetensors.numpy import load_file

    whole = np.arange(12).reshape(3, 4).astype(kind)
    arrays = {"whole": whole, "turned": whole.T, "none": whole[:0], "bÿte": np.ones(3, np.int8)}
    path = atomic.write_arrays(tmp_path / "a.safetensors", arrays)
    mapped, read = atomic.map_arrays(path), load_file(path)
    assert set(mapped) == set(read) == set(arrays)
    for name, array in arrays.items():
        for found in (mapped[name], read[name], atomic.read_arrays(path)[name]):
            np.testing.assert_array_equal(found, array)
            assert found.dtype == array.dtype
    assert not mapped["whole"].flags.owndata and not mapped["whole"].flags.writeable
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtifactError, match="is damaged"):
        atomic.map_arrays(path)
