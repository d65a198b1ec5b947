"""What every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tiny_qwen import make_tiny_qwen

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of publishers' files; tests that need it are skipped where it is absent."""
    named = os.environ.get("AUTOGRAPH_DATA")
    folder = Path(named) if named else REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set AUTOGRAPH_DATA to a folder that holds it")
    return folder


@pytest.fixture(scope="session")
def tiny_qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a random chat model, with a tokenizer and a chat template."""
    return make_tiny_qwen(tmp_path_factory.mktemp("qwen"))
