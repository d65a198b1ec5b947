"""The control of every claim about meaning: the same texts, each on another entity."""

from __future__ import annotations

import zlib

import numpy as np
import polars as pl

from data.errors import DataError
from llm.knowledge import Knowledge


def shuffle(knowledge: Knowledge, side: str, seed: int) -> Knowledge:
    """The same answers on other entities: no entity keeps its own, and each is used once.

    A gain that survives this does not come from what the texts mean.

    Args:
        knowledge: One row an entity.
        side: "user" or "item"; each has a permutation of its own.
        seed: Draws it.

    Raises:
        DataError: there is one entity only.
    """
    source = others(knowledge.table.height, side, seed)
    moved = knowledge.table.drop("entity")[source]
    table = knowledge.table.select("entity").hstack(moved.get_columns())
    return Knowledge(table.select(knowledge.table.columns), knowledge.leaking)


def others(n: int, side: str, seed: int) -> np.ndarray:
    """(n,) int64 for each place the one it takes from: a random cycle through all of them.

    Raises:
        DataError: n is below 2.
    """
    if n < 2:
        raise DataError(
            f"There is {n} {side}, and texts can be shuffled among two or more only. Run it "
            'without control = "shuffled".'
        )
    order = np.random.default_rng([seed, zlib.crc32(side.encode())]).permutation(n)
    source = np.empty(n, dtype=np.int64)
    source[order] = np.roll(order, 1)
    return source


def with_own(table: pl.DataFrame, side: str, seed: int) -> pl.DataFrame:
    """Rows of shuffled entities back in the order of those whose texts they are."""
    return table[np.argsort(others(table.height, side, seed))]
