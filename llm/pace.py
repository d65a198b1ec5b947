"""How many pieces of text share a forward pass: as many as are encoded fastest, by measurement."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

USUAL = 32
"""Pieces in one pass where nobody says otherwise and there is too little to measure it on."""
SIZES = (8, 16, 32, 64, 128, 256)
"""Those that are tried."""
SHARE = SIZES[-1]
"""Texts that each is tried on."""
MANY = 2 * SHARE * len(SIZES)
"""Fewer texts than these are encoded before it is known what would have been fastest."""
WORTH = 1.05
"""A larger size is worth its memory if it is so much faster."""
Make = Callable[[Sequence[str], int], None]
"""Encodes the texts of some keys, so many pieces a pass, and keeps the vectors."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The number of pieces in a pass.

    Attributes:
        size: Pieces, of `tokens` tokens each.
        tokens: Where given, shorter pieces come in larger numbers, so that a pass stays as full.
    """

    size: int
    tokens: int | None = None

    def pieces(self, longest: int) -> int:
        """Pieces in a pass of which the longest has `longest` tokens."""
        if self.tokens is None or longest >= self.tokens:
            return self.size
        return min(self.size * self.tokens // max(longest, 1), max(self.size, SHARE))


def fastest(
    queue: Sequence[str], tokens: Callable[[str], int], make: Make
) -> tuple[Pace, list[str]]:
    """The best pace, and the keys of the texts that are still to be encoded.

    The sizes are dealt the head of the queue in turn, so that they have texts of the same lengths,
    and what they make of them is kept: trying costs nothing beyond the slower passes. The longest
    texts stand at the head: what there is room for there, there is room for everywhere.

    Args:
        queue: Keys of texts, longest first, `MANY` or more.
        tokens: The length of the longest piece of one.
        make: Encodes some of them.
    """
    warm, tried = queue[:USUAL], queue[USUAL : USUAL + SHARE * len(SIZES)]
    make(warm, min(SIZES))
    done, rates = set(warm), {1: 0.0}
    for turn, size in enumerate(SIZES):
        some = tried[turn :: len(SIZES)]
        begun = time.perf_counter()
        if not _fits(make, some, size):
            break
        rates[size] = sum(map(tokens, some)) / max(time.perf_counter() - begun, 1e-9)
        done.update(some)
    best = max(rates.values())
    size = min(size for size, rate in rates.items() if rate * WORTH >= best)
    return Pace(size, tokens(queue[0])), [key for key in queue if key not in done]


def _fits(make: Make, keys: Sequence[str], size: int) -> bool:
    """Whether there was memory for it."""
    import torch

    try:
        make(keys, size)
    except torch.OutOfMemoryError:
        return False
    return True
