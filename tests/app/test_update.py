"""Only who is new, changed or without an answer is asked about."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from app_fakes import N_ITEMS, N_USERS
from prompt_fakes import ASKS, USER, Teller, plan_of

from app.pipeline.plan import Plan
from app.pipeline.update import Update, plan_updates, update_knowledge
from data.errors import ArtifactError, BackendError
from llm.knowledge import Knowledge
from prompts.library import Library
from prompts.template import own_templates

ITEM_SIDE, BOTH = ("item",), ("item", "user")


@pytest.fixture
def mine(tiny_experiment: Path, tmp_path: Path, teller: Teller) -> Path:
    """A copy of the small experiment whose tables may grow, everybody described."""
    shutil.copytree(tiny_experiment.parent, tmp_path / "mine")
    experiment = tmp_path / "mine" / "tiny.toml"
    first = {update.side: update for update in run(plan_of(experiment, tmp_path))}
    assert counts(first["item"]) == {"new": N_ITEMS}
    assert counts(first["user"]) == {"new": N_USERS}
    assert len(teller.asked) == N_ITEMS + N_USERS
    teller.asked.clear()
    return experiment


def counts(update: Update) -> dict[str, int]:
    return {reason: number for reason, number in update.counts.items() if number}


def run(plan: Plan) -> list[Update]:
    return list(update_knowledge(plan, BOTH))  # type: ignore[arg-type]


def rehearse(plan: Plan) -> dict[str, dict[str, int]]:
    return {u.side: counts(u) for u in plan_updates(plan, BOTH)}  # type: ignore[arg-type]


def reasons(plan: Plan, side: str) -> dict[str, str]:
    update = next(u for u in plan_updates(plan, (side,)))  # type: ignore[arg-type]
    changed = update.changes.filter(update.changes["reason"] != "answered")
    return dict(changed.iter_rows())


def rate(experiment: Path, *rows: str) -> None:
    with (experiment.parent / "ratings.csv").open("a") as table:
        table.write("\n".join(rows) + "\n")


def texts(plan: Plan, side: str) -> dict[str, str | None]:
    stage = f"knowledge-{side}"
    table = Knowledge.load(plan.store.place(stage, plan.step(stage).key)).table
    return dict(table.select("entity", "text").iter_rows())


def test_nothing_changed_nobody_is_asked(mine: Path, tmp_path: Path, teller: Teller) -> None:
    plan = plan_of(mine, tmp_path)
    everybody = {"item": {"answered": N_ITEMS}, "user": {"answered": N_USERS}}
    assert rehearse(plan) == everybody
    assert all(update.to_ask == 0 for update in run(plan))
    assert teller.asked == []


def test_a_longer_history_asks_about_that_user_alone(
    mine: Path, tmp_path: Path, teller: Teller
) -> None:
    rate(mine, "u3,f2,90000")
    plan = plan_of(mine, tmp_path)
    assert reasons(plan, "user") == {"u3": "prompt changed"}
    assert reasons(plan, "item") == {}
    assert teller.asked == [], "a rehearsal asks nobody"
    run(plan)
    assert teller.asked == ["u3"]
    assert rehearse(plan)["user"] == {"answered": N_USERS}


def test_a_history_that_renders_the_same_asks_nobody(
    mine: Path, tmp_path: Path, teller: Teller
) -> None:
    """The template shows the latest two items, and what was added is older."""
    body = "Likes{% for item in history %} {{ item.title }}{% endfor %}, says {{ id }}"
    Library(own_templates(tmp_path)).create("mine", USER.format(body))
    changes = ("prompts.user_template=mine", "prompts.history=2")
    before = plan_of(mine, tmp_path, *changes)
    assert set(reasons(before, "user").values()) == {"prompt changed"}
    run(before)
    asked = Counter(teller.asked)
    assert set(asked.values()) == {1}
    assert len(asked) == N_USERS
    rate(mine, "u3,f2,1")
    after = plan_of(mine, tmp_path, *changes)
    assert after.step("knowledge-user").key != before.step("knowledge-user").key
    assert reasons(after, "user") == {}
    run(after)
    assert Counter(teller.asked) == asked


def test_who_is_new_is_asked_about(mine: Path, tmp_path: Path, teller: Teller) -> None:
    with (mine.parent / "items.csv").open("a") as table:
        table.write("f99,Title 99,A brand new plot.\n")
    rate(mine, *(f"u99,f{k},{50_000 + k}" for k in (0, 4, 8, 12, 16, 99)))
    plan = plan_of(mine, tmp_path)
    assert reasons(plan, "item") == {"f99": "new"}
    assert reasons(plan, "user") == {"u99": "new"}
    run(plan)
    assert teller.asked == ["f99", "u99"]


def test_a_changed_item_asks_again_about_it_and_who_is_shown_it(
    mine: Path, tmp_path: Path, teller: Teller
) -> None:
    items = mine.parent / "items.csv"
    items.write_text(items.read_text().replace("f5,Title 5,", "f5,Another Title,"))
    plan = plan_of(mine, tmp_path)
    assert reasons(plan, "item") == {"f5": "prompt changed"}
    asked = reasons(plan, "user")
    assert set(asked.values()) == {"prompt changed"}
    assert {int(user[1:]) % 4 for user in asked} == {1}, "users of the film's theme"
    run(plan)
    assert Counter(teller.asked) == Counter(["f5", *asked])


def test_another_model_asks_about_everybody(mine: Path, tmp_path: Path, teller: Teller) -> None:
    teller.model = "better"
    everybody = {"item": {"model changed": N_ITEMS}, "user": {"model changed": N_USERS}}
    assert rehearse(plan_of(mine, tmp_path)) == everybody


def test_who_failed_is_asked_again_and_results_without_them_are_made_again(
    tiny_experiment: Path, tmp_path: Path, teller: Teller
) -> None:
    teller.failing = {"f3", "f9"}
    plan = plan_of(tiny_experiment, tmp_path)
    (first,) = update_knowledge(plan, ITEM_SIDE)  # type: ignore[arg-type]
    assert (first.failed, first.reopened) == (2, 0)
    assert reasons(plan, "item") == {"f3": "failed before", "f9": "failed before"}
    teller.asked.clear()
    teller.failing = {"f9"}
    (second,) = update_knowledge(plan, ITEM_SIDE)  # type: ignore[arg-type]
    assert teller.asked == ["f3", "f9"], "each once"
    assert (counts(second)["failed before"], second.failed, second.reopened) == (2, 1, 1)
    assert str(texts(plan, "item")["f3"]).startswith("Said: Item Title: Title 3")
    teller.asked.clear()
    (third,) = update_knowledge(plan, ITEM_SIDE)  # type: ignore[arg-type]
    assert (third.failed, third.reopened) == (1, 0), "still failing: nothing is made again"
    assert teller.asked == ["f9"]


def test_results_made_from_knowledge_are_opened_again_with_it(
    tiny_experiment: Path, tmp_path: Path, teller: Teller
) -> None:
    from app.pipeline.runner import Quiet, run_steps

    teller.failing = {"f3"}
    plan = plan_of(tiny_experiment, tmp_path)
    run_steps(plan, plan.steps("knowledge-user"), Quiet())
    run_steps(plan, plan.steps("vectors-item"), Quiet())
    teller.failing = set()
    (update,) = update_knowledge(plan, ITEM_SIDE)  # type: ignore[arg-type]
    assert update.reopened == 3
    held = {
        stage
        for stage in ("dataset", "split", "knowledge-item", "knowledge-user", "vectors-item")
        if plan.store.holds(stage, plan.step(stage).key)
    }
    assert held == {"dataset", "split", "knowledge-item"}


def test_a_backend_that_gives_up_leaves_results_as_they_were(
    tiny_experiment: Path, tmp_path: Path, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    teller.failing = {"f3"}
    plan = plan_of(tiny_experiment, tmp_path)
    list(update_knowledge(plan, BOTH))  # type: ignore[arg-type]
    held = sorted(tmp_path.glob("artifacts/*/*/manifest.json"))

    def give_up(requests: object) -> object:
        raise BackendError("The key is wrong.")

    monkeypatch.setattr(teller, "generate", give_up)
    with pytest.raises(BackendError):
        list(update_knowledge(plan, ITEM_SIDE))  # type: ignore[arg-type]
    assert sorted(tmp_path.glob("artifacts/*/*/manifest.json")) == held


def test_knowledge_that_was_half_replaced_is_made_again_with_all_that_follows_from_it(
    tiny_experiment: Path, tmp_path: Path, teller: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.pipeline.runner import Quiet, run_steps

    teller.failing = {"f3"}
    plan = plan_of(tiny_experiment, tmp_path)
    run_steps(plan, plan.steps("vectors-item"), Quiet())
    teller.failing = set()

    def full(path: Path, value: object) -> None:
        raise ArtifactError(f"Cannot write {path}: the disk is full.")

    with monkeypatch.context() as patch, pytest.raises(ArtifactError, match="disk is full"):
        patch.setattr("llm.knowledge.atomic.write_json", full)
        list(update_knowledge(plan, ITEM_SIDE))  # type: ignore[arg-type]
    for stage in ("knowledge-item", "vectors-item"):
        assert not plan.store.holds(stage, plan.step(stage).key)
    list(update_knowledge(plan, ITEM_SIDE))  # type: ignore[arg-type]
    assert str(texts(plan, "item")["f3"]).startswith("Said: Item Title: Title 3")
    assert not plan.store.holds("vectors-item", plan.step("vectors-item").key)


def test_the_command_says_how_many_and_why(
    mine: Path, tmp_path: Path, teller: Teller, autograph: object
) -> None:
    rate(mine, "u3,f2,90000")
    flags = [part for change in ASKS for part in ("--set", change)]
    command = ("knowledge", "update", mine, "--workspace", tmp_path, *flags)
    told = autograph(*command, "--dry-run")  # type: ignore[operator]
    assert told.exit_code == 0, told.output
    assert "1 of 40 users would be asked about" in told.output
    assert "1 prompt changed" in told.output
    assert "0 of 32 items would be asked about" in told.output
    assert teller.asked == []
    done = autograph(*command, "--side", "user")  # type: ignore[operator]
    assert done.exit_code == 0, done.output
    assert "1 of 40 users were asked about" in done.output
    assert "of 32 items" not in done.output
    assert teller.asked == ["u3"]
