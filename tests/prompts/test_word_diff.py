"""Word by word, and nothing lost."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from prompts.diff import template_diff, word_diff
from prompts.template import load_template

TEXTS = st.text(alphabet="ab .,\n", max_size=40)


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_from_it(old: str, new: str) -> None:
    changes = word_diff(old, new)
    assert "".join(text for op, text in changes if op != "added") == old
    assert "".join(text for op, text in changes if op != "removed") == new
    assert all(text for _, text in changes)
    assert [op for op, _ in word_diff(old, old)] == (["equal"] if old else [])


def test_a_phrase_changes_as_one() -> None:
    assert word_diff("You write short, concrete texts.", "You write long vivid texts.") == [
        ("equal", "You write "),
        ("removed", "short, concrete"),
        ("added", "long vivid"),
        ("equal", " texts."),
    ]
    assert word_diff("one two", "three four") == [("removed", "one two"), ("added", "three four")]
    assert word_diff("word", "words") == [("removed", "word"), ("added", "words")]


def test_templates_differ_in_what_is_sent_alone() -> None:
    old = load_template("any-item")
    assert template_diff(old, replace(old, name="x", version=7, note="other")) == [
        ("equal", old.body)
    ]
    schema = {"type": "object"}
    assert template_diff(old, replace(old, schema=schema))[0] == (
        "added",
        "schema:\n  type: object\n",
    )
