"""What stands before every endpoint: who may come in, for how long, and one shape of errors."""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app.serve.counts import Counts
from app.serve.hosts import Hosts
from app.serve.limits import Limits
from app.serve.wire import Error, Kind, Refusal
from data.inert import visible

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger("autograph.serve")
JSON = "application/json"
GONE = 499
"""Status under which requests are counted whose client did not wait."""
AFTER_S = "1"
"""When somebody whom a busy server sent away may come again."""
MCP = "/mcp"


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in.

    Attributes:
        hosts: Under which names the server answers.
        token: That every request has to bring; None asks for none.
        open: Paths for which no token is needed.
    """

    hosts: Hosts = field(default_factory=lambda: Hosts(what="server", command="autograph serve"))
    token: str | None = None
    open: tuple[str, ...] = ("/health", "/docs", "/openapi.json")

    def knows(self, given: str | None) -> bool:
        """Whether a header Authorization holds the token; as slow for any wrong one."""
        if self.token is None:
            return True
        scheme, _, said = (given or "").partition(" ")
        right = hmac.compare_digest(said.encode("utf-8", "surrogateescape"), self.token.encode())
        return right and scheme.lower() == "bearer"


class Gate:
    """Lets requests to an app in, in bounds, and counts them.

    Args:
        app: That answers; what it raises as `Refusal` goes out as JSON.
        door: Who may come in.
        limits: Of time, bytes and requests at once.
        counts: That are kept.
    """

    def __init__(self, app: ASGIApp, door: Door, limits: Limits, counts: Counts) -> None:
        self._app, self._door, self._limits, self._counts = app, door, limits, counts
        self._in_flight = 0
        self._unwelcome = lru_cache(maxsize=256)(door.hosts.refusal)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or says why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin, status = time.perf_counter(), 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        self._in_flight += 1
        self._counts.begin(self._in_flight)
        try:
            refusal = await self._answer(scope, receive, sent)
            if refusal is not None and not status:
                await refused(refusal)(scope, receive, sent)
        except ClientDisconnect:
            status = GONE
        finally:
            self._in_flight -= 1
            took = time.perf_counter() - begin
            self._counts.answer(scope["path"], status or GONE, took, self._in_flight)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> Refusal | None:
        """Why there is no answer; None where there is one."""
        try:
            self._let_in(scope)
            async with asyncio.timeout(self._limits.seconds):
                await self._app({**scope, "app": self}, receive, send)
        except Refusal as refusal:
            return refusal
        except HTTPException as error:
            return _of_routes(error, scope)
        except TimeoutError:
            return Refusal(
                Kind.SLOW,
                f"It took longer than the {self._limits.seconds:g} seconds that a request may "
                "take. Ask for less at once.",
            )
        except ClientDisconnect:
            raise
        except Exception:
            log.exception("An answer failed: %s", visible(scope["path"])[:200])
            return Refusal(Kind.BROKEN, "The server failed at this; its log says how.")
        return None

    def _let_in(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        why = self._unwelcome(hosts[0] if len(hosts) == 1 else None, headers.get("origin"))
        if why is not None:
            raise Refusal(Kind.HOST, why)
        if scope["path"] not in self._door.open and not self._door.knows(
            headers.get("authorization")
        ):
            raise Refusal(
                Kind.TOKEN,
                "This server asks for its token, in a header: Authorization: Bearer TOKEN",
                headers={"WWW-Authenticate": "Bearer"},
            )
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > self._limits.bytes:
            raise self.too_large()
        if self._in_flight > self._limits.requests and scope["path"] != "/health":
            raise Refusal(
                Kind.BUSY,
                f"{self._limits.requests} requests are being answered already. Come again.",
                headers={"Retry-After": AFTER_S},
            )

    def too_large(self) -> Refusal:
        """What is said to a body that is too long."""
        return Refusal(
            Kind.LARGE, f"A body has {self._limits.bytes:,} bytes at most. Ask in several."
        )


async def body_of(request: Request, most: int) -> bytes:
    """The body of a request, as long as it has at most so many bytes.

    Raises:
        Refusal: it has more.
    """
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > most:
            raise Refusal(Kind.LARGE, f"A body has {most:,} bytes at most. Ask in several.")
        parts.append(part)
    return b"".join(parts)


def refused(refusal: Refusal) -> Response:
    """A refusal as an answer."""
    raw = msgspec.json.encode(Error(refusal.told))
    return Response(raw, refusal.status, refusal.headers, JSON)


def _of_routes(error: HTTPException, scope: Scope) -> Refusal:
    path = visible(scope["path"])[:200]
    headers = dict(error.headers or {})
    if error.status_code == 405:
        allowed = headers.get("Allow", headers.get("allow", ""))
        return Refusal(
            Kind.METHOD, f"{path} answers {allowed}, not {scope['method']}.", headers=headers
        )
    return Refusal(Kind.ROUTE, f"There is nothing at {path}. /docs lists what there is.")
