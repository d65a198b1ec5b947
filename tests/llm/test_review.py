"""Checks of knowledge against counts worked out by hand."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from llm.knowledge import SCHEMA, Knowledge
from llm.review import compare_knowledge, coverage, duplicates, failures, review_texts, search


def knowledge(**columns: list[Any]) -> Knowledge:
    rows = len(next(iter(columns.values())))
    given = {"entity": [f"e{k}" for k in range(rows)], **columns}
    return Knowledge(
        pl.DataFrame([pl.Series(c, given.get(c, [None] * rows), t) for c, t in SCHEMA.items()])
    )


FIVE = knowledge(
    text=["The sea, the ship.", "the SEA the  ship", None, None, "A trial."],
    error=[None, None, "Rejected (too short): 2 words.", "The line was cut.", None],
    override=[None, None, None, "By hand.", None],
    model=["m", "m", "m", "n", "m"],
    template=["t@2", "t@2", "t@1", "t@2", "t@2"],
    tokens_in=[10, 20, 30, 0, 40],
    tokens_out=[1, 2, 3, 0, 4],
    latency_s=[0.5, 0.5, 1.0, 0.0, 2.0],
    attempts=[1, 1, 3, 5, 1],
)


def test_coverage_counts() -> None:
    found = coverage(FIVE)
    assert (found.entities, found.described, found.by_hand, found.failed) == (5, 4, 1, 1)
    assert (found.tokens_in, found.tokens_out, found.seconds) == (100, 10, 4.0)
    assert (found.models, found.templates) == (("m", "n"), ("t@2", "t@1"))
    assert found.words == 3, "of 4, 4, 2 and 2"
    assert found.share == pytest.approx(0.8)
    assert coverage(knowledge(text=[])).share == 0.0


def test_a_row_says_what_is_to_be_said_of_its_text() -> None:
    table = review_texts(FIVE)
    assert table["state"].to_list() == ["described"] * 2 + ["failed", "by hand", "described"]
    assert table["reason"].to_list() == [None, None, "too short", None, None]
    assert table["words"].to_list() == [4, 4, None, 2, 2]
    assert table["same"].to_list() == [2, 2, None, None, None]
    assert table["said"].to_list()[3] == "By hand."


def test_failures_are_counted_by_reason() -> None:
    rows = knowledge(
        text=[None] * 3,
        error=["Rejected (refusal): No.", "Timed out.", "Rejected (refusal): Never."],
        attempts=[1, 5, 3],
    )
    assert failures(rows).rows() == [
        ("refusal", 2, 2.0, "e0", "Rejected (refusal): No."),
        ("failed", 1, 5.0, "e1", "Timed out."),
    ]


def test_texts_that_begin_alike_are_not_the_same() -> None:
    opening = "one two three four five six seven eight"
    table = review_texts(knowledge(text=[f"{opening} nine", f"{opening} ten", opening[:-6], "!"]))
    assert table["same"].to_list() == [None] * 4
    assert table["alike"].to_list() == [2, 2, None, None]


def test_duplicates_are_gathered_by_text() -> None:
    found = duplicates(review_texts(FIVE))
    assert found["rows"].to_list() == [2]
    assert found["entities"].to_list() == [["e0", "e1"]]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([100, 110, 90, 105, 95, 9, 1000], [None] * 5 + ["short", "long"]),
        ([50] * 5 + [60, 90], [None] * 6 + ["long"]),
        ([3], [None]),
    ],
)
def test_unusual_lengths(counts: list[int], expected: list[str | None]) -> None:
    table = review_texts(knowledge(text=["word " * n for n in counts]))
    assert table["length"].to_list() == expected


def test_search_finds_every_word_anywhere() -> None:
    table = pl.DataFrame({"id": ["a", "b", "c"], "said": ["The Sea of [x", "a ship", None]})
    assert search(table, "sea THE", ("id", "said"))["id"].to_list() == ["a"]
    assert search(table, "[x", ("id", "said"))["id"].to_list() == ["a"]
    assert search(table, "c", ("id", "said"))["id"].to_list() == ["c"]
    assert search(table, " ", ("id", "said")).height == 3


def test_what_became_of_each_text() -> None:
    old = knowledge(text=["a b", "same", None, "gone", None], entity=list("vwxyz"))
    new = knowledge(
        text=["a B c d", "same", "new", None, None, "x y"], entity=["v", "w", "x", "y", "z", "q"]
    )
    rows = {row[0]: row[1:] for row in compare_knowledge(old, new).iter_rows()}
    assert rows == {
        "v": ("changed", 0.5, "a b", "a B c d"),
        "w": ("same", 1.0, "same", "same"),
        "x": ("added", None, None, "new"),
        "y": ("removed", None, "gone", None),
        "z": ("same", None, None, None),
        "q": ("added", None, None, "x y"),
    }
    assert compare_knowledge(old, new)["what"].to_list()[-2:] == ["same", "same"]


def test_a_text_by_hand_is_a_change() -> None:
    old = knowledge(text=["said"])
    compared = compare_knowledge(old, old.with_overrides({"e0": "by hand"}))
    assert compared.row(0)[1:] == ("changed", 0.0, "said", "by hand")
