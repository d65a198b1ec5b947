"""Texts by hand reach everything that is made from them, and nothing else is made again."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_fakes import N_ITEMS, N_USERS
from prompt_fakes import USER, Teller, plan_of

from app.experiment.file import load_experiment
from app.pipeline.own_texts import overrides_of, pending, take_along, texts_by_hand
from app.pipeline.plan import Plan
from app.pipeline.records import read_record, write_record
from app.pipeline.runner import Quiet, run_steps
from app.pipeline.scenes import open_scene
from app.pipeline.update import plan_updates, update_knowledge
from data.errors import ArtifactError
from llm.knowledge import Knowledge
from llm.workshop.scene import render
from prompts.library import Library
from prompts.template import own_templates

STAGES = ("dataset", "split", "knowledge-item", "vectors-item", "knowledge-user", "vectors-user")


def keys(plan: Plan) -> dict[str, str]:
    return {stage: plan.step(stage).key for stage in STAGES}


def by_hand(plan: Plan, entity: str, text: str | None, side: str = "item") -> None:
    log = overrides_of(plan.experiment, side, plan.workspace)
    assert log.revert(entity) if text is None else log.write(entity, text)


def again(plan: Plan, tiny_experiment: Path) -> Plan:
    return Plan(load_experiment(str(tiny_experiment)), plan.workspace)


@pytest.fixture
def plan(tiny_experiment: Path, tmp_path: Path) -> Plan:
    return Plan(load_experiment(str(tiny_experiment)), tmp_path)


def made(plan: Plan, stage: str) -> Knowledge:
    run_steps(plan, plan.steps(stage), Quiet())
    return Knowledge.load(plan.store.place(stage, plan.step(stage).key))


def test_all_that_follows_has_another_fingerprint_and_gets_the_old_one_back(
    plan: Plan, tiny_experiment: Path
) -> None:
    before = keys(plan)
    by_hand(plan, "f3", "A film that somebody described by hand.")
    after = keys(again(plan, tiny_experiment))
    assert {stage for stage in STAGES if before[stage] == after[stage]} == {"dataset", "split"}
    by_hand(plan, "f3", None)
    assert keys(again(plan, tiny_experiment)) == before, "nothing is made again"


def test_texts_of_users_change_nothing_of_the_items(plan: Plan, tiny_experiment: Path) -> None:
    before = keys(plan)
    by_hand(plan, "u3", "Somebody who likes ships.", side="user")
    after = keys(again(plan, tiny_experiment))
    differ = {stage for stage in STAGES if before[stage] != after[stage]}
    assert differ == {"knowledge-user", "vectors-user"}


def test_a_run_takes_them_in_beside_what_the_model_said(plan: Plan, tiny_experiment: Path) -> None:
    model = made(plan, "knowledge-item")
    by_hand(plan, "f3", "Written by hand.")
    by_hand(plan, "nobody", "An id that the data does not have.")
    assert pending(model, plan.experiment, "item", plan.workspace) == ["f3"]
    later = again(plan, tiny_experiment)
    knowledge = made(later, "knowledge-item")
    assert knowledge.table["text"].equals(model.table["text"])
    number = knowledge.table["entity"].to_list().index("f3")
    assert knowledge.texts[number] == "Written by hand."
    assert knowledge.table["override"].count() == 1
    assert pending(knowledge, later.experiment, "item", plan.workspace) == []
    manifest = plan.store.manifest("knowledge-item", later.step("knowledge-item").key)
    assert manifest["summary"]["by hand"] == 1


def test_what_is_written_while_a_run_goes_on_waits_for_the_next(
    plan: Plan, tiny_experiment: Path
) -> None:
    by_hand(plan, "f3", "First.")
    running = again(plan, tiny_experiment)
    assert running.experiment.llm.item_overrides == 1
    by_hand(plan, "f4", "Second.")
    assert made(running, "knowledge-item").table["override"].count() == 1
    assert texts_by_hand(running.experiment, "item", plan.workspace) == {"f3": "First."}
    assert made(again(plan, tiny_experiment), "knowledge-item").table["override"].count() == 2


def test_a_record_does_not_keep_later_changes_out(plan: Plan, tiny_experiment: Path) -> None:
    by_hand(plan, "f3", "First.")
    write_record(again(plan, tiny_experiment), [])
    by_hand(plan, "f4", "Second.")
    recorded = read_record("tiny", plan.workspace).experiment
    assert texts_by_hand(recorded, "item", plan.workspace) == {"f3": "First.", "f4": "Second."}


def test_a_run_can_leave_them_out_or_miss_some(plan: Plan, tiny_experiment: Path) -> None:
    before = keys(plan)
    by_hand(plan, "f3", "By hand.")
    without = Plan(load_experiment(str(tiny_experiment), ["llm.item_overrides=0"]), plan.workspace)
    assert keys(without) == before
    missing = Plan(load_experiment(str(tiny_experiment), ["llm.item_overrides=5"]), plan.workspace)
    with pytest.raises(ArtifactError, match="5 are wanted"):
        missing.step("knowledge-item")


def test_experiments_of_another_name_are_left_alone(plan: Plan, tiny_experiment: Path) -> None:
    by_hand(plan, "f3", "By hand.")
    other = Plan(load_experiment(str(tiny_experiment), ["name=other"]), plan.workspace)
    assert keys(other) == keys(plan)


def test_an_experiment_takes_along_what_it_has_not(plan: Plan, tiny_experiment: Path) -> None:
    by_hand(plan, "f3", "By hand.")
    take_along(plan.experiment, "other", plan.workspace)
    other = Plan(load_experiment(str(tiny_experiment), ["name=other"]), plan.workspace)
    assert texts_by_hand(other.experiment, "item", plan.workspace) == {"f3": "By hand."}
    by_hand(plan, "f3", "Again.")
    take_along(plan.experiment, "other", plan.workspace)
    assert texts_by_hand(other.experiment, "item", plan.workspace) == {"f3": "By hand."}


def test_users_are_asked_again_only_if_they_are_shown_the_text(
    tiny_experiment: Path, tmp_path: Path, teller: Teller
) -> None:
    body = "{% for item in history %}[{{ item.title }}: {{ item.text }}]{% endfor %}"
    Library(own_templates(tmp_path)).create("mine", USER.format(body))
    change = "prompts.user_template=mine"
    plan = plan_of(tiny_experiment, tmp_path, change)
    list(update_knowledge(plan, ("item", "user")))
    teller.asked.clear()
    by_hand(plan, "f3", "Written by hand.")
    later = plan_of(tiny_experiment, tmp_path, change)
    scene = open_scene(later, "user")
    shown = [
        scene.ids.external[number]
        for number in range(N_USERS)
        if "Written by hand." in render(scene, number, scene.template).messages[0]["content"]
    ]
    assert 0 < len(shown) < N_USERS
    item, user = plan_updates(later, ("item", "user"))
    assert (item.to_ask, item.changes.height) == (0, N_ITEMS)
    assert user.to_ask == len(shown)
    list(update_knowledge(later, ("item", "user")))
    assert sorted(teller.asked) == sorted(shown)


def test_who_failed_and_was_described_by_hand_is_not_waited_for(
    tiny_experiment: Path, tmp_path: Path, teller: Teller
) -> None:
    teller.failing = {"f3"}
    by_hand(plan_of(tiny_experiment, tmp_path), "f3", "Written by hand.")
    plan = plan_of(tiny_experiment, tmp_path)
    (update,) = update_knowledge(plan, ("item",))
    assert update.failed == 0
    (later,) = plan_updates(plan, ("item",))
    assert later.to_ask == 0
