"""The encoders by name, and the pieces of texts that are longer than they read."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’)\]]*\s+|\n+|[。！？]")
_WORD_END = re.compile(r"\s+")
Pieces = Sequence[tuple[str, int]]
"""A text in pieces that the model reads whole, each with its tokens."""


def pieces_of(text: str, tokenizer: Any, longest: int) -> list[tuple[str, int]]:
    """Pieces of `text` in their order, each with its tokens; nothing is left out.

    A text of too many tokens is halved at the end of a sentence in the middle half of it; where
    there is none, between words; where there are none, between tokens; and so on for each half.

    Args:
        text: Any text.
        tokenizer: A fast transformers tokenizer.
        longest: Most tokens of a piece, less the special ones that the model adds.
    """
    offsets = tokenizer(
        text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
    )["offset_mapping"]
    if len(offsets) <= longest or len(text) < 2:
        return [(text, len(offsets))]
    cut = _middle(text, [start for start, _ in offsets])
    halves = (text[:cut], text[cut:])
    return [piece for half in halves for piece in pieces_of(half, tokenizer, longest)]


def _middle(text: str, starts: list[int]) -> int:
    """The best place in `text` to cut it in two; `starts` are the places of its tokens."""
    n = len(starts)
    for ends in (_SENTENCE_END, _WORD_END):
        cuts = [match.end() for match in ends.finditer(text)]
        inside = [cut for cut in cuts if n / 4 <= bisect_left(starts, cut) <= 3 * n / 4]
        if inside:
            return min(inside, key=lambda cut: abs(bisect_left(starts, cut) - n / 2))
    return starts[n // 2] if 0 < starts[n // 2] < len(text) else len(text) // 2


class TextEncoder(Protocol):
    """One way to turn texts of any length into vectors."""

    @property
    def id(self) -> str:
        """Name, content and arithmetic of the model; the same id must mean the same vectors."""
        ...

    @property
    def pooling(self) -> str:
        """How tokens and pieces become one vector, and whether its length is 1."""
        ...

    @property
    def unit(self) -> bool:
        """Whether every vector has length 1."""
        ...

    @property
    def is_batched(self) -> bool:
        """Whether it is faster or slower by the size of its batches."""
        ...

    def pieces(self, text: str) -> Pieces:
        """The text in pieces, none of it left out."""
        ...

    def encode(self, texts: Sequence[Pieces], batch_size: int | None = None) -> np.ndarray:
        """(n, d) float32: a vector for the pieces of each text, so many pieces at a time."""
        ...
