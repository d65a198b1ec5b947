"""Gowalla: the published split, made small here, and the publication where it is at hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from data.errors import DataError
from data.loaders import gowalla
from data.loaders.load import load_dataset
from data.settings import DataConfig

LISTS = {
    "train": {7: [30, 10], 2: [10, 20, 40]},
    "valid": {7: [20], 2: [50]},
    "test": {7: [40, 50], 2: [30]},
}


def write(folder: Path, lists: dict[str, dict[int, list[int]]]) -> Path:
    for part, of in lists.items():
        rows = {"user_id": list(of), "item_id": list(of.values()), "pseudo_time": [0] * len(of)}
        pl.DataFrame(rows).write_parquet(folder / gowalla.PARTS[part])
    return folder


def test_the_split_is_as_it_was_published(tmp_path: Path) -> None:
    found = gowalla.held_out(write(tmp_path, LISTS))
    assert found.dataset.user_ids.external == ("2", "7")
    assert found.dataset.item_ids.external == ("10", "20", "30", "40", "50")
    rows = found.dataset.interactions.select("user", "item").rows()
    assert rows == [(0, 0), (0, 1), (0, 3), (1, 2), (1, 0)]
    assert found.valid.of(0).tolist() == [4] and found.valid.of(1).tolist() == [1]
    assert found.test.of(0).tolist() == [2] and found.test.of(1).tolist() == [3, 4]
    assert found.valid.n_targets == 5 and len(found.test) == 2


def test_an_experiment_has_all_parts_in_a_row(tmp_path: Path) -> None:
    config = DataConfig(name="gowalla", source=write(tmp_path, LISTS), min_history=3)
    dataset = load_dataset(config, tmp_path).dataset
    one = dataset.user_ids.external.index("7")
    rows = dataset.interactions.filter(user=one)
    items = [dataset.item_ids.external[item] for item in rows["item"]]
    assert items == ["30", "10", "20", "40", "50"] and rows["time"].to_list() == [1, 2, 3, 4, 5]


def test_what_is_trained_on_and_held_out_is_refused(tmp_path: Path) -> None:
    lists = {**LISTS, "test": {7: [10], 2: [30]}}
    with pytest.raises(DataError, match=r"User '7' has the item '10' in train and in test, 1 such"):
        gowalla.held_out(write(tmp_path, lists))


def test_other_tables_get_a_sentence(tmp_path: Path) -> None:
    write(tmp_path, LISTS)
    pl.DataFrame({"user": [1]}).write_parquet(tmp_path / gowalla.PARTS["test"])
    with pytest.raises(DataError, match=r"test_df\.parquet has no column user_id nor item_id"):
        gowalla.held_out(tmp_path)
    (tmp_path / gowalla.PARTS["test"]).write_bytes(b"no table")
    with pytest.raises(DataError, match=r"test_df\.parquet"):
        gowalla.held_out(tmp_path)


def test_the_publication(real_data: Path) -> None:
    folder = real_data / "gowalla-contextgnn"
    if not folder.is_dir():
        pytest.skip(f"no gowalla-contextgnn in {real_data}")
    found = gowalla.held_out(folder)
    assert found.dataset.n_users == 29_858
    assert found.dataset.interactions.height == 780_270
    assert len(found.valid.targets) == 29_858
    # 810,128 training interactions of LightGCN's split, of which validation holds one a user
    assert found.dataset.interactions.height + len(found.valid.targets) == 810_128
