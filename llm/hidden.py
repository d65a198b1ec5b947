"""A language model as encoder: the mean over its last hidden layer, by three ways to run it.

Source: AutoGraph, 3.2.1 (LLM as encoder) and appendix D (average over the last hidden layer).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from data.errors import BackendError
from llm.encoder import arithmetic, locate_model, reading, room_for_text, summed
from llm.failures import classified
from llm.keys import hide_in_logs, key_of
from llm.pace import USUAL
from llm.pieces import pieces_of
from llm.pretrained import load_tokenizer, model_name, positions
from llm.settings import EncoderConfig

if TYPE_CHECKING:
    from vllm import LLM

POOLING = "mean of the last hidden layer over prompt and text, of pieces by tokens; not normalised"
SERVER_POOLING = "as the endpoint pools and normalises; mean of pieces by tokens"
AT_ONCE = 8
"""Calls to an endpoint in flight."""
T = TypeVar("T")


class HiddenEncoder(ABC):
    """Cuts texts into pieces, and takes the mean of what a model makes of them."""

    pooling = POOLING
    unit = False
    batched = False

    def __init__(self, config: EncoderConfig, name: str, tokenizer: Any, longest: int) -> None:
        self._prompt, self._batch = config.prompt, config.batch_size or USUAL
        self._tokenizer, self._longest = tokenizer, longest
        self.id = f"{config.kind} {name}{reading(config)}"

    def pieces(self, text: str) -> list[tuple[str, int]]:
        """The text in pieces that the model reads whole, each with its tokens."""
        return pieces_of(text, self._tokenizer, self._longest)

    def encode(
        self, texts: Sequence[Sequence[tuple[str, int]]], batch_size: int | None = None
    ) -> np.ndarray:
        """(n, d) float32: the mean of each text's pieces, weighted by tokens.

        Args:
            texts: The pieces of each text.
            batch_size: Pieces in one pass, or call; by default as the settings have it.

        Raises:
            BackendError: the model fails.
        """
        read = [self._prompt + piece for pieces in texts for piece, _ in pieces]
        sums, weights = summed(self._embed(read, batch_size or self._batch), texts)
        means: np.ndarray = sums / weights
        return means

    @abstractmethod
    def _embed(self, texts: list[str], batch_size: int) -> np.ndarray:
        """(n, d) float32, a vector for each text, which the model reads whole."""


class _LocalEncoder(HiddenEncoder):
    """A model whose folder is here."""

    def __init__(self, config: EncoderConfig) -> None:
        self._config = config
        self._folder = locate_model(config.model)
        self._dtype = arithmetic(config.dtype)
        tokenizer, reads = load_tokenizer(self._folder), positions(self._folder)
        self._reads = min(reads, config.max_length or reads)
        name = f"{_named(config.model, self._folder)} {self._dtype}"
        super().__init__(config, name, tokenizer, room_for_text(config, tokenizer, reads))


def _batched(rows: list[T], size: int) -> list[list[T]]:
    return [rows[first : first + size] for first in range(0, len(rows), size)]


def _named(model: str, folder: Path) -> str:
    """The model's name with a hash of its content, wherever it lies."""
    digest = model_name(str(folder)).rpartition("@")[2]
    return f"{folder.name if Path(model).is_dir() else model}@{digest}"


class TransformersEncoder(_LocalEncoder):
    """Runs the model by transformers, without its head."""

    batched = True

    def __init__(self, config: EncoderConfig, device: str | None = None) -> None:
        import torch

        super().__init__(config)
        self._device = device or ("cuda" if torch.cuda.is_available() else "cpu")

    @cached_property
    def _model(self) -> Any:
        import torch
        from transformers import AutoModel

        try:
            model = AutoModel.from_pretrained(
                str(self._folder), dtype=getattr(torch, self._dtype), local_files_only=True
            )
        except Exception as error:
            raise BackendError(
                f"The model in {self._folder} cannot be loaded ({type(error).__name__}: {error})."
            ) from error
        return model.eval().to(self._device)

    def _embed(self, texts: list[str], batch_size: int) -> np.ndarray:
        """Texts of like length share a batch, longest first."""
        tokens = self._tokenizer(texts, verbose=False)["input_ids"]
        order = sorted(range(len(tokens)), key=lambda k: -len(tokens[k]))
        batches = _batched([tokens[k] for k in order], batch_size)
        return np.concatenate([self._means(batch) for batch in batches])[np.argsort(order)]

    def _means(self, tokens: list[list[int]]) -> np.ndarray:
        """(b, d) float32: what the last hidden layer makes of each text, averaged."""
        import torch
        from torch.nn.utils.rnn import pad_sequence

        rows = [torch.tensor(row) for row in tokens]
        lengths = torch.tensor([[len(row)] for row in rows])  # (b, 1)
        read = pad_sequence(rows, batch_first=True).to(self._device)  # (b, l)
        mask = (torch.arange(read.shape[1]) < lengths).to(self._device)
        with torch.inference_mode():
            hidden = self._model(input_ids=read, attention_mask=mask.long()).last_hidden_state
        sums = (hidden.float() * mask.unsqueeze(-1)).sum(1).cpu()  # (b, d)
        means: np.ndarray = (sums / lengths.clamp(min=1)).numpy()
        return means


class VllmEncoder(_LocalEncoder):
    """Runs the model by vLLM's pooling runner."""

    @cached_property
    def _llm(self) -> LLM:
        from llm.engine import open_engine

        return open_engine(
            str(self._folder),
            mean=True,
            dtype=self._dtype,
            tensor_parallel_size=self._config.tensor_parallel,
            max_model_len=self._reads,
            gpu_memory_utilization=self._config.memory_share,
        )

    def _embed(self, texts: list[str], batch_size: int) -> np.ndarray:  # noqa: ARG002
        """The engine batches by itself."""
        try:
            outputs = self._llm.embed(texts, use_tqdm=False)
        except Exception as error:
            raise BackendError(f"vLLM fails to encode: {type(error).__name__}: {error}") from error
        return np.array([output.outputs.embedding for output in outputs], dtype=np.float32)


class ServerEncoder(HiddenEncoder):
    """Asks the embeddings endpoint of a server, which decides how tokens become a vector."""

    pooling = SERVER_POOLING

    def __init__(self, config: EncoderConfig) -> None:
        from openai import OpenAI

        tokenizer = load_tokenizer(config.tokenizer) if config.tokenizer else None
        reads = config.max_length or 0
        longest = room_for_text(config, tokenizer, reads) if tokenizer else 0
        super().__init__(config, config.model, tokenizer, longest)
        self._model, self._url = config.model, config.url
        self._key = key_of(config)
        hide_in_logs(self._key)
        self._client = OpenAI(base_url=config.url, api_key=self._key, max_retries=5)

    def pieces(self, text: str) -> list[tuple[str, int]]:
        """The text in pieces of the longest length; whole, where no tokenizer is known."""
        return super().pieces(text) if self._tokenizer else [(text, len(text))]

    def _embed(self, texts: list[str], batch_size: int) -> np.ndarray:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            asked = pool.map(self._ask, _batched(texts, batch_size))
            return np.array(list(chain.from_iterable(asked)), dtype=np.float32)

    def _ask(self, texts: list[str]) -> list[list[float]]:
        try:
            answer = self._client.embeddings.create(model=self._model, input=texts)
            rows = sorted(answer.data, key=lambda row: row.index)
            vectors = [row.embedding for row in rows]
        except Exception as error:  # also of an answer that is not as it should be
            why = classified(error, self._key).reason
            raise BackendError(
                f"The server at {self._url} does not encode. {why} Check that it runs, serves "
                f"{self._model!r} for embeddings, and reads texts as long as these; "
                "encoder.tokenizer and encoder.max_length cut longer ones."
            ) from None
        if len(rows) != len(texts):
            raise BackendError(
                f"The server at {self._url} gave {len(rows)} vectors for {len(texts)} texts."
            )
        return vectors
