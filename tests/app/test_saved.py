from __future__ import annotations

import pytest
from pydantic import ValidationError

from app.experiment.saved import NewItem, Persona, new_items_of, personas_of
from data.errors import ArtifactError, ConfigError

MIRA = Persona(name="Mira 34", data="demo", history=("f1", "f2"))


def test_who_is_saved_comes_back(tmp_path):
    personas = personas_of(tmp_path)
    assert personas.every() == ([], [])
    path = personas.save(Persona(name="Übel 2", data="demo", user="u7"))
    assert path.parent == tmp_path / "personas" and path.name == "ubel-2.json"
    personas.save(Persona(name="anna", data="demo", history=("f1",)))
    assert [one.name for one in personas.every()[0]] == ["anna", "Übel 2"]
    assert personas.load("Übel 2").user == "u7"


def test_nobody_is_replaced_unless_it_is_said(tmp_path):
    personas = personas_of(tmp_path)
    first = Persona(name="Mira", data="demo", user="u1")
    personas.save(first)
    second = first.model_copy(update={"user": "u2"})
    with pytest.raises(ConfigError, match="'Mira' already"):
        personas.save(second)
    assert personas.load("Mira") == first
    personas.save(second, replace=True)
    assert personas.load("Mira") == second
    personas.remove("Mira")
    personas.remove("Mira")
    with pytest.raises(ConfigError, match="no persona 'Mira'; saved are: none"):
        personas.load("Mira")


@pytest.mark.parametrize(
    "name",
    ["../mira", "/etc/passwd", "a/b", "a\\b", "..", ".mira", " mira", "mira\n", "a\0b", "", "-",
     "'", "m" * 61, "mira<b>", "a*b"],
)  # fmt: skip
def test_a_name_is_no_path(tmp_path, name):
    personas = personas_of(tmp_path / "workspace")
    persona = MIRA.model_copy(update={"name": name})
    for act in (lambda: personas.save(persona), lambda: personas.load(name)):
        with pytest.raises(ConfigError, match="is no name for a persona"):
            act()
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize(
    "name", ["Ольга", "李雷", "José O'Neill", "R2-D2", "a.b", "M: Impossible (2)!"]
)
def test_names_of_people_are_names(tmp_path, name):
    personas = personas_of(tmp_path)
    path = personas.save(MIRA.model_copy(update={"name": name}))
    assert path.name.isascii() and path.stem.replace("-", "").isalnum()
    assert personas.load(name).name == name


def test_an_invented_person_has_a_history():
    with pytest.raises(ValidationError, match="at least one item"):
        Persona(name="Nobody", data="demo")


def test_new_items_lie_on_a_shelf_of_their_own(tmp_path):
    item = NewItem(name="Cold Orbit", data="demo", text="Ice.", given={"genres": "Drama|War"})
    new_items_of(tmp_path).save(item)
    assert new_items_of(tmp_path).load("Cold Orbit") == item
    with pytest.raises(ConfigError, match="no persona 'Cold Orbit'"):
        personas_of(tmp_path).load("Cold Orbit")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no persona"),
        ('{"name": "x"}', "no persona: data: Field required"),
        ('{"name": "x", "data": "demo"}', "at least one item"),
        ('{"name": "x", "data": "demo", "user": "u", "run": "rm"}', "no persona: run"),
        ('{"name": "' + "x" * 300_000 + '", "data": "demo"}', "more than 200,000 bytes"),
    ],
)
def test_a_file_that_is_none_is_named_and_the_others_are_shown(tmp_path, content, said):
    personas = personas_of(tmp_path)
    personas.save(MIRA.model_copy(update={"name": "Mira"}))
    (tmp_path / "personas" / "bad.json").write_text(content)
    found, wrong = personas.every()
    assert [one.name for one in found] == ["Mira"]
    assert len(wrong) == 1 and said in wrong[0] and "bad.json" in wrong[0]
    with pytest.raises(ArtifactError, match=r"bad\.json"):
        personas.load("bad")
