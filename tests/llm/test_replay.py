"""Texts recorded elsewhere: kinds of files, columns, leaks and bad inputs."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import zstandard
from llm_fakes import request

from data.errors import DataError
from llm.backends import open_backend
from llm.cache import ResponseCache
from llm.facts import FactsBackend
from llm.knowledge import describe
from llm.protocol import Recorded
from llm.settings import FactsConfig, LlmConfig, ReplayConfig

TABLE = pl.DataFrame({"movie_id": [1, 2, 3], "text": ["One.", "Zwei, naïve.", ""]})


def jsonl(path: Path) -> bytes:
    return TABLE.write_ndjson().encode()


def csv(path: Path) -> bytes:
    return TABLE.write_csv().encode()


def parquet(path: Path) -> bytes:
    TABLE.write_parquet(path)
    return path.read_bytes()


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
@pytest.mark.parametrize("kind", [jsonl, csv, parquet])
def test_every_kind_and_packing(
    tmp_path: Path, cache: ResponseCache, kind: Callable[[Path], bytes], packing: str
) -> None:
    content = kind(tmp_path / "plain")
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}[packing]
    path = tmp_path / f"texts.{kind.__name__}{packing}"
    path.write_bytes(pack(content))
    backend = open_backend(ReplayConfig(backend="replay", path=path))
    known = describe([request(entity) for entity in ("2", "1", "3", "9")], backend, cache)
    assert known.texts == ["Zwei, naïve.", "One.", None, None]
    assert known.failures["error"].to_list() == [
        f"The replay file {path.name} has an empty text for '3'.",
        f"The replay file {path.name} has no text for '9'.",
    ]


def write(path: Path, rows: list[dict[str, object]]) -> ReplayConfig:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return ReplayConfig(backend="replay", path=path)


def test_named_columns(tmp_path: Path, cache: ResponseCache) -> None:
    config = write(tmp_path / "x.jsonl", [{"sku": "a", "blurb": "Text.", "text": "Not this."}])
    named = config.model_copy(update={"id_column": "sku", "text_column": "blurb"})
    assert describe([request("a")], open_backend(named), cache).texts == ["Text."]
    with pytest.raises(DataError, match=r"no column item_id or.*it has sku, blurb.*id_column"):
        describe([request("a")], open_backend(config), cache)


def test_other_content_is_another_model(tmp_path: Path, cache: ResponseCache) -> None:
    one = open_backend(write(tmp_path / "x.jsonl", [{"id": "a", "text": "Old."}]))
    assert describe([request("a")], one, cache).texts == ["Old."]
    two = open_backend(write(tmp_path / "x.jsonl", [{"id": "a", "text": "New."}]))
    assert one.model != two.model
    assert describe([request("a")], two, cache).texts == ["New."]


@pytest.mark.parametrize("leaks", [False, True])
def test_a_person_can_say_that_it_leaks(tmp_path: Path, cache: ResponseCache, leaks: bool) -> None:
    config = write(tmp_path / "x.jsonl", [{"id": "a", "text": "T"}])
    backend = open_backend(config.model_copy(update={"leaks": leaks}))
    assert describe([request("a")], backend, cache).leaking is leaks


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("x.txt", b"hello", "not a kind of file that can be replayed"),
        ("x.jsonl", b" \n", "is empty"),
        ("x.jsonl", b'{"id": 1, "text": "a"}\n{"id": 2, "te\n', r"line 2 of .*x\.jsonl"),
        ("x.jsonl", b'{"id": 1, "text": "a"}\n[1]\n', r"line 2 of .*x\.jsonl"),
        ("x.parquet", b"PAR1 not really", "damaged"),
        ("x.jsonl.zst", b"not zstd at all", "cannot be read"),
        (
            "x.jsonl.gz",
            gzip.compress(b'{"id": 1, "text": "a"}\n' * 99, mtime=0)[:-9],
            "cannot be read",
        ),
    ],
)
def test_bad_files_get_a_sentence(tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        open_backend(ReplayConfig(backend="replay", path=path))


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"id": "a", "text": ["x", "y"]}, r"column text of .*x\.jsonl holds .*List\(String\)"),
        ({"id": "a", "text": {"y": "z"}}, r"column text of .*Struct.*text_column"),
        ({"id": ["a"], "text": "x"}, r"column id of .*List\(String\)"),
    ],
)
def test_what_is_no_text_gets_a_sentence(
    tmp_path: Path, cache: ResponseCache, row: dict[str, object], sentence: str
) -> None:
    with pytest.raises(DataError, match=sentence):
        describe([request("a")], open_backend(write(tmp_path / "x.jsonl", [row])), cache)


def test_numbers_are_texts_and_ids_are_taken_as_they_are(
    tmp_path: Path, cache: ResponseCache
) -> None:
    rows: list[dict[str, object]] = [{"id": "a b", "text": 1.5}, {"id": "a  b", "text": 2}]
    backend = open_backend(write(tmp_path / "x.jsonl", rows))
    asked = [request("a  b"), request("a b")]
    assert describe(asked, backend, cache).texts == ["2", "1.5"]


@pytest.mark.parametrize(
    "lines",
    [
        '{"item_id": 100.0, "text": "One."}\n{"item_id": 9783161484100555120, "text": "Two."}\n',
        '\ufeff{"item_id": "100", "text": "One."}\n{"item_id": "9783161484100555120", '
        '"text": "Two."}\n',
        '{"item_id": " 100", "text": "One."}\r\n\r\n{"item_id": 9783161484100555120, '
        '"text": "Two."}',
    ],
)
def test_ids_are_matched_as_the_data_have_them(
    tmp_path: Path, cache: ResponseCache, lines: str
) -> None:
    (tmp_path / "x.jsonl").write_text(lines, encoding="utf-8")
    backend = open_backend(ReplayConfig(backend="replay", path=tmp_path / "x.jsonl"))
    assert isinstance(backend, Recorded)
    backend.check_ids("item", ["7", "100"])
    known = describe([request("100"), request("9783161484100555120")], backend, cache)
    assert known.texts == ["One.", "Two."]


def test_float_ids_of_a_table(tmp_path: Path, cache: ResponseCache) -> None:
    path = tmp_path / "x.parquet"
    pl.DataFrame({"id": [100.0, None, 7.0], "text": ["One.", "No.", "Two."]}).write_parquet(path)
    backend = open_backend(ReplayConfig(backend="replay", path=path))
    assert describe([request("7"), request("100")], backend, cache).texts == ["Two.", "One."]


def test_halves_of_characters_are_replaced(tmp_path: Path, cache: ResponseCache) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(
        '{"id": "a", "text": "cut \\ud83d off"}\n{"id": "b", "text": "\\ud83d\\ude00"}\n'
    )
    backend = open_backend(ReplayConfig(backend="replay", path=path))
    assert describe([request("a"), request("b")], backend, cache).texts == ["cut \ufffd off", "😀"]


def test_a_file_of_other_data_is_refused(tmp_path: Path) -> None:
    backend = open_backend(write(tmp_path / "x.jsonl", [{"id": "B01", "text": "One."}]))
    assert isinstance(backend, Recorded)
    with pytest.raises(DataError, match=r"none of the 2 items: its ids are like 'B01', those of"):
        backend.check_ids("item", ["1", "2"])


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        open_backend(ReplayConfig(backend="replay", path=tmp_path / "x.jsonl"))


def test_cut_off_zstd_is_not_taken_for_a_shorter_file(tmp_path: Path) -> None:
    lines = b"".join(b'{"id": %d, "text": "text %d"}\n' % (k, k) for k in range(50_000))
    packed = zstandard.ZstdCompressor().compress(lines)
    path = tmp_path / "x.jsonl.zst"
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(DataError, match="ends in the middle"):
        open_backend(ReplayConfig(backend="replay", path=path))


def test_id_that_stands_twice(tmp_path: Path, cache: ResponseCache) -> None:
    rows: list[dict[str, object]] = [{"id": "a", "text": "1"}, {"id": "a", "text": "2"}]
    backend = open_backend(write(tmp_path / "x.jsonl", rows))
    with pytest.raises(DataError, match="'a' stands more than once"):
        describe([request("a")], backend, cache)


def test_settings_tell_backends_apart() -> None:
    config = LlmConfig.model_validate({"item": {"backend": "replay", "path": "x.jsonl"}})
    assert isinstance(config.item, ReplayConfig)
    assert isinstance(config.user, FactsConfig)
    assert isinstance(open_backend(config.user), FactsBackend)
    assert LlmConfig.model_validate_json(config.model_dump_json()) == config
    with pytest.raises(ValueError, match="'facts', 'replay', 'vllm', 'server'"):
        LlmConfig.model_validate({"user": {"backend": "parrot"}})


@pytest.mark.parametrize(
    ("name", "side", "leaking", "failed"),
    [
        ("llm_items_deepseek", "item", False, ["1122"]),
        ("llm_items_qwen", "item", False, []),
        ("llm_users_qwen", "user", True, []),
    ],
)
def test_movielens_texts_as_they_are(
    real_data: Path, cache: ResponseCache, name: str, side: str, leaking: bool, failed: list[str]
) -> None:
    path = real_data / "movielens-1m-text" / f"{name}.jsonl.zst"
    if not path.exists():
        pytest.skip(f"no {path}")
    backend = open_backend(ReplayConfig(backend="replay", path=path))
    entities = ["1", "260", *failed]
    from dataclasses import replace

    known = describe([replace(request(e), side=side) for e in entities], backend, cache)  # type: ignore[arg-type]
    assert known.leaking is leaking
    assert known.failures["entity"].to_list() == failed
    if side == "item":
        assert "Toy Story" in (known.texts[0] or "")
