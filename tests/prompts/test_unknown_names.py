"""Names that do not exist are found all at once, each with the nearest that does."""

from __future__ import annotations

from typing import Any

import pytest

from prompts.template import Template
from prompts.variables import unknown_names

ITEM_FACTS = {"id": "1", "title": "Alien", "attributes": {"genres": ["Horror"], "Film Age": 3}}
USER_FACTS = {"id": "u", "history": [{"title": "Alien", "weight": 5.0}], "attributes": {}}


def found(side: Any, body: str, facts: Any = None) -> dict[str, str | None]:
    template = Template("t", 1, side, "", f"# system\nBe brief.\n\n# user\n{body}\n")
    return {one.name: one.nearest for one in unknown_names(template, facts)}


def test_all_of_them_are_named_with_what_may_be_meant() -> None:
    body = "{{ titel }} {{ yeer }} {{ title }} {{ titel }} {{ zzzzqqq }}"
    assert found("item", body) == {"titel": "title", "yeer": "year", "zzzzqqq": None}


def test_what_the_template_names_itself_is_known() -> None:
    loop = "{% for item in history %}{{ loop.index }} {{ item.title }}{{ x }}{% endfor %}"
    body = "{% set x = 1 %}" + loop
    assert found("user", body, USER_FACTS) == {}


def test_variables_of_the_other_side_are_unknown() -> None:
    assert set(found("item", "{% for one in history %}{{ one }}{% endfor %}")) == {"history"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{{ attributes.genre }}", {"attributes.genre": "attributes.genres"}),
        ("{{ attributes['genre'] }}", {"attributes.genre": "attributes.genres"}),
        ("{{ attributes.GENRES }}", {"attributes.GENRES": "attributes.genres"}),
        ("{{ attributes['Film Age'] }}{{ attributes.genres[0] }}", {}),
        ("{% for k, v in attributes.items() %}{{ k }}{% endfor %}", {}),
        ("{% for attributes in [1] %}{{ attributes.x }}{% endfor %}", {}),
        ("{{ title.upper() }}", {}),
    ],
)
def test_members_are_looked_up_where_values_are_given(
    body: str, expected: dict[str, str | None]
) -> None:
    assert found("item", body, ITEM_FACTS) == expected
    assert found("item", body) == {}


def test_members_of_what_a_loop_gives_out() -> None:
    body = "{% for film in history %}{{ film.titel }}{{ film.weight }}{% endfor %}"
    assert found("user", body, USER_FACTS) == {"film.titel": "film.title"}
    assert found("user", body, {**USER_FACTS, "history": []}) == {}


def test_a_sentence_offers_the_nearest() -> None:
    template = Template("t", 1, "item", "", "# user\n{{ titel }}\n")
    assert str(unknown_names(template)[0]) == "titel does not exist. Did you mean title?"
