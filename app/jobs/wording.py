"""How jobs are put in words, on a terminal and on the page."""

from __future__ import annotations

import time

from app.jobs.events import StepProgress
from app.jobs.state import Job


def duration(seconds: float) -> str:
    """A length of time as a person says it.

    >>> duration(0.42), duration(83), duration(3_725), duration(200_000)
    ('0.4 s', '1 min 23 s', '1 h 2 min', '2 d 7 h')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, large, small in ((86_400, "d", "h"), (3_600, "h", "min"), (60, "min", "s")):
        if whole >= size:
            rest = whole % size // {"d": 3_600, "h": 60, "min": 1}[large]
            return f"{whole // size} {large} {rest} {small}"
    return f"{whole} s"


def seconds_of(job: Job) -> float | None:
    """Seconds since the job's turn came, or until it ended; None before."""
    if job.started is None:
        return None
    return max(0.0, (job.ended or time.time()) - job.started)


def progress_in_words(step: StepProgress) -> str:
    """How much of a step is done, at which rate, and how long it will take.

    >>> progress_in_words(StepProgress("describing items", 50, 200, "texts", 2.5, 60.0, 20.0))
    '50 of 200 texts · 2.5 a second · 1 min 0 s left'
    """
    if step.state == "kept":
        return "was there already"
    if step.state == "finished":
        figures = (f"{name.replace('_', ' ')} {number(v)}" for name, v in step.figures.items())
        return " · ".join([duration(step.seconds or 0), *figures])
    parts = [f"{step.done:,} of {step.total:,} {step.unit}".strip()] if step.total else []
    if step.rate:
        parts.append(_rate(step.rate))
    if step.eta_s is not None:
        parts.append(f"{duration(step.eta_s)} left")
    return " · ".join(parts)


def number(value: float) -> str:
    """A figure in few letters.

    >>> number(4800), number(0.123456)
    ('4,800', '0.1235')
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _rate(rate: float) -> str:
    """Units a second, a minute or an hour, whichever is no small fraction."""
    for factor, unit in ((1, "second"), (60, "minute")):
        if rate * factor >= 1:
            return f"{rate * factor:,.3g} a {unit}"
    return f"{rate * 3_600:,.3g} an hour"


def ahead(job: Job, jobs: list[Job]) -> list[Job]:
    """Jobs that a queued one waits for, those asked for first at the front."""
    others = (one for one in jobs if one.active and one.exclusive and one.turn < job.turn)
    return sorted(others, key=lambda one: one.turn) if job.exclusive else []


def finished_steps(job: Job) -> int:
    """Steps of a job that are finished."""
    return sum(step.state in ("finished", "kept") for step in job.steps)
