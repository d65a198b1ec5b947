"""A language model asked about pairs of items: which calls that takes, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from llm.cache import ResponseCache
from llm.knowledge import Knowledge, Progress, describe
from llm.pairs import Candidates, Pairs, judged_by_scores, scores_of
from llm.protocol import Backend, request_key
from llm.settings import GateConfig
from prompts.pairs import pair_requests, score_range
from prompts.requests import Request
from prompts.template import Template
from prompts.views import View


@dataclass(frozen=True, slots=True)
class Questions:
    """What a model is asked: one question a candidate.

    Attributes:
        ids: (n,) external ids of items.
        views: (n,) what may be seen of each.
        candidates: Pairs that are asked about.
        template: Asks for a score.
    """

    ids: Sequence[str]
    views: Sequence[View]
    candidates: Candidates
    template: Template

    def requests(self) -> Iterator[Request]:
        """A request a candidate, made as it is asked for.

        Raises:
            TemplateError: the template does not fit the data set.
        """
        return pair_requests(self.views, self.candidates.pairs, self.template)


def unanswered(questions: Questions, backend: Backend, cache: ResponseCache) -> list[Request]:
    """The calls that judging takes: different requests to which the cache has no answer."""
    first: dict[str, Request] = {}
    for request in questions.requests():
        first.setdefault(request_key(backend, request), request)
    answered = cache.answered(first)
    return [request for key, request in first.items() if key not in answered]


def judged_by_model(
    questions: Questions,
    backend: Backend,
    cache: ResponseCache,
    least_score: float,
    gate: GateConfig | None = None,
    on_progress: Progress | None = None,
) -> tuple[Pairs, Knowledge]:
    """Pairs that a model finds alike, and all its answers.

    Every answer is in the cache before the next is read, so a killed run loses only what was in
    flight; a pair without an answer that can be read is no edge.

    Args:
        questions: What is asked.
        backend: Who answers.
        cache: Holds answers of all runs.
        least_score: Share of the highest score from which on two items are alike.
        gate: What answers must be like.
        on_progress: Told of every answer.

    Raises:
        ArtifactError: the cache is damaged, or the disk is full.
        BackendError: nothing further can be asked of the backend.
    """
    candidates, requests = questions.candidates, questions.requests()
    answers = describe(requests, backend, cache, _of_pairs(on_progress), len(candidates), gate)
    scores = scores_of(answers.table, *score_range(questions.template))
    judge, leaking = backend.model, backend.leaking
    pairs = judged_by_scores(questions.ids, candidates, scores, least_score, judge, leaking)
    return pairs, answers


def _of_pairs(tell: Progress | None) -> Callable[[int, int, str], None] | None:
    return None if tell is None else lambda done, total, _what: tell(done, total, "pairs")
