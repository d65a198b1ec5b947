"""Experiments that were run, seen from what they left."""

from __future__ import annotations

from pathlib import Path

import pytest
from prompt_fakes import ASKS, ITEM, Teller, plan_of

from app.experiment.file import load_experiment
from app.pipeline.own_texts import overrides_of
from app.pipeline.plan import Plan
from app.pipeline.records import Record, read_record, settings_file, write_record
from app.pipeline.runner import Quiet, run_steps
from app.pipeline.scenes import open_scene, recorded_scene
from app.results.knowledge_versions import knowledge_versions
from data.errors import ArtifactError
from llm.settings import FactsConfig
from llm.workshop.prices import Price, Prices, load_prices, save_prices
from llm.workshop.scene import render, with_backend
from llm.workshop.trial import known_answers, only_different, try_templates
from prompts.template import parse_template


@pytest.fixture
def record(tiny_experiment: Path, tmp_path: Path) -> Record:
    """Of a run up to the users' texts."""
    plan = Plan(load_experiment(str(tiny_experiment)), tmp_path)
    return recorded(plan)


def recorded(plan: Plan, upto: str = "knowledge-user") -> Record:
    run_steps(plan, plan.steps(upto), Quiet())
    write_record(plan, plan.steps(upto))
    return read_record(plan.experiment.name, plan.workspace)


@pytest.mark.parametrize("side", ["item", "user"])
def test_a_recorded_scene_is_the_one_of_the_plan(
    side: str, record: Record, tiny_experiment: Path, tmp_path: Path
) -> None:
    opened = open_scene(Plan(load_experiment(str(tiny_experiment)), tmp_path), side)  # type: ignore[arg-type]
    there = recorded_scene(record, side)  # type: ignore[arg-type]
    assert there.complete and opened.complete
    for number in (0, 9):
        assert render(there, number, there.template) == render(opened, number, opened.template)


def test_texts_by_hand_show_at_once(record: Record) -> None:
    body = "{% for item in history %}{{ item.text }} {% endfor %}"
    template = parse_template(ITEM.replace("item", "user", 1).format(body))
    before = recorded_scene(record, "user")
    item = before.dataset.item_ids.number(before.facts(0)["history"][0]["id"])
    entity = before.dataset.item_ids.external[item]
    overrides_of(record.experiment, "item", record.workspace).write(entity, "By hand.")
    said = render(recorded_scene(record, "user"), 0, template).messages[0]["content"]
    assert said.startswith("By hand. ")


def test_without_texts_of_items_the_scene_says_so(tiny_experiment: Path, tmp_path: Path) -> None:
    plan = Plan(load_experiment(str(tiny_experiment)), tmp_path)
    split = recorded(plan, "split")
    assert not recorded_scene(split, "user").complete
    with pytest.raises(ArtifactError, match="no finished split"):
        recorded_scene(recorded(plan, "dataset"), "user")


def test_another_backend_is_asked_for_the_same_entities(record: Record, teller: Teller) -> None:
    scene = recorded_scene(record, "item")
    asked = with_backend(scene, load_experiment("demo", ASKS).llm.item)
    template = parse_template(ITEM.format("Tell of {{ title }}"))
    (error,) = try_templates(asked, [template], [1])["error"]
    assert teller.asked == ["f1"]
    assert error.startswith("Rejected (too short)"), "the gate of the experiment judges it"
    assert isinstance(with_backend(asked, FactsConfig()).backend_config, FactsConfig)
    assert not scene.asks_model


def test_what_is_known_is_shown_and_nobody_is_asked(
    tiny_experiment: Path, tmp_path: Path, teller: Teller
) -> None:
    scene = open_scene(plan_of(tiny_experiment, tmp_path), "item")
    one, other = (
        parse_template(ITEM.format(body)) for body in ("Tell of {{ title }}", "Praise {{ title }}")
    )
    broken = parse_template(ITEM.format("{{ title.nothing }}"))
    tried = try_templates(scene, [one], [1])
    teller.asked.clear()
    known = known_answers(scene, [one, other, broken], [1, 2])
    assert not teller.asked
    assert known["text"].to_list() == [tried["text"][0], None, None, None, None, None]
    assert known["cached"].to_list() == [True] + [False] * 5
    assert known["prompt"].to_list()[1] == "# user\nPraise Title 1"
    assert "something unknown" in known["error"][2]
    assert only_different(known, prompts=True)["entity"].n_unique() == 2
    assert only_different(known_answers(scene, [one, one], [1]), prompts=True).is_empty()


def test_an_experiment_runs_again_by_its_file(record: Record) -> None:
    called = settings_file(record)
    assert load_experiment(called) == record.experiment
    assert Plan(load_experiment(called), record.workspace).step("split").key == record.keys["split"]


def test_one_that_ships_runs_by_its_name(tmp_path: Path) -> None:
    for changes, expected in (([], "demo"), (["train.epochs=1"], str(tmp_path / "runs/demo.toml"))):
        write_record(Plan(load_experiment("demo", changes), tmp_path), [])
        assert settings_file(read_record("demo", tmp_path)) == expected


def test_versions_name_who_uses_them(record: Record, tiny_experiment: Path, tmp_path: Path) -> None:
    overrides_of(record.experiment, "item", tmp_path).write("f3", "By hand.")
    second = recorded(Plan(load_experiment(str(tiny_experiment)), tmp_path), "knowledge-item")
    found = {one.key: one for one in knowledge_versions(tmp_path, "item")}
    assert set(found) == {record.keys["knowledge-item"], second.keys["knowledge-item"]}
    assert found[second.keys["knowledge-item"]].experiments == ("tiny",)
    assert "no longer used" in found[record.keys["knowledge-item"]].label
    assert found[record.keys["knowledge-item"]].rows == 32
    (found[second.keys["knowledge-item"]].folder / "knowledge.parquet").unlink()
    assert len(knowledge_versions(tmp_path, "item")) == 1, "a damaged one is left out"
    assert knowledge_versions(tmp_path / "nowhere", "item") == []


def test_prices_are_read_as_they_were_saved(tmp_path: Path) -> None:
    prices = Prices(currency="EUR", models={"a/b:7": Price(prompt=0.5, completion=2.0)})
    save_prices(tmp_path, prices)
    assert load_prices(tmp_path) == prices
