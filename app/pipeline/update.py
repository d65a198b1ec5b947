"""The command `knowledge update`: who has to be asked (again), and why; then asks nobody else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from app.pipeline.own_texts import texts_by_hand
from app.pipeline.plan import Plan, Step
from app.pipeline.records import read_record
from app.pipeline.runner import Listener, Quiet, run_steps
from app.pipeline.scenes import open_scene
from data import atomic
from data.errors import ArtifactError, ConfigError
from llm.cache import COLUMNS
from llm.knowledge import Knowledge
from llm.protocol import request_key
from llm.workshop.scene import Scene, asking
from prompts.template import Side

Reason = Literal["new", "prompt changed", "model changed", "failed before", "answered"]
REASONS: dict[Reason, str] = {
    "new": "was not described before",
    "prompt changed": "another text is sent: data, history, template or sampling differ",
    "model changed": "another model is asked",
    "failed before": "the last call gave no answer",
    "answered": "the same was asked before; the answer is taken from the cache",
}
"""Why an entity is asked about, or is not."""


@dataclass(frozen=True, slots=True)
class Update:
    """What an update did for one side.

    Attributes:
        side: Whose knowledge.
        changes: A row an entity: entity, reason.
        complete: Whether all items were described when users' prompts were compared.
        failed: Entities without a text at the end; None where nobody was asked.
        reopened: Results that the next run makes again, for they were made without texts that
            are there by now.
    """

    side: Side
    changes: pl.DataFrame
    complete: bool
    failed: int | None = None
    reopened: int = 0

    @property
    def counts(self) -> dict[Reason, int]:
        """Entities by reason."""
        found = dict(self.changes["reason"].value_counts().iter_rows())
        return {reason: found.get(reason, 0) for reason in REASONS}

    @property
    def to_ask(self) -> int:
        """Entities whose prompts have no answer yet."""
        return self.changes.height - self.counts["answered"]


def compare_with_last(plan: Plan, scene: Scene) -> pl.DataFrame:
    """Why each entity would be asked about: a row an entity, `entity` and `reason`.

    Prompts are rendered and looked up among all answers of the workspace. A longer history alone
    is no reason: the user is asked about again only if the text that is sent differs.

    Raises:
        TemplateError: the template does not fit the data set.
    """
    rows = list(_reasons(plan, scene))
    return pl.DataFrame(rows, {"entity": pl.String, "reason": pl.String}, orient="row")


def plan_updates(
    plan: Plan, sides: Iterable[Side], listener: Listener | None = None
) -> Iterator[Update]:
    """What an update would do, side by side; nobody is asked.

    Raises:
        AutoGraphError: the data cannot be read, or a template does not fit it.
    """
    for side in sides:
        scene = open_scene(plan, side, listener)
        yield Update(side, compare_with_last(plan, scene), scene.complete)


def update_knowledge(
    plan: Plan, sides: Iterable[Side], listener: Listener | None = None
) -> Iterator[Update]:
    """Describes who is new or changed, and asks again about whom there is no text.

    Raises:
        AutoGraphError: the data cannot be read, a template does not fit it, or nothing can be
            asked of the backend; what was answered is kept.
    """
    told = listener or Quiet()
    for update in plan_updates(plan, sides, told):
        step = plan.step(f"knowledge-{update.side}")
        reopened = _make(plan, step, told)
        atomic.write_json(_last(plan, update.side), {"stage": step.stage, "key": step.key})
        failed = len(_without_text(plan, step))
        yield Update(update.side, update.changes, update.complete, failed, reopened)


def _make(plan: Plan, step: Step, listener: Listener) -> int:
    """Makes a side's knowledge, again if somebody in it has no text; counts what is stale by it.

    Whatever was made without a text that is there by now has to be made again.
    """
    failed, reopened = _without_text(plan, step), list[tuple[str, str]]()
    if failed:
        reopened = plan.store.reopen(step.stage, step.key)
    try:
        run_steps(plan, plan.steps(step.stage), listener)
    except BaseException:
        plan.store.close(reopened)
        raise
    if _without_text(plan, step) != failed:
        return len(reopened)
    plan.store.close(reopened)
    return 0


def _without_text(plan: Plan, step: Step) -> set[str]:
    """Entities without a text in finished knowledge."""
    if not plan.store.sound(step.stage, step.key):
        return set()
    return set(Knowledge.load(plan.store.place(step.stage, step.key)).failures["entity"])


def _reasons(plan: Plan, scene: Scene) -> Iterator[tuple[str, Reason]]:
    with asking(scene) as (backend, cache):
        pairs = [(r.entity, request_key(backend, r)) for r in scene.requests(scene.template)]
        error = 1 + COLUMNS.index("error")
        rows = {row[0]: row[error] for row in cache.rows(dict.fromkeys(key for _, key in pairs))}
        model = backend.model
    before = _knowledge_before(plan, scene.side)
    by_hand = texts_by_hand(plan.experiment, scene.side, plan.workspace)
    models = dict(before.table.select("entity", "model").iter_rows()) if before else {}
    for entity, key in pairs:
        if key in rows:
            there = rows[key] is None or entity in by_hand
            yield entity, "answered" if there else "failed before"
        elif entity not in models:
            yield entity, "new"
        else:
            yield entity, "prompt changed" if models[entity] == model else "model changed"


def _knowledge_before(plan: Plan, side: Side) -> Knowledge | None:
    """What was known of the side after the latest update or run of the experiment."""
    stage = f"knowledge-{side}"
    keys = []
    with suppress(ArtifactError):  # a damaged note is written again at the end
        keys.append(atomic.read_json(_last(plan, side))["key"])
    with suppress(ConfigError, ArtifactError):
        keys.append(read_record(plan.experiment.name, plan.workspace).keys.get(stage))
    finished = [key for key in keys if key is not None and plan.store.sound(stage, key)]
    if not finished:
        return None
    latest = max(finished, key=lambda key: plan.store.manifest(stage, key)["made_at"])
    return Knowledge.load(plan.store.place(stage, latest))


def _last(plan: Plan, side: str) -> Path:
    """Where it stands which knowledge the latest update made."""
    return plan.workspace / "runs" / "knowledge" / f"{plan.experiment.name}-{side}.json"
