"""One cache under one gate after the other: each judges for itself, and nothing is paid twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from llm_fakes import request

from llm.cache import ResponseCache
from llm.knowledge import Knowledge, describe
from llm.protocol import Reply, request_key
from llm.settings import GateConfig
from prompts.requests import Request

SHORT = "A quiet film about those who stay at home."
LONG = f"{SHORT} It follows two sisters through one winter, without music and with little said."
SECRET = f"<think>Okay.</think>{LONG}"
LOOSE, STRICT = GateConfig(min_words=5), GateConfig(min_words=20)


class Warming:
    """Says the first of its texts, and a later one the warmer it is asked."""

    model, leaking = "warming", False

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.asked: list[tuple[str, float]] = []

    def content(self, asked: Request) -> Mapping[str, Any]:
        return {"messages": list(asked.messages), "warmer": asked.warmer}

    def generate(self, requests: Iterable[Request]) -> Iterator[Reply]:
        for asked in requests:
            self.asked.append((asked.entity, asked.warmer))
            place = min(round(asked.warmer / 0.3), len(self.texts) - 1)
            yield Reply(asked, self.texts[place], 3, 10 + place)


def told(cache: ResponseCache, backend: Warming, gate: GateConfig | None) -> Knowledge:
    backend.asked.clear()
    return describe([request("a")], backend, cache, gate=gate)


def test_a_looser_gate_takes_what_a_stricter_one_rejected(cache: ResponseCache) -> None:
    backend = Warming("I cannot say.", SHORT, "Noir.")
    assert told(cache, backend, STRICT).texts == [None]
    assert backend.asked == [("a", 0.0), ("a", 0.3), ("a", 0.6)]
    known = told(cache, backend, LOOSE)
    assert known.texts == [SHORT] and backend.asked == []
    assert known.table.select("tokens_out", "attempts", "error").row(0) == (11, 3, None)
    assert cache.answered_keys(known.table["key"]), "others see it as answered, too"
    assert told(cache, backend, GateConfig(language="latin", min_words=5)).texts == [SHORT]
    assert backend.asked == []


def test_a_stricter_gate_asks_again_more_warmly_and_takes_nothing_away(
    cache: ResponseCache,
) -> None:
    backend = Warming(SHORT, LONG)
    assert told(cache, backend, LOOSE).texts == [SHORT]
    known = told(cache, backend, STRICT)
    assert known.texts == [LONG] and backend.asked == [("a", 0.3)]
    assert known.table.select("tokens_out", "attempts", "error").row(0) == (11, 2, None)
    for gate, text in ((STRICT, LONG), (LOOSE, SHORT), (None, SHORT)):
        assert told(cache, backend, gate).texts == [text] and backend.asked == []
    none = told(cache, backend, GateConfig(min_words=50))
    assert none.texts == [None] and backend.asked == [("a", 0.3), ("a", 0.6)]
    assert none.failures["error"][0].startswith("Rejected (too short)")
    assert told(cache, backend, LOOSE).texts == [SHORT]


def test_without_retries_an_answer_that_does_not_pass_is_shown_and_not_asked_again(
    cache: ResponseCache,
) -> None:
    backend = Warming(SHORT)
    told(cache, backend, LOOSE)
    for gate in (STRICT.model_copy(update={"retries": 0}), GateConfig(language="greek", retries=0)):
        known = told(cache, backend, gate)
        assert known.texts == [None] and backend.asked == []
        assert known.table["finish_reason"].to_list() == ["rejected"]


@pytest.mark.parametrize("before", [None, GateConfig(enabled=False)])
def test_thoughts_that_no_gate_saw_are_cut_by_the_next(
    cache: ResponseCache, before: GateConfig | None
) -> None:
    backend = Warming(SECRET)
    assert told(cache, backend, before).texts == [SECRET]
    assert told(cache, backend, LOOSE).texts == [LONG] and backend.asked == []
    assert told(cache, backend, before).texts == [SECRET] and backend.asked == []


def test_what_came_is_kept_as_it_came(cache: ResponseCache, monkeypatch: Any) -> None:
    def breaks(*_: object) -> Reply:
        raise MemoryError

    backend = Warming(SECRET)
    monkeypatch.setattr("llm.knowledge.judge_reply", breaks)
    with pytest.raises(MemoryError):
        told(cache, backend, LOOSE)
    monkeypatch.undo()
    known = told(cache, backend, LOOSE)
    assert known.texts == [LONG] and backend.asked == []
    describe([request("b")], backend, cache, gate=LOOSE)
    keys = [request_key(backend, request(name)) for name in "ab"]
    assert [row[1] for row in cache.answers(keys)] == [SECRET, LONG, SECRET]


def test_what_another_run_brings_is_judged_here(tmp_path: Path) -> None:
    """It is waited for, does not pass, and is asked again as a rejected answer."""
    path, backend = tmp_path / "replies.sqlite", Warming(SHORT, LONG)
    with closing(ResponseCache(path)) as one, closing(ResponseCache(path)) as other:
        key = request_key(backend, request("a"))
        with one.claims() as claims:
            claims.take([key])

            def heard(*_: object) -> None:
                if not one.answered_keys([key]):
                    one.put(key, backend.model, Reply(request("a"), SHORT))
                    claims.clear()

            known = describe([request("a")], backend, other, heard, gate=STRICT)
    assert known.texts == [LONG] and backend.asked == [("a", 0.3)]


OLD = """
CREATE TABLE replies (
    key TEXT PRIMARY KEY, text TEXT, model TEXT NOT NULL, tokens_in INTEGER NOT NULL,
    tokens_out INTEGER NOT NULL, latency_s REAL NOT NULL, finish_reason TEXT NOT NULL,
    attempts INTEGER NOT NULL, error TEXT, at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
)
"""


def test_a_cache_from_before_is_read(tmp_path: Path) -> None:
    path, backend = tmp_path / "replies.sqlite", Warming(LONG)
    keys = [request_key(backend, request(name)) for name in "ab"]
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(OLD)
        insert = "INSERT INTO replies VALUES (?, ?, 'warming', 1, 2, 0.5, ?, 3, ?, '2026-01-01')"
        database.execute(insert, (keys[0], SHORT, "stop", None))
        database.execute(insert, (keys[1], None, "rejected", "Rejected (too short): 3 words."))
    with closing(ResponseCache(path)) as cache:
        known = describe([request("a"), request("b")], backend, cache, gate=LOOSE)
    assert known.texts == [SHORT, LONG] and backend.asked == [("b", 0.0)]
    assert known.table["attempts"].to_list() == [3, 4]


def test_answers_to_one_request_in_two_finished_results_survive_damage(tmp_path: Path) -> None:
    path, backend = tmp_path / "replies.sqlite", Warming(SHORT, LONG)
    with closing(ResponseCache(path)) as cache:
        for gate, name in ((LOOSE, "loose"), (STRICT, "strict")):
            told(cache, backend, gate).save(tmp_path / "artifacts" / "knowledge-item" / name)
    path.write_bytes(path.read_bytes()[:-1])
    with closing(ResponseCache(path, tmp_path / "artifacts")) as cache:
        assert told(cache, backend, STRICT).texts == [LONG] and backend.asked == []
        assert told(cache, backend, LOOSE).texts == [SHORT] and backend.asked == []
    assert path.with_name("replies.sqlite.damaged-1").exists()
