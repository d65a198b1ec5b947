"""The command that starts the page."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from data.errors import ConfigError

LOOPBACK = "127.0.0.1"


def serve(workspace: Path, port: int, address: str, browser: bool) -> int:
    """Runs the page until it is stopped; gives its exit code.

    Args:
        workspace: That it shows and writes to.
        port: Of the address.
        address: Of the machine; only loopback is safe without a password in front of it.
        browser: Whether to open a browser.

    Raises:
        ConfigError: Streamlit is not installed, or the page's file is not there.
    """
    if find_spec("streamlit") is None:
        raise ConfigError("The page needs Streamlit: pip install 'autograph-rec[ui]'")
    root = Path(__file__).resolve().parent.parent
    script = root / "streamlit_app.py"
    if not script.exists():
        raise ConfigError(f"The page's file is not there: {script}. Install from a checkout.")
    words = [
        *(sys.executable, "-m", "streamlit", "run", str(script)),
        *("--server.address", address, "--server.port", str(port)),
        *("--server.headless", "false" if browser else "true"),
    ]
    here = {"AUTOGRAPH_WORKSPACE": str(workspace.resolve()), "TOKENIZERS_PARALLELISM": "false"}
    return subprocess.call(words, cwd=root, env={**os.environ, **here})
