"""Seconds an epoch of SASRec, ours and RecTools', on the same interactions with equal settings.

Width 64, 1 block of 1 head, dropout 0.2, the last 50 items, 256 negatives (RecTools draws them for
every position, here a step shares them), learning rate 0.001. Both sides wait in processes of their
own and take turns, some steps at a time: what is shown is the least of several turns, and an epoch
is as many steps as it has. Data are synthetic and of Amazon Beauty's shape, or its own: `--from`.

RecTools is no dependency of this project: it is run by a Python that has it.

    python -m venv rt && rt/bin/pip install 'rectools[torch]==0.19.*'
    PYTHONPATH=. python benchmarks/sasrec_rectools.py --rectools-python rt/bin/python
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

USERS, ITEMS, LONGER = 22_363, 12_101, 4.9
"""Users, items, and how many interactions a history has beyond 2 on average, of those to train."""
WIDTH, HISTORY, DROPOUT, RATE = 64, 50, 0.2, 1e-3
ROW = "| {:<8} | {:>7} | {:>12} | {:>11} | {:>13} | {:>12} |"
Turn = dict[str, float]


def synthetic(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """(n,) user and item of each training interaction, in order of users and their time."""
    rng = np.random.default_rng(seed)
    lengths = 2 + rng.geometric(1 / LONGER, USERS)
    frequency = 1 / (np.arange(ITEMS) + 30.0)
    items = rng.choice(ITEMS, int(lengths.sum()), p=frequency / frequency.sum())
    return np.repeat(np.arange(USERS), lengths), items


def published(name: str, source: Path) -> tuple[np.ndarray, np.ndarray]:
    """The same of a data set of the catalogue: leave-one-out without the two last of each user."""
    from data.loaders.load import load_dataset
    from data.settings import DataConfig
    from data.split import leave_one_out

    config = DataConfig(name=name, source=source)
    dataset = load_dataset(config, Path("workspace") / "downloads").dataset
    past = leave_one_out(dataset).histories(dataset)
    return np.repeat(np.arange(len(past)), past.lengths), past.items


def ours(user: np.ndarray, item: np.ndarray, asked: argparse.Namespace) -> Iterator[Turn]:
    """Some steps of this project's training at each `next`."""
    import polars as pl
    import torch

    from data.dataset import Dataset, histories
    from recommend.fit.memory import keep_freed_memory
    from recommend.fit.training import Trainer
    from recommend.protocols import World
    from recommend.settings import ModelConfig, TrainConfig
    from recommend.settings.registry import recommender_of
    from recommend.sources import Sources

    torch.set_num_threads(asked.threads)
    keep_freed_memory()
    columns = {
        "user": user,
        "item": item,
        "time": np.arange(len(user)),
        "weight": np.ones(len(user)),
    }
    kinds = {"user": pl.Int32, "item": pl.Int32, "weight": pl.Float32}
    rows = pl.DataFrame(columns, schema_overrides=kinds)
    sides = [
        pl.DataFrame({f"{side}_id": [f"{n}" for n in range(numbers.max() + 1)]})
        for side, numbers in (("user", user), ("item", item))
    ]
    dataset = Dataset("synthetic", *sides, rows)
    past = histories(rows, dataset.n_users)
    config = ModelConfig.model_validate(
        {
            "backbone": {"name": "sasrec", "layers": 1, "heads": 1, "dropout": DROPOUT},
            "enhancer": {"name": "none"},
            **{"width": WIDTH, "max_history": HISTORY, "embedding_dropout": DROPOUT},
            **{"item_features": False, "user_features": False},
        }
    )
    settings = TrainConfig(
        batch_size=asked.batch, loss=asked.loss, negatives=asked.negatives, learning_rate=RATE
    )
    world = World(dataset, past, Sources(histories=past), settings)
    trainer = Trainer(recommender_of("sasrec").of(config, world), world, 0)
    trainer.recommender.network.train()
    for turn in range(asked.rounds + 1):
        wall, cpu = time.perf_counter(), time.process_time()
        steps, batches = trainer.recommender.batches(world, np.random.default_rng(turn))
        for done, batch in enumerate(batches, 1):
            trainer.step(batch)
            if done == asked.steps:
                break
        yield _turn(done, steps, wall, cpu)


def theirs(user: np.ndarray, item: np.ndarray, asked: argparse.Namespace) -> Iterator[Turn]:
    """The same of RecTools: an epoch of so many steps at each `next`."""
    import queue
    import threading

    import pandas as pd
    import torch
    from pytorch_lightning import Callback, Trainer
    from rectools.dataset import Dataset
    from rectools.models import SASRecModel
    from rectools.models.nn.item_net import IdEmbeddingsItemNet

    torch.set_num_threads(asked.threads)
    started, turns = queue.Queue[None](), queue.Queue[Turn]()

    class Turns(Callback):  # type: ignore[misc]
        """Waits before every epoch, and says how long it took."""

        def on_train_epoch_start(self, *_: Any) -> None:
            started.get()
            self.wall, self.cpu = time.perf_counter(), time.process_time()

        def on_train_epoch_end(self, trainer: Any, _: Any) -> None:
            done = int(trainer.num_training_batches)
            steps = len(trainer.train_dataloader)
            turns.put(_turn(done, steps, self.wall, self.cpu))

    def trainer() -> Any:
        return Trainer(
            max_epochs=asked.rounds + 1,
            limit_train_batches=asked.steps,
            callbacks=[Turns()],
            accelerator="cpu",
            devices=1,
            **dict.fromkeys(
                ("enable_progress_bar", "enable_model_summary", "logger", "enable_checkpointing"),
                False,
            ),
        )

    table = pd.DataFrame({"user_id": user, "item_id": item, "weight": 1.0})
    table["datetime"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(len(user)), "s")
    model = SASRecModel(
        n_blocks=1,
        n_heads=1,
        n_factors=WIDTH,
        dropout_rate=DROPOUT,
        session_max_len=HISTORY,
        loss="softmax" if asked.loss == "full" else "sampled_softmax",
        n_negatives=asked.negatives,
        lr=RATE,
        batch_size=asked.batch,
        item_net_block_types=(IdEmbeddingsItemNet,),
        get_trainer_func=trainer,
    )
    dataset = Dataset.construct(table)
    threading.Thread(target=lambda: model.fit(dataset), daemon=True).start()
    for _ in range(asked.rounds + 1):
        started.put(None)
        yield turns.get()


def _turn(done: int, steps: int, wall: float, cpu: float) -> Turn:
    """Seconds of a whole epoch of so many steps, by a clock and of all cores, and the steps."""
    a_step = (time.perf_counter() - wall) / done, (time.process_time() - cpu) / done
    return {"steps": steps, "wall": steps * a_step[0], "cpu": steps * a_step[1]}


SIDES: dict[str, Callable[..., Iterator[Turn]]] = {"ours": ours, "RecTools": theirs}


def serve(side: str, data: Path, asked: argparse.Namespace) -> None:
    """The life of a side's process: a turn for every line that it reads."""
    with np.load(data) as arrays:
        turns = SIDES[side](arrays["user"], arrays["item"], asked)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    for _ in sys.stdin:
        print(json.dumps(next(turns)), file=answers, flush=True)


def apart(python: str, side: str, data: Path) -> Iterator[Turn]:
    """The turns of a side in a process of its own."""
    words = [python, __file__, *sys.argv[1:], "--side", side, "--data", str(data)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(words, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            while True:
                print(file=process.stdin, flush=True)
                yield json.loads(process.stdout.readline())
        finally:
            process.kill()


def has_rectools(python: str) -> bool:
    """Whether a Python can import RecTools."""
    try:
        code = "import rectools.models, pytorch_lightning"
        return not subprocess.run([python, "-c", code], capture_output=True, check=False).returncode
    except OSError:
        return False


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "name", nargs="?", default="amazon-beauty", help="of a data set, for --from"
    )
    parser.add_argument("--from", dest="source", type=Path, help="folder of its files")
    parser.add_argument("--rectools-python", default="", help="a Python that has RecTools 0.19")
    parser.add_argument("--loss", choices=("sampled", "full"), default="sampled")
    parser.add_argument("--batch", type=int, default=128, help="histories in a step")
    parser.add_argument("--negatives", type=int, default=256)
    parser.add_argument("--steps", type=int, default=20, help="in a turn")
    parser.add_argument(
        "--rounds", type=int, default=4, help="turns that count; one more goes before"
    )
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--side", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        serve(asked.side, asked.data, asked)
    else:
        user, item = published(asked.name, asked.source) if asked.source else synthetic()
        compare(user, item, asked)


def compare(user: np.ndarray, item: np.ndarray, asked: argparse.Namespace) -> None:
    """Prints a row a side, and how the two compare."""
    pythons = {"ours": sys.executable}
    if asked.rectools_python and has_rectools(asked.rectools_python):
        pythons["RecTools"] = asked.rectools_python
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {len(user):,} interactions of {user.max() + 1:,} users, "
        f"{asked.loss} softmax, {asked.batch} histories a step, {asked.threads} thread(s)"
    )
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "interactions.npz"
        np.savez(data, user=user, item=item)
        turns = {side: apart(python, side, data) for side, python in pythons.items()}
        rounds = [{side: next(of) for side, of in turns.items()} for _ in range(asked.rounds + 1)]
        for of in turns.values():
            of.close()  # type: ignore[attr-defined]
    print(ROW.format("side", "steps", "epoch, least", "its CPU", "epoch, median", "ms a step"))
    print("|---" * 6 + "|")
    for side in pythons:
        of = [one[side] for one in rounds[1:]]
        wall, cpu = ([turn[kind] for turn in of] for kind in ("wall", "cpu"))
        steps = of[0]["steps"]
        seconds = (f"{number:.1f} s" for number in (min(wall), min(cpu), float(np.median(wall))))
        print(ROW.format(side, f"{steps:.0f}", *seconds, f"{1e3 * min(wall) / steps:.0f}"))
    if "RecTools" not in pythons:
        print("RecTools is left out: --rectools-python names no Python that can import it.")
        return
    clock, cpu = (
        min(one["ours"][kind] for one in rounds[1:])
        / min(one["RecTools"][kind] for one in rounds[1:])
        for kind in ("wall", "cpu")
    )
    print(f"An epoch of ours takes {clock:.3f} of RecTools' seconds, {cpu:.3f} of its CPU time.")


if __name__ == "__main__":
    main()
