"""What a first look says: how long it will take and took, and whether texts help on these data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any

from app.experiment.settings import CONTROLS, RANDOM, SHUFFLED
from app.pipeline.estimate import SIMPLE, TEXTS, Estimate, title_of
from app.pipeline.records import Record
from app.results.comparison import Contender, compare_contenders, contenders
from app.results.metrics import METRICS
from app.results.wording import is_certain
from recommend.settings import BACKBONES

LONG_S = 3600.0
"""A first look that takes longer is none."""
METRIC = "ndcg@10"


def estimate_in_words(estimate: Estimate, cores: int) -> str:
    """How long a run will take, and what is in it, in a sentence or two.

    Args:
        estimate: Of what is to be done.
        cores: Of this machine.
    """
    if not estimate.parts:
        return "All of it is finished already."
    parts = ", ".join(f"{part.what} {duration(part.seconds)}" for part in estimate.parts)
    many = "core" if cores == 1 else "cores"
    said = (
        f"About {duration(estimate.seconds)} on this machine ({cores} {many}), by a few timed "
        f"steps: {parts}."
    )
    if duration(estimate.most) != duration(estimate.seconds):
        said += (
            " Half of the epochs are taken to be enough, as validation decides; with all of them "
            f"it is {duration(estimate.most)}."
        )
    return said


def advice(estimate: Estimate) -> str:
    """How to make a long run short; "" where it is not long."""
    if estimate.seconds < LONG_S:
        return ""
    most = max(estimate.parts, key=lambda part: part.seconds).what
    if most == TEXTS:
        evidence = 'override.fusion.model.enhancer.evidence=["words"]'
        less = f"where words alone are compared: --set '{evidence}'"
    elif most == SIMPLE:
        less = 'with fewer simple rows: --set \'grid.backbones=["popularity", "sasrec"]\''
    else:
        less = "with fewer epochs: --set train.epochs=10"
    return f"That is long for a first look, and most of it is {most}. It is shorter {less}."


def took_in_words(estimate: Estimate) -> str:
    """What a run took beside what it was to take; "" before it has ended."""
    if estimate.took is None or not estimate.parts:
        return ""
    expected = duration(estimate.seconds)
    return f"It took {duration(estimate.took)}; the estimate was {expected}."


def duration(seconds: float) -> str:
    """A length of time in two digits, since an estimate knows no more.

    >>> duration(4.2), duration(85), duration(1500), duration(9000)
    ('4 s', '1.4 min', '25 min', '2.5 h')
    """
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    amount, unit = (seconds / 60, "min") if seconds < 5400 else (seconds / 3600, "h")
    return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:,.0f} {unit}"


def do_texts_help(record: Record) -> str:
    """Whether texts help on the data of an experiment, in two or three sentences.

    The best recommender that reads texts is compared with the best that reads none, both chosen on
    validation, over the same users of the test.
    """
    found = contenders([record])
    readers = [one for one in found.values() if _reads_texts(one)]
    others = [one for one in found.values() if not _reads_texts(one)]
    if not readers or not others:
        missing = "none without them" if readers else "none that reads texts"
        return f"Whether texts help is not known: {missing} was trained."
    ours, theirs = _best(readers), _best(others)
    table = compare_contenders({one.label: one for one in (ours, theirs)}, theirs.label)
    rows = {row["run"]: row for row in table.filter(metric=METRIC).iter_rows(named=True)}
    said = [_verdict(record, ours, theirs, rows)]
    if not BACKBONES[_best(found.values()).backbone].config.learns:
        said.append(f"The best of all is a simple one, {_title(_best(found.values()))}.")
    said.append("All are chosen on validation; the interval is over users, not over seeds.")
    if record.experiment.control not in CONTROLS and rows[ours.label]["low"] > 0:
        said.append("Whether it is what they say, --control shuffled tells.")
    return " ".join(said)


def _verdict(
    record: Record, ours: Contender, theirs: Contender, rows: Mapping[str, Mapping[str, Any]]
) -> str:
    row, other = rows[ours.label], rows[theirs.label]["mean"]
    texts = {SHUFFLED: "Shuffled texts", RANDOM: "Random vectors"}.get(
        record.experiment.control, "Texts"
    )
    if not is_certain(row["low"], row["high"]):
        head = f"{texts} make no difference on these data that chance alone could not make"
    elif row["low"] > 0:
        head = f"{texts} help on these data"
    else:
        head = f"{texts} do not help on these data"
    return (
        f"{head}: {_title(ours)}, the best with texts, reaches a test {METRICS[METRIC]} of "
        f"{row['mean']:.4f}, {_title(theirs)}, the best without, {other:.4f} "
        f"(difference {row['difference']:+.4f}, 95 % interval {row['low']:+.4f} to "
        f"{row['high']:+.4f})."
    )


def _reads_texts(one: Contender) -> bool:
    return bool(set(one.record.experiment.model_of(one.cells[0]).needs) - {"histories"})


def _best(some: Iterable[Contender]) -> Contender:
    """The best on validation, over seeds."""

    def reached(one: Contender) -> float:
        return fmean(one.record.summary("train", cell)["valid_ndcg@10"] for cell in one.cells)

    return max(some, key=reached)


def _title(one: Contender) -> str:
    return title_of(one.cells[0], one.record.experiment)
