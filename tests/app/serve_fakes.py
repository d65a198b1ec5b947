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
from recommend.serve.wanted import QUERIES, Wanted

T = TypeVar("T")

TITLES = ("Alien", "Brazil", "Casablanca", "Dune", "<b>Eve</b>", "Fargo", "Gattaca", None)
YEARS = (1979, 1985, 1942, 1984, 1950, 1996, 1997, None)


def write_export(
    folder: Path, name: str = "first", turn: int = 0, asked: bool = False
) -> dict[str, Any]:
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
    arrays: dict[str, dict[str, np.ndarray]] = {
        "items": {"vectors": items},
        "users": {"vectors": users},
    }
    files = {"index.faiss": index}
    about: dict[str, Any] = {
        "recommender": name,
        "index": described,
        "history": {"answered_by": "mean", "note": ""},
    }
    if asked:
        arrays["kept"], files[QUERIES], more = _asks(items)
        about |= more
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
        arrays,
        files,
        about,
    )
    return write_folder(folder, content, replace=True)


def _asks(items: np.ndarray) -> tuple[dict[str, np.ndarray], bytes, dict[str, Any]]:
    """What makes it one that can be asked for three meanings.

    Meaning q is the unit vector of item q, and users are nothing but what they had; an ask is the
    sum of both. Items have the meanings 0, 1, 2, 0, 1, and so on.
    """
    d, codes = len(items), np.arange(len(items)) % 3
    arrays = {
        "user": np.zeros((5, d), np.float32),
        "query": items[:3],
        "item": items,
        "user item.asked": np.zeros((3, d), np.float32),
        "inner": np.hstack([np.eye(d), np.eye(d)]).astype(np.float32),
        "inner.bias": np.zeros(d, np.float32),
        "outer": np.eye(d, dtype=np.float32),
        "outer.bias": np.zeros(d, np.float32),
        "usual": codes[[7, 7, 7, 7, 0]].astype(np.int32),
        "codes": codes.astype(np.int32),
        "query user.asked": np.zeros((3, d), np.float32),
        "query user.offsets": np.array([0, 2, 2, 3]),
        "query user.targets": np.array([1, 2, 1], np.int32),
    }
    wanted = Wanted(
        "meaning",
        ("0-0", "0-1", "0-2"),
        ("Ships", "Ice", "Ships in ice"),
        ({"ship": (3, 1.0)}, {"ice": (2, 1.0)}, {"ship": (1, 0.5), "ice": (1, 0.5)}),
    )
    note = "Asked of what is kept."
    return (
        arrays,
        wanted.write(),
        {
            "kept": {
                "pairs": [["user", "item"], ["query", "user"]],
                **{"edge": True, "together": False, "own": True, "last": 30},
            },
            "history": {"answered_by": "kept", "note": note, "stranger": ""},
            "asks": {"answered_by": "kept", "note": note, "noun": "meaning", "n": 3},
        },
    )


def run(work: Coroutine[Any, Any, T]) -> T:
    """What comes of it, in a thread: a browser of other tests may have left a loop in this one."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, work).result()
