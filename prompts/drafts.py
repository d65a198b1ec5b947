"""Templates while they are written: checked, tried and costed before they are a version."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from data import atomic
from data.errors import TemplateError
from prompts.template import Template, parse_template, template_text

DRAFTS = ".drafts"
"""Folder beside a person's own templates; no template may have such a name."""


def draft_template(base: Template, body: str, schema: str = "") -> Template:
    """The template that `base` becomes with another body.

    Args:
        base: What it began as.
        body: Its sections, as a person wrote them.
        schema: JSON schema that answers must follow, in JSON or YAML; blank for free text.

    Raises:
        TemplateError: body or schema is malformed.
    """
    changed = replace(base, body=body.strip() + "\n", schema=_schema(schema, base.name))
    return parse_template(template_text(changed), source=base.name)


def schema_text(template: Template) -> str:
    """The schema of a template as a person edits it; blank for free text."""
    return json.dumps(template.schema, indent=2, ensure_ascii=False) if template.schema else ""


def keep_draft(folder: Path, template: Template) -> Path:
    """A file that holds a template which is no version yet, so that a command can be given it.

    Args:
        folder: Of a person's own templates.
        template: Any.

    Raises:
        ArtifactError: the disk is full or the folder may not be written.
    """
    path = folder / DRAFTS / f"{template.name}-{template.hash}.md"
    return path if path.exists() else atomic.write_text(path, template_text(template))


def _schema(text: str, name: str) -> Any:
    if not text.strip():
        return None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise TemplateError(f"The schema of {name} is neither JSON nor YAML: {error}") from None
