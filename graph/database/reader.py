"""A process that answers one question to a database, and can do nothing else: see `ask`.

It is run as a file, by the path: it needs Ladybug and nothing of AutoGraph. The question comes as
JSON on its input, the answer goes as JSON to its output. Before it runs what a visitor wrote, it
gives up what it does not need: it can open no further file, and memory, time and the size of the
answer have limits that the system keeps, however deep in the engine the query is.
"""

from __future__ import annotations

import datetime  # noqa: F401 (the engine imports these four when it first needs them)
import decimal  # noqa: F401
import json
import os
import signal
import sys
import time
import uuid  # noqa: F401
from typing import Any

import ladybug

try:
    import resource
except ImportError:  # a system without such limits
    resource = None  # type: ignore[assignment]

POOL = 256 * 2**20
"""Bytes of the engine's own cache and intermediate results."""
_LEAST = 2**30
"""Bytes of address space for the database, at least; a power of two."""


def main() -> None:
    """Reads a question, writes the answer."""
    asked = json.load(sys.stdin)
    try:
        text = json.dumps(_found(asked), default=str)
    except MemoryError:
        text = json.dumps({"error": "memory"})
    except Exception as error:  # whatever the engine raises is said, and said by whoever asked
        text = json.dumps({"error": str(error)})
    sys.stdout.write(text)
    sys.stdout.flush()
    os._exit(0)


def _found(asked: dict[str, Any]) -> dict[str, Any]:
    try:
        connection = _open(asked)
    except Exception as error:  # as above
        return {"closed": str(error)}
    return _answer(connection, asked)


def _open(asked: dict[str, Any]) -> Any:
    """A connection for reading; from here on the process can do little else."""
    size = os.path.getsize(asked["path"])  # noqa: PTH202 (nothing is imported that is not needed)
    database = ladybug.Database(
        asked["path"],
        read_only=True,
        buffer_pool_size=POOL,
        max_num_threads=1,
        max_db_size=max(_LEAST, 1 << (2 * size).bit_length()),
    )
    connection = ladybug.Connection(database)
    connection.set_query_timeout(max(1, int(asked["seconds"] * 900)))
    _give_up(asked)
    return connection


def _give_up(asked: dict[str, Any]) -> None:
    """No further files, a limit of memory and one of time."""
    if resource is None:
        return
    held = _held()
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (asked["bytes"], asked["bytes"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if held is not None:
        resource.setrlimit(resource.RLIMIT_AS, (held + asked["memory"],) * 2)
    for sign in (signal.SIGALRM, signal.SIGXFSZ):
        signal.signal(sign, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, asked["seconds"])


def _held() -> int | None:
    """Bytes of address space that this process has; None where the system does not say."""
    try:
        with open("/proc/self/statm") as pages:  # noqa: PTH123
            return int(pages.read().split()[0]) * resource.getpagesize()
    except OSError:
        return None


def _answer(connection: Any, asked: dict[str, Any]) -> dict[str, Any]:
    begin = time.perf_counter()
    found = connection.execute(asked["statement"])
    if isinstance(found, list):
        raise RuntimeError("Only one statement is run at a time.")
    seconds = time.perf_counter() - begin
    rows: list[Any] = []
    while found.has_next() and len(rows) < asked["rows"]:
        rows.append(found.get_next())
    return {
        "columns": found.get_column_names(),
        "types": found.get_column_data_types(),
        "rows": rows,
        "total": found.get_num_tuples(),
        "seconds": seconds,
    }


if __name__ == "__main__":
    main()
