"""Signing in with a password, on a page of its own: a session of Streamlit ends with a refresh."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

PASSWORD, PASSWORD_FILE = "AUTOGRAPH_PASSWORD", "AUTOGRAPH_PASSWORD_FILE"
"""In the environment: the password, or the file that holds it."""
COOKIE = "autograph-session"
LASTS_S = 12 * 3600
MOST_BYTES = 4_000
"""Of a form."""
IN = '<a href="/sign-in" target="_self">Sign in to run and change things</a>'
OUT = '<a href="/sign-out" target="_self">Sign out</a>'
Clock = Callable[[], float]


def has_password() -> bool:
    """Whether the page can be signed in to with a password."""
    return bool(os.environ.get(PASSWORD) or os.environ.get(PASSWORD_FILE))


def password() -> str | None:
    """The password; None where none is set or its file cannot be read."""
    path = os.environ.get(PASSWORD_FILE)
    if not path:
        return os.environ.get(PASSWORD) or None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def is_password(given: str) -> bool:
    """Whether it is the password; wrong ones take as long, whatever they have in common with it."""
    right = password()
    return right is not None and hmac.compare_digest(_hash(given), _hash(right))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


@dataclass(slots=True)
class Attempts:
    """Wrong passwords, of one address and of all.

    Attributes:
        of_one: Most of one address within the time; of all together it is twenty times as many.
        within_s: The time, in seconds.
        clock: Gives seconds.
    """

    of_one: int = 5
    within_s: float = 60.0
    clock: Clock = time.monotonic
    failed: deque[tuple[float, str]] = field(default_factory=deque)

    def wait_s(self, address: str) -> float:
        """Seconds until this address may try again; 0 where it may."""
        self._forget()
        own = [at for at, who in self.failed if who == address]
        held = [at for at, _ in self.failed] if len(self.failed) >= 20 * self.of_one else []
        held = own if len(own) >= self.of_one else held
        return held[0] + self.within_s - self.clock() if held else 0.0

    def fail(self, address: str) -> None:
        """Keeps that this address gave a wrong one."""
        self.failed.append((self.clock(), address))

    def _forget(self) -> None:
        while self.failed and self.failed[0][0] <= self.clock() - self.within_s:
            self.failed.popleft()


@dataclass(slots=True)
class Sessions:
    """Who is signed in, by the hash of what their cookie holds; it ends with this process."""

    clock: Clock = time.monotonic
    until: dict[str, float] = field(default_factory=dict)

    def begin(self) -> str:
        """What the cookie of somebody who signs in holds."""
        for key in [key for key, end in self.until.items() if end <= self.clock()]:
            self.until.pop(key, None)
        token = secrets.token_urlsafe(32)
        self.until[_hash(token)] = self.clock() + LASTS_S
        return token

    def holds(self, token: str | None) -> bool:
        """Whether it is the cookie of somebody who is signed in."""
        return token is not None and self.until.get(_hash(token), 0.0) > self.clock()

    def end(self, token: str | None) -> None:
        """Signs somebody out."""
        if token is not None:
            self.until.pop(_hash(token), None)


SESSIONS, ATTEMPTS = Sessions(), Attempts()
STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; display: grid; min-height: 100vh; place-items: center; }
main { width: min(20rem, 90vw); } h1 { font-size: 1.5rem; }
form { display: grid; gap: .75rem; } input, button { font: inherit; padding: .5rem .75rem; }
button { background: #0b5cad; color: #fff; border: 0; border-radius: .5rem; cursor: pointer; }
"""


async def sign_in(request: Request) -> Response:
    """The form, and the way into the page for who knows the password."""
    if not has_password():
        return _form("This page has no password.", 404)
    if request.method == "GET":
        return _form()
    given = await _given(request)  # from here on no other request comes between
    address = request.client.host if request.client else ""
    wait = ATTEMPTS.wait_s(address)
    if wait > 0:
        return _form(f"Too many wrong passwords. Try again in {wait:.0f} seconds.", 429)
    if not is_password(given):
        ATTEMPTS.fail(address)
        return _form("That is not the password.", 403)
    answer = RedirectResponse("/", 303)
    forwarded = request.headers.get("x-forwarded-proto", request.url.scheme)
    answer.set_cookie(
        COOKIE,
        SESSIONS.begin(),
        max_age=LASTS_S,
        httponly=True,
        samesite="strict",
        secure=forwarded == "https",
    )
    return answer


async def sign_out(request: Request) -> Response:
    """The page, for somebody who is a viewer again."""
    SESSIONS.end(request.cookies.get(COOKIE))
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer


async def _given(request: Request) -> str:
    """The password in a form; "" where the form is too long, or none."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return ""
    return parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]


def _form(sentence: str = "", status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        f"""<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Sign in · AutoGraph</title>
<style>{STYLE}</style></head><body><main><h1>AutoGraph</h1>
<p>With the password you may run and change things. <a href="/">Look without it</a></p>
<form method="post" action="/sign-in"><label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
autofocus><button>Sign in</button></form><p role="alert">{escape(sentence)}</p>
</main></body></html>""",
        status,
        {"Cache-Control": "no-store", "Referrer-Policy": "same-origin"},
    )


ROUTES = (
    Route("/sign-in", sign_in, methods=["GET", "POST"]),
    Route("/sign-out", sign_out, methods=["GET"]),
)
