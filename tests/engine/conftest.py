"""The real engine, in this process and as a server.

The folder is not called vllm: it would pass for the package of that name.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ON_A_CPU = {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
}
os.environ.update(ON_A_CPU, VLLM_ENABLE_V1_MULTIPROCESSING="0")
STARTS_IN_S = 480
Serve = Callable[..., str]


@pytest.fixture(scope="session")
def serve(tiny_qwen: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Starts a server of the tiny model, called "tiny": `serve(*options)` is its address."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*options: str) -> str:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        log = tmp_path_factory.mktemp("server") / "log.txt"
        module = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--enforce-eager"]
        model = ["--model", str(tiny_qwen), "--served-model-name", "tiny", "--dtype", "float32"]
        where = ["--host", "127.0.0.1", "--port", str(port)]
        with log.open("wb") as out:
            command = [*module, *model, *where, *options]
            running.append(subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT))
        wait_for(f"http://127.0.0.1:{port}/health", running[-1], log)
        return f"http://127.0.0.1:{port}/v1"

    yield start
    for process in running:
        process.terminate()
        process.wait(30)


def wait_for(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Returns when the server answers."""
    until = time.monotonic() + STARTS_IN_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    process.kill()
    pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")
