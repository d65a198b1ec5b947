"""The variables that exist, and what they are for one user or item."""

from __future__ import annotations

import pytest

from data.dataset import Dataset
from data.errors import TemplateError
from data.split import leave_one_out
from prompts.history import HistoryViews
from prompts.requests import item_requests, user_requests
from prompts.template import list_templates, load_template, parse_template
from prompts.variables import VARIABLES, check_variables, list_variables


def test_the_list_is_what_templates_see(films: Dataset) -> None:
    item = next(item_requests(films, load_template("any-item")))
    user = next(user_requests(films, leave_one_out(films), load_template("any-user"), 30))
    assert set(VARIABLES["item"]) == set(item.facts)
    assert set(VARIABLES["user"]) == set(user.facts)
    for template in list_templates():
        check_variables(template)


def test_live_values_of_an_item(films: Dataset) -> None:
    facts = next(item_requests(films, load_template("any-item"))).facts
    found = {one.name: one for one in list_variables("item", facts)}
    assert (found["title"].type, found["title"].example) == ("text", "Star Road (1977)")
    assert (found["year"].type, found["year"].example) == ("number", "1977")
    genres = found["attributes.genres"]
    assert (genres.type, genres.example) == ("list of texts", "Sci-Fi, Adventure")
    assert genres.hint == "{{ attributes.genres | listed }}"
    assert found["attributes"].example == "genres, director"


def test_live_values_of_a_user(films: Dataset) -> None:
    facts = HistoryViews(films, leave_one_out(films), 30)[0]
    found = {one.name: one for one in list_variables("user", facts)}
    assert found["history"].example == "3 of them"
    assert found["history[-1].title"].example == "Deep Robot (1998)"
    assert found["attributes.age"].example == "25-34"
    assert found["total"].example == "3"


def test_what_the_list_names_can_be_written(films: Dataset) -> None:
    views = {
        "item": next(item_requests(films, load_template("any-item"))).facts,
        "user": HistoryViews(films, leave_one_out(films), 30)[2],
    }
    for side, facts in views.items():
        for one in list_variables(side, facts):  # type: ignore[arg-type]
            matter = f"---\nside: {side}\nname: t\nversion: 1\nnote: n\n---\n"
            parse_template(f"{matter}# user\n{{{{ {one.name} }}}}").render(facts)


def test_one_user_is_seen_as_in_the_row_of_all(films: Dataset) -> None:
    views = HistoryViews(films, leave_one_out(films), 2)
    assert [views[k] for k in range(len(views))] == list(views)


def test_a_variable_of_the_other_side_is_unknown() -> None:
    text = "---\nside: user\nname: t\nversion: 1\nnote: n\n---\n# user\n{{ title }}"
    with pytest.raises(TemplateError, match=r"'title'.*user side.*history"):
        check_variables(parse_template(text))
