"""A catalogue of films small enough to work out by hand."""

from __future__ import annotations

import polars as pl
import pytest

from data.dataset import INTERACTION_SCHEMA, Dataset

CANARY = "Zanzibar Canary"

FILMS = [
    ("i0", "Star Road (1977)", ["Sci-Fi", "Adventure"], "Ana Lee", "A pilot crosses the galaxy."),
    ("i1", "Star Road II (1980)", ["Sci-Fi"], "Ana Lee", "A pilot defends the galaxy."),
    ("i2", "Quiet House (1995)", ["Drama"], "Bo Kim", "Two sisters share a house."),
    ("i3", "Loud House (1996)", ["Comedy"], "Bo Kim", "Two brothers share a house."),
    ("i4", "Deep Robot (1998)", ["Sci-Fi"], "Cy Poe", "A robot pilot in the galaxy."),
    ("i5", f"{CANARY} (1999)", ["Thriller"], "Held Out", f"{CANARY} is seen by nobody."),
]

HISTORIES = {
    "u0": [0, 1, 4, 5, 2],
    "u1": [2, 3, 2, 3, 5],
    "u2": [3, 2, 0, 1, 5],
}


@pytest.fixture
def films() -> Dataset:
    """Three users, six films; the canary is only ever a valid or test item.

    All interactions of a user happen in the same second, so a rule by clock would let it through.
    """
    rows = [
        (user, item, 1_000, 5.0 if item in (1, 3) else 4.0)
        for user, items in enumerate(HISTORIES.values())
        for item in items
    ]
    return Dataset(
        name="films",
        users=pl.DataFrame(
            {"user_id": list(HISTORIES), "age": ["25-34", "25-34", None], "zip": ["1", "2", "3"]}
        ),
        items=pl.DataFrame(
            FILMS, schema=["item_id", "title", "genres", "director", "description"], orient="row"
        ),
        interactions=pl.DataFrame(rows, schema=INTERACTION_SCHEMA, orient="row"),
    )
