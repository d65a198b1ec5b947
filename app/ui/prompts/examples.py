"""Whom templates are tried on, and who answers: users, items, and the backend."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st
from pydantic import ValidationError

from app.jobs.commands import backend_change
from app.ui.shared import address, frame
from app.ui.shared.remembered import BETWEEN, keep_some, remember_some

if TYPE_CHECKING:
    from llm.workshop.scene import Scene

ALL_UP_TO = 10_000
"""Entities up to which all stand in the list; beyond, a search finds some."""
FOUND = 50
"""Entities that a search shows."""
KEPT: Any = {"persist_state": "session"}
OPENED = "asked scene"
"""In the session: the scene with another backend, so that its tokenizer is read once."""
OWN, SERVER, VLLM = "own", "server", "vllm"


def pick(scene: Scene, key: str) -> int:
    """The number of the entity that a person picks; the one selected on the page at first.

    What is picked is selected for the rest of the page.
    """
    options = _options(scene, key)
    state = f"{key} {scene.side}"
    node = address.selected_node()
    if node is not None and node.type == scene.side and node.id in scene.ids:
        st.session_state[state] = scene.ids.number(node.id)
        options = list(dict.fromkeys([*options, st.session_state[state]]))
    if st.session_state.get(state) not in options:
        st.session_state.pop(state, None)
    what = "viewer, reader or other user" if scene.side == "user" else "item"
    return int(
        st.selectbox(
            "User" if scene.side == "user" else "Item",
            options,
            key=state,
            format_func=lambda number: name_of(scene, number),
            help=f"The {what} whose values and prompt are shown.",
            on_change=_select,
            args=(scene, state),
        )
    )


def pick_some(scene: Scene, name: str, at_most: int) -> list[int]:
    """Numbers of the entities that a person picks, at most so many; three at random at first.

    Args:
        scene: Whose entities.
        name: Of the choice in the address, which holds external ids.
        at_most: How many.
    """
    ids = scene.ids.external
    options = [ids[number] for number in _options(scene, name)]
    default = [ids[number] for number in scene.choose([], 3)]
    picked = st.session_state.get(f"chosen {name}") or ()
    asked = st.query_params.get(name, "").split(BETWEEN)
    known = [one for one in (*default, *picked, *asked) if one in scene.ids]
    options = list(dict.fromkeys([*options, *known]))
    chosen: Sequence[str] = st.multiselect(
        "Users" if scene.side == "user" else "Items",
        options,
        key=remember_some(name, options, default, at_most, scene.side),
        max_selections=at_most,
        format_func=lambda one: name_of(scene, scene.ids.number(one)),
        help=f"Up to {at_most}; three at random to begin with.",
    )
    keep_some(name, chosen, default)
    return [scene.ids.number(one) for one in chosen]


def name_of(scene: Scene, number: int) -> str:
    """How an entity is called in a list: by its title, and by its id where that differs."""
    title, entity = scene.title(number), scene.ids.external[number]
    return title if title == entity else f"{title} · {entity}"


def _options(scene: Scene, key: str) -> list[int]:
    """All entities where they are few; otherwise those that a search finds."""
    if len(scene.ids) <= ALL_UP_TO:
        return list(range(len(scene.ids)))
    words = st.text_input(
        "Look for", key=f"{key} search {scene.side}", type="search", placeholder="Name or id"
    )
    return scene.find(words or "", FOUND)


def _select(scene: Scene, state: str) -> None:
    number = st.session_state.get(state)
    if number is not None:
        address.select(address.Node(scene.side, scene.ids.external[number]))


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
    return _open_scene(scene, given)


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


def _open_scene(scene: Scene, given: dict[str, Any]) -> Asked | None:
    from llm.settings import ServerConfig, VllmConfig
    from llm.workshop.scene import with_backend

    if not given["model"]:
        st.info("Name the model to go on.", icon=":material/smart_toy:")
        return None
    kind: Any = ServerConfig if given["backend"] == "server" else VllmConfig
    try:
        config = kind.model_validate(given)
    except ValidationError as error:
        frame.show_error(error.errors()[0]["msg"])
        return None
    change = backend_change(scene.side, config)
    before = st.session_state.get(OPENED)
    if before is None or before[:2] != (id(scene), change):
        st.session_state[OPENED] = id(scene), change, with_backend(scene, config)
    return Asked(st.session_state[OPENED][2], (change,))
