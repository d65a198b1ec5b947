"""Are two recommenders really different? Paired tests over users, corrected for their number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import polars as pl

from data.columns import USER
from data.errors import DataError
from recommend.judge.evaluate import Evaluation
from recommend.judge.metrics import METRICS

CONFIDENCE = 0.95
T = TypeVar("T")


Seeds = Mapping[int, Evaluation]
"""What a run reached, by the seed that it was trained with; one that draws nothing at random is the
same for every seed, and has the one entry `EVERY`."""
EVERY = -1


def compare(runs: Mapping[str, Seeds], baseline: Mapping[str, str]) -> pl.DataFrame:
    """One row a run and metric: what it reaches, and how that differs from its baseline.

    Columns: `run`, `metric`, `mean` and `sd` over seeds (sd is null with one seed), `seeds`,
    `baseline`, `shared` (seeds that were paired), `change` (%), `difference` with `low` and `high`
    (95 % confidence interval of the mean difference a user), `p` (paired t-test over users, each
    user's value averaged over seeds) and `p_holm` (Holm, 1979, over every test of the table).

    Compared are the shared seeds alone: where one run has others besides, luck is no difference.
    A run that is the same for every seed counts as measured once, and is paired with every seed of
    the other.
    The test asks whether these models differ on other users like these; what another seed would
    change is in `sd`.

    Args:
        runs: Evaluations of each run.
        baseline: Run to the run it is compared with; one that is missing, or has no seed in
            common, is not compared.

    Raises:
        DataError: two evaluations are not of the same users and candidates.
    """
    rows = [_row(run, metric, runs, baseline.get(run)) for run in runs for metric in METRICS]
    table = pl.DataFrame(rows, schema=_SCHEMA)
    return table.with_columns(p_holm=pl.Series(holm(table["p"].to_list()), dtype=pl.Float64))


_SCHEMA = {
    "run": pl.String,
    "metric": pl.String,
    "mean": pl.Float64,
    "sd": pl.Float64,
    "seeds": pl.Int64,
    "baseline": pl.String,
    "shared": pl.Int64,
    "change": pl.Float64,
    "difference": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p": pl.Float64,
}


def _row(
    run: str, metric: str, runs: Mapping[str, Seeds], against: str | None
) -> dict[str, object]:
    by_seed = np.array([e.summary[metric] for e in runs[run].values()])
    row: dict[str, object] = {
        "run": run,
        "metric": metric,
        "mean": float(by_seed.mean()),
        "sd": float(by_seed.std(ddof=1)) if len(by_seed) > 1 else None,
        "seeds": len(by_seed),
    }
    if against is None or against == run or against not in runs:
        return row
    pairs = shared_seeds(runs[run], runs[against])
    if not pairs[0]:
        return row
    _check_alike(run, pairs[0], against, pairs[1])
    ours, theirs = (_user_means(of, metric) for of in pairs)
    base = float(theirs.mean())
    difference, low, high, p = paired_test(ours, theirs)
    return row | {
        "baseline": against,
        "shared": len(pairs[0]),
        "change": 100 * difference / base if base else None,
        "difference": difference,
        "low": low,
        "high": high,
        "p": p,
    }


def shared_seeds(ours: Mapping[int, T], theirs: Mapping[int, T]) -> tuple[list[T], list[T]]:
    """What both reached with the seeds that both have, in the same order."""
    if EVERY in ours:
        ours = dict.fromkeys(theirs, ours[EVERY])
    elif EVERY in theirs:
        theirs = dict.fromkeys(ours, theirs[EVERY])
    seeds = sorted(ours.keys() & theirs.keys())
    return [ours[seed] for seed in seeds], [theirs[seed] for seed in seeds]


def paired_test(ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float, float, float]:
    """Mean difference, its 95 % confidence interval and the p-value of a paired t-test.

    Two runs that agree on every user differ by nothing, and one user is no evidence: p is 1.

    Args:
        ours: (n,) metric of each user.
        theirs: (n,) of the same users in the same order.
    """
    from scipy import stats

    gap = ours - theirs
    mean, n = float(gap.mean()), len(gap)
    if n < 2:
        return mean, -np.inf, np.inf, 1.0
    error = float(gap.std(ddof=1)) / n**0.5
    if error == 0:
        return mean, mean, mean, 1.0 if mean == 0 else 0.0
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * error
    p = float(2 * stats.t.sf(abs(mean / error), n - 1))
    return mean, mean - reach, mean + reach, p


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """p-values that hold for all tests together; None stays None.

    >>> holm([0.01, None, 0.04, 0.03])
    [0.03, None, 0.06, 0.06]

    Source: Holm, A simple sequentially rejective multiple test procedure, 1979.
    """
    tested = sorted((p, at) for at, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    highest = 0.0
    for place, (p, at) in enumerate(tested):
        highest = max(highest, min(1.0, p * (len(tested) - place)))
        adjusted[at] = highest
    return adjusted


MARKS = {0.001: "***", 0.01: "**", 0.05: "*"}
"""Signs of significance, by the corrected p that they stay below."""


def mark(p: float | None) -> str:
    """The sign of a corrected p-value, "" where it shows nothing.

    >>> mark(0.0004), mark(0.03), mark(0.05), mark(None)
    ('***', '*', '', '')
    """
    return next((sign for below, sign in MARKS.items() if p is not None and p < below), "")


def user_table(ours: Seeds, theirs: Seeds, metric: str) -> pl.DataFrame:
    """One row a user: `user`, what both reach (means over shared seeds) and their `difference`.

    Columns besides: `ours`, `theirs`, and `history` and `popularity` of `Evaluation.per_user`.

    Raises:
        DataError: they are not of the same users and candidates, or have no seed in common.
    """
    one, other = shared_seeds(ours, theirs)
    if not one:
        raise DataError(
            f"One has the seeds {sorted(ours)}, the other {sorted(theirs)}: they have none in "
            "common to be compared on. Train the missing ones."
        )
    _check_alike("one", one, "the other", other)
    table = one[0].per_user.sort(USER).select(USER, "history", "popularity")
    means = {"ours": _user_means(one, metric), "theirs": _user_means(other, metric)}
    columns = [pl.Series(name, values) for name, values in means.items()]
    return table.with_columns(*columns).with_columns(difference=pl.col("ours") - pl.col("theirs"))


def _user_means(evaluations: Sequence[Evaluation], metric: str) -> np.ndarray:
    """(n,) each user's value, averaged over seeds, in the order of user numbers."""
    values = [e.per_user.sort(USER)[metric].to_numpy() for e in evaluations]
    return np.asarray(np.mean(values, axis=0))


def _check_alike(
    run: str, ours: Sequence[Evaluation], against: str, theirs: Sequence[Evaluation]
) -> None:
    first = ours[0]
    for other in (*ours, *theirs):
        seen = [one.about.get("exclude_seen") for one in (first, other)]
        if seen[0] != seen[1]:
            with_them, without = (run, against) if seen[1] else (against, run)
            raise DataError(
                f"{without!r} was judged without items that a user has had before, {with_them!r} "
                "with them, so they cannot be compared. Give both the same evaluate.exclude_seen, "
                "and run them again: nothing is trained for it."
            )
        same = _people(other).equals(_people(first))
        if not same or _question(other) != _question(first):
            raise DataError(
                f"{run!r} and {against!r} were not judged on the same users, items and candidates, "
                "so they cannot be compared. Evaluate both on the same data, split and settings."
            )


def _people(evaluation: Evaluation) -> pl.DataFrame:
    """Who was asked for what: numbers of users alone would be the same in any data of that size."""
    return evaluation.per_user.sort(USER).select(USER, "candidates", "history", "popularity")


def _question(evaluation: Evaluation) -> list[object]:
    """What was measured; the seed counts only where it drew the candidates."""
    about = evaluation.about
    drawn = about.get("seed") if about.get("candidates") != "all" else None
    return [*(about.get(k) for k in ("part", "candidates", "exclude_seen", "ties")), drawn]
