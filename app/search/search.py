"""Hyper-parameters by trial: the same number of trials for every row, on validation alone."""

from __future__ import annotations

import fcntl
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w

from app.experiment.file import check_experiment, put
from app.experiment.settings import Cell, Experiment, Override, merge
from app.pipeline.plan import Plan, Step
from app.pipeline.records import record_of
from app.pipeline.runner import Showing, in_silence, run_steps
from data.errors import AutoGraphError, ConfigError
from recommend.settings.part import HEADS

if TYPE_CHECKING:
    from optuna import Study

Make = Callable[[Plan, Sequence[Step]], None]
"""Runs those of some steps that are not finished."""
WATCHED = "valid_ndcg@10"
"""What trials are judged by; it is of validation, and nothing of the test is ever computed."""
STORE = "search.sqlite"
"""Of all trials of a workspace."""
FAILED = "error"
"""What a trial carries that failed of itself and is not tried again."""
SEEDS = 2**32
"""How many seeds the sampler knows."""
STARTED = 10
"""Trials of a row that are drawn before the tree of Parzen estimators decides."""
Choices = Mapping[str, tuple[Any, ...]]
"""Values by dotted name below an override, such as `train.learning_rate`."""
TRAINING: Choices = {
    "train.learning_rate": (1e-3, 2e-3, 1e-2, 2e-2),
    "train.batch_size": (64, 128, 256),
    "train.weight_decay": (1e-3, 1e-2),
}
"""Of every row. Source: AutoGraph, appendix D."""


@dataclass(frozen=True, slots=True)
class BestOfRow:
    """What was found for one row.

    Attributes:
        cell: The row.
        trials: How many were finished.
        value: Best validation NDCG@10.
        settings: That reached it, as the nested tables of an override.
        default: What the experiment's own settings have reached; None where they were not run.
        marks: Signs of what keeps its results from a fair comparison.
    """

    cell: Cell
    trials: int
    value: float
    settings: dict[str, Any]
    default: float | None
    marks: str = ""


def search(
    experiment: Experiment,
    workspace: Path,
    trials: int,
    only: Sequence[str] = (),
    device: str = "cpu",
    showing: Showing = in_silence,
) -> list[BestOfRow]:
    """The best settings of each row after `trials` trials; those of earlier calls count.

    A trial trains a row with the experiment's first seed. What a trial tries depends on the trials
    before it and on nothing else, so a search that was interrupted ends like one that was not. A
    trial that fails ends the search; the same search goes on with another one in its place.

    Args:
        experiment: Its grid names the rows.
        workspace: Holds trials and results.
        trials: Of every row, all calls together.
        only: Rows such as "sasrec+autograph"; `*` stands for anything, and none for all.
        device: That models are trained on.
        showing: Opens what shows how each trial goes.

    Raises:
        ConfigError: a name fits no row, or another search is at work.
        AutoGraphError: a trial fails.
    """
    rows = _rows(experiment, only)
    with _alone(workspace):

        def make(plan: Plan, steps: Sequence[Step]) -> None:
            _make(plan, steps, device, showing)

        return [_search_row(experiment, cell, workspace, trials, make) for cell in rows]


def with_settings(experiment: Experiment, cell: Cell, settings: dict[str, Any]) -> Experiment:
    """The experiment with one row alone, and an override for it.

    Raises:
        ConfigError: its settings do not go together.
    """
    old = experiment.override.get(cell.label, Override()).model_dump()
    grid = {"backbones": [cell.backbone], "enhancers": [cell.enhancer], "seeds": [cell.seed]}
    override = {name: of.model_dump() for name, of in experiment.override.items()}
    given = experiment.model_dump(mode="json", exclude_none=True)
    override[cell.label] = merge(old, settings)
    return check_experiment(
        {**given, "grid": grid, "override": override}, f"a trial of {cell.label}"
    )


def space_of(experiment: Experiment, cell: Cell) -> dict[str, tuple[Any, ...]]:
    """What is tried for one row, by dotted name below its override.

    >>> list(space_of(Experiment(), Cell("gru4rec", "none", 0)))[-1]
    'model.backbone.layers'
    """
    model = experiment.model_of(cell)
    whole = dict(TRAINING) if model.backbone.learns else {}
    for part, settings in (("backbone", model.backbone), ("enhancer", model.enhancer)):
        whole |= {f"model.{part}.{name}": of for name, of in settings.space.items()}
    heads = tuple(n for n in HEADS if model.width % n == 0)
    return {name: heads if name.endswith(".heads") else of for name, of in whole.items()}


def as_settings(found: Mapping[str, Any]) -> dict[str, Any]:
    """Chosen values as the nested tables of an override.

    >>> as_settings({"train.batch_size": 64, "model.backbone.hidden": "128, 64"})
    {'train': {'batch_size': 64}, 'model': {'backbone': {'hidden': [128, 64]}}}
    """
    tree: dict[str, Any] = {}
    for name, value in found.items():
        put(tree, name, [int(n) for n in value.split(",")] if isinstance(value, str) else value)
    return tree


def override_toml(found: Sequence[BestOfRow]) -> str:
    """The `[override…]` tables of what was found."""
    return tomli_w.dumps({"override": {one.cell.label: one.settings for one in found}})


def _rows(experiment: Experiment, only: Sequence[str]) -> list[Cell]:
    first = [cell for cell in experiment.grid if cell.seed == experiment.grid.seeds[0]]
    for name in only:
        if not any(fnmatchcase(cell.label, name) for cell in first):
            known = ", ".join(cell.label for cell in first)
            raise ConfigError(f"{experiment.name} has no row {name!r}. It has: {known}.")
    return [c for c in first if not only or any(fnmatchcase(c.label, name) for name in only)]


@contextmanager
def _alone(workspace: Path) -> Iterator[None]:
    """Keeps a second search away, which would take this one's trial for an interrupted one."""
    workspace.mkdir(parents=True, exist_ok=True)
    with (workspace / f".{STORE}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"Another search is at work in {workspace}. Wait for it, or use another workspace."
            ) from None
        yield


def _search_row(
    experiment: Experiment, cell: Cell, workspace: Path, trials: int, make: Make
) -> BestOfRow:
    from optuna.trial import TrialState

    plan = Plan(with_settings(experiment, cell, {}), workspace)
    step, space = plan.step("train", cell), space_of(experiment, cell)
    study = _study(_name(experiment, cell, step.key, space), workspace)
    _take_up(study)
    while len(finished := study.get_trials(states=[TrialState.COMPLETE])) < trials:
        # What all trials share is made before one is drawn: where it fails, no trial is to blame.
        make(plan, [one for one in plan.steps("train") if one.cell is None])
        trial = _ask(study, space, experiment.seed)
        try:
            own = with_settings(experiment, cell, as_settings(trial.params))
            value = _try_settings(own, workspace, make)
        except AutoGraphError as error:
            trial.set_user_attr(FAILED, str(error))
            study.tell(trial, state=TrialState.FAIL)
            raise
        study.tell(trial, value)
    there = plan.store.holds("train", step.key)
    default = plan.store.manifest("train", step.key)["summary"][WATCHED] if there else None
    best, marks = study.best_trial, record_of(plan, plan.steps("train")).marks(cell)
    settings = as_settings(best.params)
    return BestOfRow(cell, len(finished), float(best.value or 0), settings, default, marks)


def _name(
    experiment: Experiment, cell: Cell, key: str, space: Mapping[str, tuple[Any, ...]]
) -> str:
    """The name of a row's study; one of fewer heads is another, for no study takes fewer later."""
    name = f"{experiment.name} {cell.label} {key}"
    heads = next((of for choice, of in space.items() if choice.endswith(".heads")), HEADS)
    return name if heads == HEADS else f"{name} heads {heads}"


def _study(name: str, workspace: Path) -> Study:
    """The trials of one row; other settings of the experiment make it another row's."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = f"sqlite:///{(workspace / STORE).resolve()}"
    return optuna.create_study(
        study_name=name, storage=storage, direction="maximize", load_if_exists=True
    )


def _take_up(study: Study) -> None:
    """Puts trials that were interrupted in front again, with the values that they had."""
    from optuna.trial import TrialState

    for trial in study.get_trials(states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
        study.enqueue_trial(trial.params)


def _ask(study: Study, space: Mapping[str, tuple[Any, ...]], seed: int) -> Any:
    """The next trial, with a value of each choice: another one after one that failed of itself."""
    import optuna
    from optuna.distributions import CategoricalDistribution

    ended = [t for t in study.get_trials() if t.state.name == "COMPLETE" or FAILED in t.user_attrs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=STARTED, multivariate=True, seed=(seed * 100_003 + len(ended)) % SEEDS
        )
        return study.ask({name: CategoricalDistribution(of) for name, of in space.items()})


def _try_settings(experiment: Experiment, workspace: Path, make: Make) -> float:
    """Validation NDCG@10 of an experiment with one row; what was trained before is not again."""
    plan = Plan(experiment, workspace)
    steps = plan.steps("train")
    make(plan, steps)
    return float(plan.store.manifest("train", steps[-1].key)["summary"][WATCHED])


def _make(plan: Plan, steps: Sequence[Step], device: str, showing: Showing) -> None:
    """Runs those of some steps that are not finished."""
    if not all(plan.store.sound(step.stage, step.key) for step in steps):
        with showing() as listener:
            listener.plan_steps([str(step) for step in steps])
            run_steps(plan, steps, listener, 1, device)
