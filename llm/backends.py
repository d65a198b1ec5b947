"""The backends by name."""

from __future__ import annotations

from llm.facts import FactsBackend
from llm.protocol import Backend
from llm.replay import ReplayBackend
from llm.server import ServerBackend
from llm.settings import BackendConfig, ReplayConfig, ServerConfig, VllmConfig


def open_backend(config: BackendConfig) -> Backend:
    """The backend that settings describe.

    Raises:
        DataError: its file is missing or damaged.
    """
    if isinstance(config, ReplayConfig):
        return ReplayBackend(config)
    if isinstance(config, ServerConfig):
        return ServerBackend(config)
    if isinstance(config, VllmConfig):
        from llm.engine import VllmBackend

        return VllmBackend(config)
    return FactsBackend()
