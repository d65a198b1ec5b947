"""Texts by hand of an experiment: where they are, and which of them a run takes in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from app.experiment.settings import Experiment

if TYPE_CHECKING:
    from llm.knowledge import Knowledge
    from llm.overrides import Overrides

FOLDER = "overrides"
"""In a workspace: a folder an experiment, with a file a side."""


def overrides_of(experiment: Experiment, side: str, workspace: Path) -> Overrides:
    """The changes by hand to texts of one side, as they stand."""
    from llm.overrides import Overrides

    return Overrides(workspace / FOLDER / experiment.texts_name / f"{side}.jsonl")


def texts_by_hand(experiment: Experiment, side: str, workspace: Path) -> dict[str, str]:
    """Text by entity that a run of the experiment takes in the place of the model's.

    Raises:
        ArtifactError: the changes cannot be read, or are fewer than the experiment names.
    """
    version = getattr(experiment.llm, f"{side}_overrides")
    return {} if version == 0 else overrides_of(experiment, side, workspace).texts(version)


def with_changes_so_far(experiment: Experiment, workspace: Path) -> Experiment:
    """The experiment with the changes by hand that there are at this moment, and no later ones."""
    found = {
        name: len(overrides_of(experiment, side, workspace).changes())
        for side in ("user", "item")
        if getattr(experiment.llm, name := f"{side}_overrides") is None
    }
    return experiment.model_copy(update={"llm": experiment.llm.model_copy(update=found)})


def take_along(experiment: Experiment, name: str, workspace: Path) -> None:
    """Gives an experiment that is about to begin the texts by hand of the one it comes from.

    Args:
        experiment: It comes from.
        name: Of the one to begin; changes that it has already are left alone.
        workspace: Of both.

    Raises:
        ArtifactError: the disk is full or the workspace may not be written.
    """
    from data import atomic

    for side in ("user", "item"):
        old = overrides_of(experiment, side, workspace)
        if old.path.exists():
            path = overrides_of(experiment.model_copy(update={"name": name}), side, workspace).path
            atomic.create_text(path, old.path.read_text(encoding="utf-8"))


def pending(knowledge: Knowledge, experiment: Experiment, side: str, workspace: Path) -> list[str]:
    """Entities whose texts by hand the next run takes in or back, and finished knowledge has not.

    Args:
        knowledge: Of one side, from a finished run.
        experiment: Of that run.
        side: Of the knowledge.
        workspace: Of the run.

    Raises:
        ArtifactError: the changes cannot be read.
    """
    has = dict(knowledge.table.drop_nulls("override").select("entity", "override").iter_rows())
    wanted = overrides_of(experiment, side, workspace).texts()
    known = set(knowledge.table["entity"])
    differ = {entity for entity in {*has, *wanted} if has.get(entity) != wanted.get(entity)}
    return sorted(differ & known)
