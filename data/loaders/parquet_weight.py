"""What a Parquet file from outside takes once it is decoded, measured in a process of its own.

A file of some hundred bytes may hold gigabytes, and its metadata do not say so. This runs as a
script with a limit on its memory, so that whatever is in the file costs the page nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROWS_AT_ONCE = 4096
LONGEST_S = 120
"""Seconds after which a file is taken to be too large."""
OVERHEAD = 3 * 2**29
"""Bytes of address space that Python and Arrow take beside what they decode."""
LARGE, DAMAGED = "large", "damaged"


@dataclass(frozen=True, slots=True)
class Weight:
    """A Parquet file in numbers.

    Attributes:
        rows: Of the table.
        columns: Of the table, those inside others too.
        decoded: Bytes once decoded; None if it is more than may be.
    """

    rows: int
    columns: int
    decoded: int | None


def weigh(content: bytes, limit: int) -> Weight | None:
    """What a file takes; None if it is no Parquet file, or a damaged one.

    Args:
        content: Of the file.
        limit: Bytes beyond which it is not decoded any further.
    """
    environment = {**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system", "OMP_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            [sys.executable, "-I", str(Path(__file__)), str(limit)],
            input=content,
            capture_output=True,
            timeout=LONGEST_S,
            env=environment,
            check=False,
        )
        lines = done.stdout.splitlines()
    except subprocess.TimeoutExpired as error:
        lines = (error.stdout or b"").splitlines()
    said = [json.loads(line) for line in lines]
    if DAMAGED in said or not said:
        return None
    decoded = said[1] if len(said) > 1 and isinstance(said[1], int) else None
    return Weight(said[0]["rows"], said[0]["columns"], decoded)


def _measure(limit: int) -> None:
    """Writes a line of JSON with rows and columns, and one with the bytes or what is wrong."""
    content = sys.stdin.buffer.read()
    _bound(len(content) + limit + OVERHEAD)
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        about, total = file.metadata, 0
        _say({"rows": about.num_rows, "columns": about.num_columns})
        for batch in file.iter_batches(ROWS_AT_ONCE, use_threads=False):
            total += batch.nbytes
            if total > limit:
                return _say(LARGE)
        return _say(total)
    except (MemoryError, pa.ArrowMemoryError, pa.ArrowCapacityError):
        return _say(LARGE)
    except (pa.ArrowException, OSError, ValueError):
        return _say(DAMAGED)


def _bound(size: int) -> None:
    """Limits the memory of this process, where the system knows how."""
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (size, size))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _say(what: object) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _measure(int(sys.argv[1]))
