"""The backends by name."""

from __future__ import annotations

from data import rights
from llm.facts import FactsBackend
from llm.protocol import Backend
from llm.replay import ReplayBackend
from llm.server import ServerBackend
from llm.settings import BackendConfig, ReplayConfig, ServerConfig, VllmConfig


def open_backend(config: BackendConfig) -> Backend:
    """The backend that settings describe.

    Raises:
        DataError: its file is missing or damaged.
        RightsError: whoever is served may only look.
    """
    if isinstance(config, ServerConfig | VllmConfig):
        rights.require("ask a language model")
    if isinstance(config, ReplayConfig):
        return ReplayBackend(config)
    if isinstance(config, ServerConfig):
        return ServerBackend(config)
    if isinstance(config, VllmConfig):
        from llm.engine import VllmBackend

        return VllmBackend(config)
    return FactsBackend()
