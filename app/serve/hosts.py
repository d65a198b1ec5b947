"""Under which names the page answers; a page of somebody else must not drive it.

A site that a person has open can have its own name point at this machine (DNS rebinding), or send
requests from another origin. The browser says both, in Host and Origin, which no script can forge.
An address in digits is nobody's name, so it cannot be pointed elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.websockets import WebSocket

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = "localhost"


@dataclass(frozen=True, slots=True)
class Hosts:
    """Who the page is.

    Attributes:
        bound: The address that the server listens on; "" and 0.0.0.0 are all of this machine.
        allowed: Further names, each with or without a port, for instance of a reverse proxy.
        what: Who answers.
        command: That starts it.
    """

    bound: str = "127.0.0.1"
    allowed: Sequence[str] = ()
    what: str = "page"
    command: str = "autograph ui"

    def refusal(self, host: str | None, origin: str | None) -> str | None:
        """Why a request is refused, in a sentence; None for one that is welcome.

        >>> Hosts().refusal("localhost:8501", "http://localhost:8501") is None
        True
        >>> Hosts().refusal("localhost:8501", "http://localhost:3000")
        "The page does not take requests from the origin 'http://localhost:3000'."
        """
        if host is None or not self._is_mine(_name(host)):
            return (
                f"The {self.what} does not answer under the name {_name(host or '')!r}. "
                f"If it is yours, start the {self.what} with: {self.command} --allow-host NAME"
            )
        if origin is not None and not self._is_here(origin, host):
            return f"The {self.what} does not take requests from the origin {origin!r}."
        return None

    def _is_mine(self, name: str) -> bool:
        if name in {LOOPBACK, self.bound.lower(), *map(_name, self.allowed)} and name:
            return True
        try:
            address = ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or self.bound in ("", "0.0.0.0", "::")

    def _is_here(self, origin: str, host: str) -> bool:
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        places = {host.lower(), *(name.lower() for name in self.allowed)}
        return parts.scheme in ("http", "https") and parts.netloc.lower() in places


def _name(host: str) -> str:
    """The name in what a request calls a host, without its port; "" for what is none.

    >>> _name("Example.org:8501"), _name("[::1]:8501"), _name("a@b")
    ('example.org', '::1', '')
    """
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return ""
    alone = parts.netloc == host and "@" not in host
    return (parts.hostname or "").rstrip(".") if alone else ""


class HostGate:
    """Lets requests in, of HTTP and of WebSockets, that are meant for this page.

    What it answers may be framed by the page itself alone: a click on a page of somebody else must
    not be one on a button here.

    Args:
        app: That answers.
        hosts: Who the page is, asked for with each request: the server learns it as it starts.
    """

    def __init__(self, app: ASGIApp, hosts: Callable[[], Hosts]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request with 403 and a sentence, or passes it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        why = self._hosts().refusal(_only(headers, "host"), headers.get("origin"))
        if why is None:
            await self._app(_as_asked(scope, headers), receive, _framed_by_itself(send))
            return
        answer = PlainTextResponse(f"{why}\n", status_code=403)
        if scope["type"] == "websocket":
            await WebSocket(scope, receive, send).send_denial_response(answer)
        else:
            await answer(scope, receive, send)


def _as_asked(scope: Scope, headers: Headers) -> Scope:
    """The request under the name that its visitor sees.

    Streamlit compares Origin with Host too, and some reverse proxies put their own Host.
    """
    origin = headers.get("origin")
    if origin is None:
        return scope
    others = [(name, value) for name, value in scope["headers"] if name != b"host"]
    return {**scope, "headers": [*others, (b"host", urlsplit(origin).netloc.encode("latin-1"))]}


def _only(headers: Headers, name: str) -> str | None:
    """The value of a header that is there once."""
    values = headers.getlist(name)
    return values[0] if len(values) == 1 else None


def _framed_by_itself(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers.setdefault("Content-Security-Policy", "frame-ancestors 'self'")
        await send(message)

    return sent
