"""Runs the steps of a plan that are not finished, one after another or several cells at a time."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import groupby
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any, Protocol

from app.experiment.settings import Experiment
from app.pipeline.plan import Plan, Step
from app.pipeline.stages.order import STAGES
from app.pipeline.stages.stage import Task
from data.artifacts import SCRATCH, ArtifactStore
from data.errors import AutoGraphError, ConfigError

Message = tuple[str, tuple[Any, ...]]
TOLD_EVERY_S = 0.2
CLOCK = "clock"
"""In a summary: how long a stage took; one that was killed counts from where it went on."""
DAMAGED = "damaged before"
"""In what a listener is told of a finished step: why the result that was there is made again."""
WAITING = "another run makes this at the moment: waiting for it"
"""What a listener is told while two runs want the same result."""


class Listener(Protocol):
    """Hears how a run goes."""

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        """A step is under way; total is 0 where it is not known."""
        ...

    def plan_steps(self, steps: Sequence[str]) -> None:
        """These steps are to come, or finished already."""
        ...

    def finish_step(self, step: str, seconds: float | None, summary: Mapping[str, Any]) -> None:
        """A step is finished; seconds is None where its result was there already."""
        ...


Showing = Callable[[], AbstractContextManager[Listener]]
"""Opens what shows how some steps go, and closes it after them."""


def in_silence() -> AbstractContextManager[Listener]:
    """Shows nothing."""
    return nullcontext(Quiet())


class Quiet:
    """A listener that nobody hears."""

    def plan_steps(self, steps: Sequence[str]) -> None:
        """Nothing."""

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        """Nothing."""

    def finish_step(self, step: str, seconds: float | None, summary: Mapping[str, Any]) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class StepRunner:
    """Runs single steps of one experiment."""

    experiment: Experiment
    workspace: Path
    device: str = "cpu"

    def run(self, step: Step, listener: Listener) -> None:
        """Makes the result of a step unless it is there and sound; its inputs must be.

        Raises:
            AutoGraphError: with what is wrong and how to mend it.
        """
        store, damage = ArtifactStore(self.workspace / "artifacts"), list[str]()
        there, start = store.sound(step.stage, step.key), time.perf_counter()
        if not there:
            listener.progress(str(step), 0, 0, "")
        store.make(
            step.stage,
            step.key,
            lambda folder: self._fill(step, folder, store, listener),
            {
                "version": STAGES[step.stage].version,
                "settings": dict(step.settings),
                "inputs": dict(step.inputs),
                "cell": str(step.cell) if step.cell else None,
            },
            on_wait=lambda: listener.progress(str(step), 0, 0, WAITING),
            on_damage=damage.append,
        )
        seconds = None if there else time.perf_counter() - start
        summary = store.manifest(step.stage, step.key)["summary"]
        told = {DAMAGED: damage[0]} if damage else {}
        listener.finish_step(str(step), seconds, {**summary, **told})

    def _fill(
        self, step: Step, folder: Path, store: ArtifactStore, listener: Listener
    ) -> Mapping[str, Any]:
        """What a stage leaves, with the seconds that it took since it was last begun."""
        start = time.perf_counter()
        for name, key in step.inputs.items():
            store.manifest(name, key)
        summary = STAGES[step.stage].run(self._task(step, folder, store, listener))
        return {**summary, CLOCK: {"seconds": time.perf_counter() - start}}

    def _task(self, step: Step, folder: Path, store: ArtifactStore, listener: Listener) -> Task:
        return Task(
            experiment=self.experiment,
            cell=step.cell,
            inputs={name: store.place(name, key) for name, key in step.inputs.items()},
            folder=folder,
            scratch=folder / SCRATCH,
            workspace=self.workspace,
            on_progress=lambda done, total, what: listener.progress(str(step), done, total, what),
            device=self.device,
        )


def run_steps(
    plan: Plan, steps: Sequence[Step], listener: Listener, jobs: int = 1, device: str = "cpu"
) -> None:
    """Makes the results of `steps`: what is shared first, then cell by cell.

    Every cell has a process of its own, so that the memory it reports is its own, too.

    Args:
        plan: Of the experiment.
        steps: Of the plan, in its order.
        listener: Hears how it goes.
        jobs: Cells beside each other.
        device: That models are trained on, as torch calls it.

    Raises:
        AutoGraphError: of the first step that fails; what is finished stays.
    """
    runner = StepRunner(plan.experiment, plan.workspace, device)
    shared = [step for step in steps if step.cell is None]
    for step in shared:
        runner.run(step, listener)
    cells = [list(of) for _, of in groupby(steps[len(shared) :], key=lambda step: step.cell)]
    waiting = [of for of in cells if not all(plan.store.sound(s.stage, s.key) for s in of)]
    for step in (step for of in cells if of not in waiting for step in of):
        runner.run(step, listener)
    if waiting:
        run_beside(runner, waiting, listener, min(jobs, len(waiting)))


def choose_device(wanted: str) -> str:
    """A device of torch; "auto" is a GPU where there is one.

    Raises:
        ConfigError: this machine does not have it.
    """
    if wanted == "cpu":
        return wanted
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=wanted)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"--device {wanted} is not to be had: {str(error).splitlines()[0]} Use auto or cpu."
        ) from None
    return wanted


class _Teller:
    """A listener that tells the process which shows progress."""

    def __init__(self, queue: SimpleQueue[Message]) -> None:
        self._queue = queue

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        self._queue.put(("progress", (step, done, total, what)))

    def finish_step(self, step: str, seconds: float | None, summary: Mapping[str, Any]) -> None:
        self._queue.put(("finish_step", (step, seconds, dict(summary))))

    def plan_steps(self, steps: Sequence[str]) -> None:
        """Whoever shows progress planned them."""

    def fail(self, sentence: str) -> None:
        self._queue.put(("fail", (sentence,)))


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
            while len(running) < jobs and (steps := _ready(waiting, running.values())):
                waiting.remove(steps)
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


def _ready(
    waiting: Sequence[Sequence[Step]], running: Iterable[Sequence[Step]]
) -> Sequence[Step] | None:
    """The first that reads nothing which is still to be made; None where there is none."""
    held = {step.key: steps for steps in (*waiting, *running) for step in steps}
    for steps in waiting:
        read = {key for step in steps for key in step.inputs.values()}
        if all(held.get(key, steps) is steps for key in read):
            return steps
    return None


def _tell(listener: Listener, queue: SimpleQueue[Message]) -> None:
    while not queue.empty():
        name, arguments = queue.get()
        if name == "fail":
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
        teller.fail(str(error))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
