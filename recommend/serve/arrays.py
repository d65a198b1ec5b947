"""An export of plain arrays, without an experiment: for vectors made elsewhere, and to measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from data.columns import ITEM_ID, USER_ID
from data.dataset import Histories
from data.errors import DataError
from data.relation import offsets_of
from recommend.serve.folder import Content, write_folder
from recommend.serve.index import build_index
from recommend.settings.index import Kind

MEAN: dict[str, Any] = {
    "answered_by": "mean",
    "note": "The history is answered by the mean of its items' vectors, not by the recommender.",
}
"""What a card says of histories where nothing reads them."""


def write_export(
    folder: Path,
    items: np.ndarray,
    users: np.ndarray,
    histories: Sequence[Sequence[int]] | Histories | None = None,
    item_table: pl.DataFrame | None = None,
    user_table: pl.DataFrame | None = None,
    kind: Kind = "flat",
    options: Mapping[str, int] | None = None,
    about: Mapping[str, Any] | None = None,
    backbone: bytes | None = None,
    longest: int = 50,
    replace: bool = False,
) -> dict[str, Any]:
    """The card of an export whose scores are products of the vectors given.

    Args:
        folder: Where it shall be.
        items: (n_items, d) vectors.
        users: (n_users, d) or, of several interests, (n_users, k, d) vectors.
        histories: Numbers of items that each user had, oldest first; nothing unless given.
        item_table: A row an item, the first column its id; ids are 0, 1, … unless given.
        user_table: A row a user, likewise.
        kind: Of the index.
        options: Its parameters; see `index.build_index`.
        about: What the card says beside.
        backbone: An ONNX graph with inputs and outputs as in `backbone`; without one, a history is
            answered by the mean of its items' vectors.
        longest: Items of a history that the backbone reads.
        replace: Whether an export that is there may go.

    Raises:
        DataError: the arrays do not fit each other, or are not finite.
        ConfigError: something else is in the folder, or the index does not fit.
    """
    items = np.ascontiguousarray(items, np.float32)
    users = np.ascontiguousarray(users, np.float32)
    users = users[:, None] if users.ndim == 2 else users
    if items.ndim != 2 or users.ndim != 3 or users.shape[2] != items.shape[1]:
        raise DataError(
            f"Vectors of items are of shape {items.shape} and those of users {users.shape}; they "
            "have to be (n_items, d) and (n_users, d) or (n_users, k, d)."
        )
    for side, vectors in (("items", items), ("users", users)):
        if not np.isfinite(vectors).all():
            raise DataError(f"Vectors of {side} have numbers that are not finite.")
    index, described = build_index(
        items, users.reshape(-1, users.shape[2]), kind, **(options or {})
    )
    read = {"answered_by": "backbone", "longest": longest, "note": ""}
    content = Content(
        "vectors",
        _table(user_table, USER_ID, len(users)),
        _table(item_table, ITEM_ID, len(items)),
        _histories(histories, len(users), len(items)),
        {"items": {"vectors": items}, "users": {"vectors": users}},
        {"index.faiss": index, **({} if backbone is None else {"backbone.onnx": backbone})},
        {
            "recommender": "vectors",
            "data": {"name": "arrays", "title": "arrays", "licence": ""},
            **(about or {}),
            "index": described,
            "history": MEAN if backbone is None else read,
        },
    )
    return write_folder(folder, content, replace)


def _table(given: pl.DataFrame | None, id: str, n: int) -> pl.DataFrame:
    if given is None:
        return pl.DataFrame({id: pl.select(pl.int_range(n).cast(pl.String)).to_series()})
    if given.height != n or given.dtypes[0] != pl.String:
        raise DataError(
            f"The table of {given.height} rows has to have {n}, and ids (String) in its first "
            "column."
        )
    ids = given.to_series(0)
    if ids.null_count() or ids.n_unique() < n:
        raise DataError(f"Ids in the column {ids.name!r} are missing, or stand twice.")
    return given


def _histories(
    given: Sequence[Sequence[int]] | Histories | None, n: int, n_items: int
) -> Histories:
    made = given if isinstance(given, Histories) else _made(given, n)
    if len(made) != n:
        raise DataError(f"There are histories of {len(made)} users, and vectors of {n}.")
    if len(made.items) and not 0 <= made.items.min() <= made.items.max() < n_items:
        raise DataError(f"Histories name items that there are not; numbers are 0 to {n_items - 1}.")
    return made


def _made(given: Sequence[Sequence[int]] | None, n: int) -> Histories:
    rows = [[] for _ in range(n)] if given is None else [list(one) for one in given]
    owners = np.repeat(np.arange(len(rows)), [len(one) for one in rows])
    items = np.array([item for one in rows for item in one], np.int64)
    return Histories(offsets_of(owners, len(rows)), items, np.zeros(len(items), np.int64))
