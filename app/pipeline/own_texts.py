"""What is a person's own in an experiment: templates, and texts by hand that a run takes in."""

from __future__ import annotations

from pathlib import Path

from app.experiment.settings import Experiment
from data import atomic
from data.catalogue import card
from llm.knowledge import Knowledge
from llm.overrides import Overrides
from prompts.template import Template, choose_template, own_templates, versions_of

FOLDER = "overrides"
"""In a workspace: a folder an experiment, with a file a side."""


def template_of(
    experiment: Experiment, side: str, workspace: Path, setting: str | None = None
) -> Template:
    """The template that describes one side, or that `setting` names in its place.

    Raises:
        TemplateError: there is none, or it is for the other side.
    """
    named = setting or template_setting(experiment, side)
    domain = card(experiment.data.name).domain
    return choose_template(named, side, domain, own_templates(workspace))  # type: ignore[arg-type]


def with_versions(experiment: Experiment, workspace: Path) -> Experiment:
    """The experiment with the versions that its own templates have at this moment.

    Whoever saves another version while it runs does not change it, and its record says what was
    used.
    """
    found = {}
    for side in ("user", "item"):
        name = template_setting(experiment, side)
        versions = versions_of(own_templates(workspace), name)
        if versions:
            found[f"{side}_template"] = f"{name}@{versions[-1]}"
    if not found:
        return experiment
    return experiment.model_copy(update={"prompts": experiment.prompts.model_copy(update=found)})


def template_setting(experiment: Experiment, side: str) -> str:
    """The template that an experiment names for a side."""
    return str(getattr(experiment.prompts, f"{side}_template"))


def overrides_of(experiment: Experiment, side: str, workspace: Path) -> Overrides:
    """The changes by hand to texts of one side, as they stand."""
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
