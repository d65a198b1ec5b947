"""What a visitor is writing: in the session, by template and version, until it is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.ui.prompts import editor
from data.errors import TemplateError
from prompts.drafts import drafted, schema_text

if TYPE_CHECKING:
    from prompts.template import Template

DRAFTS = "prompt drafts"
"""In the session: body and schema of what is written."""
Draft = tuple[str, str]


def saved(template: Template) -> Draft:
    """Body and schema of a version."""
    return template.body, schema_text(template)


def current(template: Template) -> Draft:
    """Body and schema as they are written at this moment."""
    drafts: dict[str, Draft] = st.session_state.setdefault(DRAFTS, {})
    body, schema = drafts.get(template.label, saved(template))
    body = editor.text_now(template.label, body)
    schema = st.session_state.get(schema_key(template), schema) or ""
    if (body, schema) == saved(template):
        drafts.pop(template.label, None)
    else:
        drafts[template.label] = (body, schema)
    return body, schema


def is_draft(template: Template) -> bool:
    """Whether anything was written that the version does not say."""
    return current(template) != saved(template)


def written(template: Template) -> Template | None:
    """The template as it is written at this moment, if that differs from the version and is one."""
    if not is_draft(template):
        return None
    try:
        draft = drafted(template, *current(template))
    except TemplateError:
        return None
    return draft if draft.hash != template.hash else None


def put(template: Template, body: str) -> None:
    """Makes `body` what is written; for callbacks."""
    schema = current(template)[1]
    st.session_state[DRAFTS][template.label] = (body, schema)
    editor.put_in()


def discard(template: Template) -> None:
    """Goes back to what the version says; for callbacks."""
    st.session_state.setdefault(DRAFTS, {}).pop(template.label, None)
    st.session_state.pop(schema_key(template), None)
    editor.put_in()
    editor.forget(template.label)


def schema_key(template: Template) -> str:
    """Of the field with the schema."""
    return f"schema {template.label}"
