"""Templates that are no version yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.errors import TemplateError
from prompts.drafts import draft_template, keep_draft, schema_text
from prompts.library import Library
from prompts.template import load_template

SCHEMA = '{"type": "object", "properties": {"mood": {"type": "string"}}, "required": ["mood"]}'


def test_a_draft_is_the_template_with_another_body() -> None:
    base = load_template("movies-item")
    draft = draft_template(base, "# user\nTell of {{ title }}\n\n")
    assert (draft.label, draft.side, draft.note) == (base.label, base.side, base.note)
    assert draft.body == "# user\nTell of {{ title }}\n"
    assert draft_template(base, base.body).hash == base.hash


def test_a_schema_goes_in_and_comes_out() -> None:
    draft = draft_template(load_template("movies-item"), "# user\nx", SCHEMA)
    assert draft.schema is not None
    assert draft_template(draft, draft.body, schema_text(draft)).hash == draft.hash
    assert schema_text(load_template("movies-item")) == ""


@pytest.mark.parametrize(
    ("body", "schema", "why"),
    [
        ("no section", "", "must begin with a line"),
        ("# user\n{{ title", "", "has a mistake"),
        ("# user\nx", "{", "neither JSON nor YAML"),
        ("# user\nx", "[1]", "no JSON schema"),
    ],
)
def test_what_is_no_template_gets_its_sentence(body: str, schema: str, why: str) -> None:
    with pytest.raises(TemplateError, match=why):
        draft_template(load_template("movies-item"), body, schema)


def test_a_draft_has_a_file_and_is_in_no_list(tmp_path: Path) -> None:
    draft = draft_template(load_template("movies-item"), "# user\nTell of {{ title }}")
    path = keep_draft(tmp_path, draft)
    assert path == keep_draft(tmp_path, draft)
    assert load_template(path).hash == draft.hash
    assert not any(entry.own for entry in Library(tmp_path).entries())
