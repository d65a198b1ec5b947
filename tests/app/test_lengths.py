"""A model that reads less than a history holds: every command sees the prompts that a run sends."""

from __future__ import annotations

from pathlib import Path

import pytest
from app_fakes import N_USERS
from prompt_fakes import ASKS, USER, Teller, plan_of

from app.pipeline.plan import Plan
from app.pipeline.runner import Quiet, run_steps
from app.pipeline.scenes import open_scene
from app.pipeline.update import plan_updates
from data.errors import BackendError
from llm.workshop.estimate import estimate
from llm.workshop.scene import render
from llm.workshop.trial import try_templates
from prompts.library import Library
from prompts.template import own_templates

BODY = "{{ shown }} of {{ total }}:{% for item in history %} {{ item.title }},{% endfor %} describe"
"""Two words an item, and four more."""
LIMIT = 4 + 2 * 3
"""Room for three items; users have five to seven, less two that are held out."""


@pytest.fixture
def plan(tiny_experiment: Path, tmp_path: Path, teller: Teller) -> Plan:
    Library(own_templates(tmp_path)).create("mine", USER.format(BODY))
    teller.limit = LIMIT
    return plan_of(tiny_experiment, tmp_path, "prompts.user_template=mine")


def test_after_a_run_nobody_is_left_to_ask(plan: Plan, teller: Teller) -> None:
    run_steps(plan, plan.steps("knowledge-user"), Quiet())
    assert {teller.sizes[f"u{n}"] for n in range(N_USERS)} == {LIMIT}
    assert {u.side: u.to_ask for u in plan_updates(plan, ("item", "user"))} == {
        "item": 0,
        "user": 0,
    }
    assert estimate(open_scene(plan, "user"), open_scene(plan, "user").template).calls.mean == 0


def test_an_estimate_counts_what_a_run_sends(plan: Plan, teller: Teller) -> None:
    scene = open_scene(plan, "user")
    found = estimate(scene, scene.template, sample=N_USERS).prompt_tokens
    assert not teller.asked
    run_steps(plan, plan.steps("knowledge-user"), Quiet())
    assert found is not None
    assert found.mean == sum(teller.sizes[f"u{n}"] for n in range(N_USERS))


def test_what_is_tried_is_in_the_cache_for_the_run(plan: Plan, teller: Teller) -> None:
    scene = open_scene(plan, "user")
    tried = try_templates(scene, [scene.template], range(6))
    assert all("3 of" in prompt for prompt in tried["prompt"])
    asked = list(teller.asked)
    run_steps(plan, plan.steps("knowledge-user"), Quiet())
    assert sorted(asked) == sorted(set(teller.asked) & set(asked))
    assert len(teller.asked) == len(set(teller.asked)), "nobody is asked about twice"


def test_rendering_shows_the_cut_history_and_says_so(
    plan: Plan, teller: Teller, autograph: object, tiny_experiment: Path
) -> None:
    scene = open_scene(plan, "user")
    number = scene.ids.number("u2")
    shown = render(scene, number, scene.template)
    titles = [item["title"] for item in scene.facts(number)["history"]]
    assert (len(titles), shown.left_out) == (5, 2)
    said = "3 of 5: " + ", ".join(titles[2:]) + ", describe"
    assert shown.messages == ({"role": "user", "content": said},)
    assert (shown.tokens.count, shown.note) == (10, "")
    flags = [part for change in ASKS for part in ("--set", change)]
    flags += ["--set", "prompts.user_template=mine", "--workspace", str(plan.workspace)]
    told = autograph("prompts", "render", tiny_experiment, "user", "--entity", "u2", *flags)  # type: ignore[operator]
    assert told.exit_code == 0, told.output
    assert "The 2 oldest items of the history are left out" in told.output
    assert f"3 of 5: {titles[2]}, " in told.output
    teller.limit = None
    assert render(scene, number, scene.template).left_out == 0


def test_without_the_tokenizer_a_prompt_is_shown_whole_with_the_reason(
    plan: Plan, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_messages: object) -> int:
        raise BackendError("There is no tokenizer here.")

    monkeypatch.setattr(teller, "count_tokens", missing)
    scene = open_scene(plan, "user")
    shown = render(scene, scene.ids.number("u2"), scene.template)
    assert shown.messages[0]["content"].startswith("5 of 5:")
    assert (shown.note, shown.left_out) == ("There is no tokenizer here.", 0)
    assert not shown.tokens.exact
