"""Charts of the Prompts and Knowledge screens, against figures worked out by hand."""

from __future__ import annotations

import json
import math
import re

import polars as pl
import pytest

from app.results.colours import DARK, LIGHT
from app.ui.knowledge.charts import failures_by_reason, kept_words, lengths
from app.ui.prompts.charts import costs, tokens_by_variant
from app.ui.shared.marked import diff_html
from prompts.diff import word_diff


def test_mean_tokens_of_what_was_answered() -> None:
    tried = pl.DataFrame(
        {
            "variant": [0, 1, 0, 1],
            "text": ["a", "b", "c", None],
            "tokens_in": [10, 30, 20, 90],
            "tokens_out": [1, 3, 2, 0],
        }
    )
    spec = tokens_by_variant(tried, ["one", "two", "three"])
    assert [series["data"] for series in spec["series"]] == [[15.0, 30.0, 0], [1.5, 3.0, 0]]
    assert spec["yAxis"]["data"] == ["one", "two", "three"]
    json.dumps(spec)


def test_costs_with_their_intervals() -> None:
    rows = [("cheap", 1.0, 2.0, 3.0), ("dear", 2.0, 4.0, math.inf)]
    table = pl.DataFrame(rows, ["model", "low", "mean", "high"], orient="row")
    bars, intervals = costs(table, "EUR")["series"]
    assert bars["data"] == [2.0, 4.0]
    assert intervals["data"] == [[1.0, 1.0, 2.0, 3.0, 3.0], [2.0, 2.0, 4.0, 4.0, 4.0]]
    json.dumps(costs(table, "EUR"), allow_nan=False)


def test_every_length_is_in_one_bar() -> None:
    spec = lengths(pl.Series([3, 3, 4, 90]))
    counts = spec["series"][0]["data"]
    assert sum(counts) == 4
    assert counts[0] == 3
    assert counts[-1] == 1
    assert len(counts) == len(spec["xAxis"]["data"]) <= 30
    assert spec["xAxis"]["data"][0] == "3–5"
    one = lengths(pl.Series([7]))
    assert (one["xAxis"]["data"], one["series"][0]["data"]) == (["7"], [1])


def test_kept_words_in_tenths() -> None:
    spec = kept_words(pl.Series([0.0, 0.05, 0.5, 1.0]))
    assert spec["series"][0]["data"] == [2, 0, 0, 0, 0, 1, 0, 0, 0, 1]


def test_failures_by_reason() -> None:
    spec = failures_by_reason(pl.DataFrame({"reason": ["refusal"], "rows": [4]}))
    assert spec["yAxis"]["data"] == ["refusal"]
    assert spec["series"][0]["data"] == [4]


@pytest.mark.parametrize("old", ["", "plain words", '<script>alert("x")</script>', "a & b </del>"])
@pytest.mark.parametrize("new", ["<img src=x onerror=alert(1)>", "plain other words"])
def test_words_of_a_difference_are_never_html(old: str, new: str) -> None:
    html = diff_html(word_diff(old, new), LIGHT)
    tags = set(re.findall(r"</?(\w+)", html))
    assert tags <= {"div", "del", "ins"}
    assert html.count("<ins") == html.count("</ins>")


def test_a_difference_can_be_told_without_colours() -> None:
    html = diff_html([("equal", "a "), ("removed", "b"), ("added", "c")], DARK)
    assert re.search(r"<del [^>]*line-through[^>]*>b</del>", html)
    assert re.search(r"<ins [^>]*underline[^>]*>c</ins>", html)
