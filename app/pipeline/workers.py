"""Cells of a grid beside each other, a process each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import SimpleQueue
from typing import TYPE_CHECKING, Any

from app.pipeline.plan import Step
from data.errors import AutoGraphError

if TYPE_CHECKING:
    from app.pipeline.runner import Listener, StepRunner

Message = tuple[str, tuple[Any, ...]]
TOLD_EVERY_S = 0.2


class _Teller:
    """A listener that tells the process which shows progress."""

    def __init__(self, queue: SimpleQueue[Message]) -> None:
        self._queue = queue

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        self._queue.put(("progress", (step, done, total, what)))

    def finished(self, step: str, seconds: float | None, summary: Mapping[str, Any]) -> None:
        self._queue.put(("finished", (step, seconds, dict(summary))))

    def failed(self, sentence: str) -> None:
        self._queue.put(("failed", (sentence,)))


def run_beside(
    runner: StepRunner, cells: Sequence[Sequence[Step]], listener: Listener, jobs: int
) -> None:
    """Makes the results of several cells, `jobs` at a time, each with its share of the cores.

    Raises:
        AutoGraphError: of the first that fails; the others are stopped and go on in the next run.
    """
    context = multiprocessing.get_context("spawn")
    queue: SimpleQueue[Message] = context.SimpleQueue()
    threads = max(1, (os.cpu_count() or 1) // jobs)
    waiting, running = list(cells), dict[SpawnProcess, Sequence[Step]]()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                steps = waiting.pop(0)
                process = context.Process(
                    target=_work, args=(queue, runner, steps, threads), daemon=True
                )
                process.start()
                running[process] = steps
            wait([process.sentinel for process in running], timeout=TOLD_EVERY_S)
            ended = [process for process in running if process.exitcode is not None]
            _tell(listener, queue)
            for process in ended:
                _check(process, running.pop(process))
    finally:
        for process in running:
            process.terminate()


def _tell(listener: Listener, queue: SimpleQueue[Message]) -> None:
    while not queue.empty():
        name, arguments = queue.get()
        if name == "failed":
            raise AutoGraphError(*arguments)
        getattr(listener, name)(*arguments)


def _check(process: SpawnProcess, steps: Sequence[Step]) -> None:
    code = process.exitcode
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        raise AutoGraphError(
            f"The process of {steps[0].cell} was stopped from outside by {name}; where nobody did, "
            "memory ran out: use fewer --jobs. Run the same command to continue."
        )
    if code:
        raise RuntimeError(f"The process of {steps[0].cell} failed; its error stands above.")


def _work(
    queue: SimpleQueue[Message], runner: StepRunner, steps: Sequence[Step], threads: int
) -> None:
    """The life of a worker, which must not outlive the process that wants its results."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch

    torch.set_num_threads(threads)
    teller = _Teller(queue)
    try:
        for step in steps:
            runner.run(step, teller)
    except AutoGraphError as error:
        teller.failed(str(error))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
