"""A cache, and a model small enough to make on the spot."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm.cache import ResponseCache


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ResponseCache]:
    opened = ResponseCache(tmp_path / "cache" / "replies.sqlite")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a random BERT with one layer that reads 16 tokens."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(0)
    raw = tmp_path_factory.mktemp("bert")
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "the", "space", "house", *letters]
    (raw / "vocab.txt").write_text("\n".join([*words, *(f"##{x}" for x in letters)]))
    BertTokenizerFast(str(raw / "vocab.txt"), model_max_length=16).save_pretrained(raw)
    config = BertConfig(
        vocab_size=len(words) + 26,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
    )
    BertModel(config).save_pretrained(raw)
    words_in = Transformer(str(raw), max_seq_length=16)
    model = SentenceTransformer(modules=[words_in, Pooling(8)], device="cpu")
    folder = tmp_path_factory.mktemp("model")
    model.save(str(folder))
    return folder
