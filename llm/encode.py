"""Knowledge to vectors: batched, cached by text, continued where a killed run stopped."""

from __future__ import annotations

import hashlib

import numpy as np

from data.errors import BackendError
from llm.encoder import normalised
from llm.encoders import TextEncoder, open_encoder
from llm.knowledge import Knowledge, Progress
from llm.settings import EncoderConfig
from llm.vectors import VectorCache, Vectors

BATCHES_AT_ONCE = 8
"""Batches between two writes to the cache: what a killed run does again."""


def encode(
    knowledge: Knowledge,
    config: EncoderConfig,
    cache: VectorCache,
    on_progress: Progress | None = None,
    device: str | None = None,
) -> Vectors:
    """Vectors of every entity; the model reads only texts that the cache lacks.

    Texts are sorted by length, so that batches hold little padding, longest first. Equal texts are
    encoded once. An entity without a text gets the mean of the others and is named in `missing`.

    Args:
        knowledge: Texts.
        config: The model.
        cache: Holds vectors of all runs.
        on_progress: Told after each write to the cache.
        device: "cpu", "cuda", …; by default the best there is.

    Raises:
        BackendError: the model cannot be loaded, or there is no text at all.
        ArtifactError: the cache is damaged, or the disk is full.
    """
    texts = knowledge.texts
    if not any(texts):
        why = knowledge.table["error"].drop_nulls()
        reason = why[0] if len(why) else "there are no entities."
        raise BackendError(f"There is no text to encode: {reason}")
    encoder = open_encoder(config, device)
    keys = [_key(encoder.id, text) if text else None for text in texts]
    wanted = {key: text for key, text in zip(keys, texts, strict=True) if key and text}
    found = _encoded(wanted, encoder, config.batch_size, cache, on_progress)
    matrix = np.zeros((len(texts), len(next(iter(found.values())))), dtype=np.float32)
    for row, key in enumerate(keys):
        if key:
            matrix[row] = found[key]
    missing = [row for row, key in enumerate(keys) if key is None]
    mean = np.delete(matrix, missing, axis=0).mean(axis=0)
    matrix[missing] = normalised(mean) if encoder.unit else mean
    ids = tuple(knowledge.table["entity"])
    return Vectors(ids, matrix, encoder.id, encoder.pooling, tuple(missing))


def encode_text(text: str, encoder: TextEncoder) -> np.ndarray:
    """(1, d) float32 vector of one text, as `encode` would have it; nothing is stored."""
    return np.stack(list(encoder.encode([encoder.pieces(text)]))).astype(np.float32)


def _encoded(
    wanted: dict[str, str],
    encoder: TextEncoder,
    batch_size: int,
    cache: VectorCache,
    on_progress: Progress | None,
) -> dict[str, np.ndarray]:
    """Vectors by key, from the cache and from the model."""
    found = cache.get(wanted)
    tell = on_progress or (lambda _done, _total, _what: None)
    tell(len(found), len(wanted), "vectors")
    pieces = {key: encoder.pieces(text) for key, text in wanted.items() if key not in found}
    queue = sorted(pieces, key=lambda key: -sum(tokens for _, tokens in pieces[key]))
    step = BATCHES_AT_ONCE * batch_size
    for first in range(0, len(queue), step):
        some = queue[first : first + step]
        vectors = encoder.encode([pieces[key] for key in some])
        made = dict(zip(some, vectors, strict=True))
        cache.put(made)
        found |= made
        tell(len(found), len(wanted), "vectors")
    return found


def _key(encoder: str, text: str) -> str:
    return hashlib.sha256(f"{encoder}\n{text}".encode(errors="surrogatepass")).hexdigest()
