"""What the Graph and Query screens say where data have a log."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from opening import words
from streamlit.testing.v1 import AppTest

import app.ui.graph.of_log as of_log


def _draw() -> None:
    from app.ui.graph.of_log import tell_log

    tell_log()


@pytest.mark.parametrize("log", [None, object()])
def test_a_graph_that_does_not_show_is_told_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, log: Any
) -> None:
    results = SimpleNamespace(dataset=SimpleNamespace(log=log))
    shop = SimpleNamespace(experiment=SimpleNamespace(name="shop"))
    monkeypatch.setattr(of_log, "current_record", lambda: shop)
    monkeypatch.setattr(of_log, "results_of", lambda _record: results)
    page = AppTest.from_function(_draw, default_timeout=60).run()
    assert not page.exception and not page.expander
    said = words(page)
    assert ("is about the graph of latent factors" in said) == (log is not None)
    assert ("autograph graph query shop" in said and "--graph log" in said) == (log is not None)
