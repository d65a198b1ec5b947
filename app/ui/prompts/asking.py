"""Whom to ask: the experiment's own backend, or another one for a trial."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st
from pydantic import ValidationError

from app.jobs.commands import backend_change
from app.ui.shared import frame

if TYPE_CHECKING:
    from llm.workshop.scene import Scene

KEPT: Any = {"persist_state": "session"}
OPENED = "asked scene"
"""In the session: the scene with another backend, so that its tokenizer is read once."""
OWN, SERVER, VLLM = "own", "server", "vllm"


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom to ask.

    Attributes:
        scene: The same users or items, described by that backend.
        changes: To the experiment, that have it so.
    """

    scene: Scene
    changes: tuple[str, ...]


def choose_backend(scene: Scene) -> Asked | None:
    """Whom a person chose, for all tabs; None where it cannot be asked, and the screen says why."""
    own = scene.backend_config.backend
    labels = {
        OWN: f"The experiment's: {own}" + ("" if scene.asks_model else " (no LLM)"),
        SERVER: "An endpoint",
        VLLM: "vLLM on this machine",
    }
    kind = st.segmented_control(
        "Backend",
        list(labels),
        default=OWN,
        required=True,
        format_func=labels.__getitem__,
        key="backend",
        help="Who answers. An endpoint is anything that speaks OpenAI's protocol.",
        **KEPT,
    )
    if kind == OWN:
        return Asked(scene, ())
    given = _server() if kind == SERVER else _vllm()
    return _opened(scene, given)


def _server() -> dict[str, Any]:
    columns = st.columns([2, 3, 2, 1])
    return {
        "backend": "server",
        "model": columns[0].text_input(
            "Model", key="asked model", placeholder="As the endpoint calls it", **KEPT
        ),
        "url": columns[1].text_input(
            "Address", "http://127.0.0.1:8000/v1", key="asked url", help="Up to /v1.", **KEPT
        ),
        "key_variable": columns[2].text_input(
            "Key in",
            "OPENAI_API_KEY",
            key="asked key variable",
            help="The environment variable that holds the key. The key itself is never shown.",
            **KEPT,
        ),
        "sampling": {
            "max_tokens": columns[3].number_input(
                "Longest",
                1,
                100_000,
                512,
                key="asked longest",
                help="Tokens of an answer.",
                **KEPT,
            )
        },
    }


def _vllm() -> dict[str, Any]:
    columns = st.columns([3, 1])
    return {
        "backend": "vllm",
        "model": columns[0].text_input(
            "Model", key="asked vllm model", placeholder="Name on the hub, or folder", **KEPT
        ),
        "sampling": {
            "max_tokens": columns[1].number_input(
                "Longest",
                1,
                100_000,
                512,
                key="asked vllm longest",
                help="Tokens of an answer.",
                **KEPT,
            )
        },
    }


def _opened(scene: Scene, given: dict[str, Any]) -> Asked | None:
    from llm.settings import ServerConfig, VllmConfig
    from llm.workshop.scene import with_backend

    if not given["model"]:
        st.info("Name the model to go on.", icon=":material/smart_toy:")
        return None
    kind: Any = ServerConfig if given["backend"] == "server" else VllmConfig
    try:
        config = kind.model_validate(given)
    except ValidationError as error:
        frame.failed(error.errors()[0]["msg"])
        return None
    change = backend_change(scene.side, config)
    before = st.session_state.get(OPENED)
    if before is None or before[:2] != (id(scene), change):
        st.session_state[OPENED] = id(scene), change, with_backend(scene, config)
    return Asked(st.session_state[OPENED][2], (change,))
