"""How a run shows on a terminal, or in a log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from app.pipeline.runner import DAMAGED
from app.terminal import open_console, styled

if TYPE_CHECKING:
    from app.jobs.events import EventLog

HEARD_BY: list[EventLog] = []
"""Who hears, beside the terminal, how this process gets on: the log of a job that runs in it."""


class Display:
    """A bar for every step under way, and a line for every step that is finished."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._tasks: dict[str, TaskID] = {}
        self._kept = 0
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[counted]}", markup=False),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()
        if self._kept and error is None:
            self._console.print(f"{self._kept} finished steps were taken as they are", style="dim")

    def plan_steps(self, steps: Sequence[str]) -> None:
        """These steps are to come, or finished already; a terminal shows them one by one."""
        for log in HEARD_BY:
            log.plan_steps(steps)

    def progress(self, step: str, done: int, total: int, what: str) -> None:
        """A step is under way."""
        for log in HEARD_BY:
            log.progress(step, done, total, what)
        if step not in self._tasks:
            self._tasks[step] = self._progress.add_task(step, total=None, counted="")
        counted = f"{done:,}/{total:,} {what}" if total else what
        task = self._tasks[step]
        self._progress.update(task, completed=done, total=total or None, counted=counted)

    def finish_step(self, step: str, seconds: float | None, summary: Mapping[str, Any]) -> None:
        """A step is finished."""
        for log in HEARD_BY:
            log.finish_step(step, seconds, summary)
        if step in self._tasks:
            self._progress.remove_task(self._tasks.pop(step))
        if seconds is None:
            self._kept += 1
            return
        self._console.print(
            styled(("✓", "green"), f" {step} ", (f"{seconds:.1f} s{figures(summary)}", "dim")),
            soft_wrap=True,
        )
        if why := summary.get(DAMAGED):
            self._console.print(styled(("  made again: ", "yellow"), why), soft_wrap=True)


def open_display() -> Display:
    """A display on the terminal."""
    return Display(open_console())


def figures(summary: Mapping[str, Any]) -> str:
    """The plain numbers of a summary, "" where it has none."""
    shown = [
        f"{name.replace('_', ' ')} {value:,}"
        if isinstance(value, int)
        else f"{name.replace('_', ' ')} {value:.4g}"
        for name, value in summary.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    return "".join(f" · {text}" for text in shown)
