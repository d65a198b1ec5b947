"""What the process of the page knows and does before a visitor comes."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from streamlit import cli_util, config
from streamlit.web.server.server_util import get_display_address, get_url

from app.serve.hosts import Hosts

ALLOWED = "AUTOGRAPH_ALLOWED_HOSTS"
"""Names in the environment, joined by commas, that `autograph ui --allow-host` adds."""


@cache
def known_hosts() -> Hosts:
    """The names of the page that runs in this process."""
    names = os.environ.get(ALLOWED, "").split(",")
    bound = config.get_option("server.address") or ""
    return Hosts(bound, [name.strip() for name in names if name.strip()])


@asynccontextmanager
async def open_browser(_app: object) -> AsyncIterator[dict[str, Any]]:
    """Opens a browser on the page, unless it was started without; it waits for the answer."""
    if not config.get_option("server.headless"):
        cli_util.open_browser(get_url(get_display_address(config.get_option("server.address"))))
    yield {}
