"""What every test may use."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from tiny_qwen import make_tiny_qwen

if TYPE_CHECKING:
    from graph.explore.atlas import Atlas

REPOSITORY = Path(__file__).resolve().parent.parent
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")  # how long an example takes says something of the machine alone


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


@pytest.fixture(scope="session")
def demo_workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the demo finished: SASRec and MIND, plain and with the graph, few epochs.

    Shared by all tests of the page: look, and change nothing; `own_workspace` is a copy. Where
    tests run in several processes, the first makes it, and the others find it finished.
    """
    from app.cli.run import run_experiment
    from app.experiment.file import load_experiment

    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    workspace = shared / "demo" / "workspace"
    changes = [
        "grid.backbones=['sasrec', 'mind']",
        "grid.enhancers=['none', 'autograph']",
        "train.epochs=3",
        "model.item_features=true",
        "model.user_features=true",
        "quantize.user.epochs=30",
        "quantize.item.epochs=30",
    ]
    workspace.parent.mkdir(exist_ok=True)
    with (workspace.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        run_experiment(load_experiment("demo", changes), workspace, jobs=2, device="cpu")
    return workspace


@pytest.fixture(scope="session")
def atlas(demo_workspace: Path) -> Atlas:
    """The graph of the finished demo, opened."""
    from app.pipeline.records import read_record
    from app.results.results import Results

    return Results(read_record("demo", demo_workspace)).atlas
