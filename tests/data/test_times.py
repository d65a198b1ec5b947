"""Times are told from the whole column, or refused; never a wrong year in silence."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest
from pydantic import ValidationError

from data.errors import DataError
from data.loaders.load import load_dataset
from data.loaders.times import examples, read_times
from data.settings import DataConfig, FilesConfig

MOMENT = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
SECOND = 1_700_000_000


def read(values, form=None):
    return read_times(pl.Series("when", values, strict=False), form)


def days(*dates):
    return [int(datetime(*date, tzinfo=UTC).timestamp()) for date in dates]


@pytest.mark.parametrize(
    ("values", "understood", "expected"),
    [
        (["14-11-23", "02-01-24"], "day first", days((2023, 11, 14), (2024, 1, 2))),
        (["30.08.2025 03:26"], "day first, since 30 > 12 in line 1", days((2025, 8, 30, 3, 26))),
        (["01/02/2025", "8/30/2025"], "month first, since 30 > 12 in line 2",
         days((2025, 1, 2), (2025, 8, 30))),
        (["8/30/2025 3:26 PM", "8/30/2025 12:05 am"], "month first",
         days((2025, 8, 30, 15, 26), (2025, 8, 30, 0, 5))),
        (["30. 8. 2025"], "day first", days((2025, 8, 30))),
        (["99-12-31", "98-12-31"], "year first", days((1999, 12, 31), (1998, 12, 31))),
        (["30 Aug 2025", "Aug 31, 2025 10:00"], "month's name",
         days((2025, 8, 30), (2025, 8, 31, 10))),
        (["20231114", "20231115"], "without separators", days((2023, 11, 14), (2023, 11, 15))),
        ([20231114, 20231115], "without separators", days((2023, 11, 14), (2023, 11, 15))),
        (["20231114093000"], "without separators", days((2023, 11, 14, 9, 30))),
        (["202311140930"], "without separators", days((2023, 11, 14, 9, 30))),
        (["2000", "1999"], "bare years", days((2000, 1, 1), (1999, 1, 1))),
        ([2000, 2001], "bare years", days((2000, 1, 1), (2001, 1, 1))),
        (["2025-08"], "months", days((2025, 8, 1))),
        (["2023-11-15T00:13:20+02:00", "2023-11-14T22:13:20Z"], "year first", [SECOND] * 2),
        ([SECOND * 10**6], "microseconds", [SECOND]),
        ([str(SECOND * 10**9)], "nanoseconds", [SECOND]),
        ([SECOND * 1000, SECOND * 1000, SECOND], r"milliseconds (2 rows) and seconds (1 row)",
         [SECOND] * 3),
        ([1, 2, 3], "only put the rows in order", [1, 2, 3]),
    ],
)  # fmt: skip
def test_format_and_unit_are_told_from_the_column(values, understood, expected):
    found = read(values)
    assert understood in found.understood
    assert found.seconds.to_list() == expected


def test_a_few_slips_are_bad_rows_and_no_other_reading():
    found = read(["30.08.2025"] * 99 + ["8/31/2025"])
    assert found.seconds.to_list()[-1] is None and found.seconds.null_count() == 1
    found = read([0, 5, SECOND, SECOND, SECOND])
    assert found.seconds.to_list() == [None, None, SECOND, SECOND, SECOND]


@pytest.mark.parametrize(
    "value",
    ["1970-01-01", "1900-01-01", "2100-01-01", "9999-12-31", "2024-02-30", "2024-05-01 25:00",
     "2024-13-01", "0000-00-00", "2024-05-01 10:00 CEST"],
)  # fmt: skip
def test_what_is_no_plausible_time_is_null(value):
    assert read(["2024-05-01", value]).seconds.is_null().to_list() == [False, True]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["03/04/2025", "12.11.2025"], "does not say which number is the day"),
        (["01-02-03", "04-05-06"], "does not say which number is the day"),
        (["30/08/2025", "12/31/2025"], "is written in two ways: 30/08/2025 in line 1"),
    ],
)
def test_what_is_ambiguous_is_refused_with_its_cure(values, said):
    with pytest.raises(DataError, match=said):
        read(values)
    if "two ways" not in said:
        with pytest.raises(DataError, match=r'time_format = "day first", "month first"'):
            read(values)


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        ("day first", "03/04/2025", (2025, 4, 3)),
        ("month first", "03/04/2025", (2025, 3, 4)),
        ("year first", "03-04-05", (2003, 4, 5)),
        ("%d/%m/%y", "03/04/25", (2025, 4, 3)),
        ("%Y%m%d", 20250403, (2025, 4, 3)),
        ("%d.%m.%Y %H:%M", "03.04.2025 03:26", (2025, 4, 3, 3, 26)),
        ("milliseconds", SECOND * 1000, (2023, 11, 14, 22, 13, 20)),
    ],
)
def test_a_format_may_be_said(form, value, expected):
    assert read([value], form).seconds.to_list() == days(expected)


def test_examples_cannot_be_misread():
    values = pl.Series(["30.08.2025 03:26", "01.02.2025"])
    assert examples(values, read_times(values)) == [
        "30.08.2025 03:26 is 30 August 2025, 03:26:00 UTC",
        "01.02.2025 is 1 February 2025, 00:00:00 UTC",
    ]


@pytest.fixture
def shop(tmp_path):
    """Orders of three customers that are not in the order of time."""
    path = tmp_path / "orders.csv"
    rows = [f"k{k % 3};a{k};{28 - k}.08.2025 03:26;{k},5\n" for k in range(12)]
    path.write_text("\ufeffKunde;Artikel;Bestelldatum;Betrag\n" + "".join(rows), encoding="utf-8")
    return FilesConfig(interactions=path, user="Kunde", item="Artikel", separator=";")


def load(files, **choices):
    config = DataConfig(name="files", files=files, min_history=3, **choices)
    return load_dataset(config, files.interactions.parent)


def test_the_order_of_rows_is_never_taken_in_silence(shop):
    with pytest.raises(DataError, match=r"'Bestelldatum' that looks like times \(28\.08\.2025"):
        load(shop, on_bad_row="skip")
    said = load(shop.model_copy(update={"time_format": "rows"}))
    assert said.dataset.interactions["time"].to_list()[:2] == [2, 5]
    assert said.understood == ("Times: none; the order of the rows stands for them.",)
    timed = load(shop.model_copy(update={"time": "Bestelldatum"}))
    ordered = timed.dataset.interactions.filter(user=0)
    assert timed.dataset.items["item_id"].gather(ordered["item"]).to_list() == [
        *("a9", "a6", "a3", "a0")
    ]


def test_european_tables_are_read_and_said(shop):
    found = load(shop.model_copy(update={"time": "Bestelldatum", "weight": "Betrag"}))
    assert found.bad_rows.is_empty()
    assert found.dataset.interactions["weight"].to_list()[:2] == [9.5, 6.5]
    times, weights = found.understood
    assert "day first, since 28 > 12 in line 2" in times and times.count(" UTC") == 3
    assert weights == "Betrag: a decimal comma; 0,5 is 0.5."


def test_a_column_that_is_no_time_stops_even_where_rows_are_skipped(shop):
    with pytest.raises(DataError, match=r"is with 12 of 12 rows\. Name another column") as raised:
        load(shop.model_copy(update={"time": "Betrag"}), on_bad_row="skip")
    assert "--on-bad-row" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"time": "t", "time_format": "soon"}, "it is one of day first"),
        ({"time": "t", "time_format": "rows"}, "goes without data.files.time"),
        ({"time_format": "day first"}, "goes without data.files.time"),
        ({"encoding": "undefined"}, "no encoding 'undefined' of texts"),
        ({"encoding": "base64"}, "no encoding 'base64' of texts"),
        ({"encoding": "a\0b"}, "no encoding"),
    ],
)
def test_settings_that_cannot_be(given, said, tmp_path):
    with pytest.raises(ValidationError, match=said):
        FilesConfig(interactions=tmp_path / "a.csv", **given)
