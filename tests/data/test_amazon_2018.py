"""Amazon's publication of 2018, in the form of 2014's but for some fields and HTML in texts."""

from __future__ import annotations

import json

import pytest

from data.loaders.load import load_dataset
from data.settings import DataConfig

BOOK = {
    "asin": "b",
    "category": ["Books", "Literature &amp; Fiction", "Poems"],
    "title": 'The <span class="x">H<sub>2</sub>O</span> Book &amp; Co',
    "description": [
        "<p>One &lt;b&gt;bold&lt;/b&gt;</p><script>x < y</script>",
        "<i>two</i>: 3 < 4",
    ],
    "brand": "Visit Amazon's Ann Author Page",
}


@pytest.fixture
def folder(tmp_path):
    reviews = [
        {"reviewerID": "u", "asin": f"{book}", "overall": 5.0, "unixReviewTime": 1_700_000_000 + k}
        for k, book in enumerate("bcd")
    ]
    books = [{**BOOK, "asin": book} for book in "bcd"]
    (tmp_path / "Books_5.json").write_text("".join(f"{json.dumps(r)}\n" for r in reviews) + "\n")
    (tmp_path / "meta_Books.json").write_text("".join(f"{json.dumps(b)}\n" for b in books) + "\n")
    return tmp_path


def test_other_fields_and_blank_lines_are_read_and_html_is_taken_out(folder):
    config = DataConfig(name="amazon-books", source=folder, min_history=3)
    loaded = load_dataset(config, folder)
    assert loaded.bad_rows.is_empty() and loaded.dataset.interactions.height == 3
    assert loaded.dataset.items.row(0) == (
        "b",
        "The H2O Book & Co",
        "One bold two: 3 < 4",
        ["Literature & Fiction", "Poems"],
        "Ann Author",
    )
