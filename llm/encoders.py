"""The encoders by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from llm.settings import EncoderConfig

Pieces = Sequence[tuple[str, int]]
"""A text in pieces that the model reads whole, each with its tokens."""


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
    def batched(self) -> bool:
        """Whether it is faster or slower by the size of its batches."""
        ...

    def pieces(self, text: str) -> Pieces:
        """The text in pieces, none of it left out."""
        ...

    def encode(self, texts: Sequence[Pieces], batch_size: int | None = None) -> np.ndarray:
        """(n, d) float32: a vector for the pieces of each text, so many pieces at a time."""
        ...


def open_encoder(config: EncoderConfig, device: str | None = None) -> TextEncoder:
    """The encoder that settings describe.

    Args:
        config: Which model, and how it is run.
        device: "cpu", "cuda", …; by default the best there is.

    Raises:
        BackendError: it cannot be loaded or reached.
    """
    if config.kind == "transformers":
        from llm.hidden import TransformersEncoder

        return TransformersEncoder(config, device)
    if config.kind == "vllm":
        from llm.hidden import VllmEncoder

        return VllmEncoder(config)
    if config.kind == "server":
        from llm.hidden import ServerEncoder

        return ServerEncoder(config)
    from llm.encoder import Encoder

    return Encoder(config, device)
