"""Texts by hand: a log that only grows, and knowledge that takes them in."""

from __future__ import annotations

from multiprocessing import get_context
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import ArtifactError, DataError
from llm.knowledge import SCHEMA, Knowledge
from llm.overrides import LONGEST, Overrides, digest, with_texts


@pytest.fixture
def log(tmp_path: Path) -> Overrides:
    return Overrides(tmp_path / "demo" / "item.jsonl")


def knowledge() -> Knowledge:
    rows = {"entity": ["a", "b"], "text": ["One.", None], "error": [None, "It failed."]}
    table = pl.DataFrame(rows).select(
        pl.col(c).cast(t) if c in rows else pl.lit(None, t).alias(c) for c, t in SCHEMA.items()
    )
    return Knowledge(table)


def test_nothing_is_there_before_the_first_change(log: Overrides) -> None:
    assert (log.changes(), log.texts(), log.texts(0)) == ([], {}, {})


def test_every_change_stays_and_the_first_n_are_a_version(log: Overrides) -> None:
    assert log.write("a", " By hand. ", note="It was wrong.")
    assert log.write("b", "Other\u2028line")
    assert log.write("a", "Better.")
    assert log.revert("b")
    assert [(c.entity, c.text, c.note) for c in log.changes()] == [
        ("a", "By hand.", "It was wrong."),
        ("b", "Other\u2028line", ""),
        ("a", "Better.", ""),
        ("b", None, ""),
    ]
    assert [log.texts(n) for n in range(5)] == [
        {},
        {"a": "By hand."},
        {"a": "By hand.", "b": "Other\u2028line"},
        {"a": "Better.", "b": "Other\u2028line"},
        {"a": "Better."},
    ]
    assert log.texts() == log.texts(4)


def test_what_changes_nothing_is_no_change(log: Overrides) -> None:
    assert not log.revert("a")
    assert log.write("a", "Text.")
    assert not log.write("a", "Text. ")
    assert len(log.changes()) == 1


@pytest.mark.parametrize(("text", "why"), [(" \n", "blank"), ("x" * (LONGEST + 1), "20,001")])
def test_texts_that_cannot_be(log: Overrides, text: str, why: str) -> None:
    with pytest.raises(DataError, match=why):
        log.write("a", text)
    assert not log.path.exists()


@pytest.mark.parametrize("line", ["{", '{"entity": "a"}', "[1]", "\udcff"])
def test_a_damaged_file_is_named_and_kept(log: Overrides, line: str) -> None:
    log.write("a", "Text.")
    with log.path.open("ab") as file:
        file.write(line.encode(errors="surrogateescape"))
    before = log.path.read_bytes()
    for attempt in (log.changes, lambda: log.write("b", "Other.")):
        with pytest.raises(ArtifactError, match=r"item\.jsonl cannot be read"):
            attempt()
    assert log.path.read_bytes() == before


def test_a_version_that_was_cut_off_is_missed(log: Overrides) -> None:
    log.write("a", "Text.")
    with pytest.raises(ArtifactError, match="holds 1 changes by hand, and 2 are wanted"):
        log.texts(2)


def test_two_processes_lose_nothing(log: Overrides) -> None:
    processes = [get_context("fork").Process(target=_write_ten, args=(log, n)) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert len(log.texts()) == len(log.changes()) == 30


def _write_ten(log: Overrides, n: int) -> None:
    for k in range(10):
        log.write(f"{n}-{k}", "Text.")


def test_knowledge_has_exactly_the_texts_it_is_given() -> None:
    first = with_texts(knowledge(), {"b": "By hand.", "gone": "Nobody."})
    assert first.texts == ["One.", "By hand."]
    assert first.failures.is_empty()
    assert first.table["text"].to_list() == ["One.", None], "what the model said stays"
    second = with_texts(first, {"a": "Mine."})
    assert second.table["override"].to_list() == ["Mine.", None]


texts = st.dictionaries(st.text(min_size=1), st.text(min_size=1))


@given(texts, texts)
def test_a_digest_tells_texts_apart_and_knows_no_order(
    one: dict[str, str], other: dict[str, str]
) -> None:
    assert (digest(one) == digest(other)) == (one == other)
    assert digest(dict(reversed(one.items()))) == digest(one)
