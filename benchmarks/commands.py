"""How long `recommend` and `insert` take, beside a process that does only what they cannot leave.

For `recommend` that is to import torch and read the weights; for `insert`, to open the encoder and
encode one text, too. The figures are the least of several runs: seconds on the clock, and seconds
of computing (user and system), which other work on the machine disturbs less. A ratio is of one run
of this benchmark, in which commands and bare processes take turns.

    PYTHONPATH=. python benchmarks/commands.py --workspace workspace --experiment demo
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.pipeline.records import Record, read_record
from data import atomic

ROW = "{:<10}{:>9}{:>9}{:>9}{:>14}"
TEXT = "A quiet story about a lighthouse keeper, storms and the sea."
COMMAND = "from app.cli.main import main; main()"
WEIGHTS = """
import sys, torch
from safetensors.torch import load_file
weights = load_file(sys.argv[1])
"""
ENCODED = f"""{WEIGHTS}
from sentence_transformers import SentenceTransformer
SentenceTransformer(sys.argv[2], device="cpu").encode([sys.argv[3]])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("--experiment", default="demo")
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    record = read_record(asked.experiment, asked.workspace)
    print(ROW.format("", "bare, s", "command", "ratio", "of computing"))
    for name, both in processes(record).items():
        bare, command = least(both, asked.times)
        figures = (bare[0], command[0], command[0] / bare[0], command[1] / bare[1])
        print(ROW.format(name, *map("{:.2f}".format, figures)), flush=True)


def processes(record: Record) -> Mapping[str, tuple[Sequence[str], Sequence[str]]]:
    """The bare process and the command, by the command's name."""
    from llm.encoder import locate_model

    weights = str(record.folder("train", record.choose(None, None, None)) / "weights.safetensors")
    user = str(atomic.read_parquet(record.folder("dataset") / "users.parquet")["user_id"][3])
    name, place = record.experiment.name, ("--workspace", str(record.workspace))
    encoder = str(locate_model(record.experiment.encoder.model))
    python = (sys.executable, "-c")
    return {
        "recommend": (
            (*python, WEIGHTS, weights),
            (*python, COMMAND, "recommend", name, "--user", user, *place),
        ),
        "insert": (
            (*python, ENCODED, weights, encoder, TEXT),
            (*python, COMMAND, "insert", name, "item", "--text", TEXT, *place),
        ),
    }


def least(processes: Sequence[Sequence[str]], times: int) -> list[tuple[float, float]]:
    """Of each process the least seconds on the clock, and of computing; they take turns."""
    taken: list[list[tuple[float, float]]] = [[] for _ in processes]
    for _ in range(times):
        for process, of_it in zip(processes, taken, strict=True):
            of_it.append(seconds(process))
    return [(min(wall for wall, _ in one), min(cpu for _, cpu in one)) for one in taken]


def seconds(words: Sequence[str]) -> tuple[float, float]:
    """On the clock, and of computing, until a process has ended."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)


if __name__ == "__main__":
    main()
