"""Pairs of items that are alike: how many are judged, by whom, and what stays of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from app_fakes import N_ITEMS, THEMES
from prompt_fakes import Teller

from app.experiment.file import load_experiment
from app.pipeline.plan import Plan
from app.pipeline.runner import Quiet, run_steps
from app.pipeline.stages.pair_items import pairing_of
from data.errors import BackendError, TemplateError
from llm import backends
from llm.cache import ResponseCache
from llm.gate import read_aspects
from llm.pairs import Pairs, nearest_pairs, unanswered_requests
from llm.protocol import Reply
from llm.shuffle import others
from llm.vectors import Vectors
from prompts.pairs import SIMILAR_PAIR, pair_requests, pair_template
from prompts.requests import Request
from prompts.views import ItemViews
from quantize.phrases import Phrases

E = 5
ASKED = ('pairs.judge={backend="server",model="fake"}', f"pairs.nearest={E}")


class Judge(Teller):
    """Says that items of one theme are alike; cuts the line after `patience` answers."""

    def __init__(self) -> None:
        super().__init__()
        self.patience: int | None = None
        self.answer = '{{"score": {}}}'

    def generate(self, requests: Iterable[Request]) -> Iterator[Reply]:
        for request in requests:
            if self.patience is not None and len(self.asked) >= self.patience:
                raise BackendError("The server is gone.")
            self.asked.append(request.entity)
            if request.entity in self.failing:
                yield Reply(request, None, finish_reason="error", error="The line was cut.")
                continue
            one, other = (theme_of(part) for part in request.entity.split("|"))
            yield Reply(request, self.answer.format(9 if one == other else 2))


def theme_of(item: str) -> int:
    return int(item.removeprefix("f")) % len(THEMES)


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    from llm.backends import open_backend

    fake = Judge()

    def opened(config: Any) -> Any:
        return open_backend(config) if config.backend in ("facts", "replay") else fake

    monkeypatch.setattr("llm.backends.open_backend", opened)
    return fake


def plan_of(experiment: Path, workspace: Path, *changes: str) -> Plan:
    return Plan(load_experiment(str(experiment), [*ASKED, *changes]), workspace)


def made(plan: Plan) -> tuple[Pairs, Mapping[str, Any]]:
    """The pairs of an experiment, and what its record says of them."""
    run_steps(plan, plan.steps("pairs"), Quiet())
    key = plan.step("pairs").key
    folder = plan.store.place("pairs", key)
    return Pairs.load(folder), plan.store.manifest("pairs", key)["summary"]


def to_judge(plan: Plan) -> tuple[int, int]:
    """How many pairs a plan judges, and how many calls that still takes; nobody is asked."""
    step = plan.step("pairs")
    for name in step.inputs:
        run_steps(plan, plan.steps(name), Quiet())
    places = {name: plan.store.place(name, key) for name, key in step.inputs.items()}
    pairing = pairing_of(plan.experiment, places)
    if pairing.questions is None:
        return len(pairing.candidates), 0
    cache = ResponseCache.of(plan.workspace)
    backend = backends.open_backend(plan.experiment.pairs.judge)  # type: ignore[arg-type]
    calls = len(unanswered_requests(pairing.questions, backend, cache))
    cache.close()
    return len(pairing.candidates), calls


def nearest_of(plan: Plan) -> list[set[int]]:
    """The E items nearest to each, by a matrix of all cosines."""
    place = plan.store.place("vectors-item", plan.step("vectors-item").key)
    matrix = Vectors.load(place).matrix.astype(np.float64)
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    return [set(row) for row in np.argsort(-cosine, axis=1, kind="stable")[:, :E].tolist()]


def test_calls_are_n_times_e_less_what_stands_twice(
    tiny_experiment: Path, tmp_path: Path, judge: Judge
) -> None:
    """O(N·E), told before anybody is asked."""
    plan = plan_of(tiny_experiment, tmp_path)
    pairs, calls = to_judge(plan)
    assert judge.asked == []
    made(plan)
    near = nearest_of(plan)
    twice = sum(i < j and i in near[j] for i in range(N_ITEMS) for j in near[i])
    assert 0 < twice < N_ITEMS * E / 2
    assert len(judge.asked) == len(set(judge.asked)) == N_ITEMS * E - twice
    assert calls == pairs == len(judge.asked)
    assert to_judge(plan) == (pairs, 0), "all answers are in the cache"


@pytest.mark.parametrize("each", [1, 3, 8])
def test_candidates_grow_with_the_items_and_not_with_their_square(each: int) -> None:
    for n in (40, 80, 160):
        matrix = np.random.default_rng(n).normal(size=(n, 8)).astype(np.float32)
        found = nearest_pairs(Vectors(tuple(map(str, range(n))), matrix, "x", "mean"), each)
        assert n * each / 2 <= len(found) <= n * each
        assert len(found) == n * each - found.mutual.sum()
        assert (found.pairs[:, 0] < found.pairs[:, 1]).all()


def test_what_was_cut_off_goes_on_where_it_was(
    tiny_experiment: Path, tmp_path: Path, judge: Judge
) -> None:
    plan, judge.patience = plan_of(tiny_experiment, tmp_path), 20
    with pytest.raises(BackendError, match="The server is gone"):
        made(plan)
    (every, calls), judge.patience = to_judge(plan), None
    assert calls == every - 20
    pairs, _ = made(plan)
    assert len(judge.asked) == len(set(judge.asked)) == pairs.candidates


def test_edges_are_what_the_model_finds_alike(
    tiny_experiment: Path, tmp_path: Path, judge: Judge
) -> None:
    plan = plan_of(tiny_experiment, tmp_path)
    pairs, summary = made(plan)
    near = nearest_of(plan)
    for item in range(N_ITEMS):
        close = {other for other in range(N_ITEMS) if other in near[item] or item in near[other]}
        alike = {other for other in close if other % 4 == item % 4}
        assert dict(pairs.of(item)) == pytest.approx(dict.fromkeys(alike, 0.9))
    assert (pairs.judge, summary["judge"]) == ("fake", "fake")
    assert summary["judged"] == pairs.candidates == len(judge.asked)
    assert (summary["alike"], summary["failed"]) == (pairs.degrees.sum() / 2, 0)


def test_a_score_at_the_limit_is_alike_and_below_it_is_not(
    tiny_experiment: Path, tmp_path: Path, judge: Judge
) -> None:
    at = made(plan_of(tiny_experiment, tmp_path, "pairs.least_score=0.9"))[0]
    above = made(plan_of(tiny_experiment, tmp_path, "pairs.least_score=0.95"))[0]
    below = made(plan_of(tiny_experiment, tmp_path, "pairs.least_score=0.2"))[0]
    assert above.alike == 0 < at.alike < below.alike == below.candidates
    assert len(judge.asked) == at.candidates, "another limit asks nobody again"


def test_answers_that_are_no_score_are_told_and_are_no_edge(
    tiny_experiment: Path, tmp_path: Path, judge: Judge
) -> None:
    judge.answer = "I would say {} of ten."
    pairs, summary = made(plan_of(tiny_experiment, tmp_path, "llm.gate.retries=0"))
    assert pairs.alike == 0
    assert summary["failed"] == pairs.failed == pairs.candidates


def test_a_failed_call_is_no_edge(tiny_experiment: Path, tmp_path: Path, judge: Judge) -> None:
    whole, _ = made(plan_of(tiny_experiment, tmp_path / "a"))
    one, other = 0, whole.of(0)[0][0]
    judge.failing = {f"f{one}|f{other}"}
    cut, _ = made(plan_of(tiny_experiment, tmp_path / "b"))
    assert other not in dict(cut.of(one)) and one not in dict(cut.of(other))
    assert (whole.failed, cut.failed, cut.alike) == (0, 1, whole.alike - 1)


def test_by_default_vectors_judge_and_no_model_is_asked(
    tiny_experiment: Path, tmp_path: Path, judge: Judge
) -> None:
    plan = Plan(load_experiment(str(tiny_experiment), [f"pairs.nearest={E}"]), tmp_path)
    _, calls = to_judge(plan)
    pairs, summary = made(plan)
    near = nearest_of(plan)
    for item in range(N_ITEMS):
        assert set(dict(pairs.of(item))) == {j for j in near[item] if item in near[j]}
    assert pairs.judge == summary["judge"] == "vectors (no LLM)"
    assert judge.asked == [] and calls == 0


def test_vectors_judge_as_strictly_as_they_are_told(tiny_experiment: Path, tmp_path: Path) -> None:
    def judged(how: str) -> Pairs:
        changes = [f"pairs.nearest={E}", f'pairs.judge={{backend="vectors",{how}}}']
        return made(Plan(load_experiment(str(tiny_experiment), changes), tmp_path))[0]

    mutual, every = judged("mutual=true"), judged("mutual=false")
    assert mutual.alike < every.alike == every.candidates == mutual.candidates
    weights = np.sort(every.weights)
    limit = float(weights[len(weights) // 2])
    strict = judged(f"mutual=false,least_cosine={limit!r}")
    np.testing.assert_array_equal(np.sort(strict.weights), weights[weights > np.float32(limit)])


def test_recorded_answers_judge_too(tiny_experiment: Path, tmp_path: Path, judge: Judge) -> None:
    made(plan_of(tiny_experiment, tmp_path / "asked"))
    rows = [f'"{pair}","{{""score"": 8}}"' for pair in judge.asked[1:]]
    recorded = tmp_path / "answers.csv"
    recorded.write_text("\n".join(["id,text", *rows]) + "\n")
    change = f'pairs.judge={{backend="replay",path="{recorded}"}}'
    plan = plan_of(tiny_experiment, tmp_path, change)
    pairs, _ = made(plan)
    assert (pairs.alike, pairs.failed) == (len(rows), 1)
    assert pairs.judge.startswith("replay answers")


def test_an_item_without_a_text_is_in_no_pair() -> None:
    matrix = np.ones((6, 3), dtype=np.float32)
    found = nearest_pairs(Vectors(tuple("abcdef"), matrix, "x", "mean", missing=(1, 4)), 5)
    assert not np.isin(found.pairs, (1, 4)).any()
    assert len(found) == 4 * 3 / 2 and found.mutual.all()


def test_the_template_that_ships_shows_four_examples_and_the_pair() -> None:
    template = pair_template("auto")
    views = ItemViews(pl.DataFrame({"item_id": ["a", "b"], "title": ["Red", "Blue"]}), ["R.", None])
    (request,) = pair_requests(views, np.array([[0, 1]]), template)
    roles = [message["role"] for message in request.messages]
    assert roles == ["system", *["user", "assistant"] * 4, "user"]
    for message in request.messages[2::2]:
        read_aspects(message["content"], template.schema or {})
    said = " ".join(request.messages[-1]["content"].split())
    assert said == "One Title: Red R. Other Title: Blue"
    assert (request.entity, request.schema) == ("a|b", template.schema)


def test_a_template_that_asks_for_no_score_gets_a_sentence(tmp_path: Path) -> None:
    own = tmp_path / "own.md"
    own.write_text(SIMILAR_PAIR.read_text().replace("maximum: 10", "multipleOf: 1"))
    with pytest.raises(TemplateError, match=r"own\.md must ask for a score"):
        pair_template(str(own))


def test_under_the_control_pairs_and_phrases_go_with_the_texts(
    tiny_experiment: Path, tmp_path: Path, judge: Judge
) -> None:
    source = others(N_ITEMS, "item", 0)
    honest, moved = (
        plan_of(tiny_experiment, tmp_path, f"control={control}", "phrases.most_share=1.0")
        for control in ("none", "shuffled")
    )
    for stage, load in (("pairs", Pairs.load), ("phrases", Phrases.load)):
        found = []
        for plan in (honest, moved):
            run_steps(plan, plan.steps(stage), Quiet())
            found.append(load(plan.store.place(stage, plan.step(stage).key)))
        plain, control = found
        for item in range(N_ITEMS):
            theirs = dict(plain.of(int(source[item])))
            own = dict(control.of(item))
            if stage == "pairs":
                own = {int(source[other]): weight for other, weight in own.items()}
            assert own == pytest.approx(theirs)
            assert theirs
