"""What an answer of an export costs: measured in this process, and in a fresh one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from app.serve import answers
from app.serve.limits import Limits
from app.serve.wire import RecommendBody, read
from data.errors import ArtifactError
from recommend.serve.clock import with_clock

if TYPE_CHECKING:
    from app.serve.desk import Opened
    from recommend.serve.reader import Export

ROOT = Path(__file__).resolve().parents[2]
WARM = 5
"""Answers before those that count."""
LATEST = 50
"""Items of a history in a call at most."""
Of = Literal["user", "history"]


@dataclass(frozen=True, slots=True)
class Spread:
    """Seconds of some answers: their median, and what 99 of 100 stay below."""

    median: float
    p99: float

    @classmethod
    def of(cls, seconds: Sequence[float] | np.ndarray) -> Spread:
        """Of (n,) seconds.

        >>> Spread.of([1.0, 2.0, 4.0])
        Spread(median=2.0, p99=4.0)
        """
        found = np.quantile(seconds, [0.5, 0.99], method="higher")
        return cls(float(found[0]), float(found[1]))


@dataclass(frozen=True, slots=True)
class Cost:
    """What answers cost.

    Attributes:
        n: Answers that were measured.
        whole: From the bytes of the call to those of the answer.
        reading: Of it, until there were vectors of who was asked about.
        search: Of it, the search.
        rest: Of it, reading and writing JSON, ids and conditions.
        bytes: Of an answer, the median.
    """

    n: int
    whole: Spread
    reading: Spread
    search: Spread
    rest: Spread
    bytes: int


@dataclass(frozen=True, slots=True)
class Cold:
    """What a process costs that does nothing but answer from an export.

    Attributes:
        seconds: From its start until it has answered once and ended.
        held: Bytes of memory that it held then, Python and libraries included.
        own: Of them, those that came when the export was opened and answered.
    """

    seconds: float
    held: int
    own: int


def bodies(export: Export, n: int, of: Of = "user", k: int = 10, seed: int = 0) -> list[bytes]:
    """Calls as they come over the wire, for users who are drawn at random.

    Args:
        export: Whose users.
        n: Calls.
        of: Whether each names the user, or gives the latest of the user's history.
        k: Items wanted.
        seed: Of the draw.
    """
    ids = export.users.to_series(0)
    drawn = np.random.default_rng(seed).integers(0, len(ids), n)
    if of == "user":
        return [json.dumps({"user": ids[one], "k": k}).encode() for one in drawn.tolist()]
    pasts = (export.had(ids[one])[-LATEST:] for one in drawn.tolist())
    return [json.dumps({"history": past, "k": k}).encode() for past in pasts if past]


def measure(opened: Opened, calls: Sequence[bytes]) -> Cost:
    """What these calls cost one after another, in this process, without the network.

    Args:
        opened: That answers, by the functions that serve HTTP.
        calls: As `bodies` gives them.

    Raises:
        Refusal: one cannot be answered.
    """
    twin, clock = with_clock(opened.export)
    asked, decoder, limits = replace(opened, export=twin), recommend_decoder(), Limits()
    rows, sizes = [], []
    for call in [*calls[:WARM], *calls]:
        begin = perf_counter()
        said = msgspec.json.encode(answers.recommend(asked, read(call, decoder), limits))
        whole = perf_counter() - begin
        rows.append((whole, clock.reading_s, clock.search_s))
        sizes.append(len(said))
    whole_s, reading, search = np.array(rows[len(calls[:WARM]) :]).T
    rest = whole_s - reading - search
    return Cost(
        len(calls),
        Spread.of(whole_s),
        Spread.of(reading),
        Spread.of(search),
        Spread.of(rest),
        int(np.median(sizes)),
    )


@cache
def recommend_decoder() -> msgspec.json.Decoder[Any]:
    """Reads the body of a call."""
    return msgspec.json.Decoder(RecommendBody)


_FRESH = """
import json, sys
import faiss
from app.serve.cost import memory
from recommend.serve.reader import Ask, Export
bare = memory()
export = Export.open(sys.argv[1])
export.recommend([Ask(user=export.users.to_series(0)[0])])
print(json.dumps([bare, memory()]))
"""


def memory() -> int:
    """Bytes of memory that this process holds; where the system does not say, its peak so far."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def start_fresh(folder: Path) -> Cold:
    """What a fresh process costs that opens an export, with its checksums, and answers once.

    Raises:
        ArtifactError: it cannot be opened there.
    """
    begin = perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _FRESH, str(folder.resolve())],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = perf_counter() - begin
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise ArtifactError(f"A fresh process cannot open {folder.name}: {last}")
    bare, held = json.loads(done.stdout)
    return Cold(seconds, held, held - bare)
