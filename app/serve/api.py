"""An export over HTTP: endpoints, each of which reads a body, asks the export and writes bytes.

Starlette routes, msgspec reads and writes: beside a bare endpoint of uvicorn, a framework that
checks bodies itself (FastAPI, Litestar) takes about twice as much of each answer's time.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router

from app.serve import answers
from app.serve.counts import TYPE, Counts
from app.serve.desk import Desk, Opened, last_word
from app.serve.gate import JSON, MCP, Door, Gate, body_of
from app.serve.limits import Limits
from app.serve.openapi import openapi, page
from app.serve.turns import Turns
from app.serve.wire import (
    ExplainBody,
    NewcomerBody,
    RecommendBody,
    Refusal,
    SimilarBody,
    read,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from app.serve.tools import Tools

ENDPOINTS = ("/recommend", "/similar", "/explain", "/newcomer", "/health", "/metrics")
FOR_BROWSERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_ENCODER = msgspec.json.Encoder()
_RECOMMEND = msgspec.json.Decoder(RecommendBody)
_SIMILAR = msgspec.json.Decoder(SimilarBody)
_EXPLAIN = msgspec.json.Decoder(ExplainBody)
_NEWCOMER = msgspec.json.Decoder(NewcomerBody)
Work = Callable[[Opened, Any, Limits], Any]


class Api:
    """The endpoints of a desk.

    Args:
        desk: Whose export answers.
        limits: What is refused.
        counts: That are kept.
        door: Who may come in.
    """

    def __init__(self, desk: Desk, limits: Limits, counts: Counts, door: Door) -> None:
        self._desk, self._limits, self._counts, self._door = desk, limits, counts, door
        self.open()

    def open(self) -> None:
        """Begins with nobody waiting."""
        desk = self._desk
        self._threads = ThreadPoolExecutor(os.cpu_count() or 1, "answer")
        self._of_turns = ThreadPoolExecutor(2, "turn")
        self._of_users, self._of_histories = (
            Turns(self._turn, seconds, self._of_turns)
            for seconds in (lambda: desk.opened.of_user_s, lambda: desk.opened.of_history_s)
        )

    async def recommend(self, request: Request) -> Response:
        """POST /recommend."""
        body = read(await body_of(request, self._limits.bytes), _RECOMMEND)
        self._counts.asks(1 if body.asks is None else len(body.asks))
        if not answers.is_quick(body):
            return await self._in_a_thread(answers.recommend, body)
        is_known = body.history is None and body.query is None
        turns = self._of_users if is_known else self._of_histories
        answer = await turns.take(body)
        if isinstance(answer, Refusal):
            raise answer
        return Response(answer, media_type=JSON)

    def _turn(self, bodies: Sequence[RecommendBody]) -> list[bytes | Refusal]:
        """Answers of one export to all who asked during the last turn."""
        found = answers.together(self._desk.opened, bodies, self._limits)
        return [one if isinstance(one, Refusal) else _ENCODER.encode(one) for one in found]

    async def similar(self, request: Request) -> Response:
        """POST /similar."""
        body = read(await body_of(request, self._limits.bytes), _SIMILAR)
        return await self._in_a_thread(answers.similar, body)

    async def explain(self, request: Request) -> Response:
        """POST /explain."""
        body = read(await body_of(request, self._limits.bytes), _EXPLAIN)
        return await self._in_a_thread(answers.explain, body)

    async def newcomer(self, request: Request) -> Response:
        """POST /newcomer."""
        body = read(await body_of(request, self._limits.bytes), _NEWCOMER)
        return await self._in_a_thread(answers.newcomer, body)

    async def _in_a_thread(self, work: Work, body: Any) -> Response:
        """An answer that nobody else shall wait for."""

        def answer() -> bytes:
            return _ENCODER.encode(work(self._desk.opened, body, self._limits))

        loop = asyncio.get_running_loop()
        return Response(await loop.run_in_executor(self._threads, answer), media_type=JSON)

    async def health(self, request: Request) -> Response:  # noqa: ARG002
        """GET /health."""
        return Response(msgspec.json.encode(last_word(self._desk)), media_type=JSON)

    async def metrics(self, request: Request) -> Response:  # noqa: ARG002
        """GET /metrics."""
        return Response(self._counts.text(), media_type=TYPE)

    async def openapi(self, request: Request) -> Response:
        """GET /openapi.json."""
        told = openapi(self._shown(request), self._limits, self._door.token is not None)
        return Response(msgspec.json.encode(told), media_type=JSON)

    async def docs(self, request: Request) -> Response:
        """GET /docs."""
        told = page(self._shown(request), self._limits, self._door.token is not None)
        return Response(told, headers=FOR_BROWSERS, media_type="text/html; charset=utf-8")

    def _shown(self, request: Request) -> Opened | None:
        """The export whose names are shown; none to who does not have the token."""
        known = self._door.knows(request.headers.get("authorization"))
        return self._desk.opened if known else None

    def close(self) -> None:
        """Ends the threads; what waits for one is not begun."""
        for threads in (self._threads, self._of_turns):
            threads.shutdown(wait=False, cancel_futures=True)


class Later:
    """The tools of MCP, made when they are first asked for: to import them takes a while.

    Args:
        desk: Whose export answers.
        limits: What is refused.
    """

    def __init__(self, desk: Desk, limits: Limits) -> None:
        self._desk, self._limits = desk, limits
        self._tools: Tools | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a message of MCP."""
        async with self._making:
            if self._tools is None:
                self._tools = await self._make()
        await self._tools(scope, receive, send)

    async def _make(self) -> Tools:
        tools = await asyncio.to_thread(import_module, "app.serve.tools")
        made: Tools = tools.Tools(tools.make_tools(self._desk, self._limits), self._limits)
        return made

    async def close(self) -> None:
        """Ends what was made."""
        tools, self._tools = self._tools, None
        if tools is not None:
            await tools.close()


def make_app(desk: Desk, limits: Limits = Limits(), door: Door = Door()) -> ASGIApp:  # noqa: B008
    """An export over HTTP.

    Args:
        desk: Whose export answers.
        limits: What is refused.
        door: Who may come in.
    """
    counts = Counts((*ENDPOINTS, MCP), desk)
    api, tools = Api(desk, limits, counts, door), Later(desk, limits)

    @asynccontextmanager
    async def life(app: Any) -> AsyncIterator[None]:  # noqa: ARG001
        api.open()
        try:
            yield
        finally:
            await tools.close()
            api.close()

    gets = {
        "/health": api.health,
        "/metrics": api.metrics,
        "/openapi.json": api.openapi,
        "/docs": api.docs,
    }
    posts = {
        "/recommend": api.recommend,
        "/similar": api.similar,
        "/explain": api.explain,
        "/newcomer": api.newcomer,
    }
    routes = [
        *(Route(path, of, methods=["POST"]) for path, of in posts.items()),
        *(Route(path, of, methods=["GET"]) for path, of in gets.items()),
        Route(MCP, tools, methods=["POST"]),
    ]
    router = Router(routes, redirect_slashes=False, lifespan=life)
    return Gate(router, door, limits, counts)
