"""Pairs of items that are alike: candidates by vectors, judged by vectors or by a model.

The graph of TopoI2I (Sun et al., Large language models as topological structure enhancers for
text-attributed graphs, 2023), which AutoGraph is compared with: a model is asked about the E
nearest items of each, O(N·E) calls where one a node would be O(N).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from data import atomic
from data.relation import Relation, offsets_of
from llm.cache import ResponseCache
from llm.knowledge import Knowledge, Progress, describe
from llm.protocol import Backend, request_key
from llm.settings import GateConfig
from llm.vectors import Vectors
from prompts.pairs import SCORE, pair_requests, score_range
from prompts.requests import Request
from prompts.template import Template
from prompts.views import View

BY_VECTORS = "vectors (no LLM)"
"""The judge that asks no model, as results show it."""
_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Pairs:
    """Items that are alike; every edge stands at both its ends.

    Attributes:
        ids: (n,) external ids of items.
        offsets: (n + 1,) int64; item i is like `items[offsets[i]:offsets[i + 1]]`.
        items: (e,) int32 dense numbers, the most alike first.
        weights: (e,) float32 how alike, above 0 and up to 1.
        judge: Who decided.
        candidates: Pairs that were judged, each once.
        failed: Those of them without a verdict, which are no edges.
        leaking: The judge, or the texts that were judged, have seen valid or test interactions.
    """

    ids: tuple[str, ...]
    offsets: np.ndarray
    items: np.ndarray
    weights: np.ndarray
    judge: str
    candidates: int
    failed: int = 0
    leaking: bool = False

    @property
    def relation(self) -> Relation:
        """From items to items like them."""
        return Relation(self.offsets, self.items, len(self.ids), weights=self.weights)

    @property
    def alike(self) -> int:
        """Pairs that are alike, each counted once."""
        return len(self.items) // 2

    @property
    def degrees(self) -> np.ndarray:
        """(n,) int64 items like each."""
        return np.diff(self.offsets)

    def of(self, item: int) -> list[tuple[int, float]]:
        """Items like one, with how alike they are, the most alike first."""
        part = slice(self.offsets[item], self.offsets[item + 1])
        return list(zip(self.items[part].tolist(), self.weights[part].tolist(), strict=True))

    def save(self, directory: Path) -> None:
        """Edges, and what is known of them, in `directory`."""
        arrays = {name: getattr(self, name) for name in ("offsets", "items", "weights")}
        atomic.write_arrays(directory / "edges.safetensors", arrays)
        names = ("judge", "candidates", "failed", "leaking", "ids")
        atomic.write_json(directory / "pairs.json", {name: getattr(self, name) for name in names})

    @classmethod
    @atomic.report_damage
    def load(cls, directory: Path) -> Pairs:
        """The pairs stored by `save`."""
        about: dict[str, Any] = atomic.read_json(directory / "pairs.json")
        about["ids"] = tuple(about["ids"])
        return cls(**about, **atomic.read_arrays(directory / "edges.safetensors"))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs that a judge looks at, each once.

    Attributes:
        pairs: (p, 2) int32 dense numbers, the smaller first, in order.
        cosine: (p,) float32 cosine of their vectors.
        mutual: (p,) bool, whether each is among the nearest of the other.
        leaking: The texts of the items have seen valid or test interactions.
    """

    pairs: np.ndarray
    cosine: np.ndarray
    mutual: np.ndarray
    leaking: bool = False

    def __len__(self) -> int:
        return len(self.pairs)


def nearest_pairs(vectors: Vectors, each: int) -> Candidates:
    """Every item with its nearest others; at most n · `each` pairs, fewer where both chose.

    Items without a text have no vector of their own, so no pair either.

    Args:
        vectors: Of items.
        each: Nearest items of each, E of the paper.

    Source: AutoGraph, section 4.3: pre-filtering, O(N·E) calls.
    """
    told = np.setdiff1d(np.arange(len(vectors.ids)), np.array(vectors.missing, dtype=np.int64))
    near, cosine = _nearest(vectors.matrix[told], min(each, max(len(told) - 1, 0)))
    ends = np.stack([np.repeat(told, near.shape[1]), told[near.ravel()]], axis=1)
    ends.sort(axis=1)
    key = ends[:, 0] * len(vectors.ids) + ends[:, 1]
    _, first, times = np.unique(key, return_index=True, return_counts=True)
    pairs = ends[first].astype(np.int32)
    return Candidates(pairs, cosine.ravel()[first], times > 1, vectors.leaking)


def _nearest(matrix: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, k) int64 rows nearest to each but itself, nearest first, and their cosines."""
    length = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit = (matrix / np.maximum(length, np.finfo(np.float32).tiny)).astype(np.float32)
    near = np.zeros((len(unit), k), dtype=np.int64)
    cosine = np.zeros((len(unit), k), dtype=np.float32)
    for start in range(0, len(unit) if k else 0, _ROWS_AT_ONCE):
        scores = unit[start : start + _ROWS_AT_ONCE] @ unit.T
        row = np.arange(len(scores))
        scores[row, start + row] = -np.inf
        top = np.argpartition(-scores, k - 1, axis=1)[:, :k]
        found = np.take_along_axis(scores, top, axis=1)
        order = np.lexsort((top, -found), axis=1)
        near[start + row] = np.take_along_axis(top, order, axis=1)
        cosine[start + row] = np.take_along_axis(found, order, axis=1)
    return near, cosine


def judge_by_vectors(
    ids: Sequence[str], candidates: Candidates, least_cosine: float, mutual: bool
) -> Pairs:
    """Candidates that are near enough; no model is asked.

    Args:
        ids: (n) external ids of items.
        candidates: From `nearest_pairs`.
        least_cosine: An edge has more than this, and more than 0.
        mutual: Whether each must be among the nearest of the other.
    """
    near = candidates.cosine > max(least_cosine, 0.0)
    if mutual:
        near &= candidates.mutual
    weights = np.minimum(candidates.cosine[near], 1.0)
    found = _both_ways(ids, candidates.pairs[near], weights, BY_VECTORS, len(candidates))
    return replace(found, leaking=candidates.leaking)


def judge_by_scores(
    ids: Sequence[str],
    candidates: Candidates,
    scores: np.ndarray,
    least_score: float,
    judge: str,
    leaking: bool = False,
) -> Pairs:
    """Candidates that a model finds alike.

    Args:
        ids: (n) external ids of items.
        candidates: From `nearest_pairs`.
        scores: (p,) verdicts from 0 to 1; nan where there is none.
        least_score: An edge has at least this, and more than 0.
        judge: Who gave the scores.
        leaking: Whether the judge is known to have seen held-out interactions.
    """
    alike = (scores >= least_score) & (scores > 0)  # nan is neither
    failed = int(np.isnan(scores).sum())
    found = _both_ways(ids, candidates.pairs[alike], scores[alike], judge, len(candidates))
    return replace(found, failed=failed, leaking=leaking or candidates.leaking)


def scores_of(answers: pl.DataFrame, low: float, high: float) -> np.ndarray:
    """(p,) float32 scores of answers, `low` as 0 and `high` as 1; nan where there is none.

    Args:
        answers: A row a pair, with the columns of `llm.knowledge.SCHEMA`.
        low: Least score that could be given.
        high: Greatest.
    """
    given = (_score(json.loads(cell)) if cell else np.nan for cell in answers["aspects"])
    scores = np.fromiter(given, dtype=np.float32, count=answers.height)
    shares: np.ndarray = np.clip((scores - low) / (high - low), 0, 1)
    return shares


def _score(aspects: Mapping[str, Any]) -> float:
    return float(aspects.get(SCORE, np.nan))


def _both_ways(
    ids: Sequence[str], pairs: np.ndarray, weights: np.ndarray, judge: str, candidates: int
) -> Pairs:
    """Edges in both directions, by item and weight."""
    source, target = np.concatenate([pairs, pairs[:, ::-1]]).T.reshape(2, -1)
    weight = np.concatenate([weights, weights]).astype(np.float32)
    order = np.lexsort((target, -weight, source))
    edges = np.ascontiguousarray(target[order], dtype=np.int32)
    return Pairs(tuple(ids), offsets_of(source, len(ids)), edges, weight[order], judge, candidates)


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


def unanswered_requests(
    questions: Questions, backend: Backend, cache: ResponseCache
) -> list[Request]:
    """The calls that judging takes: different requests to which the cache has no answer."""
    first: dict[str, Request] = {}
    for request in questions.requests():
        first.setdefault(request_key(backend, request), request)
    answered = cache.answered_keys(first)
    return [request for key, request in first.items() if key not in answered]


def judge_by_model(
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
    pairs = judge_by_scores(questions.ids, candidates, scores, least_score, judge, leaking)
    return pairs, answers


def _of_pairs(tell: Progress | None) -> Callable[[int, int, str], None] | None:
    return None if tell is None else lambda done, total, _what: tell(done, total, "pairs")
