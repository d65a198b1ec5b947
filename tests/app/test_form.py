"""The form of an experiment: it has every setting, and says the same as a command and a file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.experiment.drafts import (
    Base,
    Draft,
    draft_of,
    in_toml,
    is_saved,
    save_draft,
    value_of,
    widget_value,
)
from app.experiment.file import (
    known_settings,
    load_experiment,
    save_experiment,
    settle,
    shipped_files,
)
from app.experiment.form import LEFT_OUT, Field, field_of, fields_of, rooms
from app.experiment.settings import BACKBONES, ENHANCERS, PARTS, Cell, Experiment
from app.pipeline.starting_points import bases
from data.errors import ConfigError
from data.settings import DataConfig
from quantize.quantizers import METHODS

BACKENDS = ("facts", "replay", "vllm", "server")


def base_of(name: str, workspace: Path) -> Base:
    return next(base for base in bases(workspace) if base.key == name)


@pytest.fixture
def demo(tmp_path: Path) -> Base:
    return base_of("demo", tmp_path)


def drafted(base: Base, given: Mapping[str, Any]) -> Draft:
    """What becomes of a form in which a person typed `given`, by key."""
    own = [field_of(base.experiment, key) for key in ("name", "note", "grid.seeds")]
    fields = [*own, *fields_of(rooms(base.experiment, given))]
    assert given.keys() <= {one.key for one in fields}
    typed = {one.key: value_of(one, given.get(one.key, widget_value(one))) for one in fields}
    return draft_of(base, fields, typed)


def test_every_setting_is_in_the_form(demo: Base) -> None:
    found: set[str] = set()
    for backend in BACKENDS:
        for method in METHODS:
            sides = {f"llm.{side}.backend": backend for side in ("user", "item")}
            sides |= {f"quantize.{side}.method": method for side in ("user", "item")}
            judge = {"pairs.judge.backend": "vectors" if backend == "facts" else backend}
            chosen = {**sides, **judge, "data.name": "files", "grid.enhancers": ENHANCERS}
            chosen["grid.backbones"] = BACKBONES
            found |= {one.key for one in fields_of(rooms(demo.experiment, chosen))}
    columns = {"user": "user_id", "query": "words", "item": "item_id", "time": "date"}
    files = {"interactions": "orders.csv", "time": "date", "log": {"path": "asked.csv", **columns}}
    logged = settle({"name": "own", "data": {"name": "files", "files": files}}, "The form")
    found |= {one.key for one in fields_of(rooms(logged))}
    parts = ("model.backbone.", "model.enhancer.")
    asked = {key for key in known_settings() if not key.startswith(parts)}
    rows = tuple(f"{one}." for one in found if one == "data.domains")  # a list of tables, as TOML
    missing = {key for key in asked - found if key.split(".")[0] not in LEFT_OUT}
    assert {key for key in missing if not key.startswith(rows)} == set()
    own = {key.split(".", 2)[2] for key in found if key.startswith("override.")}
    own = {key for key in own if key.startswith(parts)}
    named = {key for key in known_settings() if key.startswith(parts)}
    assert own == {key for key in named if not key.endswith(".name")}


def test_every_field_says_what_it_is(demo: Base) -> None:
    chosen = {"llm.user.backend": "server", "llm.item.backend": "vllm", "data.name": "files"}
    for one in fields_of(rooms(demo.experiment, chosen)):
        assert one.help, one.key
        assert one.label[0].isupper()


def test_an_untouched_form_changes_nothing(tmp_path: Path) -> None:
    for path in shipped_files():
        base = base_of(path.stem, tmp_path)
        draft = drafted(base, {})
        assert (draft.changes, draft.emptied) == ({}, ())


CHANGES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a whole number": ({"train.epochs": 7}, ["train.epochs=7"]),
    "a number": ({"train.learning_rate": 5e-4}, ["train.learning_rate=0.0005"]),
    "a switch": ({"llm.ray.enabled": True}, ["llm.ray.enabled=true"]),
    "a switch or a word": ({"evaluate.exclude_seen": "true"}, ["evaluate.exclude_seen=true"]),
    "a choice": ({"train.loss": "sampled"}, ['train.loss="sampled"']),
    "seeds": ({"grid.seeds": "0, 1 2"}, ["grid.seeds=[0, 1, 2]"]),
    "a list of numbers": ({"quantize.user.hidden": "64"}, ["quantize.user.hidden=[64]"]),
    "a number or a word": ({"evaluate.candidates": "100"}, ["evaluate.candidates=100"]),
    "text with quotes": ({"note": 'say "no" \\ nein'}, ['note="say \\"no\\" \\\\ nein"']),
    "something optional": ({"data.min_rating": 4.0}, ["data.min_rating=4.0"]),
    "of one backbone": (
        {"override.mind.model.backbone.interests": 5},
        ["override.mind.model.backbone.interests=5"],
    ),
    "metapaths": (
        {"override.autograph.model.enhancer.metapaths": ["item > user"]},
        ['override.autograph.model.enhancer.metapaths=["item > user"]'],
    ),
    "domains": (
        {"data.domains": '[{name = "old", attribute = "year", below = 1980}, {name = "new"}]'},
        ['data.domains=[{name = "old", attribute = "year", below = 1980}, {name = "new"}]'],
    ),
    "another method": (
        {"quantize.item.method": "rq-kmeans", "quantize.item.iterations": 9},
        ['quantize.item={method = "rq-kmeans", iterations = 9}'],
    ),
    "a model at an address": (
        {
            "llm.item.backend": "server",
            "llm.item.model": "m",
            "llm.item.sampling.temperature": 0.5,
        },
        ['llm.item={backend = "server", model = "m", sampling = {temperature = 0.5}}'],
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_says_the_same_as_its_command(name: str, demo: Base) -> None:
    values, sets = CHANGES[name]
    draft = drafted(demo, values)
    assert list(draft.sets) == sets
    assert draft.problems == {}
    assert draft.can_be_set
    assert draft.experiment == load_experiment("demo", sets)


def test_domains_are_seen_as_they_are_written_and_are_not_lost(demo: Base) -> None:
    parts = [
        {"name": "old", "attribute": "year", "below": 1980.0},
        {"name": "calm", "attribute": "genres", "values": ["Drama", 'Ro"mance']},
        {"name": "others"},
    ]
    tree = {**demo.tree, "data": {"name": "demo", "domains": parts}}
    base = Base("parted", "saved", tree, settle(tree, "The form"), "parted.toml")
    form = {one.key: one for one in fields_of(rooms(base.experiment))}
    written = widget_value(form["data.domains"])
    assert tomllib.loads(f"value = {written}")["value"] == parts
    assert drafted(base, {}).changes == {}
    assert drafted(base, {"train.epochs": 7}).experiment.data == base.experiment.data
    fewer = drafted(base, {"data.domains": written.replace(', "Ro\\"mance"', "")})
    assert [one.values for one in fewer.experiment.data.domains] == [(), ("Drama",), ()]
    assert drafted(base, {"data.domains": ""}).experiment.data.domains == ()
    assert "data.domains" in drafted(base, {"data.domains": "[{name = "}).problems
    assert any("data.domains" in key for key in drafted(base, {"data.domains": "[{}]"}).problems)


def test_what_one_backbone_has_for_itself_is_seen_and_can_be_given_up(tmp_path: Path) -> None:
    base = base_of("ml-1m", tmp_path)
    form = {one.key: one for one in fields_of(rooms(base.experiment))}
    assert form["override.mind.train.epochs"].value == 8
    assert form["override.mind.model.max_history"].value == 3
    assert "override.sasrec.train.epochs" not in form
    without = fields_of(rooms(base.experiment, {"grid.backbones": ["sasrec"]}))
    assert not [one.key for one in without if one.key.startswith("override.mind.")]

    typed = {"override.mind.train.epochs": 4, "override.mind.train.batch_size": None}
    draft = drafted(base, {**typed, "data.source": "/data/ml-1m"})
    mind = draft.experiment.train_of(Cell("mind", "none", 0))
    assert (mind.epochs, mind.batch_size) == (4, draft.experiment.train.batch_size)
    assert draft.emptied == ("override.mind.train.batch_size",)


def test_another_backend_leaves_nothing_of_the_last_one(tmp_path: Path) -> None:
    base = base_of("ml-1m", tmp_path)
    draft = drafted(base, {"llm.item.backend": "facts", "data.source": "/data/ml-1m"})
    assert draft.problems == {}
    assert draft.experiment.llm.item.backend == "facts"
    assert draft.experiment == load_experiment("ml-1m", draft.sets)


def test_what_is_emptied_can_be_run_from_a_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "experiments" / "strict.toml"
    save_experiment(load_experiment("demo", ["name=strict", "data.min_rating=3"]), path)
    draft = drafted(base_of("strict (saved)", tmp_path), {"data.min_rating": None})
    assert draft.emptied == ("data.min_rating",)
    assert not draft.can_be_set
    saved = load_experiment(str(save_draft(draft, tmp_path)))
    assert saved == draft.experiment
    assert saved.data.min_rating is None


NAMED = (
    "It has to begin with a letter or digit and hold nothing but letters, digits, dot, hyphen and "
    "underscore, as x does."
)


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({"train.epochs": 0}, {"train.epochs": "Has to be greater than 0."}),
        ({"train.epochs": None}, {"train.epochs": "Has to be given."}),
        ({"data.min_history": 2}, {"data.min_history": "Has to be at least 3."}),
        ({"grid.seeds": "0, x"}, {"grid.seeds.1": "Has to be a whole number."}),
        ({"grid.seeds": ""}, {"grid.seeds": "Has to have at least 1."}),
        ({"name": "../x"}, {"name": NAMED}),
        ({"llm.user.backend": "replay"}, {"llm.user.path": "Has to be given."}),
        (
            {"train.epochs": 0, "train.patience": -1},
            {
                "train.epochs": "Has to be greater than 0.",
                "train.patience": "Has to be greater than 0.",
            },
        ),
    ],
    ids=str,
)
def test_what_is_wrong_stands_at_its_field(
    values: dict[str, Any], problems: dict[str, str], demo: Base
) -> None:
    draft = drafted(demo, values)
    assert draft.problems == problems
    with pytest.raises(ConfigError):
        draft.experiment  # noqa: B018 (it is asked for)


def test_a_path_without_its_folder_is_asked_for(tmp_path: Path) -> None:
    draft = drafted(base_of("ml-1m", tmp_path), {})
    assert list(draft.problems) == ["data.source"]
    assert "set data.source" in draft.problems["data.source"]


def test_fields_of_the_grid_follow_what_is_ticked(demo: Base) -> None:
    chosen = {"grid.backbones": ["mind", "hostile"], "grid.enhancers": ["none"]}
    keys = {one.key for one in fields_of(rooms(demo.experiment, chosen))}
    parts = {key.split(".")[1] for key in keys if key.startswith("override.")}
    assert parts == {"mind"}
    every = {"grid.backbones": BACKBONES, "grid.enhancers": ENHANCERS}
    keys = {one.key for one in fields_of(rooms(demo.experiment, every))}
    assert {k.split(".")[1] for k in keys if k.startswith("override.")} >= set(PARTS)


def test_a_kind_that_is_unknown_is_left_as_it_was(demo: Base) -> None:
    chosen = {"llm.item.backend": "<script>"}
    found = {one.key: one for one in fields_of(rooms(demo.experiment, chosen))}
    assert found["llm.item.backend"].value == "facts"


def test_names_may_be_offered_to_choose_from(demo: Base) -> None:
    known = {"data.name": ["demo", "ml-1m"]}
    (one,) = [f for f in fields_of(rooms(demo.experiment, {}, known)) if f.key == "data.name"]
    assert (one.kind, one.choices, one.open) == ("choice", ("demo", "ml-1m"), True)


VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.from_regex(r"[a-z_]{1,5}", fullmatch=True), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(VALUES)
def test_what_is_written_is_toml(value: Any) -> None:
    assert tomllib.loads(f"value = {in_toml(value)}")["value"] == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_are_written_as_toml(value: float) -> None:
    assert tomllib.loads(f"value = {in_toml(value)}")["value"] == value


def test_saved_and_run_experiments_can_be_begun_with(finished: Path, tmp_path: Path) -> None:
    import shutil

    workspace = Path(shutil.copytree(finished, tmp_path / "ws"))
    keys = [base.key for base in bases(workspace)]
    assert keys == [*(path.stem for path in shipped_files()), "tiny (as it ran)"]
    draft = drafted(base_of("tiny (as it ran)", workspace), {"name": "mine"})
    assert (draft.can_be_set, is_saved(draft, workspace)) == (False, None)
    save_draft(draft, workspace)
    assert is_saved(draft, workspace)
    assert is_saved(drafted(draft.base, {"name": "mine", "seed": 3}), workspace) is False
    (workspace / "experiments" / "broken.toml").write_text("grid = [")
    (workspace / "experiments" / "wrong.toml").write_text("grid = 3")
    (workspace / "runs" / "torn.json").write_text('{"exper')
    assert [base.key for base in bases(workspace)] == ["mine (saved)", *keys]


def test_a_field_is_called_by_its_name() -> None:
    assert Field("a.batch_size", "", "whole", 1).label == "Batch size"


def test_tables_of_domains_are_a_field_that_says_what_it_was_told() -> None:
    acts = {"add to cart": 3.0, "click": 1.0}
    tables = {"interactions": "/b.csv", "time": "day", "behaviour": "act", "behaviours": acts}
    films = {"name": "films", "files": {"interactions": "/f.csv", "time": "day"}}
    domains = [{"name": "books", "files": tables}, films]
    data = {"name": "files", "domains": domains}
    experiment = Experiment.model_validate({"name": "two", "data": data})
    fields = {one.key: one for one in fields_of(rooms(experiment))}
    assert not any(key.startswith("data.files") for key in fields)
    field = fields["data.domains"]
    again = value_of(field, widget_value(field))
    assert DataConfig.model_validate({"name": "files", "domains": again}) == experiment.data
