"""Quotes that are opened and not closed, and fields of any length."""

from __future__ import annotations

import pytest

from data.errors import DataError
from data.loaders.delimited import quoted_rows
from data.loaders.load import load_dataset
from data.settings import DataConfig, FilesConfig

HEADER = "user_id,item_id,time,note\n"


def rows(first: int, last: int) -> str:
    return "".join(f"u{k % 5},i{k},{1_700_000_000 + k},ok\n" for k in range(first, last))


def load(tmp_path, text, policy="skip"):
    path = tmp_path / "a.csv"
    path.write_text(text)
    files = FilesConfig(interactions=path, time="time")
    return load_dataset(
        DataConfig(name="files", files=files, min_history=3, on_bad_row=policy), tmp_path
    )


@pytest.mark.parametrize(
    ("closing", "said", "n"),
    [
        ('u1,i998,1700000998,"fine"\n', "opened and closed on line 201 only", 298),
        ('u1,i998,1700000998,fine"\n', "opened and closed on line 201 only", 298),
        ("u1,i998,1700000998,fine\n", "opened and never closed", 298),
    ],
)  # fmt: skip
def test_a_quote_costs_the_row_it_is_opened_in(tmp_path, closing, said, n):
    text = HEADER + rows(0, 9) + 'u1,i999,1700000999,"he said\n' + rows(10, 199) + closing
    text += rows(200, 299)
    loaded = load(tmp_path, text)
    assert [row[:2] for row in loaded.bad_rows.rows()] == [("a.csv", 11)]
    assert f"{said}; the lines from 12 on" in loaded.bad_rows["reason"][0]
    assert loaded.dataset.interactions.height == n
    with pytest.raises(DataError, match=rf"a\.csv:11: a quote is {said}"):
        load(tmp_path, text, "stop")


def test_fields_of_several_lines_are_still_one(tmp_path):
    poem = "Roses, red,\nviolets, blue,\nand so on"
    text = HEADER + f'u0,i500,1700000500,"{poem}"\n' + rows(0, 30)
    assert load(tmp_path, text).bad_rows.is_empty()
    found = list(quoted_rows(f'a,b\n1,"{poem}"\n2,x\n', ",", 2))
    assert [row.fields for row in found] == [["a", "b"], ["1", poem], ["2", "x"]]
    assert [row.line for row in found] == [1, 2, 5]


def test_a_bad_row_of_several_lines_names_them():
    found = list(quoted_rows('a,b,c\n1,"one\ntwo\nthree"\n2,x,y\n', ",", 3))
    assert found[1].fields is None
    assert found[1].reason == "2 fields instead of 3 between ',', lines 2 to 4"
    assert found[2].fields == ["2", "x", "y"]


def test_a_table_of_one_column_may_hold_lines():
    found = list(quoted_rows('a\n"one\ntwo\nthree"\nx\n', ",", 1))
    assert [row.fields for row in found] == [["a"], ["one\ntwo\nthree"], ["x"]]


def test_a_field_may_be_longer_than_131072_characters(tmp_path):
    long = "x" * 200_000
    items = tmp_path / "i.csv"
    items.write_text(f'item_id,about\ni0,"{long}"\ni1,short\ni2,\n')
    (tmp_path / "a.csv").write_text("user_id,item_id\nu,i0\nu,i1\nu,i2\n")
    files = FilesConfig(interactions=tmp_path / "a.csv", items=items, description="about")
    config = DataConfig(name="files", files=files, min_history=3)
    assert load_dataset(config, tmp_path).dataset.items["description"][0] == long
