"""Small data sets and graphs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from data.dataset import INTERACTION_SCHEMA, Dataset
from data.split import leave_one_out
from graph.build.latent import build_graph
from graph.latent import LatentGraph
from quantize.codes import Codes


def dataset_of(rows: list[tuple[int, int, int]], n_users: int, n_items: int) -> Dataset:
    ordered = sorted(rows, key=lambda row: (row[0], row[2]))
    return Dataset(
        "small",
        pl.DataFrame({"user_id": [f"u{n}" for n in range(n_users)]}),
        pl.DataFrame({"item_id": [f"i{n}" for n in range(n_items)]}),
        pl.DataFrame([(*row, 1.0) for row in ordered], schema=INTERACTION_SCHEMA, orient="row"),
    )


def codes_of(prefix: str, codes: list[list[int]], k: int) -> Codes:
    array = np.array(codes, dtype=np.int32)
    books = np.zeros((array.shape[1], k, 2), dtype=np.float32)
    return Codes(tuple(f"{prefix}{n}" for n in range(len(array))), array, books)


def random_graph(seed: int, n_users: int = 7, n_items: int = 6, per_user: int = 6) -> LatentGraph:
    rng = np.random.default_rng(seed)
    rows = [
        (user, int(rng.integers(n_items)), int(rng.integers(50)))
        for user in range(n_users)
        for _ in range(per_user)
    ]
    dataset = dataset_of(rows, n_users, n_items)
    users = codes_of("u", rng.integers(0, 3, (n_users, 2)).tolist(), 3)
    items = codes_of("i", rng.integers(0, 2, (n_items, 2)).tolist(), 2)
    return build_graph(dataset, leave_one_out(dataset), users, items)


@pytest.fixture(scope="session")
def make_graph() -> Callable[..., LatentGraph]:
    return random_graph


@pytest.fixture(scope="session")
def make_dataset() -> Callable[..., Dataset]:
    return dataset_of


@pytest.fixture(scope="session")
def make_codes() -> Callable[..., Codes]:
    return codes_of


@pytest.fixture(scope="session")
def small(make_graph: Callable[..., LatentGraph]) -> LatentGraph:
    return make_graph(3)
