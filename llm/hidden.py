"""A language model as encoder: the mean over its last hidden layer, by three ways to run it.

Source: AutoGraph, 3.2.1 (LLM as encoder) and appendix D (average over the last hidden layer).
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from data.errors import BackendError
from llm.encoder import arithmetic, locate_model, reading, room_for_text, sum_pieces
from llm.encoders import pieces_of
from llm.endpoint import LARGEST, call_options, open_client, post, run_coroutine
from llm.failures import classify, pause
from llm.keys import key_of
from llm.pace import USUAL
from llm.pretrained import load_tokenizer, model_name, positions
from llm.settings import EncoderConfig

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from vllm import LLM

POOLING = "mean of the last hidden layer over prompt and text, of pieces by tokens; not normalised"
SERVER_POOLING = "as the endpoint pools and normalises; mean of pieces by tokens"
AT_ONCE = 8
"""Calls to an endpoint in flight."""
ATTEMPTS = 6
"""Times that an endpoint is asked for the same vectors."""
LARGEST_VECTOR = 2**19
"""Bytes of a vector as an endpoint writes it: 20,000 numbers of 25 digits."""
T = TypeVar("T")


class HiddenEncoder(ABC):
    """Cuts texts into pieces, and takes the mean of what a model makes of them."""

    pooling = POOLING
    unit = False
    is_batched = False

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
        sums, weights = sum_pieces(self._embed(read, batch_size or self._batch), texts)
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
        name = f"{_full_name(config.model, self._folder)} {self._dtype}"
        super().__init__(config, name, tokenizer, room_for_text(config, tokenizer, reads))


def _batches(rows: list[T], size: int) -> list[list[T]]:
    return [rows[first : first + size] for first in range(0, len(rows), size)]


def _full_name(model: str, folder: Path) -> str:
    """The model's name with a hash of its content, wherever it lies."""
    digest = model_name(str(folder)).rpartition("@")[2]
    return f"{folder.name if Path(model).is_dir() else model}@{digest}"


class TransformersEncoder(_LocalEncoder):
    """Runs the model by transformers, without its head."""

    is_batched = True

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
        batches = _batches([tokens[k] for k in order], batch_size)
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
        tokenizer = load_tokenizer(config.tokenizer) if config.tokenizer else None
        reads = config.max_length or 0
        longest = room_for_text(config, tokenizer, reads) if tokenizer else 0
        super().__init__(config, config.model, tokenizer, longest)
        self._config, self._key = config, key_of(config)

    def pieces(self, text: str) -> list[tuple[str, int]]:
        """The text in pieces of the longest length; whole, where no tokenizer is known."""
        return super().pieces(text) if self._tokenizer else [(text, len(text))]

    def _embed(self, texts: list[str], batch_size: int) -> np.ndarray:
        batches = _batches(texts, batch_size)
        vectors = list(chain.from_iterable(run_coroutine(self._all(batches, batch_size))))
        widths = {len(vector) for vector in vectors}
        if len(widths) > 1:
            raise BackendError(self._refusal(f"Its vectors have {_either(widths)} numbers."))
        return np.stack(vectors)

    async def _all(self, batches: list[list[str]], batch_size: int) -> list[list[np.ndarray]]:
        """The vectors of all batches, AT_ONCE calls in flight."""
        seats, largest = asyncio.Semaphore(AT_ONCE), max(LARGEST, batch_size * LARGEST_VECTOR)
        async with open_client(self._config, AT_ONCE, largest) as client:

            async def one(texts: list[str]) -> list[np.ndarray]:
                async with seats:
                    return await self._ask(client, texts)

            try:
                async with asyncio.TaskGroup() as group:
                    asked = [group.create_task(one(texts)) for texts in batches]
            except* BackendError as failed:
                raise failed.exceptions[0] from None
        return [task.result() for task in asked]

    async def _ask(self, client: AsyncOpenAI, texts: list[str]) -> list[np.ndarray]:
        """The vectors of some texts, after as many attempts as it takes or is allowed.

        Raises:
            BackendError: the server gives none, or none that can be used.
        """
        about = {"model": self._config.model, "input": texts, "encoding_format": "base64"}
        rng = random.Random(0)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = await post(client, "/embeddings", about, call_options())
                return vectors_in(answer, len(texts))
            except UnusableVectorsError as error:
                raise BackendError(self._refusal(str(error))) from None
            except Exception as error:  # also of an answer that is not as it should be
                failure = classify(error, self._key)
            if failure.kind != "passing":
                break
            if attempt < ATTEMPTS:
                await asyncio.sleep(pause(attempt, failure.retry_after_s, rng))
        raise BackendError(self._refusal(failure.reason))

    def _refusal(self, why: str) -> str:
        return (
            f"The server at {self._config.url} does not encode. {why.rstrip('.')}. Check that it "
            f"runs, serves {self._config.model!r} for embeddings, and reads texts as long as "
            "these; encoder.tokenizer and encoder.max_length cut longer ones. Vectors so far are "
            "kept, and the next run asks for the others."
        )


class UnusableVectorsError(Exception):
    """An answer of an embeddings endpoint whose vectors can stand for no text."""


def vectors_in(answer: Mapping[str, Any], wanted: int) -> list[np.ndarray]:
    """(d,) float32 vectors in an answer, in order of the texts.

    Raises:
        UnusableVectorsError: they are too few, or one is none; the sentence says how.
    """
    rows = answer.get("data")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UnusableVectorsError("Its answer holds no list of vectors.")
    if len(rows) != wanted:
        raise UnusableVectorsError(f"It gave {len(rows)} vectors for {wanted} texts.")
    places = [row.get("index") for row in rows] if wanted > 1 else [0]
    if not all(type(place) is int for place in places) or sorted(places) != list(range(wanted)):
        raise UnusableVectorsError("Its answer does not say which vector is of which text.")
    by_place = dict(zip(places, rows, strict=True))
    return [_vector(by_place[place].get("embedding")) for place in range(wanted)]


def _vector(given: object) -> np.ndarray:
    """(d,) float32: a vector as numbers, or as the bytes of float32 in base64."""
    if isinstance(given, str):
        try:
            return np.frombuffer(base64.b64decode(given, validate=True), dtype="<f4")
        except ValueError:
            raise UnusableVectorsError("A vector is a text that is no base64.") from None
    if not isinstance(given, list) or not given:
        raise UnusableVectorsError("A vector is empty or missing.")
    if isinstance(given[0], list):
        raise UnusableVectorsError(
            "A vector holds vectors: the server gives one a token, and does not pool them."
        )
    if not all(isinstance(number, int | float) for number in given):
        odd = next(number for number in given if not isinstance(number, int | float))
        raise UnusableVectorsError(f"A vector holds {json.dumps(odd)[:40]} in place of a number.")
    try:
        with np.errstate(over="ignore"):  # what becomes of it is noticed before it is kept
            return np.array(given, dtype=np.float64).astype(np.float32)
    except OverflowError:
        raise UnusableVectorsError("A vector holds a number beyond all bounds.") from None


def _either(widths: set[int]) -> str:
    return " or ".join(f"{width:,}" for width in sorted(widths)[:3])
