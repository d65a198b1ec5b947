import numpy as np
import polars as pl
import pytest
import torch
from small_worlds import checkerboard, config_of, dataset_of, graph_of, model_of

from data.dataset import histories
from data.split import leave_one_out
from recommend.judge.recommend import Recommendations, recommend
from recommend.protocols import Asked


@pytest.fixture(scope="module")
def world():
    dataset = checkerboard()
    dataset = type(dataset)(
        dataset.name,
        dataset.users,
        dataset.items.with_columns(title=pl.format("Film {}", pl.int_range(pl.len()))),
        dataset.interactions,
    )
    model = model_of(dataset, graph_of(dataset), config_of("mind", "autograph"))
    return model, dataset, leave_one_out(dataset)


def had(dataset, user):
    return set(dataset.interactions.filter(pl.col("user") == user)["item"])


def test_the_best_unseen_items_best_first(world):
    model, dataset, split = world
    table = recommend(model, dataset, split, [5, 2, 20], k=4).table
    everything = histories(dataset.interactions, dataset.n_users)
    known = split.histories(dataset).lengths
    for user in (5, 2, 20):
        ((_, scores),) = model.scores(Asked(everything, np.array([user]), known))
        unseen = sorted(
            set(range(dataset.n_items)) - had(dataset, user), key=lambda i: -scores[0, i].item()
        )
        mine = table.filter(pl.col("user") == user)
        assert mine["item"].to_list() == unseen[:4]
        assert mine["rank"].to_list() == [1, 2, 3, 4]
        expected = [scores[0, item].item() for item in unseen[:4]]
        assert mine["score"].to_list() == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert table["user"].unique(maintain_order=True).to_list() == [5, 2, 20]


def test_a_score_that_is_no_number_is_not_shown():
    from data.dataset import Histories
    from recommend.judge.recommend import _best

    nothing = Histories(np.array([0, 0]), np.array([], np.int32), np.array([], np.int64))
    scores = torch.tensor([0.3, float("nan"), 0.1, -torch.inf])
    assert _best(nothing, 0, scores, 4)["item"].to_list() == [0, 2]


def test_a_held_out_item_counts_as_had(world):
    model, dataset, split = world
    table = recommend(model, dataset, split, range(dataset.n_users), k=12).table
    for part in ("valid", "test"):
        held_out = dict(enumerate(split.targets(dataset, part).tolist()))
        assert not (table["item"] == table["user"].replace_strict(held_out)).any()


def test_a_small_catalogue_gives_what_it_has(world):
    model, dataset, split = world
    table = recommend(model, dataset, split, np.arange(dataset.n_users), k=500).table
    for user in range(dataset.n_users):
        mine = table.filter(pl.col("user") == user)
        assert set(mine["item"]) == set(range(dataset.n_items)) - had(dataset, user)
        assert mine["rank"].to_list() == list(range(1, mine.height + 1))
        assert mine["score"].to_list() == sorted(mine["score"], reverse=True)


def test_items_have_their_names(world):
    model, dataset, split = world
    table = recommend(model, dataset, split, [0, 1], k=3).table
    assert table.columns == ["user", "rank", "item", "item_id", "title", "score"]
    for row in table.iter_rows(named=True):
        assert row["item_id"] == f"i{row['item']}" and row["title"] == f"Film {row['item']}"


def test_without_titles_the_id_is_the_name():
    dataset = checkerboard()
    model = model_of(dataset, None, config_of())
    table = recommend(model, dataset, leave_one_out(dataset), [3], k=3).table
    assert table["title"].to_list() == table["item_id"].to_list()


def test_an_item_without_a_title_is_named_by_its_id():
    dataset = dataset_of([[0, 1, 2], [1, 2, 0]], 5, items={"title": ["A", "B", "C", None, "E"]})
    model = model_of(dataset, None, config_of())
    table = recommend(model, dataset, leave_one_out(dataset), [0], k=5).table
    assert set(table["title"]) == {"i3", "E"}


def test_somebody_who_had_everything_gets_nothing():
    dataset = dataset_of([[0, 1, 2, 3], [0, 1, 2]], 4)
    model = model_of(dataset, None, config_of())
    table = recommend(model, dataset, leave_one_out(dataset), [0, 1], k=3).table
    assert table["user"].to_list() == [1] and table["item"].to_list() == [3]


def test_nobody_gets_an_empty_table(world):
    assert recommend(*world, [], k=3).table.height == 0


def test_recommendations_are_stored(world, tmp_path):
    given = recommend(*world, [4, 9], k=2)
    given.save(tmp_path)
    assert Recommendations.load(tmp_path).table.equals(given.table)
