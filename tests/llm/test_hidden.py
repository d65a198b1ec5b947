"""A language model as encoder, by transformers: the mean over its last hidden layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError

from data.errors import BackendError
from llm.encode import encode, open_encoder
from llm.hidden import POOLING
from llm.knowledge import SCHEMA, Knowledge
from llm.settings import EncoderConfig
from llm.vectors import VectorCache

SHORT = "A space ship crosses the galaxy."
LONG = "The old house by the sea. She likes quiet films. " * 4
PROMPT = "This film is about: "


@pytest.fixture
def config(tiny_qwen: Path) -> EncoderConfig:
    return EncoderConfig(
        kind="transformers", model=str(tiny_qwen), dtype="float32", batch_size=2, prompt=PROMPT
    )


@pytest.fixture
def cache(tmp_path: Path) -> VectorCache:
    return VectorCache(tmp_path / "vectors.sqlite")


def knowledge(*texts: str | None) -> Knowledge:
    lacking = {name: pl.lit(None, dtype=kind).alias(name) for name, kind in SCHEMA.items()}
    rows = pl.DataFrame({"entity": [f"e{k}" for k in range(len(texts))], "text": texts})
    return Knowledge(rows.with_columns(v for k, v in lacking.items() if k not in rows.columns))


def by_hand(folder: Path, text: str) -> np.ndarray:
    """The mean over the last of the hidden states that the whole causal model gives."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    read = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.no_grad():
        states = model(**read, output_hidden_states=True).hidden_states
    return np.asarray(states[-1][0].double().mean(0))


def test_prompt_and_text_are_averaged_and_nothing_else(
    config: EncoderConfig, cache: VectorCache, tiny_qwen: Path
) -> None:
    texts = (SHORT, LONG, "x", "Ünïcode — 電影", SHORT + LONG)
    made = encode(knowledge(*texts), config, cache, device="cpu")
    assert made.matrix.dtype == np.float32
    assert made.pooling == POOLING
    for row, text in zip(made.matrix, texts, strict=True):
        np.testing.assert_allclose(row, by_hand(tiny_qwen, PROMPT + text), atol=1e-5)


def test_a_long_text_is_the_mean_of_its_pieces_by_tokens(
    config: EncoderConfig, cache: VectorCache, tiny_qwen: Path
) -> None:
    short = config.model_copy(update={"max_length": 48})
    pieces = open_encoder(short, "cpu").pieces(LONG)
    assert len(pieces) > 1
    assert "".join(piece for piece, _ in pieces) == LONG
    made = encode(knowledge(LONG), short, cache, device="cpu").matrix[0]
    vectors = [by_hand(tiny_qwen, PROMPT + piece) for piece, _ in pieces]
    expected = np.average(vectors, axis=0, weights=[tokens for _, tokens in pieces])
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_an_entity_without_a_text_gets_the_mean_as_it_is(
    config: EncoderConfig, cache: VectorCache
) -> None:
    made = encode(knowledge(SHORT, None, LONG), config, cache, device="cpu")
    np.testing.assert_allclose(made.matrix[1], made.matrix[[0, 2]].mean(axis=0), atol=1e-6)
    assert abs(np.linalg.norm(made.matrix[1]) - 1) > 0.1


def test_ids_differ_where_vectors_may(config: EncoderConfig, tmp_path: Path) -> None:
    from tiny_qwen import make_tiny_qwen

    other = make_tiny_qwen(tmp_path / "other", seed=1)
    changes = ({}, {"prompt": ""}, {"max_length": 64}, {"dtype": "bfloat16"}, {"model": str(other)})
    ids = {open_encoder(config.model_copy(update=change), "cpu").id for change in changes}
    assert len(ids) == len(changes)
    same = config.model_copy(update={"batch_size": 7})
    assert open_encoder(same, "cpu").id == open_encoder(config, "cpu").id


def test_bfloat16_means_the_same(config: EncoderConfig, cache: VectorCache) -> None:
    exact = encode(knowledge(SHORT, LONG), config, cache, device="cpu").matrix
    coarse = config.model_copy(update={"dtype": "bfloat16"})
    rounded = encode(knowledge(SHORT, LONG), coarse, cache, device="cpu").matrix
    assert rounded.dtype == np.float32
    lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(rounded, axis=1)
    assert ((exact * rounded).sum(axis=1) / lengths).min() > 0.99


def test_cached_texts_need_no_weights(
    config: EncoderConfig, cache: VectorCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = encode(knowledge(SHORT), config, cache, device="cpu")
    monkeypatch.setattr("transformers.AutoModel.from_pretrained", None)
    assert np.array_equal(encode(knowledge(SHORT), config, cache).matrix, first.matrix)


def test_a_prompt_may_stand_before_sentence_encoders_too(
    tiny_model: Path, cache: VectorCache
) -> None:
    plain = EncoderConfig(model=str(tiny_model), dtype="float32")
    after = plain.model_copy(update={"prompt": "the "})
    found = encode(knowledge("space house"), after, cache, device="cpu").matrix
    same = encode(knowledge("the space house"), plain, cache, device="cpu").matrix
    np.testing.assert_allclose(found, same, atol=1e-6)


def test_a_prompt_that_leaves_no_room(config: EncoderConfig) -> None:
    long = config.model_copy(update={"prompt": "word " * 40, "max_length": 32})
    with pytest.raises(BackendError, match=r"encoder\.prompt fills all of the 32 tokens"):
        open_encoder(long, "cpu")


def test_a_server_cuts_texts_by_both_or_none() -> None:
    with pytest.raises(ValidationError, match="go together"):
        EncoderConfig(kind="server", model="m", max_length=64)
