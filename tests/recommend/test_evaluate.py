import numpy as np
import polars as pl
import pytest
import torch
from small_worlds import checkerboard, config_of, dataset_of, model_of

from data.split import leave_one_out
from recommend.judge.evaluate import Evaluation, _candidates, evaluate, histories_before
from recommend.judge.metrics import METRICS
from recommend.protocols import Asked
from recommend.settings import EvaluateConfig

N_USERS, N_ITEMS = 30, 40


class Planted:
    """Scores as they are given, three users at a time; remembers what it was asked."""

    def __init__(self, scores):
        self.planted, self.asked = torch.from_numpy(scores), []

    def scores(self, asked):
        self.asked.append(asked)
        for at in range(0, len(asked.users), 3):
            yield asked.users[at : at + 3], self.planted[asked.users[at : at + 3]]


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(0)
    sequences = [rng.integers(N_ITEMS, size=rng.integers(3, 20)) for _ in range(N_USERS)]
    dataset = dataset_of([s.tolist() for s in sequences], N_ITEMS)
    scores = rng.integers(12, size=(N_USERS, N_ITEMS)).astype(np.float32)  # many ties
    return dataset, leave_one_out(dataset), scores


def interactions(dataset, user):
    return dataset.interactions.filter(pl.col("user") == user)["item"].to_list()


def naive_rank(scores, target, candidates):
    above = sum(scores[item] > scores[target] for item in candidates)
    ties = sum(scores[item] == scores[target] for item in candidates if item != target)
    return 1 + above + ties / 2


@pytest.mark.parametrize("part", ["valid", "test"])
@pytest.mark.parametrize("exclude_seen", [False, True])
def test_ranks_equal_those_of_a_loop(world, part, exclude_seen):
    dataset, split, scores = world
    config = EvaluateConfig(exclude_seen=exclude_seen)
    judged = evaluate(Planted(scores), dataset, split, part, config).per_user
    assert judged["user"].to_list() == list(range(N_USERS))
    for user in range(N_USERS):
        every = interactions(dataset, user)
        held_out = {"valid": len(every) - 2, "test": len(every) - 1}[part]
        target, before = every[held_out], every[:held_out]
        candidates = set(range(N_ITEMS))
        if exclude_seen:
            candidates -= set(before) - {target}
        row = judged.row(user, named=True)
        rank = naive_rank(scores[user], target, candidates)
        assert (row["rank"], row["candidates"]) == (rank, len(candidates))
        assert row["mrr"] == 1 / rank
        assert row["hr@10"] == (rank <= 10)
        assert row["ndcg@10"] == pytest.approx((rank <= 10) / np.log2(rank + 1))
        assert row["gauc"] == pytest.approx(1 - (rank - 1) / (len(candidates) - 1))


@pytest.mark.parametrize("part", ["valid", "test"])
def test_the_history_ends_before_the_held_out_item_and_the_graph_with_training(world, part):
    dataset, split, scores = world
    model = Planted(scores)
    evaluate(model, dataset, split, part, EvaluateConfig())
    (asked,) = model.asked
    histories, users, known = asked.histories, asked.users, asked.known
    assert users.tolist() == list(range(N_USERS))
    for user in range(N_USERS):
        every = interactions(dataset, user)
        held_out = {"valid": len(every) - 2, "test": len(every) - 1}[part]
        assert histories.of(user).tolist() == every[:held_out]
        assert known[user] == len(every) - 2
        before = histories_before(dataset, split, part)
        assert before.of(user).tolist() == every[:held_out]


def test_results_can_be_sliced_by_what_was_seen_in_training(world):
    dataset, split, scores = world
    judged = evaluate(Planted(scores), dataset, split, "test", EvaluateConfig()).per_user
    training = [item for user in range(N_USERS) for item in interactions(dataset, user)[:-2]]
    for user in range(N_USERS):
        every = interactions(dataset, user)
        assert judged["history"][user] == len(every) - 2
        assert judged["popularity"][user] == training.count(every[-1])


def test_the_best_and_the_worst_score_give_the_best_and_the_worst_metrics(world):
    dataset, split, _ = world
    right = np.zeros((N_USERS, N_ITEMS), dtype=np.float32)
    right[np.arange(N_USERS), split.targets(dataset, "test")] = 1
    best = evaluate(Planted(right), dataset, split, "test", EvaluateConfig())
    assert best.summary == dict.fromkeys(METRICS, 1.0)
    worst = evaluate(Planted(-right), dataset, split, "test", EvaluateConfig())
    assert worst.summary == pytest.approx({"ndcg@10": 0, "hr@10": 0, "mrr": 1 / N_ITEMS, "gauc": 0})
    equal = evaluate(Planted(0 * right), dataset, split, "test", EvaluateConfig())
    assert equal.summary["gauc"] == 0.5 and equal.summary["hr@10"] == 0


class TestSampledCandidates:
    def test_as_many_as_asked_and_the_true_item(self, world):
        dataset, split, scores = world
        config = EvaluateConfig(candidates=7)
        judged = evaluate(Planted(scores), dataset, split, "test", config).per_user
        assert judged["candidates"].to_list() == [8] * N_USERS
        lowest = np.zeros((N_USERS, N_ITEMS), dtype=np.float32)
        lowest[np.arange(N_USERS), split.targets(dataset, "test")] = -1
        last = evaluate(Planted(lowest), dataset, split, "test", config).per_user
        assert last["rank"].to_list() == [8] * N_USERS

    def test_never_an_item_of_the_history(self, world):
        dataset, split, _ = world
        seen_first = np.zeros((N_USERS, N_ITEMS), dtype=np.float32)
        for user in range(N_USERS):
            every = interactions(dataset, user)
            seen_first[user, every[:-1]] = 2
            seen_first[user, every[-1]] = 1
        config = EvaluateConfig(candidates=20)
        judged = evaluate(Planted(seen_first), dataset, split, "test", config).per_user
        assert judged["rank"].to_list() == [1] * N_USERS

    def test_no_more_than_there_are(self, world):
        dataset, split, scores = world
        config = EvaluateConfig(candidates=1000)
        judged = evaluate(Planted(scores), dataset, split, "test", config).per_user
        plain = EvaluateConfig(exclude_seen=True)
        assert judged.equals(evaluate(Planted(scores), dataset, split, "test", plain).per_user)

    def test_the_same_for_every_model_and_others_with_another_seed(self, world):
        dataset, split, _ = world
        config = EvaluateConfig(candidates=5)

        def drawn(item, seed=0, model=Planted):
            """Whether one item is among the candidates of each user: then it stands above."""
            favourite = np.zeros((N_USERS, N_ITEMS), dtype=np.float32)
            favourite[:, item] = 1
            favourite[np.arange(N_USERS), split.targets(dataset, "test")] = 0.5
            judged = evaluate(model(favourite), dataset, split, "test", config, seed).per_user
            return (judged["rank"] == 2).to_list()

        class Larger(Planted):
            def scores(self, asked):
                yield asked.users, self.planted

        mine = [drawn(item) for item in range(N_ITEMS)]
        assert mine == [drawn(item, model=Larger) for item in range(N_ITEMS)]
        assert mine != [drawn(item, seed=1) for item in range(N_ITEMS)]
        everybody = np.array(mine).sum(0)
        assert everybody.max() <= 5 and everybody.min() >= 4  # a target cannot show itself

    def test_every_unseen_item_has_the_same_chance(self, world):
        dataset, split, _ = world
        config = EvaluateConfig(candidates=5)
        high = np.ones((N_USERS, N_ITEMS), dtype=np.float32)
        high[:, 0] = 3
        high[np.arange(N_USERS), split.targets(dataset, "test")] = 2
        possible = [user for user in range(N_USERS) if 0 not in interactions(dataset, user)]
        seeds = range(40)
        hits = [
            evaluate(Planted(high), dataset, split, "test", config, seed).per_user["rank"]
            for seed in seeds
        ]
        share = np.mean([[ranks[user] == 2 for user in possible] for ranks in hits])
        unseen = np.mean([N_ITEMS - len(set(interactions(dataset, user))) for user in possible])
        assert share == pytest.approx(5 / unseen, abs=0.03)


def test_a_target_that_the_user_had_before_stays_a_candidate():
    dataset = dataset_of([[0, 1, 2, 0], [3, 0, 1, 2]], 5)
    scores = np.tile(np.arange(5, 0, -1, dtype=np.float32), (2, 1))
    config = EvaluateConfig(exclude_seen=True)
    judged = evaluate(Planted(scores), dataset, leave_one_out(dataset), "test", config).per_user
    assert judged["rank"].to_list() == [1, 1]
    assert judged["candidates"].to_list() == [3, 2]


def test_an_evaluation_says_how_it_was_measured_and_is_stored(world, tmp_path):
    dataset, split, scores = world
    config = EvaluateConfig(candidates=9)
    judged = evaluate(Planted(scores), dataset, split, "valid", config, seed=4)
    assert judged.about == {
        "part": "valid", "seed": 4, "ties": "mean rank", "candidates": 9, "exclude_seen": True,
    }  # fmt: skip
    judged.save(tmp_path)
    again = Evaluation.load(tmp_path)
    assert again.per_user.equals(judged.per_user) and again.about == judged.about
    assert again.summary == judged.summary
    means = {name: float(np.mean(judged.per_user[name].to_numpy())) for name in METRICS}
    assert judged.summary == pytest.approx(means)


def test_a_real_model_is_judged_as_its_own_scores_say():
    dataset = checkerboard()
    split = leave_one_out(dataset)
    model = model_of(dataset, None, config_of())
    before = histories_before(dataset, split, "test")
    blocks = model.scores(Asked(before, np.arange(dataset.n_users)))
    scores = np.concatenate([block.numpy() for _, block in blocks])
    planted = evaluate(Planted(scores), dataset, split, "test", EvaluateConfig())
    assert evaluate(model, dataset, split, "test", EvaluateConfig()).per_user.equals(
        planted.per_user
    )


@pytest.mark.parametrize("repeated", [False, True])
def test_seen_items_are_left_out_by_default_where_the_data_never_repeat(repeated):
    last = 0 if repeated else 3
    dataset = dataset_of([[0, 1, 2, last], [4, 0, 1, 2]], 5)
    seen_first = np.tile(np.array([9, 8, 7, 1, 6], dtype=np.float32), (2, 1))
    asked = dataset, leave_one_out(dataset), "test"
    judged = evaluate(Planted(seen_first), *asked, EvaluateConfig())
    told = EvaluateConfig(exclude_seen=not repeated)
    assert judged.per_user.equals(evaluate(Planted(seen_first), *asked, told).per_user)
    assert judged.about["exclude_seen"] is not repeated
    if not repeated:
        assert judged.per_user["candidates"].to_list() == [2, 2]
        assert judged.per_user["rank"].to_list() == [2, 1]  # item 4 is above item 3, 2 above 3


def test_what_training_is_stopped_by_does_not_follow_how_the_test_is_read():
    from recommend.fit.training import VALIDATION

    scores = np.tile(np.arange(5, 0, -1, dtype=np.float32), (2, 1))
    for last, candidates in ((2, 3), (0, 3)):  # had before in the second: only the test knows
        dataset = dataset_of([[0, 1, 2, 3], [4, 0, 1, last]], 5)
        judged = evaluate(Planted(scores), dataset, leave_one_out(dataset), "valid", VALIDATION)
        assert judged.per_user["candidates"].to_list() == [candidates, candidates]
    dataset = dataset_of([[0, 1, 2, 3], [4, 0, 4, 2]], 5)  # somebody has an item twice by then
    judged = evaluate(Planted(scores), dataset, leave_one_out(dataset), "valid", VALIDATION)
    assert judged.per_user["candidates"].to_list() == [5, 5]


def test_shorter_lists_follow_from_ranks_that_are_stored(world, tmp_path):
    """Those of an evaluation that holds the four metrics alone, counted user by user."""
    dataset, split, _ = world
    scores = np.random.default_rng(1).random((N_USERS, N_ITEMS), dtype=np.float32)
    evaluate(Planted(scores), dataset, split, "test", EvaluateConfig(candidates=9)).save(tmp_path)
    judged = Evaluation.load(tmp_path)
    assert not {"hr@1", "hr@5", "ndcg@5"} & set(judged.per_user.columns)
    ranks = judged.per_user["rank"].to_list()
    assert any(rank <= 1 for rank in ranks) and any(1 < rank <= 5 for rank in ranks)
    for k in (1, 5, 10):
        assert judged.mean(f"hr@{k}") == pytest.approx(sum(r <= k for r in ranks) / len(ranks))
    five = [1 / np.log2(r + 1) for r in ranks if r <= 5]
    assert judged.mean("ndcg@5") == pytest.approx(sum(five) / len(ranks))
    for metric in METRICS:
        assert judged.mean(metric) == pytest.approx(judged.summary[metric])


def test_drawn_candidates_are_of_the_catalogue_each_once_and_all_alike(world):
    """Over many seeds every item that a user never had is drawn about as often as any other."""
    dataset, split, _ = world
    history, target = histories_before(dataset, split, "test"), split.targets(dataset, "test")
    counts = np.zeros((N_USERS, N_ITEMS))
    for seed in range(200):
        rng, users = np.random.default_rng(seed), np.arange(N_USERS)
        wanted = torch.from_numpy(target.astype(np.int64))
        counts += _candidates(history, users, wanted, N_ITEMS, 6, rng).numpy()
    for user in range(N_USERS):
        had = {*history.of(user).tolist(), int(target[user])}
        others = [item for item in range(N_ITEMS) if item not in had]
        assert counts[user, target[user]] == 200
        assert counts[user, history.of(user)[history.of(user) != target[user]]].sum() == 0
        assert counts[user, others].sum() == 200 * 6, "as many as asked for, none of them twice"
        share, n = 6 / len(others), 200
        spread = (n * share * (1 - share)) ** 0.5
        assert abs(counts[user, others] - n * share).max() < 5 * spread
