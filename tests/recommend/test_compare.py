import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from data.errors import DataError
from recommend.judge.compare import EVERY, compare, holm, paired_test, user_table
from recommend.judge.evaluate import Evaluation
from recommend.judge.metrics import METRICS

ABOUT = {"part": "test", "candidates": "all", "exclude_seen": False, "ties": "mean rank"}


def evaluation(values, seed=0, users=None, popularity=7, **about):
    """The same values for every metric."""
    users = np.arange(len(values)) if users is None else users
    columns = {metric: np.asarray(values, dtype=float) for metric in METRICS}
    asked = {"candidates": 50, "history": 9, "popularity": popularity}
    table = pl.DataFrame({"user": users, **columns}).with_columns(
        pl.lit(value).alias(name) for name, value in asked.items()
    )
    return Evaluation(table, {**ABOUT, "seed": seed, **about})


@pytest.mark.parametrize("seed", range(3))
def test_paired_equals_scipy(seed):
    rng = np.random.default_rng(seed)
    ours, theirs = rng.random(40) + 0.1 * seed, rng.random(40)
    difference, low, high, p = paired_test(ours, theirs)
    reference = stats.ttest_rel(ours, theirs)
    interval = reference.confidence_interval(0.95)
    assert difference == pytest.approx((ours - theirs).mean())
    assert (low, high) == pytest.approx((interval.low, interval.high))
    assert p == pytest.approx(reference.pvalue)


def test_paired_by_hand():
    """Differences 1, 2, 3: mean 2, error 1/√3, t = 2√3 with two degrees of freedom."""
    difference, low, high, p = paired_test(np.array([1.0, 3, 5]), np.array([0.0, 1, 2]))
    assert difference == 2
    reach = 4.302652729911275 / 3**0.5
    assert (low, high) == pytest.approx((2 - reach, 2 + reach))
    assert p == pytest.approx(1 - 12**0.5 / 14**0.5)  # t's distribution in closed form


def test_runs_that_agree_differ_by_nothing():
    values = np.array([0.1, 0.5, 0.9])
    assert paired_test(values, values) == (0, 0, 0, 1)
    assert paired_test(np.ones(4), np.zeros(4)) == (1, 1, 1, 0)


def test_one_user_is_no_evidence():
    assert paired_test(np.array([1.0]), np.array([0.0])) == (1, -np.inf, np.inf, 1)


def naive_holm(p_values):
    """For each test the largest corrected p of those that are at most as large."""
    m = len(p_values)
    order = sorted(range(m), key=lambda at: p_values[at])
    adjusted = [0.0] * m
    for place, at in enumerate(order):
        adjusted[at] = min(1, max((m - k) * p_values[order[k]] for k in range(place + 1)))
    return adjusted


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == [1, 1]
    assert holm([0.2]) == [0.2]
    assert holm([]) == [] and holm([None, None]) == [None, None]
    assert holm([0.02, 0.02]) == [0.04, 0.04]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=8), st.data())
def test_holm_equals_its_definition_and_skips_what_was_not_tested(p_values, data):
    given_p = [data.draw(st.sampled_from([p, None])) for p in p_values]
    tested = [p for p in given_p if p is not None]
    found = holm(given_p)
    assert [p for p in found if p is not None] == pytest.approx(naive_holm(tested))
    assert [p is None for p in found] == [p is None for p in given_p]


def test_a_table_of_two_runs():
    rng = np.random.default_rng(1)
    base = {seed: evaluation(rng.random(20), seed) for seed in range(3)}
    ours = {seed: evaluation(rng.random(20) + 0.3, seed) for seed in range(3)}
    table = compare({"plain": base, "rich": ours}, {"rich": "plain", "plain": "plain"})
    assert table["run"].to_list() == ["plain"] * 4 + ["rich"] * 4
    assert table["metric"].to_list() == [*METRICS, *METRICS]
    assert table["seeds"].to_list() == [3] * 8
    plain, rich = table.row(0, named=True), table.row(4, named=True)
    by_seed = [e.per_user["mrr"].mean() for e in ours.values()]
    assert rich["mean"] == pytest.approx(np.mean(by_seed))
    assert rich["sd"] == pytest.approx(np.sqrt(np.var(by_seed) * 3 / 2))
    a, b = (np.mean([e.per_user["mrr"] for e in runs.values()], axis=0) for runs in (ours, base))
    reference = stats.ttest_rel(a, b)
    assert rich["difference"] == pytest.approx((a - b).mean())
    assert rich["change"] == pytest.approx(100 * (a.mean() / b.mean() - 1))
    assert rich["p"] == pytest.approx(reference.pvalue)
    assert (rich["low"], rich["high"]) == pytest.approx(tuple(reference.confidence_interval()))
    assert table["p_holm"].to_list()[4:] == pytest.approx([4 * rich["p"]] * 4)
    assert rich["baseline"] == "plain"
    for column in ("baseline", "change", "difference", "low", "high", "p", "p_holm"):
        assert plain[column] is None


def test_one_seed_has_no_spread_and_a_baseline_of_zero_no_change():
    table = compare(
        {"a": {0: evaluation([0, 0, 0])}, "b": {0: evaluation([0, 1, 0.5])}}, {"b": "a"}
    )
    row = table.row(4, named=True)
    assert row["sd"] is None and row["change"] is None and row["difference"] == 0.5


def test_a_baseline_that_is_not_there_is_not_compared():
    table = compare({"b": {0: evaluation([0, 1])}}, {"b": "a"})
    assert table["p"].to_list() == [None] * 4


def test_only_seeds_that_both_have_are_compared():
    rng = np.random.default_rng(2)
    ours = {seed: evaluation(rng.random(9), seed) for seed in (0, 1, 2)}
    theirs = {seed: evaluation(rng.random(9), seed) for seed in (2, 5)}
    row = compare({"a": theirs, "b": ours}, {"b": "a"}).row(4, named=True)
    alone = compare({"a": {2: theirs[2]}, "b": {2: ours[2]}}, {"b": "a"}).row(4, named=True)
    assert (row["seeds"], row["shared"], alone["shared"]) == (3, 1, 1)
    assert row["mean"] == pytest.approx(np.mean([e.summary["ndcg@10"] for e in ours.values()]))
    for column in ("change", "difference", "low", "high", "p"):
        assert row[column] == alone[column]
    del theirs[2]
    assert compare({"a": theirs, "b": ours}, {"b": "a"})["p"].to_list() == [None] * 8
    with pytest.raises(DataError, match=r"\[0, 1, 2\], the other \[5\].*Train the missing ones"):
        user_table(ours, theirs, "mrr")


def test_users_are_matched_by_number_not_by_row():
    values = np.arange(6) / 6
    turned = evaluation(values[::-1], users=np.arange(6)[::-1])
    table = compare({"a": {0: evaluation(values)}, "b": {0: turned}}, {"b": "a"})
    assert table["p"].to_list()[4:] == [1] * 4


@pytest.mark.parametrize(
    "other",
    [
        evaluation([0.1, 0.2]),
        evaluation([0.1, 0.2, 0.3], users=np.array([0, 1, 7])),
        evaluation([0.1, 0.2, 0.3], popularity=99),
        evaluation([0.1, 0.2, 0.3], candidates=100),
        evaluation([0.1, 0.2, 0.3], part="valid"),
    ],
)
def test_runs_judged_on_something_else_are_refused(other):
    ours = {seed: evaluation([0.3, 0.2, 0.1], seed) for seed in (0, 1)}
    with pytest.raises(DataError, match="'b' and 'a' were not judged on the same users"):
        compare({"a": {0: other}, "b": ours}, {"b": "a"})
    with pytest.raises(DataError, match="cannot be compared"):
        compare({"a": ours, "b": {0: ours[0], 1: other}}, {"b": "a"})


def test_candidates_drawn_by_other_seeds_are_refused():
    one, other = (evaluation([0.1, 0.2], seed, candidates=100) for seed in (0, 1))
    with pytest.raises(DataError, match="cannot be compared"):
        compare({"a": {0: one}, "b": {0: other}}, {"b": "a"})


def test_runs_with_and_without_seen_items_are_told_apart_by_name():
    ours, theirs = evaluation([0.3, 0.2]), evaluation([0.1, 0.2], exclude_seen=True)
    for runs, without in (({"a": ours, "b": theirs}, "b"), ({"a": theirs, "b": ours}, "a")):
        told = f"'{without}' was judged without items that a user has had .* nothing is trained"
        with pytest.raises(DataError, match=told):
            compare({name: {0: one} for name, one in runs.items()}, {"a": "b"})


def test_what_is_the_same_for_every_seed_counts_once_and_is_paired_with_every_seed():
    """By hand: means over seeds (2, 3, 4) against 1, 1, 1 are differences 1, 2, 3: mean 2."""
    trained = {seed: evaluation([seed + 1.0, seed + 2, seed + 3]) for seed in (0, 1, 2)}
    simple = {EVERY: evaluation([1.0, 1, 1])}
    table = compare({"a": trained, "b": simple, "c": simple}, {"a": "b", "b": "a", "c": "b"})
    a, b, c = (table.filter(run=run).row(0, named=True) for run in "abc")
    assert (a["seeds"], a["shared"], a["sd"]) == (3, 3, 1)
    assert (a["difference"], a["change"]) == (2, 200)
    reach = 4.302652729911275 / 3**0.5
    assert (a["low"], a["high"]) == pytest.approx((2 - reach, 2 + reach))
    assert (b["seeds"], b["shared"], b["sd"], b["difference"]) == (1, 3, None, -2)
    assert (c["seeds"], c["shared"], c["sd"], c["difference"]) == (1, 1, None, 0)
    assert user_table(trained, simple, "mrr")["difference"].to_list() == [1, 2, 3]
