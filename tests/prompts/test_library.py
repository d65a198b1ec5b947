"""A person's own templates: versions that never change, and texts that are never lost."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from data.errors import TemplateError
from prompts.library import Library
from prompts.template import (
    choose_template,
    list_templates,
    load_template,
    parse_template,
    template_text,
)

MATTER = "---\nside: item\nname: any\nversion: 9\nnote: A note.\n---\n"
TEXT = MATTER + "# user\nTell me of {{ title }}.\n"


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "prompts")


def edited(text: str, words: str) -> str:
    return text.replace("Tell me of", words)


def test_a_template_survives_its_file() -> None:
    schema = "schema:\n  type: object\n  properties:\n    'é: odd': {type: string}\n"
    text = TEXT.replace("A note.", '"Yes: #1 - é"').replace("\n---\n#", f"\n{schema}---\n#")
    for template in [*list_templates(), parse_template(TEXT), parse_template(text)]:
        again = parse_template(template_text(template))
        assert again == template
        assert again.hash == template.hash


def test_versions_count_up_and_stay(library: Library) -> None:
    first = library.create("mine", TEXT)
    assert (first.template.label, first.template.note, first.new) == ("mine@1", "A note.", True)
    before = first.path.read_bytes()
    second = library.save("mine", edited(TEXT, "Describe"), "Shorter.")
    assert (second.template.label, second.template.note) == ("mine@2", "Shorter.")
    assert first.path.read_bytes() == before
    assert library.load("mine") == second.template
    assert library.load("mine@1") == first.template
    assert [entry.template.version for entry in library.history("mine")] == [1, 2]
    mine = library.entries()[-1]
    assert (mine.template.label, mine.own, mine.versions) == ("mine@2", True, (1, 2))
    assert len(library.entries()) == len(list_templates()) + 1


def test_the_same_text_makes_no_version(library: Library) -> None:
    library.create("mine", TEXT)
    saved = library.save("mine", TEXT.replace("A note.", "Another note."))
    assert (saved.new, saved.template.version) == (False, 1)
    assert [path.name for path in (library.folder / "mine").iterdir()] == ["1.md"]


def test_restoring_makes_a_version_that_equals_the_old(library: Library) -> None:
    first = library.create("mine", TEXT).template
    library.save("mine", edited(TEXT, "Describe"))
    restored = library.restore("mine", 1).template
    assert (restored.label, restored.hash) == ("mine@3", first.hash)
    assert restored.note == "As version 1: A note."
    assert not library.restore("mine", 1).new
    with pytest.raises(TemplateError, match=r"mine has no version '7'; it has 1, 2, 3"):
        library.restore("mine", 7)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TEXT.replace("title", "titel"), r"'titel'.*item side.*mean 'title'"),
        (TEXT.replace("{{ title }}", "{{ title"), "mistake"),
        (TEXT.replace("{{ title }}", "{{ title | attr('x') }}"), "No filter named 'attr'"),
        ("no front matter", "no front matter"),
        (TEXT.replace("side: item", "side: user").replace("title", "total"), "for the item side"),
    ],
)
def test_a_text_that_is_refused_is_kept(library: Library, text: str, sentence: str) -> None:
    library.create("mine", TEXT)
    for number in (1, 2):
        draft = library.folder / "mine" / f"draft-{number}.md"
        with pytest.raises(TemplateError, match=sentence) as caught:
            library.save("mine", text)
        assert str(draft) in str(caught.value)
        assert draft.read_text() == text
    assert library.load("mine").version == 1


def test_a_new_template_that_is_refused_is_kept(library: Library) -> None:
    with pytest.raises(TemplateError, match=r"draft-1\.md"):
        library.create("mine", "nonsense")
    assert (library.folder / "mine" / "draft-1.md").read_text() == "nonsense"
    assert "mine" not in [entry.template.name for entry in library.entries()]
    assert library.create("mine", TEXT).template.version == 1


@pytest.mark.parametrize(
    "name", ["../evil", "a/b", "", ".hidden", "Mine", "x" * 65, "mine.md", "a@1", "auto", "mine\n"]
)
def test_names_keep_to_the_folder(library: Library, name: str) -> None:
    with pytest.raises(TemplateError, match="cannot be called"):
        library.create(name, TEXT)
    assert not library.folder.exists()


def test_names_that_are_taken(library: Library) -> None:
    with pytest.raises(TemplateError, match=r"ships with AutoGraph.*--from movies-item"):
        library.create("movies-item", TEXT)
    with pytest.raises(TemplateError, match="prompts new my-movies-item"):
        library.save("movies-item", TEXT)
    library.create("mine", TEXT)
    with pytest.raises(TemplateError, match=r"already.*prompts edit mine"):
        library.create("mine", TEXT)
    with pytest.raises(TemplateError, match=r"no template 'other'.*mine.*--from"):
        library.save("other", TEXT)


def test_templates_are_found_by_name_and_version(library: Library, tmp_path: Path) -> None:
    library.create("mine", TEXT)
    library.save("mine", edited(TEXT, "Describe"))
    assert choose_template("mine", "item", "movies", library.folder).version == 2
    assert choose_template("mine@1", "item", "movies", library.folder).version == 1
    assert choose_template("auto", "item", "movies", library.folder).name == "movies-item"
    assert load_template("movies-item@1", library.folder) == load_template("movies-item")
    with pytest.raises(TemplateError, match=r"set prompts.user_template"):
        choose_template("mine", "user", "movies", library.folder)
    for reference, sentence in [
        ("mine@3", "has no version '3'; it has 1, 2"),
        ("mine@x", "has no version 'x'"),
        ("movies-item@2", "has no version '2'; it has 1"),
        ("your", r"no template 'your'.*ship are: any-item.*own are: mine"),
        ("../prompts/mine", "no template"),
        (str(tmp_path / "x.md"), "no template file"),
    ]:
        with pytest.raises(TemplateError, match=sentence):
            load_template(reference, library.folder)


def test_the_library_gives_nothing_from_outside(library: Library, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text(TEXT)
    library.create("mine", TEXT)
    for reference in (str(tmp_path / "secret.md"), "../secret.md", "../secret", "mine/1.md"):
        with pytest.raises(TemplateError, match="no template"):
            library.load(reference)


def test_saving_at_once_overwrites_nobody(library: Library) -> None:
    library.create("mine", TEXT)
    texts = [edited(TEXT, f"Writer {k} tells of") for k in range(24)]
    with ThreadPoolExecutor(8) as pool:
        saved = list(pool.map(lambda text: library.save("mine", text, base=1), texts))
    assert sorted(one.template.version for one in saved) == list(range(2, 26))
    assert {one.template.body for one in saved} == {parse_template(t).body for t in texts}
    assert {entry.template.body for entry in library.history("mine")[1:]} == {
        parse_template(t).body for t in texts
    }
    last = max(saved, key=lambda one: one.template.version)
    assert last.meanwhile == tuple(range(2, 25))
    assert not [path for path in (library.folder / "mine").iterdir() if "part" in path.name]


def test_processes_that_save_at_once_overwrite_nobody(library: Library) -> None:
    library.create("mine", TEXT)
    script = (
        "import sys\nfrom pathlib import Path\nfrom prompts.library import Library\n"
        "text = Path(sys.argv[2]).read_text()\n"
        "for k in range(5):\n"
        "    Library(Path(sys.argv[1])).save('mine', text.replace('Tell', f'{sys.argv[3]} {k}'))\n"
    )
    source = library.folder / "mine" / "1.md"
    running = [
        subprocess.Popen([sys.executable, "-c", script, library.folder, source, who])
        for who in ("Ann", "Bo")
    ]
    assert [process.wait(60) for process in running] == [0, 0]
    bodies = [entry.template.body for entry in library.history("mine")]
    assert len(bodies) == 11
    assert {f"{who} {k}" for who in ("Ann", "Bo") for k in range(5)} == {
        body.removeprefix("# user\n").split(" me")[0] for body in bodies[1:]
    }
