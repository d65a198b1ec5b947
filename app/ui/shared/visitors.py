"""Who visits the page, and what they may do: viewers look, and who signed in may change things.

Viewers are all visitors of a page that was started for them, until they sign in: by a password, or
by OpenID Connect where `.streamlit/secrets.toml` has `[auth]` and names its `editors`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.secrets import secrets_singleton

from app.serve import sign_in
from data import rights

VIEWER = "AUTOGRAPH_VIEWER"
"""Set in the environment where visitors only look."""
SHARED = ("demo", "ask", "serve", "graph", "query", "factors", "compare", "report")
"""Screens that change nothing, the one that viewers meet first in front."""
EXPORT = "AUTOGRAPH_EXPORT"
"""Set in the environment, to a folder, where the page shows an export and nothing else."""
OF_EXPORT = ("demo", "serve")
"""Screens that an export is enough for."""
SECRETS = "autograph"
"""Section of Streamlit's secrets that holds `editors`."""


def has_viewers() -> bool:
    """Whether visitors are viewers until they sign in."""
    return bool(os.environ.get(VIEWER)) or sign_in.has_password() or _has_oidc()


def export_alone() -> Path | None:
    """The folder of the export that the page shows alone; None where it shows a workspace."""
    named = os.environ.get(EXPORT)
    return Path(named) if named else None


def may_change() -> bool:
    """Whether the visitor of this run may run and change things; of an export alone, nobody."""
    if export_alone() is not None:
        return False
    if not has_viewers():
        return True
    if get_script_run_ctx(suppress_warning=True) is None:
        return False
    return _has_signed_in() or _is_editor()


def _has_signed_in() -> bool:
    token = st.context.cookies.get(sign_in.COOKIE)
    return isinstance(token, str) and sign_in.SESSIONS.holds(token)


def opens(path: str) -> bool:
    """Whether the screen of a path is open to the visitor."""
    if export_alone() is not None:
        return path in OF_EXPORT
    return path in SHARED or may_change()


def is_named(user: Mapping[str, Any], editors: Sequence[str]) -> bool:
    """Whether an identity is one of the editors; an address that is not verified is nobody's.

    >>> is_named({"email": "Ann@Example.org"}, ["*@example.org"])
    True
    """
    email = str(user.get("email") or "").lower()
    verified = user.get("email_verified", True) in (True, "true")
    return bool(email) and verified and any(fnmatchcase(email, one.lower()) for one in editors)


def _secrets(section: str) -> Mapping[str, Any]:
    """A section of Streamlit's secrets, empty where there is none."""
    if not secrets_singleton.load_if_toml_exists():
        return {}
    found = secrets_singleton.get(section, {})
    return found if isinstance(found, Mapping) else {}


def _has_oidc() -> bool:
    return bool(_secrets("auth"))


def _is_editor() -> bool:
    if not _has_oidc() or not getattr(st.user, "is_logged_in", False):
        return False
    return is_named(st.user.to_dict(), list(_secrets(SECRETS).get("editors", ())))


def draw() -> None:
    """Who the visitor is taken for, and the way in or out."""
    if not has_viewers() or export_alone() is not None:
        return
    if not may_change():
        st.caption("You are a viewer: you see results, and change nothing.")
    if _has_signed_in():
        st.html(sign_in.OUT)
    elif sign_in.has_password():
        st.html(sign_in.IN)
    if _has_oidc():
        _draw_oidc()


def _draw_oidc() -> None:
    if not getattr(st.user, "is_logged_in", False):
        st.button("Sign in with your account", icon=":material/login:", on_click=st.login)
        return
    if not may_change():
        st.caption("Your account is not among the editors in `.streamlit/secrets.toml`.")
    st.button("Sign out of your account", icon=":material/logout:", on_click=st.logout)


rights.ask(may_change)
