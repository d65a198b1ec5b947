"""The Prompts screen: what it shows, and what becomes of what a person does there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.experiment.file import load_experiment
from app.pipeline.own_texts import overrides_of, texts_by_hand
from app.pipeline.records import Record, keep_record, read_record
from app.ui.prompts import draft
from app.ui.prompts.variants import SHOWN
from app.ui.shared.results import results_of
from llm.settings import ServerConfig
from prompts.library import Library
from prompts.template import load_template, own_templates, template_text

BASE = load_template("movies-item")
DRAFTS = "prompt drafts"


def write(page: AppTest, text: str, label: str = BASE.label, schema: str = "") -> AppTest:
    """The page after somebody wrote a text in the editor."""
    page.session_state[DRAFTS] = {label: (text, schema)}
    return page.run()


def shown(page: AppTest) -> str:
    """All words on the page."""
    kinds = ("title", "caption", "markdown", "code", "text", "error", "warning", "info", "success")
    return "\n".join(str(one.value) for kind in kinds for one in getattr(page, kind))


def read_items(workspace: Path) -> tuple[str, ...]:
    """Ids of the demo's films."""
    return results_of(read_record("demo", workspace)).dataset.item_ids.external


def button(page: AppTest, label: str) -> Any:
    return next(one for one in page.button if one.label == label)


def forgotten(page: AppTest) -> dict[str, int]:
    """Whose drafts the browser is told to forget, and when they were given up."""
    return dict(page.session_state[draft.FORGOTTEN])


def fine(page: AppTest) -> AppTest:
    assert not page.exception, page.exception
    assert "failed, and nothing of yours" not in shown(page)
    return page


@pytest.fixture
def library(own_workspace: Path) -> Library:
    return Library(own_templates(own_workspace))


def test_the_prompt_of_one_item_with_its_tokens(screen: Any, demo_workspace: Path) -> None:
    page = fine(screen("prompts", demo_workspace, node="item:film-003"))
    said = shown(page)
    assert "Title: The Brief Cutlass" in said
    assert "tokens (estimate: 4 bytes each)" in said
    assert "asks no language model" in said
    variables = page.dataframe[-1].value
    assert set(variables["variable"]) >= {"title", "year", "attributes.genres"}
    row = variables[variables["variable"] == "title"].iloc[0]
    assert row["value here"] == "The Brief Cutlass"


def test_users_have_templates_of_their_own(screen: Any, demo_workspace: Path) -> None:
    page = fine(screen("prompts", demo_workspace, side="user", template="any-user"))
    assert "Items this person chose" in shown(page)
    names = page.selectbox[0].options
    assert all("user" in name for name in names)
    assert any("in use" in name for name in names)


def test_what_is_written_shows_at_once(screen: Any, demo_workspace: Path) -> None:
    page = screen("prompts", demo_workspace, node="item:film-003")
    write(page, "# user\nSay what {{ title }} is about.\n")
    assert "Say what The Brief Cutlass is about." in shown(fine(page))
    button(page, "Discard changes").click().run()
    assert "Say what" not in shown(fine(page))
    assert page.session_state[DRAFTS] == {}


def test_unknown_names_are_told_and_mended(screen: Any, demo_workspace: Path) -> None:
    page = screen("prompts", demo_workspace)
    write(page, "# user\n{{ titel }} {{ attributes.genre }} {{ zzqq }}\n")
    said = shown(fine(page))
    assert "**titel** does not exist. Did you mean **title**?" in said
    assert "**attributes\\.genre** does not exist." in said
    assert "**zzqq** does not exist." in said
    assert "No prompt" in said
    button(page, "Replace it").click().run()
    assert page.session_state[DRAFTS][BASE.label][0].startswith("# user\n{{ title }} {{ attr")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no section", "must begin with a line"),
        ("# user\n{{ title", "has a mistake"),
    ],
)
def test_mistakes_are_sentences(text: str, why: str, screen: Any, demo_workspace: Path) -> None:
    page = screen("prompts", demo_workspace)
    write(page, text)
    assert why in shown(fine(page)).replace("\\", "")
    assert not any(one.key == "save" for one in page.button)


def test_what_fails_for_one_item_is_told_there(screen: Any, demo_workspace: Path) -> None:
    page = screen("prompts", demo_workspace)
    write(page, "# user\n{{ title.__class__ }}\n")
    assert "uses what templates may not" in shown(fine(page))


def test_a_template_that_ships_is_saved_under_another_name(
    screen: Any, own_workspace: Path, library: Library
) -> None:
    page = screen("prompts", own_workspace)
    write(page, BASE.body + "\nBe brief.\n")
    page.text_input(key="new name").set_value("short").run()
    page.text_input(key="note movies-item@1").set_value("Shorter.").run()
    page.button(key="save").click().run()
    assert "Saved short, version 1." in shown(fine(page)).replace("\\", "")
    saved = library.load("short")
    assert (saved.note, saved.body) == ("Shorter.", BASE.body + "\nBe brief.\n")
    assert page.query_params["template"] == ["short"] or page.query_params["template"] == "short"
    write(page, "# user\nOther {{ title }}\n", "short@1")
    page.button(key="save").click().run()
    assert library.load("short").version == 2
    assert page.session_state[DRAFTS] == {}


def test_a_name_that_cannot_be_had_loses_nothing(
    screen: Any, own_workspace: Path, library: Library
) -> None:
    page = screen("prompts", own_workspace)
    write(page, "# user\n{{ title }}\n")
    page.text_input(key="new name").set_value("../evil").run()
    page.button(key="save").click().run()
    assert "A template cannot be called" in shown(fine(page))
    assert page.session_state[DRAFTS][BASE.label][0] == "# user\n{{ title }}\n"
    assert not list(own_workspace.rglob("evil*"))
    assert not any(entry.own for entry in library.entries())


def make(library: Library, name: str, *bodies: str) -> None:
    text = template_text(BASE)
    library.create(name, text.replace(BASE.body, f"# user\n{bodies[0]}\n"), "First.")
    for body in bodies[1:]:
        library.save(name, text.replace(BASE.body, f"# user\n{body}\n"), "Next.")


def test_versions_are_compared_word_by_word_and_restored(
    screen: Any, own_workspace: Path, library: Library
) -> None:
    make(library, "mine", "Tell of {{ title }}", "Speak of {{ title }}")
    page = fine(screen("prompts", own_workspace, tab="Versions", template="mine", version="1"))
    table = page.dataframe[-1].value
    assert list(table["version"]) == [2, 1]
    assert list(table["note"]) == ["Next.", "First."]
    html = "\n".join(one.proto.body for one in page.get("html"))
    assert ">Tell</del>" in html
    assert ">Speak</ins>" in html
    button(page, "Restore version 1").click().run()
    assert library.load("mine").version == 3
    assert "Tell of" in library.load("mine").body
    assert fine(page).selectbox[1].value == "3"


def test_a_draft_is_forgotten_when_it_is_given_up_and_not_when_it_is_mended(
    screen: Any, own_workspace: Path
) -> None:
    page = write(screen("prompts", own_workspace), "# user\nTell of {{ titel }}\n")
    page = fine(button(page, "Replace it").click().run())
    assert draft.FORGOTTEN not in page.session_state
    page = fine(button(page, "Discard changes").click().run())
    ((name, first),) = forgotten(page).items()
    page = fine(button(write(page, "Anew"), "Discard changes").click().run())
    assert name == BASE.label and list(forgotten(page)) == [name]
    assert forgotten(page)[name] > first


def test_the_browser_forgets_a_draft_once() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node to run the editor's script")
    source = (Path(draft.__file__).parent / "editor.js").read_text(encoding="utf-8")
    script = (
        source.replace("export default", "const made =")
        + """
const kept = new Map();
globalThis.sessionStorage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, text) => kept.set(key, String(text)),
  removeItem: (key) => kept.delete(key),
};
remember(name("X"), "first", "");
forgetOnce({ X: 100 });
const given = recalled(name("X"));
remember(name("X"), "anew", "");
forgetOnce({ X: 100, Y: 120 });
console.log(JSON.stringify([given, recalled(name("X"))]));
forgetOnce({ X: 130 });
forgetOnce({});
console.log(JSON.stringify([recalled(name("X")), recalled(FORGOTTEN_UP_TO)]));
"""
    )
    said = subprocess.run([node, "-"], input=script, capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == ['[null,"anew"]', '[null,"130"]']


def test_a_fork_is_a_copy(screen: Any, own_workspace: Path, library: Library) -> None:
    page = screen("prompts", own_workspace, tab="Versions")
    page.text_input(key="fork name").set_value("copy").run()
    page.button(key="fork").click().run()
    fine(page)
    assert library.load("copy").hash == BASE.hash
    assert library.load("copy").note == "Copy of movies-item@1."


def test_variants_side_by_side_and_only_where_they_differ(
    screen: Any, own_workspace: Path, library: Library
) -> None:
    rare = "Tell of {{ title }}{% if title == 'The Brief Cutlass' %}!{% endif %}"
    make(library, "mine", "Tell of {{ title }}", rare)
    page = fine(screen("prompts", own_workspace, tab="Side by side", template="mine"))
    page.multiselect(key="chosen items").set_value(["film-003", "film-004", "film-006"]).run()
    assert "Tell of The Brief Cutlass!" in shown(page)
    page.toggle(key="only different").set_value(True).run()
    said = shown(fine(page))
    assert "Of 3, all variants say the same of 2." in said
    assert "Tell of The Brief Cutlass!" in said
    assert "The Eleventh Morning" not in "\n".join(one.value for one in page.text)
    page.toggle(key="mark differences").set_value(True).run()
    assert "!</ins>" in "\n".join(one.proto.body for one in page.get("html"))


def test_an_address_that_asks_for_too_many_shows_the_first(
    screen: Any, own_workspace: Path, library: Library
) -> None:
    make(library, "mine", *(f"Say {number} of {{{{ title }}}}" for number in range(6)))
    variants = "|".join(f"mine@{number}" for number in (1, 1, 2, 3, 4, 5, 6))
    items = "|".join(read_items(own_workspace)[:12])
    page = fine(
        screen("prompts", own_workspace, tab="Side by side", variants=variants, items=items)
    )
    assert page.multiselect(key="chosen variants").value == [f"mine@{n}" for n in (1, 2, 3, 4)]
    assert page.multiselect(key="chosen items").value == items.split("|")[:10]


def test_trying_with_facts_says_that_they_read_no_template(
    screen: Any, own_workspace: Path
) -> None:
    page = fine(screen("prompts", own_workspace, tab="Side by side"))
    assert "does not read the template" in shown(page)
    page.multiselect(key="chosen items").set_value(["film-003"]).run()
    page.segmented_control(key="shown variants").set_value("Answers").run()
    assert "The Brief Cutlass (2003)." in shown(fine(page)), "facts are in the cache of the run"


def test_an_endpoint_is_named_before_it_is_asked(screen: Any, own_workspace: Path) -> None:
    page = screen("prompts", own_workspace, tab="Side by side")
    page.segmented_control(key="backend").set_value("server").run()
    assert "Name the model to go on." in shown(fine(page))
    page.text_input(key="asked model").set_value("some-model").run()
    assert button(fine(page), "Try it: ask some\\-model 3 times")
    command = page.code[-1].value
    assert '--set \'llm.item={backend = "server", model = "some-model"' in command


def asking_a_model(workspace: Path) -> Record:
    """The demo, as if an endpoint had described its films."""
    record = read_record("demo", workspace)
    llm = record.experiment.llm
    server = ServerConfig(backend="server", model="small")
    asking = llm.model_copy(update={"item": server})
    experiment = record.experiment.model_copy(update={"llm": asking})
    keep_record(experiment, workspace, record.keys, record.cells)
    return read_record("demo", workspace)


def test_facts_read_no_template_and_no_run_is_promised(
    screen: Any, own_workspace: Path, library: Library
) -> None:
    make(library, "mine", "Tell of {{ title }}")
    page = fine(screen("prompts", own_workspace, tab="Versions", template="mine"))
    assert "reads no template" in shown(page)
    assert not [one for one in page.button if one.key == "use it"]
    asking_a_model(own_workspace)
    page = fine(screen("prompts", own_workspace, tab="Versions", template="mine"))
    assert "reads no template" not in shown(page)
    assert page.button(key="use it")


def test_a_template_is_used_in_an_experiment_of_its_own(
    screen: Any, own_workspace: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    monkeypatch.setattr("app.ui.shared.jobs.start_experiment", lambda *a: started.append(a))
    make(library, "mine", "Tell of {{ title }}")
    record = asking_a_model(own_workspace)
    overrides_of(record.experiment, "item", own_workspace).write("film-003", "By hand.")
    page = screen("prompts", own_workspace, tab="Versions", template="mine")
    page.button(key="use it").click().run()
    ((workspace, experiment, sets),) = started
    assert sets == ("name=demo-mine-1", "prompts.item_template=mine@1")
    there = load_experiment(experiment, sets)
    assert there.prompts.item_template == "mine@1"
    assert texts_by_hand(there, "item", workspace) == {"film-003": "By hand."}
    for name, why in (("demo", "already. Choose another name"), ("../evil", "name")):
        page = screen("prompts", own_workspace, tab="Versions", template="mine")
        page.text_input(key="use name mine@1").set_value(name).run()
        page.button(key="use it").click().run()
        assert why in shown(fine(page)).replace("\\", "")
    assert len(started) == 1
    assert not list(own_workspace.parent.rglob("evil*"))


def test_the_cost_is_worked_out_with_prices_that_a_person_fills_in(
    screen: Any, own_workspace: Path
) -> None:
    page = screen("prompts", own_workspace, tab="Cost")
    page.segmented_control(key="backend").set_value("server").run()
    page.text_input(key="asked model").set_value("some-model").run()
    assert "some-model" in list(page.dataframe[-1].value["model"])
    button(page, "Work it out").click().run()
    metrics = {one.label: one.value for one in fine(page).metric}
    assert metrics["Calls"] == "531"
    assert metrics["Answer tokens"] == "?"
    assert float(metrics["Prompt tokens"].replace(",", "")) > 531 * 100
    assert "The cost is not known" in shown(page).replace("\\", "")


@pytest.mark.parametrize("tab", ["Write", "Versions", "Side by side", "Cost"])
@pytest.mark.parametrize("side", ["item", "user"])
def test_nothing_was_ever_run(tab: str, side: str, screen: Any, empty_workspace: Path) -> None:
    page = fine(screen("prompts", empty_workspace, tab=tab, side=side))
    if tab != "Versions":
        assert any("Build the demo" in one.label for one in page.button)
    assert not empty_workspace.exists() or not list(empty_workspace.rglob("*.md"))


@pytest.mark.parametrize("tab", ["Write", "Versions", "Side by side", "Cost"])
def test_broken_results_are_sentences(tab: str, screen: Any, own_workspace: Path) -> None:
    for path in own_workspace.glob("artifacts/dataset/*/*.parquet"):
        path.write_bytes(b"broken")
    page = screen("prompts", own_workspace, tab=tab)
    assert not page.exception
    if tab != "Versions":
        assert "is damaged" in shown(page)


def test_a_damaged_template_is_a_sentence(
    screen: Any, own_workspace: Path, library: Library
) -> None:
    make(library, "mine", "Tell of {{ title }}")
    (library.folder / "mine" / "1.md").write_text("no template")
    page = screen("prompts", own_workspace)
    assert not page.exception
    assert "has no front matter" in shown(page)


def test_prices_that_cannot_be_read_are_a_sentence(screen: Any, own_workspace: Path) -> None:
    (own_workspace / "prices.toml").write_text("not toml")
    page = fine(screen("prompts", own_workspace, tab="Cost"))
    assert "is no table of prices" in shown(page).replace("\\", "")


def test_a_choice_is_said_to_the_browser_in_every_run(screen: Any, own_workspace: Path) -> None:
    """What a run says that a click cuts short may not arrive."""
    page = fine(screen("prompts", own_workspace, tab="Side by side").run())
    fields = {one.key: one for one in (*page.multiselect, *page.selectbox, *page.button_group)}
    chosen = [fields[f"chosen {name}"] for name in ("variants", "items", "template", "side")]
    assert all(field.proto.set_value for field in [*chosen, fields[SHOWN]])
