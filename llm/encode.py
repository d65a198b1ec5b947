"""Knowledge to vectors: batched, cached by text, continued where a killed run stopped."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from textwrap import shorten

import numpy as np

from data.errors import BackendError
from llm.encoder import Encoder, arithmetic, normalise
from llm.encoders import TextEncoder
from llm.hidden import ServerEncoder, TransformersEncoder, VllmEncoder
from llm.int8 import LEAST
from llm.knowledge import Knowledge, Progress
from llm.pace import MANY, USUAL, Pace, fastest
from llm.settings import EncoderConfig
from llm.vectors import VectorCache, Vectors, flaw
from llm.whitening import Whitening
from llm.words import WordEncoder

BATCHES_AT_ONCE = 8
"""Batches between two writes to the cache: what a killed run does again."""
SAMPLE = 64
"""Texts that another arithmetic is compared with float32 on."""
AGREED = 0.999
"""Cosine, to its vector by float32, that every one of them must reach by bfloat16."""


def open_encoder(config: EncoderConfig, device: str | None = None) -> TextEncoder:
    """The encoder that settings describe.

    Args:
        config: Which model, and how it is run.
        device: "cpu", "cuda", …; by default the best there is.

    Raises:
        BackendError: it cannot be loaded or reached.
    """
    if config.kind == "words":
        raise BackendError("The encoder of words is opened with the vectors that it was fitted to.")
    if config.kind == "transformers":
        return TransformersEncoder(config, device)
    if config.kind == "vllm":
        return VllmEncoder(config)
    if config.kind == "server":
        return ServerEncoder(config)
    return Encoder(config, device)


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
    Where there are thousands of texts, the batch size is the one that proves fastest. Without a
    model (`words`) nothing is cached, and a text that shares no word with another counts as none.

    Args:
        knowledge: Texts.
        config: The model.
        cache: Holds vectors of all runs.
        on_progress: Told after each write to the cache.
        device: "cpu", "cuda", …; by default the best there is.

    Raises:
        BackendError: the model cannot be loaded or gives vectors that mean nothing, or there is no
            text at all.
        ArtifactError: the cache is damaged, or the disk is full.
    """
    texts = knowledge.texts
    if not any(texts):
        why = knowledge.table["error"].drop_nulls()
        reason = why[0] if len(why) else "there are no entities."
        raise BackendError(f"There is no text to encode: {reason}")
    said = [text for text in texts if text]
    agreement, words = None, None
    if config.kind == "words":
        encoder: TextEncoder = (words := WordEncoder.fit(said, config.dimensions))
        found = dict(
            zip(said, encoder.encode([encoder.pieces(text) for text in said]), strict=True)
        )
        keys = [text if text and found[text].any() else None for text in texts]
    else:
        config, agreement = _settle_dtype(config, said, cache, device)
        encoder = open_encoder(config, device)
        keys = [_key(encoder.id, text) if text else None for text in texts]
        wanted = {key: text for key, text in zip(keys, texts, strict=True) if key and text}
        found = _encode(wanted, encoder, config.batch_size, cache, on_progress)
    matrix = np.zeros((len(texts), len(next(iter(found.values())))), dtype=np.float32)
    for row, key in enumerate(keys):
        if key:
            matrix[row] = found[key]
    missing = [row for row, key in enumerate(keys) if key is None]
    known, whitening = np.delete(matrix, missing, axis=0), None
    mean = known.mean(axis=0)
    if config.whiten != "none":
        whitening = Whitening.fit(known, config.whiten)
        matrix, mean = whitening.apply(matrix), np.zeros_like(mean)
    matrix[missing] = normalise(mean) if encoder.unit else mean
    return Vectors(
        tuple(knowledge.table["entity"]),
        matrix,
        encoder.id,
        encoder.pooling + {"none": "", "centre": "; centred", "full": "; whitened"}[config.whiten],
        tuple(missing),
        "" if config.kind in {"server", "words"} else arithmetic(config.dtype),
        agreement,
        knowledge.leaking,
        words,
        whitening,
    )


def encode_text(text: str, encoder: TextEncoder, whitening: Whitening | None = None) -> np.ndarray:
    """(1, d) float32 vector of one text, as `encode` would have it; nothing is stored.

    Args:
        text: Any text.
        encoder: That of the others.
        whitening: What was done to their vectors.

    Raises:
        BackendError: it means nothing.
    """
    made = np.stack(list(encoder.encode([encoder.pieces(text)]))).astype(np.float32)
    if isinstance(encoder, WordEncoder) and not made.any():
        raise BackendError(
            f"No word of “{shorten(text, 60, placeholder='…')}” stands in two of the texts that "
            "are known, so words tell nothing of it. Describe it in more words."
        )
    _check({text: made[0]}, encoder, made.shape[1])
    return made if whitening is None else whitening.apply(made)


def _settle_dtype(
    config: EncoderConfig, texts: Sequence[str], cache: VectorCache, device: str | None
) -> tuple[EncoderConfig, float | None]:
    """Settings in which `dtype` is no longer "auto", and the cosine that was measured.

    Where this machine is fast in bfloat16, some of the texts are encoded in it and in float32; it
    is taken if the vectors mean the same. Engines and servers decide by themselves. Eight bits are
    taken where they are asked for, unless vectors come out otherwise on this processor.

    Args:
        config: The model.
        texts: All that are to be encoded.
        cache: Holds vectors of all runs.
        device: "cpu", "cuda", …; by default the best there is.

    Raises:
        BackendError: vectors by int8 are not those of float32.
    """
    if config.dtype == "int8":
        agreement = float(_cosines("int8", config, texts, cache, device).mean())
        if agreement < LEAST:
            raise BackendError(
                f"Vectors by int8 have a mean cosine of {agreement:.3f} to those by float32 on "
                f"this processor; {LEAST} is needed. Set encoder.dtype to another value."
            )
        return config, agreement
    local = config.kind in {"sentence-transformers", "transformers"}
    if config.dtype != "auto" or not local or arithmetic("auto") == "float32":
        return config, None
    agreement = float(_cosines("bfloat16", config, texts, cache, device).min())
    settled = "bfloat16" if agreement >= AGREED else "float32"
    return config.model_copy(update={"dtype": settled}), agreement


def _cosines(
    dtype: str,
    config: EncoderConfig,
    texts: Sequence[str],
    cache: VectorCache,
    device: str | None,
) -> np.ndarray:
    """(≤ SAMPLE,) cosines of vectors by `dtype` to those by float32, of texts of all lengths."""
    ordered = sorted(set(texts), key=lambda text: (len(text), text))
    places = np.linspace(0, len(ordered) - 1, min(SAMPLE, len(ordered))).round().astype(int)
    sample = {text: text for text in (ordered[place] for place in places)}
    made = []
    for each in ("float32", dtype):
        encoder = open_encoder(config.model_copy(update={"dtype": each}), device)
        wanted = {_key(encoder.id, text): text for text in sample}
        found = _encode(wanted, encoder, config.batch_size, cache, None)
        made.append(normalise(np.stack([found[key] for key in wanted])))
    cosines: np.ndarray = (made[0] * made[1]).sum(axis=1)
    return cosines


def _encode(
    wanted: dict[str, str],
    encoder: TextEncoder,
    batch_size: int | None,
    cache: VectorCache,
    on_progress: Progress | None,
) -> dict[str, np.ndarray]:
    """Vectors by key, from the cache and from the model.

    Raises:
        BackendError: a vector of the model means nothing, or is of another length than the others.
    """
    found = _of_one_length(cache.get(wanted))
    tell = on_progress or (lambda _done, _total, _what: None)
    tell(len(found), len(wanted), "vectors")
    pieces = {key: encoder.pieces(text) for key, text in wanted.items() if key not in found}
    queue = sorted(pieces, key=lambda key: -sum(tokens for _, tokens in pieces[key]))

    def make(some: Sequence[str], size: int) -> None:
        vectors = encoder.encode([pieces[key] for key in some], size)
        made = dict(zip(some, vectors, strict=True))
        told = {wanted[key]: vector for key, vector in made.items()}
        _check(told, encoder, len(next(iter(found.values()), vectors[0])))
        cache.put(made)
        found.update(made)
        tell(len(found), len(wanted), "vectors")

    def longest(key: str) -> int:
        return max(tokens for _, tokens in pieces[key])

    pace = Pace(batch_size or USUAL)
    if batch_size is None and encoder.is_batched and len(queue) >= MANY:
        pace, queue = fastest(queue, longest, make)
    while queue:
        size = pace.pieces(longest(queue[0]))
        some, queue = queue[: BATCHES_AT_ONCE * size], queue[BATCHES_AT_ONCE * size :]
        make(some, size)
    return found


def _of_one_length(cached: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Those vectors that are as long as most: others are of a model that had the same name."""
    lengths = Counter(map(len, cached.values())).most_common(1)
    return {key: v for key, v in cached.items() if len(v) == lengths[0][0]}


def _check(vectors: Mapping[str, np.ndarray], encoder: TextEncoder, length: int) -> None:
    """That vectors of texts can be kept.

    Raises:
        BackendError: one means nothing, or has not the length of the others.
    """
    for text, vector in vectors.items():
        if (why := flaw(vector)) is not None:
            raise BackendError(
                f"{_about(text, encoder)} {why}. Nothing of its batch is kept, and the next run "
                "asks for it again. Check that the model is one for embeddings; if it runs here, "
                'set encoder.dtype = "float32".'
            )
        if len(vector) != length:
            raise BackendError(
                f"{_about(text, encoder)} has {len(vector):,} numbers, and others have "
                f"{length:,}: another model is behind this name. Set encoder.model to the name of "
                "the one that runs, or remove cache/vectors.sqlite in the workspace."
            )


def _about(text: str, encoder: TextEncoder) -> str:
    return f"The vector of “{shorten(text, 60, placeholder='…')}” by {encoder.id}"


def _key(encoder: str, text: str) -> str:
    return hashlib.sha256(f"{encoder}\n{text}".encode(errors="surrogatepass")).hexdigest()
