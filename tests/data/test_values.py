"""Numbers, names that look like numbers, placeholders and lists, as cells hold them."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import DataError
from data.ids import IdMap, canonical_id, canonical_ids
from data.loaders.load import load_dataset
from data.loaders.values import are_lists, as_quantities, decimal_mark, numbers_of, split_cells
from data.settings import DataConfig, FilesConfig


@pytest.mark.parametrize(
    ("values", "mark", "numbers"),
    [
        (["4,5", "3"], ",", [4.5, 3.0]),
        (["4.5", "3"], ".", [4.5, 3.0]),
        (["1.234,50", "2"], ",", [1234.5, 2.0]),
        (["1,234.50", "2"], ".", [1234.5, 2.0]),
        (["1.234.567"], ",", [1234567.0]),
        (["1,234", "0,5"], ",", [1.234, 0.5]),
        (["1.5e-3"], ".", [0.0015]),
        (["4,5", "4.5", "3,5"], ",", [4.5, None, 3.5]),
        (["inf", "nan", "1"], ".", [None, None, 1.0]),
    ],
)
def test_decimals_are_told_from_the_column(values, mark, numbers):
    column = pl.Series(values)
    assert decimal_mark(column, "here") == mark
    assert numbers_of(column, mark).to_list() == numbers


@pytest.mark.parametrize("values", [["1,234", "2"], ["1.234", "12.500"], ["4,5", "4.5"]])
def test_what_may_be_thousands_is_refused_and_can_be_said(values):
    with pytest.raises(DataError, match=r"here .*data\.files\.decimal"):
        decimal_mark(pl.Series(values), "here")
    assert decimal_mark(pl.Series(values), "here", ",") == ","


@pytest.mark.parametrize(
    ("column", "values", "kept"),
    [
        ("x", ["9783161484100555120", "9783161484101555121"], None),
        ("x", ["4006381333931"], None),
        ("x", ["1E0", "2E1"], None),
        ("x", ["02139"], None),
        ("brand_id", ["7", "8"], None),
        ("price", ["1,234"], None),
        ("price", ["9.5", "1e3"], [9.5, 1000.0]),
        ("price", ["17,00", "9,90"], [17.0, 9.9]),
        ("price", ["12.5", "inf", "NaN", "-Infinity"], [12.5, None, None, None]),
        ("x", ["NaN", "red", "inf"], [None, "red", None]),
        ("year", ["1999", "2001"], [1999, 2001]),
    ],
)
def test_an_attribute_is_a_quantity_or_stays_as_it_is(column, values, kept):
    assert as_quantities(pl.Series(column, values)).to_list() == (kept or values)


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ("['Action', 'Sci-Fi']", ["Action", "Sci-Fi"]),
        ('["Action", "Sci-Fi"]', ["Action", "Sci-Fi"]),
        ("['Action' 'Sci-Fi']", ["Action", "Sci-Fi"]),
        ("""["Children's", nan]""", ["""["Children's", nan]"""]),
        ("[{'id': 28, 'name': 'Action'}]", ["Action"]),
        ("[]", []),
        ("Action|Sci-Fi", ["Action", "Sci-Fi"]),
        ("[" * 5_000 + "]" * 5_000, ["[" * 5_000 + "]" * 5_000]),
        ("[__import__('os').getpid()]", ["[__import__('os').getpid()]"]),
    ],
)
def test_lists_as_programs_write_them(cell, parts):
    assert split_cells(pl.Series([cell, None]), "|").to_list() == [parts, []]


def test_titles_in_brackets_are_no_lists():
    assert not are_lists(pl.Series(["[Rec]", "[Rec] 2"]))


def test_a_whole_table_keeps_what_it_says(tmp_path):
    (tmp_path / "a.csv").write_text("user_id,item_id\nu,1E0\nu,2E0\nu,3\n")
    (tmp_path / "i.csv").write_text(
        "item_id,name,ean,g\n1E0,NaN,9783161484100555120,\"['A', 'B']\"\n"
        "2E0,Nan,9783161484100555121,[]\n3,inf,9783161484100555122,['C']\n"
    )
    files = FilesConfig(interactions=tmp_path / "a.csv", items=tmp_path / "i.csv", title="name")
    items = load_dataset(DataConfig(name="files", files=files, min_history=3), tmp_path).dataset
    assert items.items.rows() == [
        ("1E0", None, "9783161484100555120", ["A", "B"]),
        ("2E0", "Nan", "9783161484100555121", []),
        ("3", None, "9783161484100555122", ["C"]),
    ]


def test_typed_columns_have_gaps_where_numbers_are_not_finite(tmp_path):
    pl.DataFrame({"user_id": [1.0] * 3, "item_id": [1.0, 2.0, 3.0]}).write_parquet(
        tmp_path / "a.parquet"
    )
    price = [1.5, float("inf"), float("nan")]
    pl.DataFrame({"item_id": [1, 2, 3], "price": price}).write_parquet(tmp_path / "i.parquet")
    files = FilesConfig(interactions=tmp_path / "a.parquet", items=tmp_path / "i.parquet")
    dataset = load_dataset(DataConfig(name="files", files=files, min_history=3), tmp_path).dataset
    assert dataset.items.rows() == [("1", 1.5), ("2", None), ("3", None)]
    assert dataset.users.rows() == [("1",)]


def test_ids_are_the_same_from_every_source():
    assert canonical_ids(pl.Series([100.0, float("nan"), 0.5])).to_list() == ["100", None, "0.5"]
    assert canonical_ids(pl.Series([100, None])).to_list() == ["100", None]
    given = ["\ufeff100", " 100\t", "1E0", "007", "", "a\x01b"]
    assert canonical_ids(pl.Series(given)).to_list() == ["100", "100", "1E0", "007", None, "a\x01b"]
    assert canonical_id(9783161484100555120) == "9783161484100555120"
    assert canonical_id(100.0) == canonical_id("100") == canonical_id(100) == "100"
    assert canonical_id("x\ud83d\ude00") == "x😀" and canonical_id("x\ud83d") == "x\ufffd"
    ids = IdMap(("100", "1E0"))
    assert ids.number(100.0) == ids.number(" 100") == 0 and "\ufeff1E0" in ids and "1" not in ids
    assert canonical_id(None) is canonical_id("  ") is canonical_id(True) is None


@given(st.one_of(st.text(), st.floats(), st.integers(-(2**62), 2**62), st.just("\ufeff 7\u3000")))
def test_one_id_is_called_as_it_is_in_a_column(value):
    kind = pl.Float64 if isinstance(value, float) else pl.Int64 if isinstance(value, int) else None
    (same,) = canonical_ids(pl.Series([value], dtype=kind or pl.String))
    assert canonical_id(value) == same
