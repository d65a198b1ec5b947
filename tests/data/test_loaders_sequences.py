"""Amazon 5-core as S3-Rec published it: sequences and attributes by number."""

import json

import pytest

from data.errors import DataError
from data.loaders.load import load_dataset
from data.settings import DataConfig
from data.split import leave_one_out

LINES = "1 7 9 7 8\n2 9 8 5\n\n4 5\n"
ATTRIBUTES = {"9": [3, 1], "7": [], "5": [2], "99": [1]}


def load(folder, **choices):
    config = DataConfig(name="amazon-beauty", source=folder, min_history=3, **choices)
    return load_dataset(config, folder)


@pytest.fixture
def beauty(tmp_path):
    (tmp_path / "Beauty.txt").write_text(LINES)
    (tmp_path / "Beauty_item2attributes.json").write_text(json.dumps(ATTRIBUTES))
    return tmp_path


def test_items_come_in_the_order_of_the_line(beauty):
    loaded = load(beauty)
    dataset = loaded.dataset
    assert dataset.users.rows() == [("1",), ("2",)]
    assert dataset.items.rows() == [("7", []), ("9", ["3", "1"]), ("8", []), ("5", ["2"])]
    read = dataset.interactions.select("user", "item", "time").rows()
    assert read == [(0, 0, 1), (0, 1, 2), (0, 2, 4), (1, 1, 1), (1, 2, 2), (1, 3, 3)]
    assert loaded.left_out["repeated interactions"] == 1
    assert loaded.left_out["users with fewer than 3 interactions"] == 1


@pytest.mark.parametrize(
    ("line", "said"),
    [("6", r"Beauty\.txt:5: user 6 stands there without an item"), ("1 5 8 9", "1 stands twice")],
)
def test_a_line_that_cannot_be_used_is_named(beauty, line, said):
    with (beauty / "Beauty.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DataError, match=said):
        load(beauty)
    skipped = load(beauty, on_bad_row="skip")
    assert skipped.bad_rows["line"].to_list() == [5]
    assert skipped.dataset.n_users == 2


@pytest.mark.parametrize("text", ["[1, 2]", '{"9": 3}', "{"])
def test_attributes_of_another_form(beauty, text):
    (beauty / "Beauty_item2attributes.json").write_text(text)
    with pytest.raises(DataError, match=r"item2attributes\.json does not hold one JSON object"):
        load(beauty)


def test_the_attributes_are_needed(beauty):
    (beauty / "Beauty_item2attributes.json").unlink()
    with pytest.raises(DataError, match=r"There is no Beauty_item2attributes\.json"):
        load(beauty)


@pytest.mark.parametrize(
    ("name", "users", "items", "interactions", "attributes"),
    [
        ("amazon-beauty", 22_363, 12_101, 198_502, 637),
        ("amazon-sports", 35_598, 18_357, 296_337, 2_277),
    ],
)
def test_the_publication(real_data, name, users, items, interactions, attributes):
    folder = real_data / "amazon-5core-sequences"
    if not folder.is_dir():
        pytest.skip(f"no amazon-5core-sequences in {real_data}")
    loaded = load_dataset(DataConfig(name=name, source=folder), folder)
    dataset = loaded.dataset
    assert loaded.bad_rows.is_empty()
    assert (dataset.n_users, dataset.n_items) == (users, items)
    assert dataset.interactions.height == interactions
    assert dataset.items["attributes"].explode().n_unique() == attributes
    assert leave_one_out(dataset).histories(dataset).lengths.min() == 3
