"""Several templates side by side: asked once, shown together, told apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from prompt_fakes import ITEM, Teller, plan_of

from app.pipeline.scenes import open_scene
from llm.workshop.scene import Scene
from llm.workshop.trial import only_different, try_templates
from prompts.template import Template, parse_template


@pytest.fixture
def scene(tiny_experiment: Path, tmp_path: Path, teller: Teller) -> Scene:
    return open_scene(plan_of(tiny_experiment, tmp_path), "item")


def template(body: str, name: str = "x") -> Template:
    return parse_template(ITEM.format(body).replace("name: x", f"name: {name}"))


def test_variants_stand_beside_each_other(scene: Scene, teller: Teller) -> None:
    variants = [template("Tell of {{ title }}", "a"), template("Praise {{ title }}", "b")]
    tried = try_templates(scene, variants, [4, 2])
    assert tried["entity"].to_list() == ["f4", "f4", "f2", "f2"]
    assert tried["template"].to_list() == ["a@1", "b@1", "a@1", "b@1"]
    assert tried["text"].to_list() == [
        "Said: Tell of Title 4",
        "Said: Praise Title 4",
        "Said: Tell of Title 2",
        "Said: Praise Title 2",
    ]
    assert tried["prompt"][0] == "# user\nTell of Title 4"
    assert tried.select("tokens_in", "tokens_out", "latency_s").row(0) == (4, 4, 0.5)
    assert not tried["cached"].any()


def test_nothing_is_paid_twice(scene: Scene, teller: Teller) -> None:
    variants = [template("Tell of {{ title }}"), template("Tell of {{ title }}", "same")]
    try_templates(scene, variants, [1])
    assert teller.asked == ["f1"], "the same text, under two names, is asked once"
    again = try_templates(scene, [*variants, template("Praise {{ title }}")], [1, 5])
    assert teller.asked == ["f1", "f1", "f5", "f5"]
    assert again["cached"].to_list() == [True, True, False, False, False, False]


def test_only_different(scene: Scene) -> None:
    shared = "{% if title == 'Title 3' %}Praise{% else %}Tell of{% endif %} {{ title }}"
    tried = try_templates(scene, [template("Tell of {{ title }}"), template(shared)], [2, 3])
    assert only_different(tried)["entity"].to_list() == ["f3", "f3"]


def test_a_template_that_fails_on_some_is_a_row_with_its_reason(
    scene: Scene, teller: Teller
) -> None:
    broken = template("{% if title == 'Title 3' %}{{ title.nothing }}{% endif %}x", "broken")
    teller.failing = {"f2"}
    tried = try_templates(scene, [broken, template("Tell of {{ title }}")], [2, 3])
    errors = tried["error"].to_list()
    assert errors[:2] == ["The line was cut."] * 2
    assert "'nothing'" in errors[2]
    assert errors[3] is None
    assert tried["text"].to_list() == [None, None, None, "Said: Tell of Title 3"]
    assert tried["prompt"][2] is None
