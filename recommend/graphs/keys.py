"""Values as whole numbers that are the same in every process."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np


def keys_of(values: np.ndarray | tuple[str, ...]) -> np.ndarray:
    """(m,) int64: a number is its own key, that of a text is 8 bytes of its BLAKE2b hash."""
    if isinstance(values, np.ndarray):
        return values.astype(np.int64)
    known = {text: _key(text) for text in set(values)}
    return np.array([known[text] for text in values], dtype=np.int64)


def _key(text: str) -> int:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def spread(keys: np.ndarray) -> np.ndarray:
    """(m,) uint64 of (m,) int64, evenly spread, however uneven the keys are.

    Source: Steele et al., Fast splittable pseudorandom number generators, OOPSLA 2014: SplitMix64.
    """
    mixed = keys.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
