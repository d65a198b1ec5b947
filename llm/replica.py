"""What runs on Ray's workers: a reader that says which partitions are there, and who answers.

Only numbers of partitions travel through Ray; requests and replies are files, and keys are read
from the environment of the worker.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pydantic import TypeAdapter

from data.errors import AutoGraphError, BackendError
from llm.backends import open_backend
from llm.partitions import Partitions
from llm.protocol import Backend, Reply
from llm.settings import BackendConfig, ServerConfig

if TYPE_CHECKING:
    from ray.data import Datasource

WRITTEN = "written.json"
"""How many partitions were written up to now, and whether there will be more."""
_POLL_S = 0.2


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
        if self._run.answered(number):  # by a worker that died before it could say so
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
