"""What a visitor is writing, by template and version: the editor that holds it, and the draft."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.ui.shared.charts import palette
from data.errors import TemplateError
from prompts.drafts import draft_template, schema_text

if TYPE_CHECKING:
    from prompts.template import Template

HTML = '<div class="editor"><pre aria-hidden="true"></pre><textarea></textarea></div>'
STAMP, INSERT, FORGOTTEN = "editor stamp", "editor insert", "editor forgotten"
"""In the session: counts texts that Python put in, what is to go to the cursor, and when whose
drafts were given up or saved, in milliseconds since 1970."""
DRAFTS = "prompt drafts"
"""In the session: body and schema of what is written."""
Draft = tuple[str, str]


@cache
def _component() -> Callable[..., Any]:
    folder = Path(__file__).parent
    return st.components.v2.component(
        "autograph_template_editor",
        html=HTML,
        css=(folder / "editor.css").read_text(encoding="utf-8"),
        js=(folder / "editor.js").read_text(encoding="utf-8"),
    )


def edit(reference: str, text: str, saved: str, unknown: Sequence[str]) -> None:
    """Draws the editor; `text_now` tells what is in it.

    Args:
        reference: What is edited; each has a draft of its own.
        text: What is in it at this moment.
        saved: The text of the version; any other text is a draft, and outlives a refresh.
        unknown: Names to be marked.
    """
    colours = palette()
    _component()(
        key=_key(reference),
        data={
            "reference": reference,
            "label": f"Text of the template {reference}",
            "text": text,
            "saved": saved,
            "stamp": _stamp(),
            "insert": st.session_state.get(INSERT),
            "forgotten": st.session_state.get(FORGOTTEN, {}),
            "unknown": list(unknown),
            "colours": {
                "value": colours.user,
                "control": colours.violet,
                "wrong": colours.bad,
                "muted": colours.muted,
                "line": colours.line,
            },
        },
        on_written_change=lambda: None,
    )


def text_now(reference: str, otherwise: str) -> str:
    """What is in the editor; `otherwise` where nobody wrote since a text was put in."""
    state: Any = st.session_state.get(_key(reference)) or {}
    said = state.get("written") or {}
    return str(said["text"]) if said.get("stamp") == _stamp() else otherwise


def put_in() -> None:
    """Makes the editor begin afresh with the text that it is given next."""
    st.session_state[STAMP] = _stamp() + 1


def forget(reference: str) -> None:
    """Makes the browser forget a draft; what is written under its name afterwards stays.

    The browser remembers up to when it forgot, beyond this session, so that the time tells.
    """
    st.session_state.setdefault(FORGOTTEN, {})[reference] = time.time_ns() // 1_000_000


def insert(text: str) -> None:
    """Puts a text where the cursor is."""
    number = (st.session_state.get(INSERT) or {"number": 0})["number"] + 1
    st.session_state[INSERT] = {"text": text, "number": number}


def _stamp() -> int:
    return int(st.session_state.get(STAMP, 1))


def _key(reference: str) -> str:
    return f"editor {reference}"


def version_text(template: Template) -> Draft:
    """Body and schema of a version."""
    return template.body, schema_text(template)


def text_in_draft(template: Template) -> Draft:
    """Body and schema as they are written at this moment."""
    drafts: dict[str, Draft] = st.session_state.setdefault(DRAFTS, {})
    body, schema = drafts.get(template.label, version_text(template))
    body = text_now(template.label, body)
    schema = st.session_state.get(schema_key(template), schema) or ""
    if (body, schema) == version_text(template):
        drafts.pop(template.label, None)
    else:
        drafts[template.label] = (body, schema)
    return body, schema


def is_draft(template: Template) -> bool:
    """Whether anything was written that the version does not say."""
    return text_in_draft(template) != version_text(template)


def template_in_draft(template: Template) -> Template | None:
    """The template as it is written at this moment, if that differs from the version and is one."""
    if not is_draft(template):
        return None
    try:
        draft = draft_template(template, *text_in_draft(template))
    except TemplateError:
        return None
    return draft if draft.hash != template.hash else None


def put(template: Template, body: str) -> None:
    """Makes `body` what is written; for callbacks."""
    schema = text_in_draft(template)[1]
    st.session_state[DRAFTS][template.label] = (body, schema)
    put_in()


def discard(template: Template) -> None:
    """Goes back to what the version says; for callbacks."""
    st.session_state.setdefault(DRAFTS, {}).pop(template.label, None)
    st.session_state.pop(schema_key(template), None)
    put_in()
    forget(template.label)


def schema_key(template: Template) -> str:
    """Of the field with the schema."""
    return f"schema {template.label}"
