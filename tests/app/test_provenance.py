"""The prompt behind a text: just what was sent, or what would be sent today."""

from __future__ import annotations

from pathlib import Path

import pytest
from prompt_fakes import ITEM, Teller, plan_of

from app.pipeline.runner import Quiet, run_steps
from app.pipeline.scenes import open_scene
from data.errors import DataError, TemplateError
from llm.knowledge import Knowledge
from llm.workshop.scene import Scene, sent_prompt
from prompts.library import Library
from prompts.template import own_templates


@pytest.fixture
def library(tmp_path: Path) -> Library:
    library = Library(own_templates(tmp_path))
    library.create("mine", ITEM.format("Tell of {{ title }}"))
    return library


@pytest.fixture
def scene(tiny_experiment: Path, tmp_path: Path, teller: Teller, library: Library) -> Scene:
    plan = plan_of(tiny_experiment, tmp_path, "prompts.item_template=mine@1")
    run_steps(plan, plan.steps("knowledge-item"), Quiet())
    return open_scene(plan, "item")


def row(scene: Scene, **other: object) -> dict[str, object]:
    (place,) = scene.workspace.glob("artifacts/knowledge-item/*")
    return {**Knowledge.load(place).table.row(3, named=True), **other}


def test_what_was_sent_is_known_by_its_key(scene: Scene, teller: Teller) -> None:
    sent = sent_prompt(scene, row(scene))
    assert sent.messages[0]["content"] == "Tell of Title 3"
    assert sent.same
    teller.model = "another"
    assert not sent_prompt(scene, row(scene)).same


def test_the_version_of_the_text_counts(scene: Scene, library: Library) -> None:
    library.save("mine", ITEM.format("Speak of {{ title }}"))
    assert sent_prompt(scene, row(scene)).same
    later = sent_prompt(scene, row(scene, template="mine@2"))
    assert later.messages[0]["content"] == "Speak of Title 3"
    assert not later.same


def test_what_is_gone_gets_its_sentence(scene: Scene) -> None:
    with pytest.raises(TemplateError, match="is not in the workspace any more"):
        sent_prompt(scene, row(scene, template="mine@9"))
    with pytest.raises(DataError, match="no item 'nobody'"):
        sent_prompt(scene, row(scene, entity="nobody"))
