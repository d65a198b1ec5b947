"""Histories cut into chunks, so that every position of a chunk is trained in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from data.dataset import Histories

NARROWEST = 4
"""Columns below which a batch is not divided any more."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Consecutive items of some users, and what those users did before them.

    Attributes:
        users: (b,) int64 user numbers.
        items: (b, l) int64 items, oldest first, padded at the end with `n_items`.
        targets: (b, l) int64, the item that follows each position, -1 where there is none.
        edges: (b, l) bool, items that are the user's neighbours in the graph: training ones only.
        prior: (m,) int64 items before each row's first one, row after row: with the row's items up
            to a position they are the user's graph neighbours at that position.
        prior_row: (m,) int64, the row that owns each of them.
        cut: (b,) int64, how many items of each row may be known to what stands before it; None,
            where no position but the last is read: all of them.
    """

    users: Tensor
    items: Tensor
    targets: Tensor
    edges: Tensor
    prior: Tensor
    prior_row: Tensor
    cut: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The same batch on another device."""
        parts = {name: getattr(self, name) for name in self.__slots__}
        there = {name: part.to(device) for name, part in parts.items() if part is not None}
        return Batch(**there)


@dataclass(frozen=True, slots=True)
class Chunks:
    """Slices of histories: row c covers positions `start[c] … stop[c] - 1` of user `user[c]`."""

    user: np.ndarray
    start: np.ndarray
    stop: np.ndarray

    def __len__(self) -> int:
        return len(self.user)

    def __getitem__(self, rows: np.ndarray) -> Chunks:
        return Chunks(self.user[rows], self.start[rows], self.stop[rows])


def training_chunks(lengths: np.ndarray, width: int, rng: np.random.Generator) -> Chunks:
    """Chunks that cover every position with a successor once, cut at random offsets.

    The offset moves from epoch to epoch, so a position is seen with contexts of every length.

    Args:
        lengths: (n_users,) training interactions of each user.
        width: Positions a chunk holds at most.
        rng: Draws the offsets.
    """
    inputs = np.maximum(lengths - 1, 0)
    shift = np.where(inputs > width, rng.integers(0, width, len(lengths)), 0)
    pieces = np.where(inputs > 0, -(-(inputs + shift) // width), 0)
    user = np.repeat(np.arange(len(lengths)), pieces)
    first = np.repeat(np.cumsum(pieces) - pieces, pieces)
    begin = (np.arange(len(user)) - first) * width - shift[user]
    return Chunks(user, np.maximum(begin, 0), np.minimum(begin + width, inputs[user]))


def last_chunks(lengths: np.ndarray, width: int, users: np.ndarray) -> Chunks:
    """The last `width` positions of each of `users`: what a recommendation starts from."""
    return Chunks(users, np.maximum(lengths[users] - width, 0), lengths[users])


@dataclass(frozen=True, slots=True)
class Layout:
    """How batches are laid out.

    Attributes:
        width: Columns of a batch: the longest history that a backbone reads.
        pad: Number that fills empty places, `n_items`.
        prior_limit: Most recent items before a chunk that count as neighbours.
    """

    width: int
    pad: int
    prior_limit: int = 512


def collate(histories: Histories, chunks: Chunks, layout: Layout, known: np.ndarray) -> Batch:
    """Chunks as padded arrays.

    Args:
        histories: Sequences that the chunks point into.
        chunks: The rows of the batch.
        layout: Shape of the batch.
        known: (n_users,) positions of each history that the graph may show: the training ones.
    """
    base = histories.offsets[chunks.user]
    column = np.arange(layout.width)
    position = chunks.start[:, None] + column  # (b, l)
    inside = column < (chunks.stop - chunks.start)[:, None]
    at = np.minimum(base[:, None] + position, len(histories.items) - 1)
    follows = inside & (position + 1 < histories.lengths[chunks.user][:, None])
    after = histories.items[np.minimum(at + 1, len(histories.items) - 1)]
    graph_stop = np.minimum(chunks.start, known[chunks.user])
    graph_start = np.maximum(chunks.start - layout.prior_limit, 0)
    prior_row, prior_at = _ranges(base + np.minimum(graph_start, graph_stop), base + graph_stop)
    return Batch(
        users=_int64(chunks.user),
        items=_int64(np.where(inside, histories.items[at], layout.pad)),
        targets=_int64(np.where(follows, after, -1)),
        edges=torch.from_numpy(inside & (position < known[chunks.user][:, None])),
        prior=_int64(histories.items[prior_at]),
        prior_row=_int64(prior_row),
    )


@dataclass(frozen=True, slots=True)
class Block:
    """The rows of a batch as batches of rows about as long, each as wide as its longest.

    Most histories are far shorter than the longest that a backbone reads: of Amazon Beauty's, 6 of
    50 columns hold an item. The longest row of a part is at most twice as long as its shortest.

    Attributes:
        parts: Batches.
        places: (b,) int64, where the rows of all parts, one after another, are in the whole batch.
    """

    parts: tuple[Batch, ...]
    places: Tensor

    @classmethod
    def of(cls, histories: Histories, chunks: Chunks, layout: Layout, known: np.ndarray) -> Block:
        """As `collate`, whose arguments they are; no part is wider than the layout."""
        lengths = np.clip(chunks.stop - chunks.start, 1, layout.width)
        doublings = np.ceil(np.log2(np.maximum(lengths, NARROWEST)))
        rows = [np.flatnonzero(doublings == times) for times in np.unique(doublings)]
        parts = (
            collate(histories, chunks[at], replace(layout, width=int(lengths[at].max())), known)
            for at in rows
        )
        return cls(tuple(parts), _int64(np.concatenate(rows)))

    def to(self, device: torch.device) -> Block:
        """The same on another device."""
        return Block(tuple(part.to(device) for part in self.parts), self.places.to(device))

    def in_order(self, rows: Sequence[Tensor]) -> Tensor:
        """(b, …) what was found for the rows of each part, in the order of the whole batch."""
        return torch.cat(list(rows))[self.places.argsort()]


def batches(
    histories: Histories, chunks: Chunks, layout: Layout, known: np.ndarray, size: int
) -> Iterator[Block]:
    """Batches of `size` chunks, in their order."""
    for at in range(0, len(chunks), size):
        rows = np.arange(at, min(at + size, len(chunks)))
        yield Block.of(histories, chunks[rows], layout, known)


def _ranges(start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row and value of every integer in `start[r] … stop[r] - 1`, row after row."""
    lengths = stop - start
    row = np.repeat(np.arange(len(start)), lengths)
    first = np.cumsum(lengths) - lengths
    return row, np.arange(int(lengths.sum())) - first[row] + start[row]


def _int64(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.int64))
