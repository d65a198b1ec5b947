"""Exports that are small enough to write by hand, and their server without a network."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl

from data.dataset import Histories
from recommend.serve.folder import Content, write_folder
from recommend.serve.index import build_index

T = TypeVar("T")

TITLES = ("Alien", "Brazil", "Casablanca", "Dune", "<b>Eve</b>", "Fargo", "Gattaca", None)
YEARS = (1979, 1985, 1942, 1984, 1950, 1996, 1997, None)


def write_export(folder: Path, name: str = "first", turn: int = 0) -> dict[str, Any]:
    """The card of an export of 4 users and 8 items, whose vectors are unit vectors.

    User u likes item (2u + turn) mod 8 most, and the one after it half as much.
    """
    n_users, n_items = 4, 8
    items = np.eye(n_items, dtype=np.float32)
    users = np.zeros((n_users, 1, n_items), np.float32)
    for user in range(n_users):
        best = (2 * user + turn) % n_items
        users[user, 0, best], users[user, 0, (best + 1) % n_items] = 1.0, 0.5
    index, described = build_index(items, users[:, 0], "flat")
    content = Content(
        "vectors",
        pl.DataFrame({"user_id": [f"u{n}" for n in range(n_users)]}),
        pl.DataFrame(
            {
                "item_id": [f"i{n}" for n in range(n_items)],
                "title": TITLES,
                "year": YEARS,
                "genres": [["odd" if n % 2 else "even"] for n in range(n_items)],
            }
        ),
        Histories(np.arange(n_users + 1), np.array([7, 7, 7, 7]), np.zeros(n_users, np.int64)),
        {"items": {"vectors": items}, "users": {"vectors": users}},
        {"index.faiss": index},
        {
            "recommender": name,
            "index": described,
            "history": {"answered_by": "mean", "note": ""},
        },
    )
    return write_folder(folder, content, replace=True)


def run(work: Coroutine[Any, Any, T]) -> T:
    """What comes of it, in a thread: a browser of other tests may have left a loop in this one."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()
