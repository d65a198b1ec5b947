"""Histories that are too long for the model."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.requests import Request, fit_histories
from prompts.template import Template

TEMPLATE = Template(
    "t", 1, "user", "", "# system\nBe brief.\n\n# user\n"
    "{{ shown }} of {{ total }}:{% for item in history %} {{ item.title }}{% endfor %}\nDescribe.",
)  # fmt: skip


def words(messages: Any) -> int:
    return sum(len(m["content"].split()) for m in messages)


def asked(n: int) -> Request:
    history = [{"title": f"film{k}"} for k in range(n)]
    facts = {"id": "u", "history": history, "shown": n, "total": n + 5}
    return Request("user", "u", TEMPLATE.render(facts), "t@1", facts)


@given(st.integers(0, 200), st.integers(0, 120))
def test_as_many_of_the_latest_items_as_fit(n: int, limit: int) -> None:
    (request,) = fit_histories([asked(n)], TEMPLATE, words, limit)
    frame = words(asked(0).messages)
    if frame > limit:
        assert request == asked(n)
        return
    kept = min(n, limit - frame)
    assert [item["title"] for item in request.facts["history"]] == [
        f"film{k}" for k in range(n - kept, n)
    ]
    assert request.facts["shown"] == kept and request.facts["total"] == n + 5
    assert words(request.messages) <= limit
    assert request.messages[0]["content"] == "Be brief."
    assert request.messages[1]["content"].endswith("Describe.")
    assert f"{kept} of {n + 5}:" in request.messages[1]["content"]


def test_what_surely_fits_is_not_counted() -> None:
    def never(_messages: object) -> int:
        pytest.fail("a text has no more tokens than bytes")

    assert list(fit_histories([asked(3)], TEMPLATE, never, 4_000)) == [asked(3)]


def test_an_item_is_left_as_it_is() -> None:
    request = Request("item", "i", ({"role": "user", "content": "word " * 90},), "t@1", {"id": "i"})
    assert list(fit_histories([request], TEMPLATE, words, 10)) == [request]
