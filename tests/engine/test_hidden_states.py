"""A language model as encoder: three ways to run it give the same vectors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("vllm", reason="the real engine has an environment of its own: make test-vllm")


from data.errors import BackendError
from llm.encode import open_encoder
from llm.encoders import TextEncoder
from llm.settings import EncoderConfig

SHORT = "A space ship crosses the galaxy."
LONG = "The old house by the sea is quiet. " * 9 + "She likes films."
TEXTS = (SHORT, LONG, "x", "Ünïcode — 電影", "The sea. " * 4)
LONGEST = 64
MEAN = '{"seq_pooling_type": "MEAN", "use_activation": false}'


@pytest.fixture(scope="module")
def url(serve: Callable[..., str]) -> str:
    return serve("--runner", "pooling", "--convert", "embed", "--pooler-config", MEAN)


@pytest.fixture(scope="module")
def config(tiny_qwen: Path) -> EncoderConfig:
    return EncoderConfig(
        kind="transformers",
        model=str(tiny_qwen),
        dtype="float32",
        batch_size=2,
        prompt="The film: ",
        max_length=LONGEST,
    )


def vectors(encoder: TextEncoder) -> np.ndarray:
    return encoder.encode([encoder.pieces(text) for text in TEXTS])


@pytest.fixture(scope="module")
def expected(config: EncoderConfig) -> np.ndarray:
    return vectors(open_encoder(config, "cpu"))


def test_vllm_agrees_with_transformers(config: EncoderConfig, expected: np.ndarray) -> None:
    encoder = open_encoder(config.model_copy(update={"kind": "vllm"}))
    assert len(encoder.pieces(LONG)) > 1
    assert not encoder.unit
    found = vectors(encoder)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert abs(np.linalg.norm(found, axis=1) - 1).min() > 0.1


def test_a_server_agrees_with_transformers(
    config: EncoderConfig, expected: np.ndarray, tiny_qwen: Path, url: str
) -> None:
    asked = {"kind": "server", "model": "tiny", "url": url, "tokenizer": str(tiny_qwen)}
    found = vectors(open_encoder(config.model_copy(update=asked)))
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_server_without_a_tokenizer_is_sent_whole_texts(tiny_qwen: Path, url: str) -> None:
    whole = EncoderConfig(kind="server", model="tiny", url=url, batch_size=2)
    here = EncoderConfig(kind="transformers", model=str(tiny_qwen), dtype="float32")
    np.testing.assert_allclose(
        vectors(open_encoder(whole)), vectors(open_encoder(here, "cpu")), atol=1e-3
    )


def test_what_a_server_says_is_passed_on(url: str) -> None:
    stranger = open_encoder(EncoderConfig(kind="server", model="stranger", url=url))
    with pytest.raises(BackendError, match="serves 'stranger'"):
        vectors(stranger)
    tiny = open_encoder(EncoderConfig(kind="server", model="tiny", url=url))
    with pytest.raises(BackendError, match=r"encoder\.max_length"):
        tiny.encode([tiny.pieces("word " * 600)])
