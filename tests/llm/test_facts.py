"""The backend without a language model: what it states, and what it must never state."""

from __future__ import annotations

import polars as pl
import pytest

from data.dataset import INTERACTION_SCHEMA, Dataset
from data.split import leave_one_out
from llm.cache import ResponseCache
from llm.facts import FactsBackend, item_text, user_text
from llm.knowledge import describe
from prompts.requests import Request, item_requests, user_requests
from prompts.template import load_template

ITEM = {
    "title": "Star Road",
    "year": 1977,
    "era": "1970s",
    "description": "A pilot crosses the galaxy",
    "attributes": {
        "director": "Ana Lee",
        "genres": ["Sci-Fi", "Adventure"],
        "original_language": "English",
        "poster_url": "x.jpg",
        "page": "https://example.org",
        "price": None,
        "cast": [],
    },
}


def test_item_in_plain_sentences() -> None:
    assert item_text(ITEM) == (
        "Star Road (1977). Sci-Fi, Adventure. 1970s. A pilot crosses the galaxy. "
        "Directed by Ana Lee. Original language: English."
    )


def test_the_number_of_an_item_without_a_title_is_not_said() -> None:
    items = pl.DataFrame({"item_id": ["40", "41", "shoe-7"], "kind": ["Soap", "Soap", "Shoe"]})
    interactions = pl.DataFrame(
        [(0, item, at, 1.0) for at, item in enumerate((0, 2, 1, 0, 1))],
        schema=INTERACTION_SCHEMA,
        orient="row",
    )
    users = pl.DataFrame({"user_id": ["someone"]})
    dataset = Dataset("shop", users, items, interactions)
    texts = [
        item_text(request.facts) for request in item_requests(dataset, load_template("any-item"))
    ]
    assert texts == ["Kind: Soap.", "Kind: Soap.", "Shoe-7. Kind: Shoe."]
    (user,) = user_requests(dataset, leave_one_out(dataset), load_template("any-user"), history=5)
    assert user.facts["recent"] == ["shoe-7"]
    assert user_text(user.facts) == "Kind: Soap. Recently: shoe-7."


def test_a_column_may_be_called_anything() -> None:
    attributes = {"price {EUR}": "12", "{0}": ["a", "b"], "cast": "{title}"}
    text = item_text({**ITEM, "attributes": attributes})
    assert text.endswith("Price {eur}: 12. {0}: a, b. Starring {title}.")


def test_year_is_not_said_twice() -> None:
    assert item_text({**ITEM, "title": "Star Road (1977)"}).count("1977") == 1


def value(name: str, count: int, lift: float) -> dict[str, object]:
    return {"value": name, "count": count, "share": 0.1, "lift": lift}


def test_user_in_plain_sentences() -> None:
    facts = {
        "traits": {
            "genres": [value("Western", 3, 4.0), value("Drama", 9, 0.9)],
            "director": [value("Ana Lee", 1, 0.8), value("Bo Kim", 2, 1.0)],
        },
        "themes": ["desert", "Monument Valley"],
        "favourites": ["Dust", "Sand?"],
        "recent": ["Sand?", "Mud"],
        "profile": {"age": "25-34", "region": None},
    }
    assert user_text(facts) == (
        "Western. Directed by Bo Kim. Desert, Monument Valley. Favourites: Dust; Sand? "
        "Recently: Mud. Age: 25-34."
    )


def test_nothing_known_is_a_failure_not_a_blank(cache: ResponseCache) -> None:
    nothing = {"traits": {}, "themes": [], "favourites": [], "recent": [], "profile": {}}
    known = describe([Request("user", "u", (), "t@1", nothing)], FactsBackend(), cache)
    assert known.texts == [None]
    assert known.failures["error"].to_list() == ["The answer is empty."]


@pytest.fixture
def two_tastes() -> Dataset:
    """Ten items of space, ten of cooking and twenty of law, which nobody wants.

    Everybody has six items of one kind and one of the other. Held out are the last of the kind
    (18 or 19) and a canary that is in no training history.
    """
    kinds = [("Space", "Rockets cross the galaxy."), ("Food", "Kitchens simmer a broth.")]
    items = [(f"i{k}", f"Title {k}", *kinds[k % 2]) for k in range(20)]
    items += [("canary", "Zanzibar", "Canary", "Zanzibar.")]
    items += [(f"l{k}", f"Case {k}", "Law", "A verdict.") for k in range(20)]
    rows = []
    for user in range(4):
        own = [k for k in range(20) if k % 2 == user % 2]
        rows += [
            (user, item, 7, 1.0) for item in [1 - user % 2, *own[user : user + 6], own[-1], 20]
        ]
    return Dataset(
        "tastes",
        pl.DataFrame({"user_id": [f"u{k}" for k in range(4)]}),
        pl.DataFrame(items, schema=["item_id", "title", "genre", "description"], orient="row"),
        pl.DataFrame(rows, schema=INTERACTION_SCHEMA, orient="row"),
    )


def test_users_texts_tell_tastes_apart(two_tastes: Dataset, cache: ResponseCache) -> None:
    backend = FactsBackend()
    items = describe(item_requests(two_tastes, load_template("any-item")), backend, cache)
    split = leave_one_out(two_tastes)
    requests = user_requests(two_tastes, split, load_template("any-user"), 3, items.texts)
    users = describe(requests, backend, cache)
    assert "no LLM" in users.table["model"][0]
    assert not users.leaking
    for number, text in enumerate(users.texts):
        assert text is not None
        own, other = ("Space", "Food")[:: 1 if number % 2 == 0 else -1]
        assert text.startswith(own + ".")
        assert other not in text
        assert "Zanzibar" not in text
        assert "Title 19" not in text
        assert "Title 18" not in text
    assert "galaxy" in (users.texts[0] or "").lower()
    assert "broth" in (users.texts[1] or "").lower()


def test_key_is_of_the_facts_not_of_the_prompts_wording(two_tastes: Dataset) -> None:
    backend = FactsBackend()
    one, other = (
        next(item_requests(two_tastes, load_template(name))) for name in ("any-item", "movies-item")
    )
    assert one.messages != other.messages
    assert backend.content(one) == backend.content(other)
