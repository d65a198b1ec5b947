"""The commands about prompts, as a person types them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from prompt_fakes import ASKS, ITEM, Teller
from typer.testing import CliRunner

from app.cli.templates import diff_text

TOLD = ITEM.format("Tell me of {{ title }}")
MODEL = [part for change in ASKS for part in ("--set", change)]


@pytest.fixture
def prompts(autograph: Any, tmp_path: Path) -> Any:
    """Runs `prompts …` in a workspace of its own, with a template "mine" in it."""

    def invoke(*arguments: object, code: int = 0) -> str:
        told = autograph("prompts", *arguments, "--workspace", tmp_path / "ws")
        assert told.exit_code == code, told.output
        assert "Traceback" not in told.output
        return str(told.stderr if code else told.output)

    (tmp_path / "told.md").write_text(TOLD)
    invoke("new", "mine", "--file", tmp_path / "told.md", "--note", "The first.")
    return invoke


def test_from_first_to_third_version(prompts: Any, tmp_path: Path) -> None:
    (tmp_path / "told.md").write_text(TOLD.replace("Tell me", "Speak"))
    said = prompts("edit", "mine", "--file", tmp_path / "told.md", "--note", "Louder.")
    assert "Saved mine@2" in said
    assert str(tmp_path / "ws" / "prompts" / "mine" / "2.md") in said
    assert "[-Tell me-]{+Speak+} of {{ title }}" in prompts("diff", "mine@1", "mine")
    assert "Saved mine@3" in prompts("edit", "mine", "--restore", 1)
    assert "They say the same." in prompts("diff", "mine@1", "mine@3")
    assert "Nothing differs from mine@3" in prompts("edit", "mine", "--restore", 1)
    history = prompts("show", "mine", "--history")
    assert all(note in history for note in ("The first.", "Louder.", "As version 1: The first."))
    listed = [line for line in prompts("list").splitlines() if "mine" in line]
    assert len(listed) == 1
    assert all(part in listed[0] for part in ("item", "3", "yours", "As version 1"))
    assert "Speak of {{ title }}" in prompts("show", "mine@2")


def test_what_is_shown_can_be_saved_again(prompts: Any, tmp_path: Path) -> None:
    (tmp_path / "shown.md").write_text(prompts("show", "movies-item"))
    assert "Saved copy@1" in prompts("new", "copy", "--file", tmp_path / "shown.md")
    assert "They say the same." in prompts("diff", "movies-item", "copy")
    assert "They say the same." in prompts("diff", tmp_path / "shown.md", "copy@1")


def test_a_fork_says_where_it_is_from(prompts: Any) -> None:
    prompts("new", "films", "--from", "movies-item@1")
    assert "Copy of movies-item@1." in prompts("show", "films")


def test_the_editor_of_the_person_is_used(
    prompts: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "editor.py"
    script.write_text(
        "import sys, pathlib\npath = pathlib.Path(sys.argv[1])\n"
        "path.write_text(path.read_text().replace('Tell', 'Sing'))\n"
    )
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    assert "Saved mine@2" in prompts("edit", "mine")
    assert "Sing me of" in prompts("show", "mine")
    assert "Nothing differs" in prompts("edit", "mine")
    script.write_text("import sys; sys.exit(3)")
    told = prompts("edit", "mine", code=1)
    assert "did not end well" in told
    kept = Path(told.split("the text is in ")[1].split(". Set EDITOR")[0])
    assert "Sing me of" in kept.read_text()
    monkeypatch.setenv("EDITOR", "no-such-editor")
    assert "no-such-editor" in prompts("edit", "mine", code=1)


def test_a_text_may_come_through_a_pipe(prompts: Any, tmp_path: Path) -> None:
    from app.cli.main import app

    words = ["prompts", "edit", "mine", "--file", "-", "--workspace", str(tmp_path / "ws")]
    told = CliRunner().invoke(app, words, input=TOLD.replace("Tell", "Sing"))
    assert told.exit_code == 0, told.output
    assert "Sing me of" in prompts("show", "mine")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["show", "nothing"], ["no template 'nothing'", "any-item", "mine"]),
        (["show", "mine@9"], ["no version '9'"]),
        (["show", "any-item", "--history"], ["ships with AutoGraph", "prompts new my-any-item"]),
        (["new", "other"], ["--from any-item", "--file FILE"]),
        (["new", "Other", "--from", "any-item"], ["'Other'", "small letters"]),
        (["new", "../x", "--from", "any-item"], ["'../x'"]),
        (["new", "mine", "--from", "any-item"], ["prompts edit mine"]),
        (["new", "other", "--file", "/nowhere.md"], ["--file /nowhere.md"]),
        (["edit", "other"], ["no template 'other'", "prompts new other"]),
        (["edit", "any-item"], ["ships with AutoGraph"]),
        (["diff", "mine", "other"], ["no template 'other'"]),
        (["render", "nothing", "item"], ["no experiment 'nothing'"]),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else None,
)
def test_a_wrong_command_gets_one_sentence(
    arguments: list[str], parts: list[str], prompts: Any
) -> None:
    told = prompts(*arguments, code=1)
    assert all(part in told for part in parts), told


def test_a_refused_text_is_named_where_it_is_kept(prompts: Any, tmp_path: Path) -> None:
    (tmp_path / "told.md").write_text(TOLD.replace("title", "titel"))
    told = prompts("edit", "mine", "--file", tmp_path / "told.md", code=1)
    draft = tmp_path / "ws" / "prompts" / "mine" / "draft-1.md"
    assert str(draft) in told
    assert "titel" in draft.read_text()


def test_render_shows_prompt_variables_and_tokens(prompts: Any, tiny_experiment: Path) -> None:
    where = ("render", tiny_experiment, "item", "--entity", "f3")
    told = prompts(*where, "--template", "mine", "--variables")
    assert "Tell me of Title 3" in told
    assert "description" in told
    assert "estimate: 4 bytes" in told
    assert "Title: Title 3" in prompts(*where)
    assert "no item 'f77'" in prompts("render", tiny_experiment, "item", "--entity", "f77", code=1)
    assert "is for the item side" in prompts(
        "render", tiny_experiment, "user", "--template", "mine", code=1
    )


def test_try_shows_variants_beside_each_other(
    prompts: Any, tiny_experiment: Path, teller: Teller
) -> None:
    command = ("try", tiny_experiment, "item", "--entity", "f3", *MODEL, "--template", "mine")
    assert "Said: Tell me of Title 3" in prompts(*command)
    both = prompts(*command, "--template", "any-item")
    assert "asked before" in both
    assert "any-item@1" in both
    assert teller.asked == ["f3", "f3"]
    same = prompts(*command, "--template", "mine", "--only-different")
    assert "Said" not in same
    assert "Of 1, all variants say the same of 1." in same


def test_try_with_facts_says_that_no_template_is_read(prompts: Any, tiny_experiment: Path) -> None:
    told = prompts("try", tiny_experiment, "item", "--count", 2)
    assert "does not read the template" in told
    assert told.count("any-item@1") == 2


def test_estimate_shows_what_is_known_and_what_is_not(
    prompts: Any, tiny_experiment: Path, teller: Teller
) -> None:
    told = prompts("estimate", tiny_experiment, "item", *MODEL, "--template", "mine")
    assert "32 items, template mine@1, model fake" in told
    assert "not known" in told
    assert "prices.toml" in told
    assert teller.asked == []
    told = prompts("estimate", tiny_experiment, "item", *MODEL, "--measure", 4)
    assert "4 calls just made" in told
    assert len(teller.asked) == 4
    assert "asks no language model" in prompts("estimate", tiny_experiment, "user")


def test_markup_in_a_template_is_shown_as_it_is(prompts: Any, tmp_path: Path) -> None:
    text = TOLD.replace("For tests.", "'[red]x[/red]'").replace("Tell", "[bold]Tell[/nothing]")
    (tmp_path / "told.md").write_text(text)
    prompts("edit", "mine", "--file", tmp_path / "told.md")
    assert "[bold]Tell[/nothing]" in prompts("show", "mine")
    assert "[red]x[/red]" in prompts("list")
    assert "[/nothing]" in prompts("diff", "mine@1", "mine@2")


def test_a_diff_is_coloured_where_colours_are() -> None:
    changes = [("equal", "a "), ("removed", "b"), ("added", "c")]
    coloured = diff_text(changes, coloured=True)  # type: ignore[arg-type]
    assert coloured.plain == "a bc"
    assert [str(span.style) for span in coloured.spans] == ["red strike", "green underline"]
    assert diff_text(changes, coloured=False).plain == "a [-b-]{+c+}"  # type: ignore[arg-type]
