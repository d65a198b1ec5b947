"""A small experiment on a person's own tables, with a model small enough to make on the spot."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from app_fakes import THEMES, run_here, write_experiment, write_tables
from asking_fakes import Asked, write_shop
from forked import ForkServer
from prompt_fakes import Teller
from typer.testing import CliRunner, Result


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a random BERT with one layer that reads 24 tokens."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    torch.manual_seed(0)
    raw = tmp_path_factory.mktemp("bert")
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    words = " ".join(THEMES).split()
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, *letters]
    vocabulary += [f"##{letter}" for letter in letters]
    (raw / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast(str(raw / "vocab.txt"), model_max_length=24).save_pretrained(raw)
    BertModel(
        BertConfig(
            vocab_size=len(vocabulary),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            max_position_embeddings=24,
        )
    ).save_pretrained(raw)
    folder = tmp_path_factory.mktemp("encoder")
    modules = [Transformer(str(raw), max_seq_length=24), Pooling(16)]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_experiment(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """The file of the small experiment."""
    folder = tmp_path_factory.mktemp("tiny")
    write_tables(folder)
    return write_experiment(folder, tiny_model)


@pytest.fixture
def autograph() -> Any:
    """Runs a command in this process: `autograph("run", file, …)`."""
    from app.cli.main import app

    runner = CliRunner()

    def invoke(*arguments: object) -> Result:
        return runner.invoke(app, [str(argument) for argument in arguments])

    return invoke


@pytest.fixture(scope="session")
def finished(tiny_experiment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace in which the small experiment was run without a break."""
    workspace = tmp_path_factory.mktemp("finished")
    run_here(tiny_experiment, workspace)
    return workspace


@pytest.fixture
def teller(monkeypatch: pytest.MonkeyPatch) -> Teller:
    """The model that every backend of a model is, while facts and replay stay what they are."""
    from llm.backends import open_backend

    fake = Teller()

    def opened(config: Any) -> Any:
        return open_backend(config) if config.backend in ("facts", "replay") else fake

    monkeypatch.setattr("llm.backends.open_backend", opened)
    return fake


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    """Starts commands in children that have imported what describing takes."""
    folder = tmp_path_factory.mktemp("forks")
    with ForkServer() as server:
        with Asked(write_shop(folder, 100), folder / "ws").listening() as asked:
            first = server.run(*asked.words("knowledge-user"))
        assert first.code == 0, first.said
        yield server
