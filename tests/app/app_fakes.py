"""Tables, an experiment and processes for the tests of the application."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner

REPOSITORY = Path(__file__).resolve().parents[2]
THEMES = ("space ship star", "old house fog", "sea storm sail", "court trial judge")
N_USERS, N_ITEMS = 40, 32
ON_CPU = ("--device", "cpu", "--jobs", "2")
"""With one thread for each of two recommenders, so that numbers are the same to the bit."""


def write_tables(folder: Path) -> None:
    """Users who like one theme each, and items whose descriptions tell theirs."""
    rng = np.random.default_rng(7)
    items = ["film,name,plot"]
    for item in range(N_ITEMS):
        words = rng.permutation(THEMES[item % 4].split())
        items.append(f"f{item},Title {item},A {' and '.join(words)} number {item}.")
    rows = ["who,film,when"]
    for user in range(N_USERS):
        liked = rng.permutation(np.arange(user % 4, N_ITEMS, 4))[: 5 + user % 3]
        rows += [f"u{user},f{item},{1000 * (t + 1)}" for t, item in enumerate(liked)]
    (folder / "items.csv").write_text("\n".join(items) + "\n")
    (folder / "ratings.csv").write_text("\n".join(rows) + "\n")


def write_experiment(folder: Path, model: Path) -> Path:
    """An experiment file beside the tables that it names."""
    side = (
        "k = 4\nlevels = 2\ndim = 4\nhidden = [16]\nepochs = 20\nleast_steps = 20\nper_code = 2\n"
    )
    path = folder / "tiny.toml"
    path.write_text(f"""
[data]
name = "files"
[data.files]
interactions = "ratings.csv"
user = "who"
item = "film"
time = "when"
items = "items.csv"
items_id = "film"
title = "name"
description = "plot"
[encoder]
model = "{model}"
dtype = "float32"
[quantize.user]
{side}
[quantize.item]
{side}
[grid]
backbones = ["gru4rec"]
[model]
width = 8
max_history = 8
[model.enhancer]
name = "autograph"
neighbours = 4
[train]
epochs = 4
batch_size = 16
""")
    return path


def environment(**extra: str) -> Mapping[str, str]:
    """Of a command: one thread, nothing fetched."""
    own = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
    return {**os.environ, **own, **extra}


def start(*arguments: object, **options: Any) -> subprocess.Popen[str]:
    """The command line in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", "from app.cli.main import main; main()", *map(str, arguments)],
        cwd=REPOSITORY,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def kill(process: subprocess.Popen[str]) -> None:
    """SIGKILL to the process alone: its workers have to notice by themselves."""
    process.send_signal(signal.SIGKILL)
    process.communicate()


def beside_here(runner: Any, cells: Sequence[Any], listener: Any, _jobs: int) -> None:
    """In the place of `app.pipeline.runner.run_beside`: cells one after another in this process."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for step in (step for steps in cells for step in steps):
            runner.run(step, listener)
    finally:
        torch.set_num_threads(threads)


def run_here(experiment: Path, workspace: Path, *words: str) -> None:
    """Runs an experiment in this process, which has its libraries at hand, on one thread."""
    import torch

    from app.cli.main import app

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        done = CliRunner().invoke(
            app, ["run", str(experiment), "--workspace", str(workspace), *ON_CPU, *words]
        )
    finally:
        torch.set_num_threads(threads)
    assert done.exit_code == 0, done.output
