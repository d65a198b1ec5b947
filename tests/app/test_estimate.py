"""Estimates against amounts worked out by hand or by an independent implementation."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from app_fakes import N_ITEMS
from prompt_fakes import ITEM, Teller, plan_of
from scipy import stats

from app.experiment.file import load_experiment
from app.pipeline.plan import Plan
from app.pipeline.scenes import open_scene
from data.errors import ConfigError
from llm.workshop import estimate as estimates
from llm.workshop.estimate import Estimate, Quantity, estimate
from llm.workshop.scene import Scene, with_backend
from llm.workshop.trial import try_templates
from prompts.template import Template, parse_template

PRICES = 'currency = "EUR"\n[models.fake]\nprompt = 2.0\ncompletion = 10.0\n'
"""A million tokens."""


@pytest.fixture
def scene(tiny_experiment: Path, tmp_path: Path, teller: Teller) -> Scene:
    return open_scene(plan_of(tiny_experiment, tmp_path), "item")


@pytest.fixture
def template() -> Template:
    """Of three words for even items, of five for odd ones."""
    even = (
        "{% if title[-1] in '02468' %}Tell {{ title }}{% else %}Tell me of {{ title }}{% endif %}"
    )
    return parse_template(ITEM.format(even))


def exact(amount: Quantity | None) -> float:
    assert amount is not None
    assert amount.low == amount.mean == amount.high
    return amount.mean


def test_facts_ask_no_model(tiny_experiment: Path, tmp_path: Path) -> None:
    scene = open_scene(Plan(load_experiment(str(tiny_experiment)), tmp_path), "user")
    found = estimate(scene, scene.template)
    assert [exact(x) for x in (found.calls, found.prompt_tokens, found.money)] == [0, 0, 0]
    assert "no language model" in found.notes[0]


def test_all_prompts_in_the_sample_give_the_exact_sum(
    scene: Scene, template: Template, teller: Teller
) -> None:
    found = estimate(scene, template, sample=N_ITEMS)
    assert (found.entities, exact(found.calls)) == (N_ITEMS, N_ITEMS)
    assert exact(found.prompt_tokens) == N_ITEMS / 2 * 3 + N_ITEMS / 2 * 5
    assert (found.completion_tokens, found.seconds, found.money) == (None, None, None)
    assert "limit of 512 tokens" in found.notes[0]
    assert "no 'fake'" in found.notes[1]
    assert not teller.asked, "an estimate asks nobody"


def test_a_sample_gives_students_interval(scene: Scene, template: Template) -> None:
    found = estimate(scene, template, sample=10, seed=3).prompt_tokens
    assert found is not None
    assert found.low < N_ITEMS * 4 < found.high
    n_odd = round((found.mean / N_ITEMS - 3) / 2 * 10)
    counts = np.array([5.0] * n_odd + [3.0] * (10 - n_odd))
    spread = stats.sem(counts) * math.sqrt((N_ITEMS - 10) / (N_ITEMS - 1))
    low, high = stats.t.interval(0.95, 9, counts.mean(), spread)
    assert (found.low, found.high) == pytest.approx((low * N_ITEMS, high * N_ITEMS))


def test_without_a_tokenizer_it_says_so(scene: Scene, template: Template, teller: Teller) -> None:
    teller.counts = False
    found = estimate(scene, template).prompt_tokens
    assert found is not None
    assert "estimated at 4 bytes" in found.basis


def test_what_is_answered_is_not_counted(scene: Scene, template: Template) -> None:
    try_templates(scene, [template], range(0, N_ITEMS, 2))
    found = estimate(scene, template, sample=N_ITEMS)
    assert exact(found.calls) == N_ITEMS / 2
    assert exact(found.prompt_tokens) == N_ITEMS / 2 * 5
    try_templates(scene, [template], range(N_ITEMS))
    done = estimate(scene, template)
    assert [exact(x) for x in (done.calls, done.completion_tokens, done.money)] == [0, 0, 0]


def test_entities_with_one_prompt_are_one_call(scene: Scene) -> None:
    same = parse_template(ITEM.format("The same for all"))
    assert exact(estimate(scene, same).calls) == 1


def test_measuring_asks_just_that_many_and_keeps_the_answers(
    scene: Scene, template: Template, teller: Teller
) -> None:
    found = estimate(scene, template, measure=6)
    assert len(teller.asked) == 6
    assert exact(found.calls) == N_ITEMS - 6
    tokens = found.completion_tokens
    assert tokens is not None
    assert 3 * 26 <= tokens.mean <= 5 * 26
    assert tokens.low <= tokens.mean <= tokens.high
    assert "6 calls just made" in tokens.basis
    assert found.seconds is not None
    one = estimate(scene, template, measure=1)
    assert len(teller.asked) == 7
    assert one.seconds is None, "the first call may have waited for the model"
    assert "The time is not known: measure some calls (--measure 10)." in one.notes
    assert exact(estimate(scene, template).calls) == N_ITEMS - 7, "the answers are in the cache"


def test_earlier_answers_of_the_model_tell_length_and_time(
    scene: Scene, template: Template
) -> None:
    try_templates(scene, [parse_template(ITEM.format("Two words"))], [0])
    found = estimate(scene, template)
    assert found.completion_tokens is not None
    assert found.completion_tokens.mean == 2 * N_ITEMS
    assert found.completion_tokens.high == math.inf, "one answer says nothing of the spread"
    try_templates(scene, [parse_template(ITEM.format("Other words"))], [0])
    found = estimate(scene, template)
    assert exact(found.completion_tokens) == 2 * N_ITEMS
    assert exact(found.seconds) == 0.5, f"all {N_ITEMS} are in flight at a time"
    few = scene.backend_config.model_copy(update={"concurrency": 4})
    fewer = with_backend(scene, few)
    assert exact(estimate(fewer, template).seconds) == 0.5 * N_ITEMS / 4


def test_failed_calls_are_told(scene: Scene, template: Template, teller: Teller) -> None:
    teller.failing = set(scene.ids.external)
    found = estimate(scene, template, measure=3)
    assert exact(found.calls) == N_ITEMS
    assert found.completion_tokens is None
    assert "3 of 3 calls failed: The line was cut." in found.notes


def test_money_is_tokens_times_price(scene: Scene, template: Template, tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(PRICES)
    first = estimate(scene, template, sample=N_ITEMS)
    assert first.money is None
    assert any("prompts alone cost about 0.00 EUR" in note for note in first.notes)
    for text in ("Two words", "Other words"):
        try_templates(scene, [parse_template(ITEM.format(text))], [0])
    found = estimate(scene, template, sample=N_ITEMS)
    assert (exact(found.money), found.currency) == (
        pytest.approx((N_ITEMS * 4 * 2.0 + N_ITEMS * 2 * 10.0) / 1e6),
        "EUR",
    )


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[models.fake]\nprompt = 'cheap'\ncompletion = 1", "models.fake.prompt"),
        ("[models.fake]\nprompt = -1\ncompletion = 1", "models.fake.prompt"),
        ("[models.fake]\nprompt = 1", "models.fake.completion"),
        ("[fake]\nprompt = 1", "fake"),
        ("not toml", "line 1"),
    ],
)
def test_malformed_prices_get_their_sentence(
    text: str, part: str, scene: Scene, template: Template, tmp_path: Path
) -> None:
    (tmp_path / "prices.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"prices\.toml is no table of prices") as caught:
        estimate(scene, template)
    assert part in str(caught.value)
    assert "completion =" in str(caught.value)


def test_beyond_a_limit_calls_are_counted_in_a_sample(
    scene: Scene, template: Template, monkeypatch: pytest.MonkeyPatch
) -> None:
    try_templates(scene, [template], range(0, N_ITEMS, 2))
    monkeypatch.setattr(estimates, "COUNTED_UP_TO", N_ITEMS - 1)
    monkeypatch.setattr(estimates, "SAMPLED_CALLS", 20)
    calls = estimate(scene, template, sample=5).calls
    left = round(calls.mean / N_ITEMS * 20)
    interval = stats.binomtest(left, 20).proportion_ci(method="wilson")
    assert (calls.low, calls.high) == pytest.approx(
        (interval.low * N_ITEMS, interval.high * N_ITEMS)
    )
    assert calls.low < N_ITEMS / 2 < calls.high


def test_a_sample_of_one_is_refused(scene: Scene, template: Template) -> None:
    with pytest.raises(ConfigError, match="Take 2 or more"):
        estimate(scene, template, sample=1)


def test_the_same_seed_gives_the_same_estimate(scene: Scene, template: Template) -> None:
    def drawn(seed: int) -> Estimate:
        return estimate(scene, template, sample=6, seed=seed)

    assert drawn(1) == drawn(1)
    assert len({drawn(seed).prompt_tokens for seed in range(6)}) > 1
