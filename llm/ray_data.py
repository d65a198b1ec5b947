"""Many copies of a backend on Ray Data: partitions of requests in, partitions of replies out."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from threading import Event, Semaphore, Thread
from typing import Any

from data import atomic
from data.errors import ArtifactError, BackendError
from llm.protocol import Backend, Reply, request_key
from llm.replica import Partitions, abandoned_runs, open_run
from llm.settings import RayConfig, ServerConfig, VllmConfig
from prompts.requests import Request

AHEAD = 4
"""Partitions a replica that may be written before they are answered."""
_log = logging.getLogger(__name__)


class RayBackend:
    """Answers as `inner` does; where many copies of it run is no part of the answer.

    Requests are written as they are drawn, a few partitions ahead of the answers, and a partition
    is deleted when its replies were taken: memory and disk do not grow with their number. What
    workers finished for a run that died is in its folder, for the next one to take.
    """

    def __init__(
        self, inner: Backend, config: VllmConfig | ServerConfig, ray: RayConfig, folder: Path
    ) -> None:
        """Checks that Ray is there.

        Args:
            inner: Says who answers and what is sent; it is asked nothing.
            config: From which workers open the same backend.
            ray: Where copies of it run.
            folder: For partitions; all machines must see it.

        Raises:
            BackendError: Ray is not installed.
        """
        try:
            importlib.import_module("ray.data")
        except ImportError as error:
            raise BackendError(
                "llm.ray needs Ray Data, which is not here. Install it on every machine with: "
                'pip install "autograph-rec[ray]"; or set llm.ray.enabled=false.'
            ) from error
        self._inner, self._config, self._ray = inner, config, ray
        self._folder = folder.absolute()

    @property
    def model(self) -> str:
        """That of the inner backend."""
        return self._inner.model

    @property
    def leaking(self) -> bool:
        """That of the inner backend."""
        return self._inner.leaking

    def content(self, request: Request) -> Mapping[str, Any]:
        """What the inner backend sends."""
        return self._inner.content(request)

    def leftover_replies(self) -> Iterator[tuple[str, str, Reply]]:
        """Key, model and reply of what workers answered in runs that died; then it is deleted."""
        for run in abandoned_runs(self._folder):
            for number in run.numbers():
                try:
                    replies = list(run.replies(number))
                except ArtifactError as error:
                    _log.warning("%s It was moved to %s", error, run.put_aside(number))
                    continue
                yield from replies
                run.remove(number)

    def generate(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """Replies, a partition at a time, in order of completion; their requests lack `facts`.

        Raises:
            BackendError: a backend on a worker cannot go on, or Ray cannot.
        """
        _connect(self._ray.address)
        replicas = self._replicas()
        with open_run(self._folder) as run:
            feed = _Feed(self, run, requests, self._ray.partition_rows, AHEAD * replicas)
            feed.start()
            try:
                with closing(
                    _run_partitions(run, self._config, self._ray, self._gpus(), replicas)
                ) as done:
                    for number, error in done:
                        yield from (reply for _, _, reply in run.replies(number))
                        run.remove(number)
                        feed.room.release()
                        if error:
                            raise BackendError(error)
            finally:
                feed.stop()
        if feed.error is not None:
            raise feed.error

    def _gpus(self) -> float:
        """GPUs of one replica."""
        if self._ray.gpus_per_replica is not None:
            return self._ray.gpus_per_replica
        return self._config.tensor_parallel if isinstance(self._config, VllmConfig) else 0

    def _replicas(self) -> int:
        """As many as are wanted, or as many as the GPUs bear, or one an endpoint.

        Raises:
            BackendError: no machine has enough GPUs for one.
        """
        import ray

        gpus, there = self._gpus(), ray.cluster_resources().get("GPU", 0.0)
        if gpus > there:
            raise BackendError(
                f"A replica needs {gpus:g} GPUs and the Ray cluster has {there:g}. Start Ray where "
                "there are GPUs and set llm.ray.address, or lower llm.ray.gpus_per_replica."
            )
        if self._ray.replicas is not None:
            return self._ray.replicas
        return int(there // gpus) if gpus else max(1, len(self._ray.endpoints))


class _Feed(Thread):
    """Writes requests as partitions, no further ahead than there is room."""

    def __init__(
        self,
        backend: RayBackend,
        run: Partitions,
        requests: Iterable[Request],
        rows: int,
        most: int,
    ) -> None:
        super().__init__(name="partitions", daemon=True)
        self._backend, self._run, self._requests, self._rows = backend, run, iter(requests), rows
        self.room = Semaphore(most)
        self.error: BaseException | None = None
        self._stopped = Event()
        self._tell(0)

    def run(self) -> None:
        """Everything, or up to an error of the requests, which is kept for the driver."""
        written = 0
        try:
            while some := self._next():
                keys = [request_key(self._backend, replace(r, warmer=0.0)) for r in some]
                self._run.ask(written, some, keys, self._backend.model)
                written += 1
                self._tell(written)
        except BaseException as error:
            self.error = None if self._stopped.is_set() else error
        self._tell(written, ended=True)

    def stop(self) -> None:
        """No more; returns when nothing is drawn any longer."""
        self._stopped.set()
        self.room.release()
        self.join()

    def _next(self) -> list[Request]:
        self.room.acquire()
        return [] if self._stopped.is_set() else list(islice(self._requests, self._rows))

    def _tell(self, written: int, ended: bool = False) -> None:
        from llm.replica import WRITTEN

        atomic.write_json(self._run.folder / WRITTEN, {"partitions": written, "ended": ended})


def _connect(address: str | None) -> None:
    """Joins the cluster at `address`, or starts Ray here; once a process.

    Raises:
        BackendError: there is no such cluster.
    """
    import ray

    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    own = {"address": "local", "include_dashboard": False} if address is None else {}
    try:
        ray.init(**{"address": address, **own}, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        where = "on this machine" if address is None else f"at {address}"
        raise BackendError(
            f"Ray cannot be reached {where}: {str(error).splitlines()[0]} Check llm.ray.address "
            "with: ray status"
        ) from error


def _run_partitions(
    run: Partitions, config: VllmConfig | ServerConfig, given: RayConfig, gpus: float, replicas: int
) -> Generator[tuple[int, str]]:
    """Number of each partition as it is answered, and the sentence that ends the run, or "".

    Raises:
        BackendError: workers die again and again, or their code fails.
    """
    import ray
    from ray.data import ActorPoolStrategy, DataContext

    from llm.replica import Replica, arriving

    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = DataContext.get_current().copy()
    context.target_max_block_size = 1  # a number is a block: it is worked on when it arrives
    context.enable_progress_bars = context.print_on_execution_start = False
    with DataContext.current(context):
        numbers = ray.data.read_datasource(arriving(run.folder), override_num_blocks=1, num_cpus=0)
        answered = numbers.map_batches(
            Replica,
            fn_constructor_args=(config.model_dump_json(), run.folder, given.endpoints),
            batch_size=1,
            batch_format="pyarrow",
            compute=ActorPoolStrategy(size=replicas),
            num_cpus=given.cpus_per_replica,
            num_gpus=gpus or None,
        )
    try:
        for row in answered.iter_rows():
            yield int(row["number"]), str(row["error"])
    except ray.exceptions.RayError as error:
        raise BackendError(
            f"A worker failed: {str(error).strip().splitlines()[-1]} What was answered is kept; "
            "Ray's logs are in /tmp/ray/session_latest/logs of its machine."
        ) from error
