"""Recommenders of one or more experiments side by side: accuracy, cost, and what lists are like."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from app.experiment.cautions import notes, with_signs, without_signs
from app.experiment.settings import PLAIN, RANDOM, SHUFFLED, Cell, Experiment
from app.pipeline.derived import holds, run_derived, step_from
from app.pipeline.plan import Step
from app.pipeline.records import Record
from app.pipeline.runner import Showing, in_silence
from app.results.metrics import METRICS
from app.results.results import Results
from app.results.wording import change_in_words, drawn_in_short, ranked_among
from data.errors import ConfigError
from llm.shuffle import others

if TYPE_CHECKING:
    from recommend.judge.compare import Seeds
    from recommend.judge.evaluate import Evaluation

SEEN_BY_SIMPLE = (
    "What a user has had is ranked, too: trained recommenders learn that it does not come again, "
    "simple ones do not, and are behind for that reason as well."
)
LIST_LENGTH = 10
"""Items of a list that is measured; more are kept."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One recommender of one experiment, with all its seeds.

    Attributes:
        label: How it is called, apart from all others; signs of caution are a part of it, so that
            they show wherever it does.
        record: Of the experiment.
        cells: Trained and judged, a seed each.
    """

    label: str
    record: Record
    cells: tuple[Cell, ...]

    @property
    def backbone(self) -> str:
        """Its backbone."""
        return self.cells[0].backbone

    @property
    def enhancer(self) -> str:
        """Its enhancer."""
        return self.cells[0].enhancer

    @property
    def leaking(self) -> bool:
        """Whether it has seen held-out interactions."""
        return self.record.leaking(self.cells[0])

    @property
    def marks(self) -> str:
        """Signs of what keeps it from a fair comparison."""
        return self.record.marks(self.cells[0])

    @property
    def learns(self) -> bool:
        """Whether it is trained; simple ones are not."""
        return self.cells[0].learns

    @property
    def valid(self) -> float:
        """NDCG@10 on validation, the mean over seeds."""
        found = self.record.validated()
        return mean(found[cell] for cell in self.cells)


Load = Callable[[Record, Cell], "Evaluation"]


def load_evaluation(record: Record, cell: Cell) -> Evaluation:
    """What a recommender reached, a row a user."""
    from recommend.judge.evaluate import Evaluation

    return Evaluation.load(record.folder("evaluate", cell))


def by_seed(cells: Sequence[Cell], judged: Iterable[Evaluation]) -> Seeds:
    """What a recommender reached, by seed; what is not trained is the same for every seed."""
    from recommend.judge.compare import EVERY

    pairs = zip(cells, judged, strict=True)
    return {cell.seed if cell.learns else EVERY: one for cell, one in pairs}


def judged_by_seed(one: Contender, load: Load = load_evaluation) -> Seeds:
    """What a recommender reached, by seed."""
    return by_seed(one.cells, (load(one.record, cell) for cell in one.cells))


def contenders(records: Sequence[Record]) -> dict[str, Contender]:
    """Finished recommenders by label, which names the experiment where there are several."""
    cells: dict[str, tuple[Record, list[Cell]]] = {}
    for record in records:
        prefix = f"{record.experiment.name}: " if len(records) > 1 else ""
        for cell in record.finished_cells():
            label = with_signs(f"{prefix}{cell.label}", record.marks(cell))
            cells.setdefault(label, (record, []))[1].append(cell)
    return {label: Contender(label, of, tuple(some)) for label, (of, some) in cells.items()}


def plain_twins(found: Mapping[str, Contender]) -> dict[str, str]:
    """Label of each enhanced recommender to that of its plain twin.

    An experiment without plain ones takes those of another with the same data and split that are
    set and trained alike.
    """
    twins = {}
    for label, one in found.items():
        if one.enhancer == PLAIN:
            continue
        fitting = [
            other
            for other in found.values()
            if other.enhancer == PLAIN
            and other.backbone == one.backbone
            and other.record.keys.get("split") == one.record.keys.get("split")
            and (other.record is one.record or _plainly(other) == _plainly(one))
        ]
        fitting.sort(key=lambda other: other.record.experiment.name != one.record.experiment.name)
        if fitting:
            twins[label] = fitting[0].label
    return twins


def default_pair(record: Record) -> tuple[Cell | None, Cell | None]:
    """A recommender with something added and its plain twin, which differs in nothing else.

    The best on validation that has a twin, one without a sign of caution where there is any; where
    none has one, the best with something added and the best without. Where nothing is added to any,
    the best one and the best other simple one, or else the next best. None for none.
    """
    finished, valid = record.finished_cells(), record.validated()

    def standing(cell: Cell) -> tuple[bool, float]:
        return not record.marks(cell), valid[cell]

    enhanced, plain = (
        sorted((c for c in finished if (c.enhancer == PLAIN) is kind), key=standing, reverse=True)
        for kind in (False, True)
    )
    twinned = [cell for cell in enhanced if plain_twin(cell, finished)]
    if twinned:
        return twinned[0], plain_twin(twinned[0], finished)
    if not enhanced and len(plain) > 1:
        best, *others = plain
        others = [cell for cell in others if cell.label != best.label] or others
        return best, next((cell for cell in others if not cell.learns), others[0])
    return next(iter(enhanced), None), next(iter(plain), None)


def plain_twin(cell: Cell, among: Sequence[Cell]) -> Cell | None:
    """The plain recommender of the same backbone and seed, if it is one of some."""
    twin = replace(cell, enhancer=PLAIN)
    return twin if cell != twin and twin in among else None


def _plainly(one: Contender) -> tuple[object, ...]:
    """Settings that a recommender shares with a fair twin: all but its enhancer."""
    experiment, cell = one.record.experiment, one.cells[0]
    model = experiment.model_of(cell).model_dump(exclude={"enhancer"})
    return model, experiment.train_of(cell)


def baselines(found: Mapping[str, Contender], against: str | None = None) -> dict[str, str]:
    """Label of each recommender to that of the one it is compared with.

    Args:
        found: From `contenders`.
        against: A label that all others are compared with, with its signs or without; by default
            the plain twins, and where there are none `best_simple`.

    Raises:
        ConfigError: there is no such label.
    """
    if against is None:
        against = best_simple(found)
        twins = plain_twins(found)
        if twins or against is None:
            return twins
        split = found[against].record.keys.get("split")
        found = {name: one for name, one in found.items() if one.record.keys.get("split") == split}
    against = next((x for x in found if against in (x, without_signs(x))), against)
    if against not in found:
        raise ConfigError(
            f"There is no recommender {against!r} to compare with. There are: {', '.join(found)}."
        )
    return {label: against for label in found if label != against}


def best_simple(found: Mapping[str, Contender]) -> str | None:
    """Label of the best on validation of those that are not trained; None where there is none."""
    return best_of({label: one for label, one in found.items() if not one.learns})


def best_of(found: Mapping[str, Contender]) -> str | None:
    """Label of the best on validation, one without a sign of caution where there is any."""
    return max(found, key=lambda label: (not found[label].marks, found[label].valid), default=None)


def compare_contenders(
    found: Mapping[str, Contender], against: str | None = None, load: Load = load_evaluation
) -> pl.DataFrame:
    """What `recommend.judge.compare.compare` says of them, with `mark` and `leaking` besides.

    Raises:
        AutoGraphError: `against` is unknown, or results cannot be compared.
    """
    from recommend.judge.compare import compare, mark

    runs = {label: judged_by_seed(one, load) for label, one in found.items()}
    table = compare(runs, baselines(found, against))
    marks = [mark(p) for p in table["p_holm"].to_list()]
    leaking = {label: one.leaking for label, one in found.items()}
    return table.with_columns(
        mark=pl.Series(marks, dtype=pl.String),
        leaking=pl.Series([leaking[run] for run in table["run"]], dtype=pl.Boolean),
    )


def changes_in_words(record: Record) -> dict[tuple[str, str], str]:
    """By backbone and enhancer, how far the NDCG@10 of an experiment's are from their twins'."""
    found = contenders([record])
    rows = compare_contenders(found).filter(metric="ndcg@10").iter_rows(named=True)
    return {(found[r["run"]].backbone, found[r["run"]].enhancer): change_in_words(r) for r in rows}


def judging_notes(found: Mapping[str, Contender]) -> list[str]:
    """What held-out items are ranked among, in sentences; by experiment where that differs."""
    ways: dict[str, list[str]] = {}
    for one in found.values():
        among = ranked_among(one.record.judging(one.cells[0]))
        ways.setdefault(among, []).append(one.record.experiment.name)
    sentence = "The held-out item is ranked among {}."
    by_way = {among: ", ".join(dict.fromkeys(names)) for among, names in ways.items()}
    told = [f"{names}: {sentence.format(among).lower()}" for among, names in by_way.items()]
    told = [sentence.format(among) for among in ways] if len(ways) == 1 else told
    return [*told, *_seen_by_simple(found)]


def drawn_among(found: Mapping[str, Contender]) -> str:
    """For titles of their figures, that true items stood among a few; "" where among all."""
    return drawn_in_short(one.record.judging(one.cells[0]) for one in found.values())


def short_lists(found: Mapping[str, Contender], load: Load = load_evaluation) -> pl.DataFrame:
    """A row a recommender, means over seeds: `run`, and `recommend.judge.metrics.SHORT`.

    They follow from the ranks that are stored, so that every evaluation has them.
    """
    from recommend.judge.metrics import SHORT

    rows = []
    for label, one in found.items():
        judged = [load(one.record, cell) for cell in one.cells]
        rows.append({"run": label, **{name: mean(e.mean(name) for e in judged) for name in SHORT}})
    return pl.DataFrame(rows, schema={"run": pl.String, **dict.fromkeys(SHORT, pl.Float64)})


def _seen_by_simple(found: Mapping[str, Contender]) -> list[str]:
    """What keeps simple recommenders behind where what was had is a candidate, too."""
    simple = (one for one in found.values() if not one.learns)
    if all(one.record.judging(one.cells[0])["exclude_seen"] for one in simple):
        return []
    return [SEEN_BY_SIMPLE]


def caution_notes(found: Mapping[str, Contender]) -> list[str]:
    """A sentence for each sign that stands at one of them."""
    return notes(one.marks for one in found.values())


def cost_table(found: Mapping[str, Contender]) -> pl.DataFrame:
    """One row a recommender, means over seeds: what it reached and what training it took.

    Columns: `run`, `backbone`, `enhancer`, the metrics, `seconds` (training, all epochs),
    `epochs`, `seconds_per_epoch`, `peak_mb`.
    """
    costs = ("seconds", "epochs", "seconds_per_epoch", "peak_mb")
    rows = []
    for label, one in found.items():
        judged = [one.record.summary("evaluate", cell) for cell in one.cells]
        trained = [one.record.summary("train", cell) for cell in one.cells]
        row: dict[str, object] = {"run": label, "backbone": one.backbone, "enhancer": one.enhancer}
        row |= {name: _mean(s.get(name) for s in judged) for name in METRICS}
        rows.append(row | {name: _mean(s.get(name) for s in trained) for name in costs})
    return pl.DataFrame(rows, infer_schema_length=None)


def list_steps(record: Record) -> list[tuple[Experiment, Step]]:
    """The steps that keep the first items of every user, a finished recommender each."""
    return [
        (record.experiment, step_from(record, "lists", cell)) for cell in record.finished_cells()
    ]


def count_missing_lists(records: Iterable[Record]) -> int:
    """How many recommenders have no lists yet."""
    return sum(not holds(record, step) for record in records for _, step in list_steps(record))


def make_lists(record: Record, device: str = "cpu", showing: Showing = in_silence) -> None:
    """Keeps the first items of every user, for each recommender that has no lists yet.

    Raises:
        AutoGraphError: of the first recommender that fails.
    """
    run_derived(record, list_steps(record), device, showing)


def beyond_table(found: Mapping[str, Contender], k: int = LIST_LENGTH) -> pl.DataFrame:
    """One row a recommender whose lists are there: `recommend.judge.beyond.MEASURES`, over seeds.

    Columns: `run`, `backbone`, `enhancer`, the measures, `lists` (the number of seeds).

    Args:
        found: From `contenders`.
        k: Items of a list.
    """
    from recommend.judge.beyond import MEASURES

    text = {"run": pl.String, "backbone": pl.String, "enhancer": pl.String}
    schema = {**text, **dict.fromkeys(MEASURES, pl.Float64), "lists": pl.Int64}
    rows, against = [], dict[str, _Shown]()
    for label, one in found.items():
        name = one.record.experiment.name
        against[name] = against.get(name) or _Shown.of(one.record)
        measured = list(_measured(one, against[name], k))
        if measured:
            means = {name: _mean(m[name] for m in measured) for name in MEASURES}
            who = {"run": label, "backbone": one.backbone, "enhancer": one.enhancer}
            rows.append({**who, **means, "lists": len(measured)})
    return pl.DataFrame(rows, schema=schema)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What lists of one experiment are measured against."""

    popularity: np.ndarray
    n_users: int
    vectors: np.ndarray | None

    @classmethod
    def of(cls, record: Record) -> _Shown:
        """No vectors where no text of an item was encoded."""
        results = Results(record)
        n_items, n_users = results.dataset.n_items, results.dataset.n_users
        popularity = np.bincount(results.histories.items, minlength=n_items)
        there = record.store.holds("vectors-item", record.keys.get("vectors-item", "none"))
        return cls(popularity, n_users, _own_vectors(results) if there else None)


def _own_vectors(results: Results) -> np.ndarray | None:
    """(n_items, d) what each item's own text says, if shuffled, too; None if random."""
    matrix, experiment = results.vectors("item").matrix, results.record.experiment
    if experiment.control == RANDOM:
        return None
    if experiment.control != SHUFFLED:
        return matrix
    return matrix[np.argsort(others(len(matrix), "item", experiment.seed))]


def _measured(one: Contender, shown: _Shown, k: int) -> Iterator[dict[str, float | None]]:
    """The measures of one recommender, for every seed whose lists are there."""
    from recommend.judge.beyond import beyond
    from recommend.judge.lists import TopLists

    for cell in one.cells:
        step = step_from(one.record, "lists", cell)
        if holds(one.record, step):
            lists = TopLists.load(one.record.store.place(step.stage, step.key)).first(k)
            yield beyond(lists, shown.popularity, shown.n_users, shown.vectors)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
