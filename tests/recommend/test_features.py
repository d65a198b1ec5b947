from itertools import pairwise

import numpy as np
import polars as pl
import pytest
import torch

from recommend.features import BUCKETS, RARE, bags
from recommend.sequence.network import BagEmbedding


def entries(table):
    """The (category, weight) pairs of every row."""
    content = bags(table)
    numbers = np.arange(len(content.categories))
    row = np.searchsorted(content.offsets, numbers, side="right") - 1
    pairs = list(zip(content.categories.tolist(), content.weights.tolist(), strict=True))
    return [[pairs[m] for m in numbers[row == r]] for r in range(table.height)]


def categories(table):
    return [[category for category, _ in row] for row in entries(table)]


def test_equal_values_are_one_category():
    table = pl.DataFrame({"sex": ["f", "m"] * 6})
    assert categories(table) == [[0], [1]] * 6
    assert bags(table).n_categories.tolist() == [2]


def test_the_same_value_in_two_columns_is_two_categories():
    table = pl.DataFrame({"a": ["x"] * 6, "b": ["x"] * 6})
    assert categories(table) == [[0, 1]] * 6


def test_rare_values_are_left_out():
    names = ["often"] * RARE + ["seldom"] * (RARE - 1) + ["often"]
    table = pl.DataFrame({"kind": names})
    assert categories(table) == [[0]] * RARE + [[]] * (RARE - 1) + [[0]]
    assert bags(table).n_categories.tolist() == [1]


def test_values_of_a_list_share_a_weight_of_one():
    table = pl.DataFrame({"genres": [["a", "b"], ["a"], ["b", "a", "c"], []] * 6})
    by_row = entries(table)[:4]
    assert by_row == [
        [(0, 0.5), (1, 0.5)],
        [(0, 1.0)],
        [*((c, pytest.approx(1 / 3)) for c in range(3))],
        [],
    ]
    assert entries(table) == by_row * 6


def test_nulls_say_nothing():
    table = pl.DataFrame(
        {
            "sex": ["f", None] * 6,
            "genres": [None, ["a"]] * 6,
            "age": pl.Series([20, None] * 6, dtype=pl.Int32),
            "empty": pl.Series([None] * 12, dtype=pl.String),
        }
    )
    assert categories(table) == [[0, 2], [1]] * 6 or categories(table) == [[0, 1], [2]] * 6
    assert bags(table).n_categories.tolist() == [3]


def test_few_numbers_are_themselves_and_many_are_cut_evenly():
    few = pl.DataFrame({"age": [1, 18, 25, 35] * 6})
    assert len({tuple(row) for row in categories(few)}) == 4
    rng = np.random.default_rng(0)
    many = pl.DataFrame({"year": rng.permutation(BUCKETS * 20).astype(np.int32)})
    found = [row[0] for row in categories(many)]
    years = many["year"].to_numpy()
    sizes = np.bincount(found)
    assert len(sizes) == BUCKETS and sizes.min() >= 18 and sizes.max() <= 22
    spans = sorted(
        (years[np.array(found) == c].min(), years[np.array(found) == c].max())
        for c in range(BUCKETS)
    )
    assert all(a[1] < b[0] for a, b in pairwise(spans))


def test_many_numbers_with_gaps_and_one_that_is_frequent():
    numbers = [1990] * 60 + list(range(1900, 1980)) + [None] * 10
    table = pl.DataFrame({"year": pl.Series(numbers, dtype=pl.Int32)})
    rows = categories(table)
    assert rows[-10:] == [[]] * 10
    assert len({tuple(row) for row in rows[:60]}) == 1
    assert all(len(row) == 1 for row in rows[:-10])


def test_ids_titles_and_texts_are_no_categories():
    table = pl.DataFrame(
        {name: ["same"] * 8 for name in ("user_id", "item_id", "title", "description")}
    )
    content = bags(table)
    assert content.categories.size == 0 and content.offsets.tolist() == [0] * 8
    assert content.n_categories.tolist() == [1]


def test_category_numbers_do_not_depend_on_the_order_of_rows():
    table = pl.DataFrame({"kind": ["b", "a", "c"] * 6})
    turned = table.reverse()
    assert categories(table) == categories(turned)[::-1]


@pytest.mark.parametrize("attribute", [None, "kind"])
def test_an_embedding_is_the_weighted_sum_of_the_bag(attribute):
    table = pl.DataFrame({"item_id": [f"i{n}" for n in range(18)]})
    if attribute:
        table = table.with_columns(kind=pl.Series([["a", "b"], ["b"], []] * 6))
    embedding = BagEmbedding(bags(table), 4)
    out, rows = embedding(), embedding.table.weight
    assert out.shape == (18, 4)
    zero = torch.zeros(4)
    expected = [(rows[0] + rows[1]) / 2, rows[1], zero] if attribute else [zero] * 3
    torch.testing.assert_close(out, torch.stack(expected * 6))
