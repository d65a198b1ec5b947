"""A button that starts long work, unless it is under way."""

from __future__ import annotations

from collections.abc import Sequence

from app.ui.shared.frame import command, go
from app.ui.shared.starting import at_work, start_button, start_once


def job_button(label: str, kind: str, words: Sequence[str], title: str) -> None:
    """A button that starts a job and goes to the jobs; the command that does the same under it.

    Args:
        label: Of the button.
        kind: Of the job, as `app.jobs` names it.
        words: Of its command, `autograph` left out.
        title: What a person calls the job.
    """
    if start_button(label, at_work(kind, words), key="-".join(words)):
        start_once(kind, words, title)
        go("jobs")
    command(*words)
