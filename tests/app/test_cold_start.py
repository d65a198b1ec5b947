"""New items and people, from what a person types to what each recommender says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_fakes import N_ITEMS, N_USERS, THEMES, run_here

from app.experiment.settings import Cell
from app.pipeline.records import Record, read_record
from app.results.results import Results
from data.dataset import Dataset
from data.errors import ConfigError, DataError
from data.split import Split
from recommend.model import Model
from recommend.newcomers.insertion import Inserter, place_item, place_user
from recommend.newcomers.meeting import bag_of, meet_item, meet_user
from recommend.reasons.what_if import Ready

GRAPH, PLAIN = Cell("gru4rec", "autograph", 0), Cell("gru4rec", "none", 0)
TEXT = "A space and ship and star story."


@pytest.fixture(scope="module")
def record(finished: Path) -> Record:
    return read_record("tiny", finished)


@pytest.fixture(scope="module")
def inserter(record: Record) -> Inserter:
    return Results(record).inserter


def ready(record: Record, cell: Cell) -> Ready:
    return Ready.of(Model.load(record.folder("train", cell)))


def files(workspace: Path) -> dict[Path, tuple[int, int]]:
    every = (path for path in workspace.rglob("*") if path.is_file())
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in every}


def test_the_text_of_a_new_item_stands_among_its_facts(inserter: Inserter) -> None:
    """The experiment states facts, so the text is read as those of all other items were."""
    placed = place_item(inserter, "Title 0", TEXT)
    assert placed.text == f"Title 0. {TEXT}"
    assert placed.row["title"][0] == "Title 0" and placed.row["description"][0] == TEXT


def test_what_was_said_of_a_known_item_leads_to_its_codes(inserter: Inserter) -> None:
    items = inserter.dataset.items
    for item in (0, 5, 30):
        placed = place_item(inserter, items["title"][item], items["description"][item])
        assert placed.codes.tolist() == inserter.built.graph.item_codes[item].tolist()
        assert item in placed.neighbours[: (placed.shared == 2).sum()]


def test_nothing_is_written(record: Record, inserter: Inserter, finished: Path) -> None:
    place_item(inserter, "x", TEXT)
    place_user(inserter, "Likes the sea.", ["f0"])
    before = files(finished)
    place_item(inserter, "Never seen", f"{TEXT} Nobody typed this before.")
    place_user(inserter, "Nobody typed this either.", ["f3"])
    assert files(finished) == before


@pytest.mark.parametrize(("text", "said"), [(" \n", "few sentences"), ("x" * 20_001, "20,001")])
def test_a_text_has_a_length(inserter: Inserter, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said):
        place_item(inserter, "x", text)


def test_an_unknown_attribute_gets_its_sentence(inserter: Inserter) -> None:
    with pytest.raises(ConfigError, match="no attribute 'colour'"):
        place_item(inserter, "x", TEXT, {"colour": "red"})


def test_a_recommender_with_the_graph_says_who_would_be_shown_it(
    record: Record, inserter: Inserter
) -> None:
    dataset = inserter.dataset
    past = Split.load(record.folder("split")).histories(dataset)
    one = ready(record, GRAPH)
    met = meet_item(one, one.everybody(past), past, dataset, place_item(inserter, "x", TEXT), k=3)
    assert met.ready is not None and met.ready.n_items == N_ITEMS + 1
    assert met.reach is not None and met.reach.ranks.shape == (N_USERS,)
    user = int(met.reach.first(1)[0])
    scores = met.ready.scores(user, past.of(user))
    left = np.setdiff1d(np.arange(N_ITEMS), past.of(user))
    assert met.reach.ranks[user] == 1 + (scores[left] > scores[-1]).sum()


def test_a_plain_recommender_says_that_it_knows_nothing(record: Record, inserter: Inserter) -> None:
    dataset = inserter.dataset
    past = Split.load(record.folder("split")).histories(dataset)
    one = ready(record, PLAIN)
    met = meet_item(one, one.everybody(past), past, dataset, place_item(inserter, "x", TEXT))
    assert met.ready is None and met.reach is None
    assert "without the graph" in met.why_not and "nobody had this one" in met.why_not


ABLE = ("autograph", "grounded", "kar", "uist")


@pytest.fixture(scope="module")
def several(
    tiny_experiment: Path, finished: Path, tmp_path_factory: pytest.TempPathFactory
) -> Record:
    """The small experiment with more enhancers; what it has in common with it is there."""
    workspace = tmp_path_factory.mktemp("several") / "workspace"
    shutil.copytree(finished, workspace)
    run_here(
        tiny_experiment,
        workspace,
        *("--set", f"grid.enhancers={json.dumps([*ABLE, 'lightgcn'])}"),
        *("--set", "name=several", "--set", "train.epochs=12", "--set", "train.learning_rate=0.01"),
    )
    return read_record("several", workspace)


@pytest.mark.parametrize("enhancer", ABLE)
def test_a_copy_of_an_item_is_ranked_near_it(several: Record, enhancer: str) -> None:
    """It has the same text; what it lacks is what people had of the one it is a copy of."""
    dataset = Dataset.load(several.folder("dataset"))
    inserter, one = Results(several).inserter, ready(several, Cell("gru4rec", enhancer, 0))
    past = Split.load(several.folder("split")).histories(dataset)
    everybody, items = one.everybody(past), dataset.items

    def ranks(item: int) -> np.ndarray:
        """(n_users, n_items + 1) with a copy of an item at the end."""
        placed = place_item(inserter, items["title"][item], items["description"][item])
        met = meet_item(one, everybody, past, dataset, placed)
        assert met.ready is not None, met.why_not
        scores = [met.ready.scores(user, past.of(user)) for user in range(N_USERS)]
        return (-np.stack(scores)).argsort(1).argsort(1)

    of_each = {item: ranks(item) for item in range(8)}  # two of each theme
    apart = np.array(
        [[np.abs(at[:, -1] - at[:, item]).mean() for item in of_each] for at in of_each.values()]
    )
    own, other = apart.diagonal().mean(), apart[~np.eye(8, dtype=bool)].mean()
    assert own < 0.9 * other, f"{own:.1f} places from the one it copies, {other:.1f} from others"


def test_what_cannot_place_a_newcomer_says_so_where_it_is_asked(
    several: Record, autograph: Any
) -> None:
    dataset = Dataset.load(several.folder("dataset"))
    inserter, one = Results(several).inserter, ready(several, Cell("gru4rec", "lightgcn", 0))
    past = Split.load(several.folder("split")).histories(dataset)
    item = place_item(inserter, "x", TEXT)
    met = meet_item(one, one.everybody(past), past, dataset, item)
    assert met.ready is None and "by the users who had it" in met.why_not
    met_user = meet_user(one, dataset, place_user(inserter, "Likes the sea.", ["f0"]))
    assert "the average of all users stands in" in met_user.note
    for side, reason in (("item", "by the users who had it"), ("user", "the average of all users")):
        words = ("--text", TEXT, "--workspace", several.workspace)
        said = " ".join(autograph("insert", "several", side, *words).output.split())
        assert f"have the enhancer {' or '.join(ABLE)}." in said
        assert "Not with the enhancer lightgcn: LightGCN" in said and reason in said


def test_a_new_person_is_shown_what_the_text_and_the_items_say(
    record: Record, inserter: Inserter
) -> None:
    one = ready(record, GRAPH)
    past = np.array([0, 4])
    by_text = {}
    for theme in THEMES[:2]:
        placed = place_user(inserter, f"Likes {theme}.", ["f0", "f4"])
        assert placed.graph.user_item.of(N_USERS).tolist() == [0, 4]
        grown, number, note = meet_user(one, inserter.dataset, placed)
        assert number == N_USERS and not note
        by_text[theme] = (tuple(placed.codes), grown.scores(number, past))
    unknown, number, note = meet_user(one, inserter.dataset, None)
    assert "there is none" in note
    assert np.isfinite(unknown.scores(number, past)).all()
    (a, scores_a), (b, scores_b) = by_text.values()
    assert a != b and np.abs(scores_a - scores_b).max() > 1e-4


def test_what_has_no_place_has_no_attributes(inserter: Inserter) -> None:
    bag = bag_of(inserter.dataset, "user", None)
    assert len(bag.categories) == 0 and len(bag.offsets) == 1


@pytest.mark.parametrize("text", [None, "", "  "])
def test_of_what_nothing_is_said_there_is_no_place(inserter: Inserter, text: str | None) -> None:
    with pytest.raises(ConfigError, match="Nothing is said of the new item"):
        inserter.place("item", text, {})
