"""Traits against counts worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from prompts.traits import PRIOR, traits_of, words_in, words_of


def test_shares_and_lifts_by_hand() -> None:
    popularity = np.array([7, 1, 0])
    traits = traits_of([["common"], ["rare", "rare"], []], popularity)
    assert dict(zip(traits.names, traits.usual, strict=True)) == {"common": 8 / 11, "rare": 2 / 11}
    interacted = csr_matrix(np.array([[1.0, 1.0, 0.0]]))
    (found,) = traits.common(interacted, at_most=5)
    assert [f["value"] for f in found] == ["rare", "common"]
    assert found[0]["count"] == 1
    assert found[0]["share"] == 0.5
    assert found[0]["lift"] == round(0.5 / (2 / 11), 2)


def test_ranked_by_part_in_divergence() -> None:
    rng = np.random.default_rng(0)
    values = [[f"v{k}" for k in rng.choice(12, size=3, replace=False)] for _ in range(40)]
    popularity = rng.integers(1, 50, size=40)
    traits = traits_of(values, popularity)
    items = rng.choice(40, size=8, replace=False)
    interacted = np.zeros((1, 40))
    interacted[0, items] = 1
    (found,) = traits.common(csr_matrix(interacted), at_most=4)

    def score(value: str) -> float:
        q = sum(p + 1 for p, v in zip(popularity, values, strict=True) if value in v)
        q /= sum(p + 1 for p in popularity)
        p = (sum(value in values[i] for i in items) + PRIOR * q) / (8 + PRIOR)
        return p * math.log(p / q)

    carried = {value for i in items for value in values[i]}
    assert [f["value"] for f in found] == sorted(carried, key=score, reverse=True)[:4]


def test_long_histories_must_meet_a_value_twice() -> None:
    traits = traits_of([["once"], ["twice"]], np.array([1, 1]))
    (found,) = traits.common(csr_matrix(np.array([[1.0, 11.0]])), at_most=5)
    assert [f["value"] for f in found] == ["twice"]


def test_users_without_any_value() -> None:
    traits = traits_of([["a"], []], np.array([1, 1]))
    assert traits.common(csr_matrix(np.array([[0.0, 3.0], [0.0, 0.0]])), 3) == [[], []]


def test_words_distinguish_and_set_phrases_do_not() -> None:
    space = ["a film of robots and galaxies"] * 4
    home = ["a film of sisters and kitchens"] * 30
    words = words_of([*space, *home], np.ones(34))
    assert words is not None
    interacted = np.zeros((1, 34))
    interacted[0, :3] = 1
    (found,) = words.common(csr_matrix(interacted), at_most=5)
    assert {f["value"] for f in found} == {"robots", "galaxies"}


@pytest.mark.parametrize("texts", [[None, None], ["", ""], ["one text", "another"]])
def test_no_words_without_texts(texts: list[str | None]) -> None:
    assert words_of(texts, np.ones(2)) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Dark City is dark.", ["Dark City", "dark"]),
        ("With Tom Hanks. In June.", ["Tom Hanks", "june"]),
        ("Élodie's café, l'été", ["élodie", "café", "l'été"]),
        ("R2-D2 and 1984", []),
        (None, []),
    ],
)
def test_words_in(text: str | None, words: list[str]) -> None:
    assert words_in(text) == words
