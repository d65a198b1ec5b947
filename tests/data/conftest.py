"""Small folders in the publishers' formats, written by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from data.columns import ITEM_ID, TIME, USER_ID, WEIGHT
from data.dataset import INTERACTION_SCHEMA, Dataset
from data.preprocess import Raw

USERS = ["1::F::1::10::48067", "2::M::56::16::70072"]
MOVIES = [
    "10::Toy Story (1995)::Animation|Children's|Comedy",
    "20::Cit\u00e9 des enfants perdus, La (1995)::Adventure|Sci-Fi",
    "30::Heat (1995)::Action",
    "40::Never Rated (2000)::Drama",
]
RATINGS = [
    "1::30::5::300",
    "1::10::4::100",
    "1::20::5::200",
    "1::40::3::50",
    "2::10::4::100",
    "2::20::4::100",
    "2::30::5::90",
]


@pytest.fixture
def ml_1m(tmp_path: Path) -> Path:
    """A folder like ml-1m: two users, four films, one rating that is too low."""
    folder = tmp_path / "ml-1m"
    folder.mkdir()
    for name, lines in (("users", USERS), ("movies", MOVIES), ("ratings", RATINGS)):
        text = "".join(line + "\n" for line in lines)
        (folder / f"{name}.dat").write_bytes(text.encode("latin-1"))
    return folder


@pytest.fixture(scope="session")
def make_raw() -> Callable[[list[tuple[str, str, float, int]]], Raw]:
    """A publication of (user, item, weight, time) rows whose tables list ids in order of rows."""
    return _raw_of


@pytest.fixture(scope="session")
def make_dataset() -> Callable[[list[list[tuple[int, int]]], int], Dataset]:
    """A data set of (item, time) pairs a user, in the given order."""
    return _dataset_of


def _raw_of(rows: list[tuple[str, str, float, int]]) -> Raw:
    ratings = pl.DataFrame(
        rows,
        schema={USER_ID: pl.String, ITEM_ID: pl.String, WEIGHT: pl.Float32, TIME: pl.Int64},
        orient="row",
    )
    users, items = (ratings.select(c).unique(maintain_order=True) for c in (USER_ID, ITEM_ID))
    return Raw(users, items, ratings)


def _dataset_of(histories: list[list[tuple[int, int]]], n_items: int) -> Dataset:
    rows = [(user, item, time, 1.0) for user, h in enumerate(histories) for item, time in h]
    return Dataset(
        "hand-made",
        pl.DataFrame({USER_ID: [f"u{k}" for k in range(len(histories))]}),
        pl.DataFrame({ITEM_ID: [f"i{k}" for k in range(n_items)]}),
        pl.DataFrame(rows, schema=INTERACTION_SCHEMA, orient="row"),
    )
