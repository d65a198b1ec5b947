from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommend.reasons.quotation import LONGEST, quotation, sentences

TEXT = (
    "Alien (1979) is a horror film by Ridley Scott. A crew of seven wakes too early, far from "
    "Earth. The creature hunts them through the ship!"
)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        (["crew"], "A crew of seven wakes too early, far from Earth."),
        (["ship", "crew"], "The creature hunts them through the ship!"),
        (["dog", "creature", "seven", "earth"], "A crew of seven wakes too early, far from Earth."),
        (["ridley scott"], "Alien (1979) is a horror film by Ridley Scott."),
    ],
)
def test_the_sentence_with_the_weightiest_terms(terms, expected):
    """Second of four weighs 1/2; third and fourth together 1/3 + 1/4."""
    assert quotation(TEXT, terms).sentence == expected


@pytest.mark.parametrize("terms", [[], ["rew"], ["robot"], [""]])
def test_where_no_term_stands_nothing_is_quoted(terms):
    assert quotation(TEXT, terms) is None


def test_no_text_no_quotation():
    assert quotation(None, ["crew"]) is None and quotation("", ["crew"]) is None


def test_terms_are_marked_where_they_stand():
    found = quotation("The Crew meets a crew-cut crew.", ["crew"])
    assert [found.sentence[a:b] for a, b in found.marks] == ["Crew", "crew", "crew"]
    told = list(quotation("A stable girl rides.", ["girl", "stable  girl"]).parts())
    assert told == [("A ", False), ("stable girl", True), (" rides.", False)]


def test_a_long_sentence_is_cut_around_its_first_term():
    text = f"{'before ' * 80}here is the rope {'after ' * 80}end."
    found = quotation(text, ["rope"])
    assert found.sentence.startswith("… ") and found.sentence.endswith(" …")
    assert len(found.sentence) <= LONGEST + 4
    assert [found.sentence[a:b] for a, b in found.marks] == ["rope"]


def test_sentences_end_where_a_reader_would_say():
    text = 'He saw "Up." Then Mr. T. Jones left... Why? No. 5 came (late). the end'
    assert sentences(text) == [
        'He saw "Up."',
        "Then Mr. T. Jones left...",
        "Why?",
        "No. 5 came (late). the end",
    ]


@given(st.text(max_size=600), st.lists(st.text(max_size=12), max_size=4))
def test_whatever_the_text_the_marks_are_terms(text, terms):
    found = quotation(text, terms)
    if found is not None:
        assert "".join(part for part, _ in found.parts()) == found.sentence
        patterns = [r"\s+".join(map(re.escape, term.split())) for term in terms]
        marked = [part for part, is_term in found.parts() if is_term]
        assert marked
        for part in marked:
            assert any(
                re.fullmatch(pattern, part, re.IGNORECASE) for pattern in patterns if pattern
            )
