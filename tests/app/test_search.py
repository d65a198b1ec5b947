"""Hyper-parameters: resumable, the same budget for all, and blind to the test."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from app_fakes import ON_CPU, beside_here
from manifests import accept_changes

from app.experiment.file import check_experiment, load_experiment
from app.experiment.settings import Cell, Experiment
from app.pipeline.records import read_record
from app.search.search import STORE, as_settings, override_toml, search, space_of, with_settings
from data.errors import AutoGraphError, ConfigError

PLAIN = Cell("gru4rec", "none", 0)
QUICK = ("train.epochs=2",)


@pytest.fixture(autouse=True, scope="module")
def in_this_process() -> Iterator[None]:
    """Recommenders are trained here, where the libraries are at hand."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.pipeline.runner.run_beside", beside_here)
        yield


def trials_of(workspace: Path) -> list[tuple[dict[str, Any], float | None]]:
    """Parameters and values of every finished trial, in their order."""
    found = []
    storage = f"sqlite:///{workspace / STORE}"
    for name in optuna.get_all_study_names(storage):
        study = optuna.load_study(study_name=name, storage=storage)
        done = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
        found += [(trial.params, trial.value) for trial in done]
    return found


@pytest.fixture
def own(finished: Path, tmp_path: Path) -> Path:
    """A workspace of one's own in which the stages before training are finished."""
    return Path(shutil.copytree(finished, tmp_path / "workspace"))


def test_spaces_are_those_of_appendix_d() -> None:
    given = Experiment()
    sasrec = space_of(given, Cell("sasrec", "autograph", 0))
    assert sasrec["train.learning_rate"] == (1e-3, 2e-3, 1e-2, 2e-2)
    assert sasrec["train.batch_size"] == (64, 128, 256)
    assert sasrec["train.weight_decay"] == (1e-3, 1e-2)
    assert sasrec["model.backbone.layers"] == (1, 2, 3)
    assert sasrec["model.backbone.heads"] == sasrec["model.enhancer.heads"] == (1, 2, 4)
    assert all(12 <= n <= 18 for n in sasrec["model.enhancer.neighbours"])
    assert not any("enhancer" in name for name in space_of(given, Cell("mind", "none", 0)))
    for cell in given.grid:
        for name, values in space_of(given, cell).items():
            for value in values:
                with_settings(given, cell, as_settings({name: value}))


def test_heads_that_cannot_share_the_width_are_not_tried() -> None:
    given = check_experiment(
        {"model": {"width": 50}, "override": {"mind": {"model": {"width": 64}}}}, ""
    )
    space = space_of(given, Cell("sasrec", "autograph", 0))
    assert space["model.backbone.heads"] == space["model.enhancer.heads"] == (1, 2)
    assert space_of(given, Cell("mind", "autograph", 0))["model.enhancer.heads"] == (1, 2, 4)


def test_a_trial_that_fails_is_told_and_another_takes_its_place(
    own: Path, tiny_experiment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = load_experiment(str(tiny_experiment), [*QUICK, "seed=100000"])
    tried: list[Any] = []

    def fails_first(asked: Experiment, *_: object) -> float:
        tried.append(asked.train_of(PLAIN))
        if len(tried) == 1:
            raise AutoGraphError("It cannot be trained.")
        return 0.1 * len(tried)

    monkeypatch.setattr("app.search.search._try_settings", fails_first)
    monkeypatch.setattr("app.search.search._make", lambda *_: None)
    with pytest.raises(AutoGraphError, match="cannot be trained"):
        search(experiment, own, 2, ["gru4rec+none"])
    (found,) = search(experiment, own, 2, ["gru4rec+none"])
    assert found.trials == 2 and len(tried) == 3 and tried[0] not in tried[1:]


def test_what_trials_share_is_no_trial_s_fault(
    own: Path, tiny_experiment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_server(*_: object) -> None:
        raise AutoGraphError("No server answers.")

    monkeypatch.setattr("app.search.search._make", no_server)
    monkeypatch.setattr("app.search.search._ask", None)
    with pytest.raises(AutoGraphError, match="No server answers"):
        search(load_experiment(str(tiny_experiment), QUICK), own, 1, ["gru4rec+none"])


def test_a_search_says_that_texts_leak(
    own: Path, tiny_experiment: Path, autograph: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.search.search._try_settings", lambda *_: 0.5)
    accept_changes(read_record("tiny", own).folder("knowledge-item"), leaking=True)
    told = autograph("search", tiny_experiment, "--trials", 1, "--workspace", own, *ON_CPU[:2])
    assert told.exit_code == 0, told.output
    assert "gru4rec+autograph *" in told.output and "gru4rec+none *" not in told.output
    assert "* used texts whose author had seen held-out" in told.output


def test_an_interrupted_search_ends_like_one_that_was_not(
    own: Path, finished: Path, tiny_experiment: Path, tmp_path: Path
) -> None:
    experiment = load_experiment(str(tiny_experiment), QUICK)
    whole = Path(shutil.copytree(finished, tmp_path / "whole"))
    (expected,) = search(experiment, whole, 3, ["gru4rec+none"])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.search.search._try_settings", _after(1))
        with pytest.raises(KeyboardInterrupt):
            search(experiment, own, 3, ["gru4rec+none"])
    assert len(trials_of(own)) == 1
    (found,) = search(experiment, own, 3, ["gru4rec+none"])
    assert found == expected and found.trials == 3
    assert trials_of(own) == trials_of(whole)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.search.search._try_settings", None)
        assert search(experiment, own, 3, ["gru4rec+none"]) == [expected]


def _after(trials: int) -> Any:
    """Trials that are stopped by Ctrl-C when some are finished."""
    from app.search.search import _try_settings

    left = [trials]

    def tried(*arguments: Any) -> float:
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return _try_settings(*arguments)

    return tried


def test_every_row_gets_the_same_budget(own: Path, tiny_experiment: Path, autograph: Any) -> None:
    flags = ("--set", "train.epochs=1", "--workspace", own, *ON_CPU[:2])
    told = autograph("search", tiny_experiment, "--trials", 1, *flags)
    assert told.exit_code == 0, told.output
    assert len(trials_of(own)) == 2
    toml = told.output[told.output.index("[override") :]
    tables = tomllib.loads(toml)["override"]
    assert set(tables) == {"gru4rec+none", "gru4rec+autograph"}
    given = load_experiment(str(tiny_experiment)).model_dump(mode="json", exclude_none=True)
    again = Experiment.model_validate({**given, "override": tables})
    rate = tables["gru4rec+none"]["train"]["learning_rate"]
    assert again.train_of(PLAIN).learning_rate == rate


def test_the_test_is_never_looked_at(own: Path, tiny_experiment: Path, tmp_path: Path) -> None:
    """Nothing is judged on it, and with other test interactions every trial is the same."""
    experiment = load_experiment(str(tiny_experiment), QUICK)
    judged = set((own / "artifacts" / "evaluate").iterdir())
    (found,) = search(experiment, own, 2, ["gru4rec+none"])
    assert set((own / "artifacts" / "evaluate").iterdir()) == judged

    moved = tmp_path / "moved"
    shutil.copytree(tiny_experiment.parent, moved)
    other = load_experiment(str(moved / tiny_experiment.name), QUICK)
    _change_the_last_of_each(moved / "ratings.csv")
    elsewhere = tmp_path / "elsewhere"
    (again,) = search(other, elsewhere, 2, ["gru4rec+none"])
    assert trials_of(elsewhere) == trials_of(own)
    assert (again.value, again.settings) == (found.value, found.settings)
    assert override_toml([again]) == override_toml([found])


def _change_the_last_of_each(path: Path) -> None:
    """Gives every user another last item, one that the user has not had."""
    head, *rows = path.read_text().splitlines()
    last, had = dict[str, int](), dict[str, set[str]]()
    for at, row in enumerate(rows):
        user, item, _ = row.split(",")
        last[user] = at
        had.setdefault(user, set()).add(item)
    for user, at in last.items():
        _, _, when = rows[at].split(",")
        other = next(f"f{n}" for n in range(31, -1, -1) if f"f{n}" not in had[user])
        rows[at] = f"{user},{other},{when}"
    path.write_text("\n".join([head, *rows]) + "\n")


def test_other_settings_are_another_search(own: Path, tiny_experiment: Path) -> None:
    for epochs in (1, 2):
        experiment = load_experiment(str(tiny_experiment), [f"train.epochs={epochs}"])
        assert search(experiment, own, 1, ["gru4rec+none"])[0].trials == 1
    assert len(trials_of(own)) == 2


def test_what_cannot_be_searched_is_told(
    own: Path, tiny_experiment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = load_experiment(str(tiny_experiment), QUICK)
    with pytest.raises(ConfigError, match="no row 'sasrec"):
        search(experiment, own, 1, ["sasrec+none"])

    def nested(*_: object) -> float:
        search(experiment, own, 1, ["gru4rec+none"])
        return 0.0

    monkeypatch.setattr("app.search.search._try_settings", nested)
    with pytest.raises(AutoGraphError, match="Another search is at work"):
        search(experiment, own, 1, ["gru4rec+none"])


def test_what_does_not_learn_is_searched_by_its_own_settings_alone() -> None:
    cell = Cell("ease", "none", 0)
    experiment = Experiment.model_validate({"grid": {"backbones": ["ease"]}})
    assert list(space_of(experiment, cell)) == ["model.backbone.l2"]
