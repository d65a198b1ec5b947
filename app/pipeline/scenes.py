"""The users or items of an experiment, as its templates see them."""

from __future__ import annotations

from app.experiment.settings import Experiment
from app.pipeline.own_texts import template_setting, texts_by_hand
from app.pipeline.plan import Plan
from app.pipeline.records import Record
from app.pipeline.runner import Listener, Quiet, run_steps
from app.pipeline.stages.order import STAGES
from data.catalogue import card
from data.dataset import Dataset
from data.split import Split
from llm.knowledge import Knowledge
from llm.overrides import with_texts
from llm.protocol import request_key
from llm.workshop.scene import WITHOUT_MODEL, Scene, asking
from prompts.history import HistoryViews
from prompts.template import Side
from prompts.views import ItemViews

Texts = tuple[list[str | None] | None, bool]
"""Texts of the items as users' prompts may show them, and whether all are there."""


def open_scene(plan: Plan, side: Side, listener: Listener | None = None) -> Scene:
    """The users or items of an experiment; what has to be read first is read, nobody is asked.

    Raises:
        AutoGraphError: the data cannot be read.
    """
    told = listener or Quiet()
    run_steps(plan, plan.steps("dataset" if side == "item" else "split"), told)
    place = {name: plan.store.place(name, plan.step(name).key) for name in ("dataset", "split")}
    dataset = Dataset.load(place["dataset"])
    if side == "item":
        return _scene_of_items(plan, dataset)
    return _scene_of_users(plan, dataset, Split.load(place["split"]), _item_texts(plan, told))


def recorded_scene(record: Record, side: Side) -> Scene:
    """The users or items of an experiment that was run, from what it left; nothing is computed.

    Texts by hand count as they stand at this moment.

    Raises:
        AutoGraphError: the data set, or for users the split, is not finished.
    """
    plan = Plan(record.experiment, record.workspace)
    dataset = Dataset.load(record.folder("dataset"))
    if side == "item":
        return _scene_of_items(plan, dataset)
    split = Split.load(record.folder("split"))
    return _scene_of_users(plan, dataset, split, _recorded_texts(record, plan))


def answered_texts(items: Scene, experiment: Experiment) -> tuple[list[str | None], bool]:
    """What is known already of each item, by hand or from the cache, and whether that is all."""
    with asking(items) as (backend, cache):
        keys = [request_key(backend, request) for request in items.requests(items.template)]
        found = {row[0]: row[1] for row in cache.rows(dict.fromkeys(keys))}
    by_hand = texts_by_hand(experiment, "item", items.workspace)
    entities = items.ids.external
    texts = [by_hand.get(one) or found.get(key) for one, key in zip(entities, keys, strict=True)]
    return texts, None not in texts


def _scene_of_items(plan: Plan, dataset: Dataset) -> Scene:
    return _scene(plan, "item", dataset, ItemViews(dataset.items))


def _scene_of_users(plan: Plan, dataset: Dataset, split: Split, known: Texts) -> Scene:
    texts, complete = known
    views = HistoryViews(dataset, split, plan.experiment.prompts.history, texts)
    return _scene(plan, "user", dataset, views, complete)


def _scene(
    plan: Plan,
    side: Side,
    dataset: Dataset,
    views: ItemViews | HistoryViews,
    complete: bool = True,
) -> Scene:
    return Scene(
        side,
        dataset,
        views,
        llm=plan.experiment.llm,
        named=template_setting(plan.experiment, side),
        domain=card(plan.experiment.data.name).domain,
        workspace=plan.workspace,
        complete=complete,
    )


def _item_texts(plan: Plan, listener: Listener) -> Texts:
    """Texts of items that are there; those of items that ask no model are made."""
    if "knowledge-item" not in plan.step("knowledge-user").inputs:
        return None, True
    step = plan.step("knowledge-item")
    free = plan.experiment.llm.item.backend in WITHOUT_MODEL
    if free:
        run_steps(plan, plan.steps("knowledge-item"), listener)
    if free or plan.store.sound(step.stage, step.key):
        return Knowledge.load(plan.store.place(step.stage, step.key)).texts, True
    return answered_texts(open_scene(plan, "item", listener), plan.experiment)


def _recorded_texts(record: Record, plan: Plan) -> Texts:
    """Texts of items that a run left."""
    stage = "knowledge-item"
    if stage not in STAGES["knowledge-user"].inputs(plan.experiment, None):
        return None, True
    if record.keys.get(stage) is None or not record.store.holds(stage, record.keys[stage]):
        return answered_texts(recorded_scene(record, "item"), plan.experiment)
    knowledge = Knowledge.load(record.folder(stage))
    by_hand = texts_by_hand(plan.experiment, "item", plan.workspace)
    return with_texts(knowledge, by_hand).texts, True
