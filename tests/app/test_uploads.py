"""Tables that come from outside: bounded, under harmless names, tried by the real reader."""

from __future__ import annotations

import io
import resource
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.experiment.drafts import own_experiment, save_own
from app.experiment.file import load_experiment
from app.pipeline.starting_points import users_of_data
from data import uploads as place
from data.errors import ConfigError, DataError
from data.loaders.parquet_weight import weigh
from data.own_tables import try_tables
from data.settings import DataConfig, FilesConfig
from data.uploads import keep_upload, remove_upload, uploads

ROWS = "user_id,item_id,stars\n" + "".join(f"u{u},i{i},{i}\n" for u in range(3) for i in range(4))


def own(path: Path, **files: object) -> DataConfig:
    return DataConfig(name="files", files=FilesConfig(interactions=path, **files), min_history=3)


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd.csv",
        "/etc/passwd.csv",
        "..\\..\\x.csv",
        "a\0b.csv",
        "<img src=x>.csv",
        "." * 300 + ".csv",
        "x" * 300 + ".csv",
        "con\nfig.csv",
        "-rf.csv",
    ],
)
def test_hostile_names_stay_inside(tmp_path: Path, name: str) -> None:
    kept = keep_upload(name, ROWS.encode(), tmp_path)
    inside = kept.path.resolve().relative_to((tmp_path / "uploads").resolve())
    assert len(inside.parts) == 2 and inside.as_posix().isascii()
    assert all(letter.isalnum() or letter in "-_./" for letter in inside.as_posix())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [kept.path]


def test_the_same_table_is_kept_once_and_another_beside_it(tmp_path: Path) -> None:
    one = keep_upload("a.csv", ROWS.encode(), tmp_path)
    assert keep_upload("a.csv", ROWS.encode(), tmp_path) == one
    other = keep_upload("a.csv", ROWS.replace("u0", "v0").encode(), tmp_path)
    assert other.path != one.path and one.path.read_text() == ROWS
    assert {found.name for found in uploads(tmp_path)} == {one.name, other.name}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b" \n\n", "empty"),
        ("a.zip", b"PK\x03\x04", "none of"),
        ("a.csv.gz", b"\x1f\x8b", "none of"),
        ("a.csv", b"PK\x03\x04", "ZIP"),
        ("a.parquet", b"user,item", "no Parquet file"),
        ("a.csv", b"\xff\xfeu\0s\0", "zero bytes"),
        ("a", b"x", "none of"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        keep_upload(name, content, tmp_path)
    assert not (tmp_path / "uploads").exists()


def test_too_many_bytes_or_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "MOST_ROWS", 5)
    with pytest.raises(DataError, match="13 rows; 5 are the most"):
        keep_upload("a.csv", ROWS.encode(), tmp_path)
    monkeypatch.setattr(place, "MOST_BYTES", 20)
    with pytest.raises(DataError, match="most that the page takes"):
        keep_upload("a.csv", ROWS.encode(), tmp_path)


def test_a_parquet_file_that_would_grow_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    pl.select(pl.repeat(0, 12_000_000, dtype=pl.Int8).alias("user_id")).write_parquet(buffer)
    assert len(buffer.getvalue()) < 1_000_000
    with pytest.raises(DataError, match="12,000,000 rows"):
        keep_upload("a.parquet", buffer.getvalue(), tmp_path)


def test_a_small_file_that_holds_gigabytes_is_refused_unopened(tmp_path: Path) -> None:
    """One long text that every row repeats: a kilobyte on disk, four gigabytes decoded."""
    schema = pa.schema([("user_id", pa.string()), ("item_id", pa.string())])
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 4096, pa.int32()), ["x" * 2**20])
    short = pa.array(["i"] * 4096)
    buffer = io.BytesIO()
    table = pa.table({"user_id": long, "item_id": short})
    pq.write_table(table, buffer, compression="zstd", store_schema=False)
    content = buffer.getvalue()
    assert len(content) < 5_000 and pq.read_schema(pa.BufferReader(content)) == schema
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match="4,096 rows of 2 columns, which take more than 1 GB"):
        keep_upload("a.parquet", content, tmp_path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200_000, f"this process grew by {grown:,} kB"
    assert not (tmp_path / "uploads").exists()


def test_a_sound_parquet_file_is_weighed_as_it_is_decoded() -> None:
    buffer = io.BytesIO()
    pl.DataFrame({"user_id": range(1000), "item_id": range(1000)}).write_parquet(buffer)
    weight = weigh(buffer.getvalue(), 10**6)
    assert weight is not None and (weight.rows, weight.columns) == (1000, 2)
    assert weight.decoded is not None and weight.decoded >= 16_000
    less = weigh(buffer.getvalue(), 15_000)
    assert less is not None and less.decoded is None
    assert weigh(b"PAR1 nothing PAR1", 10**6) is None


def test_the_real_reader_says_what_is_wrong_by_row(tmp_path: Path) -> None:
    text = ROWS + "u1,,3\nu2,i1,many\nu0,i0\n"
    kept = keep_upload("sales.csv", text.encode(), tmp_path)
    found = try_tables(own(kept.path, weight="stars"))
    assert sorted(found.bad_rows.select("file", "line").rows()) == [
        ("sales.csv", 14),
        ("sales.csv", 15),
        ("sales.csv", 16),
    ]
    assert found.counts == {"users": 3, "items": 4, "interactions": 12} and not found.problem


def test_nothing_left_is_a_sentence_with_its_rows(tmp_path: Path) -> None:
    kept = keep_upload("sales.csv", b"user_id,item_id\nu,1\n,2\n", tmp_path)
    found = try_tables(own(kept.path))
    assert "Nothing is left" in found.problem and found.bad_rows["line"].to_list() == [3]
    missing = try_tables(own(kept.path, item="what"))
    assert missing.problem.startswith("sales.csv has no column 'what'")


def test_a_column_of_tables_is_a_sentence(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    pl.DataFrame({"user_id": ["a"], "item_id": [{"x": 1}]}).write_parquet(buffer)
    kept = keep_upload("a.parquet", buffer.getvalue(), tmp_path)
    assert "'item_id' of the type Struct" in try_tables(own(kept.path)).problem
    buffer = io.BytesIO()
    pl.DataFrame({"user_id": ["a"], "item_id": [["x"]]}).write_parquet(buffer)
    kept = keep_upload("b.parquet", buffer.getvalue(), tmp_path)
    assert try_tables(own(kept.path)).problem


def test_the_saved_experiment_reads_the_same_rows(tmp_path: Path) -> None:
    kept = keep_upload("sales.csv", ROWS.encode(), tmp_path)
    path = save_own(own_experiment("shop", own(kept.path, weight="stars")), tmp_path)
    again = load_experiment(str(path))
    assert path == tmp_path / "experiments" / "shop.toml"
    assert again.data == own(kept.path, weight="stars") and again.name == "shop"
    assert save_own(again, tmp_path) == path


def test_another_experiment_is_not_overwritten(tmp_path: Path) -> None:
    kept = keep_upload("sales.csv", ROWS.encode(), tmp_path)
    first = own_experiment("shop", own(kept.path))
    path = save_own(first, tmp_path)
    other = own_experiment("shop", own(kept.path, weight="stars"))
    with pytest.raises(ConfigError, match="another experiment 'shop'"):
        save_own(other, tmp_path)
    assert load_experiment(str(path)) == first
    save_own(other, tmp_path, replace=True)
    assert load_experiment(str(path)) == other


@pytest.mark.parametrize("name", ["../out", "", "a/b", ".hidden", "x" * 200, "a\nb"])
def test_a_name_that_does_not_do(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="name"):
        own_experiment(name, own(tmp_path / "a.csv"))


def test_a_table_in_use_stays(tmp_path: Path) -> None:
    kept = keep_upload("sales.csv", ROWS.encode(), tmp_path)
    path = save_own(own_experiment("shop", own(kept.path)), tmp_path)
    with pytest.raises(ConfigError, match="'shop'"):
        remove_upload(kept, users_of_data(tmp_path))
    path.unlink()
    remove_upload(kept, users_of_data(tmp_path))
    assert uploads(tmp_path) == [] and not kept.path.parent.exists()
