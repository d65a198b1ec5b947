"""Who is described, and who has to be asked about: not whom the cache or another run answers.

What the cache holds is an answer if it passes the gate of this run, whatever gate it met before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

from llm.cache import COLUMNS, PAID, ResponseCache
from llm.claims import Claims
from llm.gate import judge_reply
from llm.protocol import Backend, Reply, request_key
from llm.settings import GateConfig
from prompts.requests import Request

_AT_ONCE = 256
_POLL_S = 0.2
"""Seconds between two looks at what other runs answered."""


class Asked:
    """Remembers who was asked about, while the backend draws what has to be asked."""

    def __init__(
        self,
        requests: Iterable[Request],
        backend: Backend,
        cache: ResponseCache,
        claims: Claims,
        gate: GateConfig | None,
        tell: Callable[[int], None],
    ) -> None:
        self._requests, self._backend, self._cache = iter(requests), backend, cache
        self._claims, self._gate, self._tell = claims, gate, tell
        self._elsewhere: dict[str, Request] = {}  # other runs are asking these
        self._verdicts: dict[str, Reply] = {}  # where they are not what the cache has in force
        self._retried = gate is not None and gate.retries > 0
        self._rejected: list[Request] = []
        self._waiting = 0
        self.entities: list[str] = []
        self.templates: list[str] = []
        self.keys: list[str] = []
        self.schemas: list[Mapping[str, Any] | None] = []

    def settle(self, key: str) -> None:
        """One request less is waiting."""
        self._claims.drop([key])
        self._waiting -= 1
        self._tell(len(self.keys) - self._waiting)

    def heard(self, key: str, verdict: Reply) -> None:
        """A reply takes the place of an answer that did not pass."""
        if key in self._verdicts:
            self._verdicts[key] = verdict

    def row(self, key: str, *kept: Any) -> tuple[Any, ...]:
        """A row of the cache, key and COLUMNS, as it stands under the gate of this run."""
        verdict = self._verdicts.get(key)
        if verdict is None:
            return key, *kept
        told = {name: getattr(verdict, name) for name in (*PAID, "error")}
        return key, *({**dict(zip(COLUMNS, kept, strict=True)), **told}.values())

    def rejected_requests(self) -> list[Request]:
        """Requests whose answers in the cache did not pass, each told once: to be asked again."""
        told, self._rejected = self._rejected, []
        return told

    def unanswered_requests(self) -> Iterator[Request]:
        """Requests that the cache has no answer to and no other run is asking, each key once."""
        met: set[str] = set()
        while some := list(islice(self._requests, _AT_ONCE)):
            keys = [request_key(self._backend, request) for request in some]
            new = {key: one for key, one in zip(keys, some, strict=True) if key not in met}
            met |= self._answered_keys(new)
            mine, there = self._take({key: one for key, one in new.items() if key not in met})
            met |= there
            for key, request in zip(keys, some, strict=True):
                self.entities.append(request.entity)
                self.templates.append(request.template)
                self.keys.append(key)
                self.schemas.append(request.schema)
                if key not in met:
                    met.add(key)
                    self._waiting += 1
                    if key not in mine:
                        self._elsewhere[key] = request
                    elif key in self._verdicts:
                        self._rejected.append(request)
                    else:
                        yield request

    def requests_given_up(self) -> list[Request] | None:
        """Requests that other runs did not answer; None when they have answered all the others."""
        while some := dict(islice(self._elsewhere.items(), _AT_ONCE)):
            mine, there = self._take(some)
            for key in there:
                del self._elsewhere[key]
                self.settle(key)
            if mine:
                left = {key: self._elsewhere.pop(key) for key in some if key in mine}
                self._rejected += (one for key, one in left.items() if key in self._verdicts)
                return [one for key, one in left.items() if key not in self._verdicts]
            if not there:
                self._tell(len(self.keys) - self._waiting)
                time.sleep(_POLL_S)
        return None

    def _take(self, requests: Mapping[str, Request]) -> tuple[set[str], set[str]]:
        """Keys of requests that are to be asked here, and of those that are answered by now."""
        if not requests:
            return set(), set()
        free = self._claims.take(list(requests))
        there = self._answered_keys(requests)
        self._claims.drop(free & there)
        return free - there, there

    def _answered_keys(self, requests: Mapping[str, Request]) -> set[str]:
        """Keys of requests that need not be asked: an answer passes, or none may be asked again."""
        found, kept = set(), dict[str, list[tuple[Reply, bool]]]()
        for key, *paid, in_force in self._cache.answers(requests.keys()):
            kept.setdefault(key, []).append((Reply(requests[key], *paid), bool(in_force)))
        for key, answers in kept.items():
            (came, in_force), verdict = answers[0], _verdict(answers, self._gate)
            stands = in_force and verdict.text == came.text
            if verdict.error is None and not in_force:
                stands = self._cache.put(key, self._backend.model, replace(verdict, attempts=0))
            if stands:
                self._verdicts.pop(key, None)
            else:
                self._verdicts[key] = verdict
            if verdict.error is None or not self._retried:
                found.add(key)
        return found


def _verdict(answers: Iterable[tuple[Reply, bool]], gate: GateConfig | None) -> Reply:
    """What is taken of the first answer that passes; of none, why the first does not."""
    verdicts = (judge_reply(reply, gate) for reply, _ in answers)
    first = next(verdicts)
    passing = (verdict for verdict in verdicts if verdict.error is None)
    return first if first.error is None else next(passing, first)
