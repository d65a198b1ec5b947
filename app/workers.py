"""Cells of a grid beside each other, a process each."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ProcessPoolExecutor, wait
from multiprocessing.queues import SimpleQueue
from typing import TYPE_CHECKING, Any

from app.plan import Step

if TYPE_CHECKING:
    from app.runner import Listener, StepRunner

Message = tuple[str, tuple[Any, ...]]


class QueueListener:
    """Tells the process that shows progress."""

    def __init__(self, queue: SimpleQueue[Message]) -> None:
        self._queue = queue

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        """A step is under way."""
        self._queue.put(("progress", (step, done, total, what)))

    def finished(self, step: str, seconds: float | None, summary: Mapping[str, Any]) -> None:
        """A step is finished."""
        self._queue.put(("finished", (step, seconds, dict(summary))))


def run_beside(runner: StepRunner, cells: Sequence[Sequence[Step]], jobs: int) -> None:
    """Makes the results of several cells, `jobs` at a time, each with its share of the cores.

    Raises:
        AutoGraphError: of the first that fails; the others are left as they are.
    """
    context = multiprocessing.get_context("spawn")
    queue: SimpleQueue[Message] = context.SimpleQueue()
    threads = max(1, (os.cpu_count() or 1) // jobs)
    pool = ProcessPoolExecutor(
        jobs, mp_context=context, initializer=_begin, initargs=(queue, threads)
    )
    try:
        left = {pool.submit(_work, runner.experiment, runner.workspace, of) for of in cells}
        while left:
            done, left = wait(left, timeout=0.2, return_when=FIRST_EXCEPTION)
            _tell(runner.listener, queue)
            for future in done:
                future.result()
    except BaseException:
        for process in multiprocessing.active_children():
            process.terminate()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    _tell(runner.listener, queue)


def _tell(listener: Listener, queue: SimpleQueue[Message]) -> None:
    while not queue.empty():
        name, arguments = queue.get()
        getattr(listener, name)(*arguments)


_queue: SimpleQueue[Message] | None = None


def _begin(queue: SimpleQueue[Message], threads: int) -> None:
    """Prepares a worker, which must not outlive the process that wants its results."""
    global _queue
    _queue = queue
    os.environ["OMP_NUM_THREADS"] = str(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(threads)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _work(experiment: Any, workspace: Any, steps: Sequence[Step]) -> None:
    from app.runner import StepRunner

    assert _queue is not None
    runner = StepRunner(experiment, workspace, QueueListener(_queue))
    for step in steps:
        runner.run(step)
