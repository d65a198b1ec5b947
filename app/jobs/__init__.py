"""Long work as detached processes that outlive the page, and that any session can watch."""

from app.jobs.control import forget, resume, start, start_experiment, stop
from app.jobs.state import ACTIVE, Job, listed, read
from app.jobs.story import StepProgress

__all__ = [
    "ACTIVE",
    "Job",
    "StepProgress",
    "forget",
    "listed",
    "read",
    "resume",
    "start",
    "start_experiment",
    "stop",
]
