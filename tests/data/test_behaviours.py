"""What users did weighs as they say, and nothing after a held-out interaction is seen."""

from __future__ import annotations

import numpy as np
import pytest

from app.experiment.settings import Experiment
from app.pipeline.stages.read_data import STAGES
from data.behaviours import counted
from data.columns import AFTER, ITEM_ID, TIME, USER, USER_ID
from data.dataset import Dataset
from data.errors import ConfigError, DataError
from data.loaders.load import load_dataset
from data.settings import DataConfig, FilesConfig
from data.split import leave_one_out
from graph.build.domains import engagement
from recommend.protocols import World
from recommend.rank.past import Past
from recommend.settings import TrainConfig
from recommend.settings.rankgraph import RankGraphConfig
from recommend.sources import Sources

ROWS = (
    "user_id,item_id,day,act\n"
    "ann,a,2024-01-01,view\n"
    "ann,b,2024-01-02,click\n"
    "ann,a,2024-01-03,cart\n"
    "ann,c,2024-01-04,click\n"
    "ann,b,2024-01-05,cart\n"  # after the interaction that validates
    "ann,d,2024-01-06,cart\n"
    "ann,a,2024-01-07,cart\n"
    "bob,a,2024-01-01,click\n"
    "bob,b,2024-01-01,cart\n"
    "bob,d,2024-01-02,click\n"
    "bob,b,2024-01-01,click\n"
)
WEIGHTS = {"view": 0.5, "click": 1.0, "cart": 3.0}


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "log.csv"

    def made(rows: str = ROWS, **changes: object) -> FilesConfig:
        path.write_text(rows)
        given = {"time": "day", "behaviour": "act", "behaviours": WEIGHTS} | changes
        return FilesConfig.model_validate({"interactions": path, **given})

    return made


def load(files: FilesConfig):
    config = DataConfig(name="files", files=files, min_history=3)
    return load_dataset(config, files.interactions.parent)


def test_each_row_weighs_what_its_behaviour_does_and_interactions_are_as_ever(shop):
    loaded = load(shop())
    dataset = loaded.dataset
    firsts = dataset.interactions.select("weight").to_series().to_list()
    assert firsts == [0.5, 1, 1, 3, 1, 3, 1]  # ann: a, b, c, d; bob: a, b, d
    assert dataset.events is not None and dataset.events.height == 11
    assert any("cart 3 (5 rows)" in one for one in loaded.understood)
    assert loaded.left_out["repeated interactions"] == 4


def test_pairs_add_up_to_where_the_training_ends(shop):
    dataset = load(shop()).dataset
    past, weights = counted(dataset, leave_one_out(dataset).histories(dataset))
    items = {name: number for number, name in enumerate(dataset.items[ITEM_ID])}
    had = engagement(past, dataset.n_items, weights)
    # ann trains on a and b; what followed c, which validates, is not seen
    ann = dict(zip(had.of(0).tolist(), had.weights[: had.offsets[1]].tolist(), strict=True))
    assert ann == {items["a"]: 0.5 + 3, items["b"]: 1}
    # of one day the order of the rows decides: bob's second b came before d, after b; d tests
    assert dict(zip(had.of(1).tolist(), had.weights[had.offsets[1] :].tolist(), strict=True)) == {
        items["a"]: 1
    }
    assert past.times.tolist() == sorted(past.times[:3].tolist()) + past.times[3:].tolist()


def test_no_event_after_a_held_out_interaction_moves_what_is_seen(shop):
    before = load(shop()).dataset
    late = ROWS.replace("ann,b,2024-01-05,cart", "ann,a,2024-01-05,view")
    after = load(shop(late.replace("ann,a,2024-01-07,cart\n", ""))).dataset
    (past, weights), (same, alike) = (
        counted(one, leave_one_out(one).histories(one)) for one in (before, after)
    )
    assert before.events.height == after.events.height + 1
    for name in ("offsets", "items", "times"):
        np.testing.assert_array_equal(getattr(past, name), getattr(same, name))
    np.testing.assert_array_equal(weights, alike)


def test_an_event_knows_what_it_follows(shop):
    dataset = load(shop()).dataset
    events = dataset.events
    ann = events.filter(events[USER] == list(dataset.users[USER_ID]).index("ann"))
    names = [list(dataset.items[ITEM_ID])[item] for item in ann[AFTER]]
    assert names == ["a", "b", "b", "c", "c", "d", "d"]
    assert ann[TIME].is_sorted()


def test_events_are_stored_and_where_there_are_none_nothing_is(shop, tmp_path):
    with_events = load(shop()).dataset
    with_events.save(tmp_path / "one")
    assert Dataset.load(tmp_path / "one").events.equals(with_events.events)
    plain = load(shop(behaviour=None, behaviours={})).dataset
    plain.save(tmp_path / "two")
    assert not (tmp_path / "two" / "events.parquet").exists()
    past = leave_one_out(plain).histories(plain)
    same, ones = counted(Dataset.load(tmp_path / "two"), past)
    assert same is past and ones.tolist() == [1.0] * len(past.items)


def test_rows_of_weight_nought_are_left_out(shop):
    dataset = load(shop(behaviours=WEIGHTS | {"view": 0})).dataset
    assert dataset.events.height == 10
    first = dataset.interactions.row(0, named=True)
    assert list(dataset.items[ITEM_ID])[first["item"]] == "b"


def test_a_behaviour_without_a_weight_is_named(shop):
    with pytest.raises(DataError, match=r"says nothing of cart \(5 rows\).*0 leaves"):
        load(shop(behaviours={"click": 1, "view": 1}))


def test_a_row_without_a_behaviour_is_a_bad_row(shop):
    with pytest.raises(DataError, match=r"log\.csv:2: behaviour \(act\) is empty"):
        load(shop(ROWS.replace("ann,a,2024-01-01,view", "ann,a,2024-01-01,")))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"behaviours": {}}, "give both, or neither"),
        ({"behaviour": None}, "give both, or neither"),
        ({"behaviours": {"click": 0}}, "nothing would be left"),
        ({"weight": "stars"}, "leave one of them out"),
        ({"behaviours": {"click": -1}}, "greater than or equal to 0"),
    ],
)
def test_settings_that_do_not_go_together(shop, changes, says):
    with pytest.raises(ValueError, match=says):
        shop(**changes)


def test_one_column_has_one_role(shop):
    with pytest.raises(ConfigError, match="weight or behaviour"):
        load(shop(behaviour="item_id", behaviours={"a": 1, "b": 1, "c": 1, "d": 1}))


def test_fingerprints_hear_of_behaviours_only_where_there_are_some(shop, tmp_path):
    def settings(files: FilesConfig):
        data = DataConfig(name="files", files=files)
        return STAGES["dataset"].settings(Experiment(name="x", data=data), None, tmp_path)

    assert "behaviour" not in settings(shop(behaviour=None, behaviours={}))["files"]
    assert settings(shop())["files"]["behaviours"] == WEIGHTS


def test_the_graph_that_rankgraph_learns_on_weighs_what_was_done(shop):
    dataset = load(shop()).dataset
    past = leave_one_out(dataset).histories(dataset)
    world = World(dataset, past, Sources(histories=past), TrainConfig())
    had = Past.of(RankGraphConfig(), world).graph.relation(("user", "had", "items"))
    ann = list(dataset.users[USER_ID]).index("ann")
    mine = slice(had.offsets[ann], had.offsets[ann + 1])
    weights = dict(zip(had.targets[mine].tolist(), had.weights[mine].tolist(), strict=True))
    names = list(dataset.items[ITEM_ID])
    assert weights == {names.index("a"): 3.5, names.index("b"): 1}
