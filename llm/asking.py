"""Who is described, and who has to be asked about: not whom the cache or another run answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from llm.cache import ResponseCache
from llm.claims import Claims
from llm.protocol import Backend, request_key
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
        tell: Callable[[int], None],
    ) -> None:
        self._requests, self._backend, self._cache = iter(requests), backend, cache
        self._claims, self._tell = claims, tell
        self._elsewhere: dict[str, Request] = {}  # other runs are asking these
        self._waiting = 0
        self.entities: list[str] = []
        self.templates: list[str] = []
        self.keys: list[str] = []
        self.schemas: list[Mapping[str, Any] | None] = []

    def settled(self, key: str) -> None:
        """One request less is waiting."""
        self._claims.drop([key])
        self._waiting -= 1
        self._tell(len(self.keys) - self._waiting)

    def unanswered(self) -> Iterator[Request]:
        """Requests that the cache has no answer to and no other run is asking, each key once."""
        met: set[str] = set()
        while some := list(islice(self._requests, _AT_ONCE)):
            keys = [request_key(self._backend, request) for request in some]
            met |= self._cache.answered(keys)
            mine, there = self._taken([key for key in dict.fromkeys(keys) if key not in met])
            met |= there
            for key, request in zip(keys, some, strict=True):
                self.entities.append(request.entity)
                self.templates.append(request.template)
                self.keys.append(key)
                self.schemas.append(request.schema)
                if key not in met:
                    met.add(key)
                    self._waiting += 1
                    if key in mine:
                        yield request
                    else:
                        self._elsewhere[key] = request

    def given_up_elsewhere(self) -> list[Request]:
        """Requests that other runs did not answer; none when they have answered all the others."""
        while some := dict(islice(self._elsewhere.items(), _AT_ONCE)):
            mine, there = self._taken(list(some))
            for key in there:
                del self._elsewhere[key]
                self.settled(key)
            if mine:
                return [self._elsewhere.pop(key) for key in some if key in mine]
            if not there:
                self._tell(len(self.keys) - self._waiting)
                time.sleep(_POLL_S)
        return []

    def _taken(self, keys: Sequence[str]) -> tuple[set[str], set[str]]:
        """Of `keys`, those that are to be asked here, and those that are answered by now."""
        if not keys:
            return set(), set()
        free = self._claims.take(keys)
        there = self._cache.answered(keys)
        self._claims.drop(free & there)
        return free - there, there
