"""All that is opened of an experiment: once, anew when it is made again, or a sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from manifests import finish_again

from app.experiment.settings import Cell
from app.pipeline.records import Record, read_record
from app.results.results import Results, in_memory, stamp
from data.dataset import Dataset
from data.errors import ArtifactError

CELL = Cell("sasrec", "autograph", 0)
Look = Callable[[Results], Any]
ALL: dict[str, tuple[str, Look]] = {
    "dataset": ("dataset", lambda of: of.dataset),
    "split": ("split", lambda of: of.split),
    "histories": ("split", lambda of: of.histories),
    "knowledge": ("knowledge-item", lambda of: of.knowledge("item")),
    "encoded texts": ("knowledge-user", lambda of: of.encoded("user")),
    "coverage": ("knowledge-item", lambda of: of.coverage("item")),
    "reviewed": ("knowledge-user", lambda of: of.reviewed("user")),
    "scene": ("knowledge-item", lambda of: of.scene("user")),
    "vectors": ("vectors-user", lambda of: of.vectors("user")),
    "codes": ("codes-item", lambda of: of.codes("item")),
    "residuals": ("vectors-item", lambda of: of.residuals("item")),
    "factors": ("factors-user", lambda of: of.factors("user")),
    "lexicon": ("factors-item", lambda of: of.lexicon("item")),
    "map": ("codes-item", lambda of: of.codebook_map("item", 0)),
    "graph": ("factors-user", lambda of: of.graph),
    "atlas": ("graph", lambda of: of.atlas),
    "overview": ("graph", lambda of: of.overview),
    "model": ("train", lambda of: of.model(CELL)),
    "ready": ("train", lambda of: of.ready(CELL)),
    "everybody": ("split", lambda of: of.everybody(CELL)),
    "evaluation": ("evaluate", lambda of: of.evaluation(CELL)),
    "showcase": ("knowledge-item", lambda of: of.showcase),
    "inserter": ("graph", lambda of: of.inserter),
}
"""What may be opened, with a stage that it depends on."""


@pytest.fixture
def record(demo_workspace: Path, tmp_path: Path) -> Record:
    return read_record("demo", Path(shutil.copytree(demo_workspace, tmp_path / "workspace")))


@pytest.mark.parametrize("what", ALL)
def test_everything_is_opened_once_and_anew_when_it_is_made_again(
    record: Record, what: str
) -> None:
    stage, look = ALL[what]
    results = Results(record)
    before = look(results)
    assert look(results) is before
    finish_again(record.folder(stage, CELL if stage in record.cells[CELL] else None))
    assert look(results) is not before


@pytest.mark.parametrize("what", ALL)
def test_what_is_not_finished_gets_a_sentence(record: Record, what: str) -> None:
    stage, look = ALL[what]
    shutil.rmtree(record.folder(stage, CELL if stage in record.cells[CELL] else None))
    if what == "showcase":
        assert look(Results(record)).graph is None, "it shows people and lists all the same"
    elif what == "inserter":
        with pytest.raises(ArtifactError, match="no finished graph"):
            look(Results(record)).place("item", "Ice and fog.", {})
    elif what == "scene":
        scene = look(Results(record))
        asked = scene.requests(scene.template)
        assert scene.complete, "these users' prompts show no texts of items"
        assert len(list(asked)) == len(scene.ids.external)
    else:
        with pytest.raises(ArtifactError, match=f"no finished {stage}"):
            look(Results(record))


def test_experiments_that_share_a_result_open_it_once(record: Record) -> None:
    keep = in_memory()
    experiment = record.experiment.model_copy(update={"name": "other"})
    other = replace(record, experiment=experiment, cells={})
    assert Results(record, keep).dataset is Results(other, keep).dataset
    assert Results(record).dataset is not Results(other).dataset


def test_plain_recommenders_have_no_graph(record: Record) -> None:
    plain = replace(record, keys={name: record.keys[name] for name in ("dataset", "split")})
    assert not Results(plain).has_graph
    assert Results(plain).showcase.graph is None
    with pytest.raises(ArtifactError, match="only the enhancer 'none'"):
        _ = Results(plain).graph


def test_metapaths_are_counted_one_by_one(record: Record) -> None:
    results = Results(record)
    paths = ["user > item", "item > item_factor > item"]
    table = results.metapaths(paths)
    assert table["metapath"].to_list() == paths
    assert table["instances"][0] == len(results.histories.items)


def test_a_stamp_tells_folders_and_times_apart(record: Record) -> None:
    one, other = record.folder("dataset"), record.folder("split")
    before = stamp(one, other)
    assert before == stamp(one, other) != stamp(one)
    finish_again(other)
    assert stamp(one, other) != before


def test_what_is_opened_is_what_was_stored(record: Record) -> None:
    stored = Dataset.load(record.folder("dataset"))
    assert Results(record).dataset.interactions.equals(stored.interactions)
