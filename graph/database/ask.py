"""What a database answers to a question in openCypher: for reading, within limits, and stoppable.

A question runs in a process of its own (`reader.py`). The engine's own time limit does not reach
everything that a query can do (`UNWIND range(1, 1000000000)` runs on for a minute and takes eight
gigabytes), and whoever asks may be anybody.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import polars as pl

from data.errors import AutoGraphError, DataError
from graph.database.statement import check_reads
from graph.database.write import import_ladybug
from graph.query.text import pointed

ROWS, SECONDS = 1_000, 10.0
"""Most rows of an answer, and most seconds that it may take."""
MEMORY = 768 * 2**20
"""Bytes that a question may take, beyond what the engine takes to open the database."""
BYTES = 32 * 2**20
"""Bytes of an answer."""
AT_ONCE = 2
"""Questions that run at the same time, in one process that asks."""
TURN = 6.0
"""Seconds for which a question waits until fewer run."""
_GRACE = 3.0
"""Seconds after its time before a process is ended from outside."""
_TURNS = threading.BoundedSemaphore(AT_ONCE)
_OFFSET = re.compile(r"\(line: (\d+), offset: (\d+)\)")
_WHOLE = re.compile(r"U?INT\d*|SERIAL")
"""Types of whole numbers."""
Element = dict[str, Any]


class AskError(AutoGraphError):
    """A question has no answer: it is no Cypher, it took too long or too much, or was stopped."""


@dataclass(frozen=True)
class Answer:
    """What a question found.

    Attributes:
        columns: Names.
        types: Of the columns, as the database calls them: INT64, STRING, NODE, REL, …
        rows: Values, the first ones; nodes and edges are mappings, with what they are under
            "_LABEL" and their properties.
        total: How many rows there are, shown or not.
        seconds: That the query took.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int
    seconds: float

    @property
    def cut(self) -> bool:
        """Whether there are more rows than it holds."""
        return self.total > len(self.rows)

    @cached_property
    def table(self) -> pl.DataFrame:
        """The rows; what is no number, text or truth is written as text."""
        taken: dict[str, int] = {}
        made = []
        for at, (name, kind) in enumerate(zip(self.columns, self.types, strict=True)):
            taken[name] = taken.get(name, 0) + 1
            called = name if taken[name] == 1 else f"{name} {taken[name]}"
            made.append(_column(called, kind, [row[at] for row in self.rows]))
        return pl.DataFrame(made)

    @cached_property
    def nodes(self) -> tuple[tuple[str, int], ...]:
        """Nodes in the answer, each once, by table and number, in the order in which they come."""
        found = (one for row in self.rows for value in row for one in _nodes(value))
        return tuple(dict.fromkeys(found))


def _nodes(value: Any) -> list[tuple[str, int]]:
    """Nodes in a value, however deep."""
    if isinstance(value, dict):
        if "_LABEL" in value and "_SRC" not in value and isinstance(value.get("number"), int):
            return [(value["_LABEL"], value["number"])]
        return [one for inner in value.values() for one in _nodes(inner)]
    if isinstance(value, list):
        return [one for inner in value for one in _nodes(inner)]
    return []


def _column(name: str, kind: str, values: list[Any]) -> pl.Series:
    known = [one for one in values if one is not None]
    large = kind in ("INT128", "UINT128") and any(abs(int(one)) >= 2**63 for one in known)
    if _WHOLE.fullmatch(kind) and not large:
        dtype: Any = pl.UInt64 if kind == "UINT64" else pl.Int64
        return pl.Series(name, values, dtype=dtype, strict=False)
    if kind in ("DOUBLE", "FLOAT"):
        return pl.Series(name, values, dtype=pl.Float64, strict=False)
    if kind == "BOOL":
        return pl.Series(name, values, dtype=pl.Boolean)
    if kind.startswith("TIMESTAMP"):
        return pl.Series(name, values, dtype=pl.String).str.to_datetime(strict=False)
    return pl.Series(name, [None if one is None else write(one) for one in values], dtype=pl.String)


def write(value: Any) -> str:
    """A value as a person reads it: a node is its name, or its type and id or number."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ", ".join(map(write, value))
    if not isinstance(value, dict):
        return str(value)
    if "_NODES" in value:
        return " → ".join(map(write, value["_NODES"]))
    if "_SRC" in value:
        about = [f"{name} {write(one)}" for name, one in value.items() if _is_told(name, one)]
        return f"{value['_LABEL']} ({', '.join(about)})"
    if "_LABEL" in value:
        called = value.get("name") or value.get("label")
        number = value.get("id", value.get("number"))
        return str(called) if called else f"{value['_LABEL']} {number}"
    return ", ".join(f"{name}: {write(one)}" for name, one in value.items())


def _is_told(name: str, value: Any) -> bool:
    return not name.startswith("_") and name != "number" and value is not None


class Asking:
    """A question that runs; it ends by itself, or by `cancel`.

    Args:
        path: Of the database.
        statement: In openCypher; it has to read only.
        rows: Most rows of the answer.
        seconds: Most that it may take.

    Raises:
        ConfigError: Ladybug is missing, or the statement may do more than read.
        DataError: there is no such database.
        AskError: as many questions as may run at once are running, and none ends within `TURN`.
    """

    def __init__(
        self, path: Path, statement: str, *, rows: int = ROWS, seconds: float = SECONDS
    ) -> None:
        import_ladybug()
        self.path, self.statement, self.seconds = path, check_reads(statement), seconds
        if not path.is_file():
            raise DataError(f"There is no database {path.name}.")
        if not _TURNS.acquire(timeout=TURN):
            raise AskError("Others ask at this moment; try again in some seconds.")
        self._cancelled = False
        self._begin = time.monotonic()
        self._answer: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        asked = {"path": str(path.resolve()), "statement": statement, "rows": rows}
        asked |= {"seconds": seconds, "memory": MEMORY, "bytes": BYTES}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(Path(__file__).with_name("reader.py"))],
                stdin=subprocess.PIPE,
                stdout=self._answer,
                stderr=subprocess.DEVNULL,
            )
        except BaseException:
            _TURNS.release()
            raise
        self._watch = threading.Thread(target=_watch, args=(self._process, seconds), daemon=True)
        self._watch.start()
        if self._process.stdin is not None:
            with suppress(OSError), self._process.stdin as question:
                question.write(json.dumps(asked).encode())

    @property
    def running(self) -> bool:
        """Whether there is no answer yet."""
        return self._watch.is_alive()

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, by itself or otherwise, within some seconds."""
        self._watch.join(seconds)
        return not self.running

    @property
    def waited(self) -> float:
        """Seconds since it was asked."""
        return time.monotonic() - self._begin

    def cancel(self) -> None:
        """Ends it."""
        if self.running:
            self._cancelled = True
            self._process.kill()
        self._watch.join()

    def answer(self) -> Answer:
        """What it found, once it has.

        Raises:
            AskError: there is no answer; the sentence says why.
        """
        self._watch.join()
        self._answer.seek(0)
        text = self._answer.read()
        if self._cancelled:
            raise AskError("Stopped.")
        if self._process.returncode != 0:
            raise AskError(self._why())
        found = json.loads(text)
        if "closed" in found:
            said = found["closed"].replace(str(self.path.resolve()), self.path.name)
            raise AskError(f"The database {self.path.name} cannot be opened: {_first(said)}.")
        if "error" in found:
            raise AskError(self._in_words(found["error"]))
        return Answer(
            columns=tuple(found["columns"]),
            types=tuple(found["types"]),
            rows=tuple(map(tuple, found["rows"])),
            total=found["total"],
            seconds=found["seconds"],
        )

    def _why(self) -> str:
        """Why the process ended without an answer."""
        code = self._process.returncode
        if code in (-_ALARM, -_KILL):
            return self._in_words("Interrupted")
        if code == -_TOO_LARGE:
            return f"The answer has more than {BYTES // 2**20} MB; ask for less, or for a LIMIT."
        if code < 0:
            return self._in_words("memory")
        return f"The process that asks the database ended without an answer (exit code {code})."

    def _in_words(self, error: str) -> str:
        """An error of the engine as a sentence, with a caret where the engine says a place."""
        first = error.splitlines()[0] if error.strip() else ""
        if "Interrupted" in first:
            return (
                f"The query took more than {self.seconds:g} seconds and was stopped. "
                "Begin with fewer nodes, or take shorter paths."
            )
        if "memory" in first.lower() or "bad_alloc" in first:
            return (
                "The query needs more memory than a question may take. Begin with fewer nodes, "
                "or count instead of listing."
            )
        place = _OFFSET.search(error)
        if place is None:
            return f"{_first(error.replace(str(self.path.resolve()), self.path.name))}."
        lines = self.statement.split("\n")[: int(place[1]) - 1]
        at = sum(len(line) + 1 for line in lines) + int(place[2])
        where = pointed(self.statement, min(at, len(self.statement)))
        return f"This cannot be read as Cypher from here on.\n{where}"


def _first(error: str) -> str:
    """The first line of what the engine says, without what it calls such an error."""
    line = error.strip().partition("\n")[0]
    return re.sub(r"^[A-Za-z ]+ exception: ", "", line).strip(" .!") or "it gives no reason"


def _watch(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Waits for a process, ends it if it outlives its time, and lets the next one ask."""
    try:
        process.wait(seconds + _GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    finally:
        _TURNS.release()


_KILL, _ALARM, _TOO_LARGE = 9, 14, 25
"""Signals by which the system ends a process: from outside, at its time, for too large a file."""


def ask(path: Path, statement: str, *, rows: int = ROWS, seconds: float = SECONDS) -> Answer:
    """What a database answers.

    Args:
        path: Of the database.
        statement: In openCypher; it has to read only.
        rows: Most rows of the answer.
        seconds: Most that it may take.

    Raises:
        ConfigError: Ladybug is missing, or the statement may do more than read.
        DataError: there is no such database.
        AskError: there is no answer; the sentence says why.
    """
    return Asking(path, statement, rows=rows, seconds=seconds).answer()
