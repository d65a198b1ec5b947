"""What happens in the process of the page before a visitor comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def open_browser(_app: object) -> AsyncIterator[dict[str, Any]]:
    """Opens a browser on the page, unless it was started without; it waits for the answer."""
    from streamlit import cli_util, config
    from streamlit.web.server.server_util import get_display_address, get_url

    if not config.get_option("server.headless"):
        cli_util.open_browser(get_url(get_display_address(config.get_option("server.address"))))
    yield {}
