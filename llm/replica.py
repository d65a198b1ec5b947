"""What runs on Ray's workers, and the files by which it is told, a partition a file.

Only numbers of partitions travel through Ray; requests and replies are files of a folder that
several machines share, and keys are read from the environment of the worker.
"""

from __future__ import annotations

import json
import platform
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from pydantic import TypeAdapter

from data import atomic
from data.errors import AutoGraphError, BackendError
from llm.backends import open_backend
from llm.cache import COLUMNS, storable
from llm.knowledge import SCHEMA
from llm.protocol import Backend, Reply
from llm.settings import BackendConfig, ServerConfig
from prompts.requests import Request
from prompts.template import Side

if TYPE_CHECKING:
    from ray.data import Datasource

_ASKED = {
    "key": pl.String,
    "model": pl.String,
    "side": pl.String,
    "entity": pl.String,
    "messages": pl.String,
    "template": pl.String,
    "schema": pl.String,
    "warmer": pl.Float64,
}
_REPLIED = {"row": pl.Int64, **{c: SCHEMA[c] for c in COLUMNS if c != "model"}}
_LOCK = ".lock"
_RUN = "run-"
_ASKED_AGAIN = "Its requests are asked again."
WRITTEN = "written.json"
"""How many partitions were written up to now, and whether there will be more."""
_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class Partitions:
    """The folder of one run: `asked-0.parquet` is written before, `replied-0.parquet` after.

    Both appear whole or not at all. What a template saw (`Request.facts`) is in neither: it is
    no part of what is sent.
    """

    folder: Path

    def ask(
        self, number: int, requests: Sequence[Request], keys: Sequence[str], model: str
    ) -> None:
        """Writes the requests of one partition, each with the key its answer is kept under."""
        rows = [
            (key, model, r.side, r.entity, json.dumps(r.messages), r.template, schema, r.warmer)
            for key, r in zip(keys, requests, strict=True)
            for schema in [None if r.schema is None else json.dumps(r.schema)]
        ]  # JSON in ASCII: a half of a surrogate pair, which Parquet refuses, survives it
        atomic.write_parquet(self._requests_path(number), pl.DataFrame(rows, _ASKED, orient="row"))

    def holds(self, number: int) -> bool:
        """Whether the requests of a partition are there, as seen from this machine."""
        return self._requests_path(number).is_file()

    def requests(self, number: int) -> list[Request]:
        """The requests of one partition."""
        table = atomic.read_parquet(self._requests_path(number)).drop("key", "model")
        return [_request(*row) for row in table.iter_rows()]

    def answer(self, number: int, replies: Sequence[tuple[int, Reply]]) -> None:
        """Writes replies, each with the row of its request."""
        names = [name for name in _REPLIED if name != "row"]
        rows = [(row, *(storable(getattr(reply, n)) for n in names)) for row, reply in replies]
        table = pl.DataFrame(rows, _REPLIED, orient="row")
        atomic.write_parquet(self._replies_path(number), table)

    def has_replies(self, number: int) -> bool:
        """Whether the replies of a partition are there."""
        return self._replies_path(number).is_file()

    def replies(self, number: int) -> Iterator[tuple[str, str, Reply]]:
        """Key, model and reply, for each reply of one partition.

        Raises:
            ArtifactError: it is damaged.
        """
        replied = atomic.read_parquet(self._replies_path(number), _ASKED_AGAIN)
        asked = atomic.read_parquet(self._requests_path(number), _ASKED_AGAIN)[replied["row"]]
        for (key, model, *request), told in zip(
            asked.iter_rows(), replied.drop("row").iter_rows(named=True), strict=True
        ):
            yield key, model, Reply(_request(*request), **told)

    def put_aside(self, number: int) -> Path:
        """Where the files of one partition, which are damaged, are out of the way."""
        aside = self.folder.parent / "damaged"
        aside.mkdir(exist_ok=True)
        for path in (self._requests_path(number), self._replies_path(number)):
            path.replace(aside / f"{self.folder.name}-{path.name}")
        return aside

    def remove(self, number: int) -> None:
        """Deletes one partition; replies first, for requests alone hold nothing that was paid."""
        self._replies_path(number).unlink(missing_ok=True)
        self._requests_path(number).unlink(missing_ok=True)

    def numbers(self) -> list[int]:
        """Partitions of which requests and replies are there."""
        found = (int(p.stem.partition("-")[2]) for p in self.folder.glob("replied-*.parquet"))
        return sorted(number for number in found if self.holds(number))

    def _requests_path(self, number: int) -> Path:
        return self.folder / f"asked-{number}.parquet"

    def _replies_path(self, number: int) -> Path:
        return self.folder / f"replied-{number}.parquet"


def _request(
    side: Side, entity: str, messages: str, template: str, schema: str | None, warmer: float
) -> Request:
    read = None if schema is None else json.loads(schema)
    return Request(side, entity, tuple(json.loads(messages)), template, {}, read, warmer)


@contextmanager
def open_run(root: Path) -> Iterator[Partitions]:
    """A folder of one's own below `root`; what is in it afterwards is left to `abandoned_runs`."""
    name = uuid.uuid4().hex[:12]
    born, folder = root / f".{name}", root / f"{_RUN}{name}"
    with ExitStack() as stack:
        with atomic.explain_failures(root):
            born.mkdir(parents=True)
            assert stack.enter_context(_try_lock(born))
            born.rename(folder)  # seen by others only when it is locked
        try:
            yield Partitions(folder)
        finally:
            _tidy(Partitions(folder))


def abandoned_runs(root: Path) -> Iterator[Partitions]:
    """Folders of runs that are over; each is removed when the next is asked for."""
    for folder in sorted(root.glob(f"{_RUN}*")):
        with _try_lock(folder) as mine:
            if mine:
                yield Partitions(folder)
                shutil.rmtree(folder, ignore_errors=True)


def _tidy(run: Partitions) -> None:
    """Without the requests that nobody answered, and without the folder if nothing is left."""
    answered = {f"asked-{number}.parquet" for number in run.numbers()}
    for path in run.folder.glob("asked-*.parquet"):
        if path.name not in answered:
            path.unlink(missing_ok=True)
    if not answered:
        shutil.rmtree(run.folder, ignore_errors=True)


@contextmanager
def _try_lock(folder: Path) -> Iterator[bool]:
    """Whether the lock of `folder` could be had; it dies with the process."""
    import fcntl

    lock: IO[str]
    try:
        lock = (folder / _LOCK).open("w")
    except FileNotFoundError:  # it was removed at this moment
        yield False
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = True
        except BlockingIOError:
            mine = False
        yield mine


def arriving(folder: Path) -> Datasource:
    """Numbers of partitions, each as soon as it is written."""
    from ray.data import Datasource, ReadTask
    from ray.data.block import BlockMetadata

    class Arriving(Datasource):  # type: ignore[misc]
        def estimate_inmemory_data_size(self) -> None:
            return None

        def get_read_tasks(self, *_: Any, **__: Any) -> list[ReadTask]:
            about = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
            return [ReadTask(partial(_arriving, folder), about)]

    return Arriving()


def _arriving(folder: Path) -> Iterator[pa.Table]:
    told = 0
    while True:
        try:
            state = json.loads((folder / WRITTEN).read_text())
        except FileNotFoundError:  # the run is over
            return
        for number in range(told, state["partitions"]):
            yield pa.table({"number": [number]})
        told = state["partitions"]
        if state["ended"]:
            return
        time.sleep(_POLL_S)


class Replica:
    """One copy of a backend; answers partition after partition."""

    def __init__(self, config: str, folder: Path, endpoints: tuple[str, ...]) -> None:
        self._run = Partitions(folder)
        self._config: BackendConfig = TypeAdapter(BackendConfig).validate_json(config)
        if endpoints and isinstance(self._config, ServerConfig):
            url = endpoints[_place(folder) % len(endpoints)]
            self._config = self._config.model_copy(update={"url": url})
        self._backend: Backend | None = None

    def __call__(self, batch: pa.Table) -> pa.Table:
        """`number`, and in `error` the sentence that ends the run, or nothing."""
        number = batch["number"][0].as_py()
        try:
            self._answer(number)
            error = ""
        except AutoGraphError as why:
            error = str(why)
        return pa.table({"number": [number], "error": [error]})

    def _answer(self, number: int) -> None:
        """Asks one partition; what was answered before an error is kept."""
        if self._run.has_replies(number):  # by a worker that died before it could say so
            return
        if not self._run.holds(number):
            raise BackendError(
                f"The machine {platform.node()} does not see {self._run.folder}. Choose a "
                "--workspace in a folder that all machines of the Ray cluster share."
            )
        requests = self._run.requests(number)
        rows = {id(request): row for row, request in enumerate(requests)}
        replies: list[tuple[int, Reply]] = []
        try:
            if self._backend is None:
                self._backend = open_backend(self._config)
            for reply in self._backend.generate(requests):
                replies.append((rows[id(reply.request)], reply))
        except Exception:  # but not when the worker is told to go: another asks everything then
            self._run.answer(number, replies)
            raise
        self._run.answer(number, replies)


def _place(folder: Path) -> int:
    """The number of this worker among the workers of a run; the same after a restart."""
    import ray

    mine = ray.get_runtime_context().get_actor_id() or ""
    for place in count():
        claim = folder / f"replica-{place}"
        try:
            with claim.open("x") as file:
                file.write(mine)
            return place
        except FileExistsError:
            if claim.read_text() == mine:
                return place
    raise AssertionError("unreachable")
