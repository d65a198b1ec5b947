"""Templates of a person's own in experiments, and prompts one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_fakes import N_ITEMS, N_USERS
from prompt_fakes import ITEM, USER, Teller, plan_of

from app.experiment.file import load_experiment
from app.pipeline.plan import Plan
from app.pipeline.runner import Quiet, run_steps
from app.pipeline.scenes import open_scene
from app.pipeline.update import update_knowledge
from data.errors import DataError, TemplateError
from llm.knowledge import Knowledge
from llm.workshop.scene import render, variables
from prompts.library import Library
from prompts.template import own_templates


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(own_templates(tmp_path))


def key(plan: Plan, stage: str = "knowledge-item") -> str:
    return plan.step(stage).key


def test_an_experiment_names_a_template_of_the_workspace(
    tiny_experiment: Path, tmp_path: Path, library: Library
) -> None:
    library.create("mine", ITEM.format("Tell of {{ title }}"))
    library.save("mine", ITEM.format("Tell me of {{ title }}"))
    named = [f"prompts.item_template={name}" for name in ("mine", "mine@2", "mine@1")]
    latest, second, first = (plan_of(tiny_experiment, tmp_path, change) for change in named)
    assert latest.experiment.prompts.item_template == "mine@2"
    assert key(latest) == key(second) != key(first)
    assert key(latest, "dataset") == key(first, "dataset")
    library.save("mine", ITEM.format("Speak of {{ title }}"))
    following = plan_of(tiny_experiment, tmp_path, named[0])
    assert key(following) not in (key(latest), key(first))


def test_a_version_saved_meanwhile_does_not_change_a_run(
    tiny_experiment: Path, tmp_path: Path, library: Library, teller: Teller
) -> None:
    library.create("mine", ITEM.format("Tell of {{ title }}"))
    plan = plan_of(tiny_experiment, tmp_path, "prompts.item_template=mine")
    library.save("mine", ITEM.format("Speak of {{ title }}"))
    run_steps(plan, plan.steps("knowledge-item"), Quiet())
    knowledge = Knowledge.load(plan.store.place("knowledge-item", key(plan)))
    assert set(knowledge.table["template"]) == {"mine@1"}
    assert knowledge.texts[0] == "Said: Tell of Title 0"


def test_a_template_that_is_nowhere_gets_its_sentence(
    tiny_experiment: Path, tmp_path: Path, library: Library
) -> None:
    library.create("mine", ITEM.format("x"))
    for name, sentence in [("your", "your own are: mine"), ("mine@4", "no version '4'; it has 1")]:
        plan = plan_of(tiny_experiment, tmp_path, f"prompts.item_template={name}")
        with pytest.raises(TemplateError, match=sentence):
            key(plan)
    plan = plan_of(tiny_experiment, tmp_path, "prompts.user_template=mine")
    with pytest.raises(TemplateError, match=r"set prompts\.user_template"):
        key(plan, "knowledge-user")


@pytest.mark.parametrize("side", ["item", "user"])
def test_what_is_rendered_is_what_a_run_sends(
    side: str, tiny_experiment: Path, tmp_path: Path, teller: Teller
) -> None:
    from llm.protocol import request_key

    plan = plan_of(tiny_experiment, tmp_path)
    list(update_knowledge(plan, ("item", "user")))
    scene = open_scene(plan, side)  # type: ignore[arg-type]
    place = plan.store.place(f"knowledge-{side}", key(plan, f"knowledge-{side}"))
    keys = Knowledge.load(place).table["key"].to_list()
    assert len(keys) == (N_ITEMS if side == "item" else N_USERS)
    for number in (0, 7):
        assert request_key(teller, scene.request(number, scene.template)) == keys[number]
        shown = render(scene, number, scene.template)
        assert shown.entity == scene.ids.external[number]
        assert shown.messages == scene.request(number, scene.template).messages


def test_tokens_are_counted_or_labelled_as_estimated(
    tiny_experiment: Path, tmp_path: Path, library: Library, teller: Teller
) -> None:
    library.create("mine", ITEM.format("Tell of {{ title }}"))
    scene = open_scene(plan_of(tiny_experiment, tmp_path, "prompts.item_template=mine"), "item")
    counted = render(scene, 3, scene.template)
    assert counted.messages == ({"role": "user", "content": "Tell of Title 3"},)
    assert (str(counted.tokens), counted.title) == ("4 tokens", "Title 3")
    teller.counts = False
    guessed = render(scene, 3, scene.template).tokens
    assert (guessed.count, guessed.exact) == (5, False), "(4 + 15 bytes) / 4, rounded up"
    assert "estimate" in str(guessed)


def test_entities_are_named_or_drawn(tiny_experiment: Path, tmp_path: Path) -> None:
    scene = open_scene(Plan(load_experiment(str(tiny_experiment)), tmp_path), "user")
    assert scene.choose(["u3", "u1"], 5) == [scene.ids.number("u3"), scene.ids.number("u1")]
    assert scene.choose([], 5, seed=1) == scene.choose([], 5, seed=1) != scene.choose([], 5, seed=2)
    assert len(set(scene.choose([], 10_000))) == N_USERS
    with pytest.raises(DataError, match="no user 'nobody'"):
        scene.choose(["nobody"], 1)
    assert scene.find("U3 u", 3) == [scene.ids.number(u) for u in ("u3", "u30", "u31")]
    assert scene.choose_template("auto").name == "any-user"
    assert {one.name for one in variables(scene, 0)} >= {"history", "history[-1].title", "themes"}


def test_prompts_of_users_wait_for_texts_of_items(
    tiny_experiment: Path, tmp_path: Path, library: Library, teller: Teller
) -> None:
    body = "{% for item in history %}[{{ item.text }}]{% endfor %}"
    library.create("mine", USER.format(body))
    plan = plan_of(tiny_experiment, tmp_path, "prompts.user_template=mine")
    before = open_scene(plan, "user")
    assert not before.complete
    assert "[None]" in render(before, 0, before.template).messages[0]["content"]
    assert not teller.asked, "looking costs nothing"
    list(update_knowledge(plan, ("item",)))
    after = open_scene(plan, "user")
    assert after.complete
    assert "[Said: " in render(after, 0, after.template).messages[0]["content"]
