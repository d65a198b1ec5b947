"""The first look: its preset on odd data, what it is told to take, and what it says."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from app_fakes import ON_CPU, THEMES, beside_here

from app.experiment.quick import Shape, quick, quick_name
from app.experiment.settings import PLAIN, Cell, Experiment
from app.pipeline.estimate import Estimate, Part, Rehearsal, timed
from app.pipeline.records import read_record
from app.results import comparison, first_look
from app.results.first_look import advice, do_texts_help, estimate_in_words, took_in_words
from data.dataset import Dataset

SHOP = Shape(users=5_000, items=2_000, words="title")
SIMPLE, TRAINED, WITH_TEXTS = ("popularity", "item-knn", "ease"), "sasrec", "fusion"
ALL, BOTH = (*SIMPLE, "text-knn", "hybrid", TRAINED), (PLAIN, WITH_TEXTS)


def write_shop(folder: Path, *, titles: bool = True, times: bool = True, users: int = 40) -> Path:
    """An experiment on tables of people who like one of four themes each."""
    rng = np.random.default_rng(3)
    rows, items = ["who,what" + ",day" * times], ["what" + ",name" * titles]
    for item in range(32):
        items.append(f"i{item}" + f",{THEMES[item % 4]} {item}" * titles)
    for user in range(users):
        for t, item in enumerate(rng.permutation(np.arange(user % 4, 32, 4))[:6]):
            rows.append(f"u{user},i{item}" + f",2024-01-{t + 1:02}" * times)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orders.csv").write_text("\n".join(rows) + "\n")
    (folder / "items.csv").write_text("\n".join(items) + "\n")
    path = folder / "shop.toml"
    path.write_text(
        '[data]\nname = "files"\n[data.files]\ninteractions = "orders.csv"\nuser = "who"\n'
        'item = "what"\nitems = "items.csv"\nitems_id = "what"\n'
        + 'title = "name"\n' * titles
        + 'time = "day"\n' * times
        + "[train]\nepochs = 7\n"
    )
    return path


@pytest.mark.parametrize(
    ("shape", "backbones", "enhancers"),
    [
        (SHOP, ALL, BOTH),
        (
            replace(SHOP, words="texts"),
            (*SIMPLE, "text-knn", "hybrid", TRAINED),
            (PLAIN, WITH_TEXTS),
        ),
        (replace(SHOP, words=""), (*SIMPLE, TRAINED), (PLAIN,)),
        (replace(SHOP, items=20_001), tuple(name for name in ALL if name != "ease"), BOTH),
        (
            replace(SHOP, users=1, items=2),
            (*SIMPLE, "text-knn", "hybrid", TRAINED),
            (PLAIN, WITH_TEXTS),
        ),
    ],
)
def test_the_preset_takes_what_the_data_have(
    shape: Shape, backbones: tuple[str, ...], enhancers: tuple[str, ...]
) -> None:
    made = quick(Experiment(name="shop"), shape)
    assert (made.grid.backbones, made.grid.enhancers) == (backbones, enhancers)
    assert made.words.of == (shape.words or "title")
    for cell in made.grid:
        assert made.model_of(cell).width == 64 and made.train_of(cell).epochs == 60
    assert made.model_of(Cell(TRAINED, PLAIN, 0)).backbone.model_dump() == {
        **{"name": "sasrec", "layers": 1, "heads": 1, "dropout": 0.5}
    }


def test_what_a_person_has_set_of_the_data_stays_and_changes_go_first() -> None:
    chosen = Experiment.model_validate(
        {
            "name": "shop",
            "seed": 4,
            "control": "shuffled",
            "data": {"name": "demo", "min_history": 6},
            "evaluate": {"candidates": 50},
            "train": {"epochs": 3},
            "llm": {"item": {"backend": "server", "model": "m"}},
        }
    )
    made = quick(chosen, SHOP, ["train.patience=2", "name=other"])
    assert (made.name, made.seed, made.control) == ("shop-quick-shuffled", 4, "shuffled")
    assert quick_name(chosen) == made.name
    assert (made.data.min_history, made.evaluate.candidates) == (6, 50)
    assert (made.train.epochs, made.train.patience) == (60, 2)
    assert made.llm.item.backend == "facts", "no language model is asked"


def test_notes_say_what_is_odd_about_the_data() -> None:
    assert SHOP.notes == ()
    told = " ".join(Shape(users=20, items=30_000, words="").notes)
    assert "no row with texts" in told
    assert "EASE is left out: it takes 20,000 items at most, and there are 30,000" in told
    assert "20 users are few" in told


@pytest.mark.parametrize(
    ("columns", "where"),
    [
        ({"title": ["blue pen", "Blue ink"]}, "title"),
        ({"title": ["a", "b"], "description": ["so red", "Red it is"]}, "texts"),
        ({"title": ["a", "b"]}, ""),
        ({"title": [None, "b"], "description": ["", None]}, ""),
        ({"colour": ["red", "red"]}, ""),
    ],
)
def test_words_are_looked_for_where_texts_are(columns: dict[str, Any], where: str) -> None:
    items = pl.DataFrame({"item_id": ["1", "2"], **columns})
    rows = {"user": [0, 0], "item": [0, 1], "time": [1, 2], "weight": [1.0, 1.0]}
    types = {"user": pl.Int32, "item": pl.Int32, "time": pl.Int64, "weight": pl.Float32}
    dataset = Dataset("toy", pl.DataFrame({"user_id": ["1"]}), items, pl.DataFrame(rows, types))
    assert Shape.of(dataset) == Shape(1, 2, where)


@pytest.mark.parametrize(
    ("ends", "sizes", "found"),
    [
        ([5.0, 5.4, 5.8, 6.2, 9.9], [4, 2, 2, 2, 9], (4, 5.0, 0.2)),  # three of 0.2 s a unit
        ([5.0, 5.1, 9.1, 10.1], [1, 1, 1, 1, 1], (1, 5.0, 1.0)),  # one of them halted: the median
        ([3.0], [6], (6, 3.0, 0.5)),
        ([], [], (0, 0.0, 0.0)),
    ],
)
def test_pieces_are_timed_without_the_first(
    ends: list[float],
    sizes: list[int],
    found: tuple[int, float, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([0.0, *ends])
    monkeypatch.setattr("app.pipeline.estimate.time.perf_counter", lambda: next(clock))
    assert timed(iter(sizes)) == pytest.approx(found)


def test_an_estimate_in_words() -> None:
    parts = (Part("texts", 60.0, 60.0), Part("simple rows", 30.0, 30.0), Part("SASRec", 90, 180))
    found = Estimate(parts)
    assert estimate_in_words(found, 2) == (
        "About 3.0 min on this machine (2 cores), by a few timed steps: texts 1.0 min, simple rows "
        "30 s, SASRec 1.5 min. Half of the epochs are taken to be enough, as validation decides; "
        "with all of them it is 4.5 min."
    )
    assert advice(found) == took_in_words(found) == ""
    assert took_in_words(replace(found, took=200.0)) == "It took 3.3 min; the estimate was 3.0 min."
    assert estimate_in_words(Estimate(()), 1) == "All of it is finished already."


@pytest.mark.parametrize(
    ("what", "cure"),
    [("texts", "evidence="), ("simple rows", "grid.backbones="), ("SASRec", "train.epochs=10")],
)
def test_hours_are_told_and_made_shorter(what: str, cure: str) -> None:
    long = Estimate((Part(what, 9_000.0, 9_000.0), Part("rest", 5.0, 5.0)))
    assert "2.5 h" in estimate_in_words(long, 1)
    told = advice(long)
    assert f"most of it is {what}" in told and cure in told
    for change in re.findall(r"--set '?([^']+?)'?\.$", told):
        assert quick(Experiment(name="shop"), SHOP, [change]) != quick(
            Experiment(name="shop"), SHOP
        )


@pytest.fixture
def tiny(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Changes that make the preset small; recommenders are trained in this process."""
    monkeypatch.setattr("app.pipeline.runner.run_beside", beside_here)
    changes = (
        f"encoder.model={tiny_model}",
        "encoder.dtype=float32",
        "train.epochs=2",
        "model.width=8",
    )
    return [word for change in changes for word in ("--set", change)]


def test_a_look_from_the_estimate_to_the_answer(
    autograph: Any, tiny: list[str], tmp_path: Path
) -> None:
    file, workspace = write_shop(tmp_path), tmp_path / "ws"
    words = ("run", file, "--quick", "--workspace", workspace, *ON_CPU, *tiny)
    asked = autograph(*words, "--dry-run")
    assert asked.exit_code == 0, asked.output
    parts = r"texts .*, simple rows .*, SASRec .*, SASRec with texts \d"
    assert re.search(f"About .* on this machine .*: {parts}", asked.output)
    assert "40 users are few" in asked.output
    expected = Estimate.load(workspace, "shop-quick")
    assert expected is not None and expected.took is None
    assert all(part.seconds > 0 for part in expected.parts)
    assert not (workspace / "runs").exists(), "nothing was run"

    done = autograph(*words)
    assert done.exit_code == 0, done.output
    record = read_record("shop-quick", workspace)
    assert len(record.finished_cells()) == 7
    assert "knowledge-user" not in record.keys, "nobody waits for texts of users"
    said = done.output.replace("\n", " ")
    assert re.search(r"It took .*; the estimate was", said)
    assert do_texts_help(record) in said
    assert re.search(r"Texts (help|make no difference|do not help) on these data", said)
    kept = Estimate.load(workspace, "shop-quick")
    assert kept is not None and kept.took is not None and kept.took > 0

    again = autograph(*words)
    assert again.exit_code == 0, again.output
    assert "All of it is finished already." in again.output


def test_what_quantising_loads_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not once an epoch: with an encoder of words nothing has loaded it before."""
    fitted = []

    def slow_at_first(*_: Any) -> None:
        time.sleep(0.0 if fitted else 0.3)
        fitted.append(1)

    monkeypatch.setattr("quantize.fit.fit_codes", slow_at_first)
    monkeypatch.setattr(Rehearsal, "_count", lambda *_: 40)
    rehearsal = object.__new__(Rehearsal)
    rehearsal.experiment, rehearsal.rng = Experiment(name="shop"), np.random.default_rng(0)
    assert 0.3 <= rehearsal._codes("item") < 2


def test_an_encoder_of_words_is_timed_though_no_model_is_opened(
    autograph: Any, tiny: list[str], tmp_path: Path
) -> None:
    file, workspace = write_shop(tmp_path), tmp_path / "ws"
    words = ("run", file, "--quick", "--dry-run", "--workspace", workspace, *ON_CPU, *tiny)
    asked = autograph(*words, "--set", "encoder.kind=words", "--set", "encoder.whiten=full")
    assert asked.exit_code == 0, asked.output
    expected = Estimate.load(workspace, "shop-quick")
    assert expected is not None and expected.parts[0].what == "texts"
    assert expected.parts[0].seconds > 0


def test_without_texts_and_times_there_is_a_table_and_no_answer(
    autograph: Any, tiny: list[str], tmp_path: Path
) -> None:
    file = write_shop(tmp_path, titles=False, times=False)
    words = ("run", file, "--quick", "--workspace", tmp_path / "ws", *ON_CPU, *tiny)
    done = autograph(*words)
    assert done.exit_code == 0, done.output
    said = done.output.replace("\n", " ")
    assert "No two items share a word of a title or a description" in said
    record = read_record("shop-quick", tmp_path / "ws")
    assert len(record.finished_cells()) == 4
    assert "Whether texts help is not known" in said
    expected = Estimate.load(tmp_path / "ws", "shop-quick")
    assert expected is not None
    assert [part.what for part in expected.parts] == ["simple rows", "SASRec"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--dry-run",), "--dry-run estimates a first look: add --quick"),
        (("--quick", "--upto", "split"), "--quick runs everything"),
    ],
)
def test_options_that_do_not_go_together(
    words: tuple[str, ...], sentence: str, autograph: Any
) -> None:
    told = autograph("run", "demo", *words)
    assert told.exit_code == 1 and sentence in told.output


def test_nobody_with_two_training_interactions_is_told_before_anything_runs(
    autograph: Any, tmp_path: Path
) -> None:
    file = write_shop(tmp_path)
    rows = [f"u{u},i{i},2024-01-0{i + 1}" for u in range(5) for i in range(3)]
    (tmp_path / "orders.csv").write_text("who,what,day\n" + "\n".join(rows) + "\n")
    words = ("--set", "data.min_history=3", "--workspace", tmp_path / "ws")
    told = autograph("run", file, "--quick", *words)
    assert told.exit_code == 1
    assert "No user has two training interactions" in told.output


@pytest.mark.parametrize(
    ("gain", "says"),
    [(0.2, "Texts help"), (-0.2, "Texts do not help"), (0.0, "Texts make no difference")],
)
def test_the_answer_follows_the_interval(
    gain: float, says: str, finished: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The finished pair of recommenders, with figures of users made up."""
    record = read_record("tiny", finished)
    real = comparison.load_evaluation

    def made(of: Any, cell: Cell) -> Any:
        found, rng = real(of, cell), np.random.default_rng(int(cell.enhancer == PLAIN))
        n = found.per_user.height
        value = rng.uniform(0.3, 0.31, n) + (0 if cell.enhancer == PLAIN else gain)
        if not gain:
            value = rng.permutation(np.linspace(0, 1, n))
        return replace(found, per_user=found.per_user.with_columns(pl.Series("ndcg@10", value)))

    compared = comparison.compare_contenders
    monkeypatch.setattr(
        first_look, "compare_contenders", lambda of, against: compared(of, against, made)
    )
    told = do_texts_help(record)
    assert told.startswith(says)
    assert ("--control shuffled" in told) == (gain > 0)
    assert "simple" not in told, "both learn"


@pytest.mark.parametrize(
    ("control", "says"), [("shuffled", "Shuffled texts"), ("random", "Random vectors")]
)
def test_the_answer_of_a_control_is_not_about_texts(
    control: str, says: str, finished: Path
) -> None:
    record = read_record("tiny", finished)
    experiment = record.experiment.model_copy(update={"control": control})
    told = do_texts_help(replace(record, experiment=experiment))
    assert re.match(f"{says} (help|make|do not)", told)
    assert "tells" not in told
