"""`autograph export` on a small experiment: what it writes, says and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.cli.export import by_asks
from app.pipeline.records import read_record
from app.results.results import Results
from recommend.judge.recommend import recommend
from recommend.serve.reader import Ask, Export


@pytest.fixture(scope="module")
def exported(finished: Path, tiny_experiment: Path, tmp_path_factory: Any) -> Path:
    from typer.testing import CliRunner

    from app.cli.main import app

    folder = tmp_path_factory.mktemp("exports") / "a"
    cell = _cells(finished, tiny_experiment)[0]
    words = ["export", tiny_experiment, f"{cell.backbone}+{cell.enhancer}", folder]
    done = CliRunner().invoke(app, [*map(str, words), "--workspace", str(finished)])
    assert done.exit_code == 0, done.output
    assert "may be passed on only" in done.output and str(cell) in done.output
    return folder


def _cells(workspace: Path, file: Path) -> list[Any]:
    return read_record(str(file), workspace).finished_cells()


def test_it_recommends_as_the_command_does(
    exported: Path, finished: Path, tiny_experiment: Path
) -> None:
    record = read_record(str(tiny_experiment), finished)
    results, cell = Results(record), record.finished_cells()[0]
    export = Export.open(exported)
    table = recommend(results.model(cell), results.dataset, results.split, range(5), 7).table
    for user in range(5):
        own = table.filter(user=user).sort("rank")
        id = results.dataset.user_ids.external[user]
        (found,) = export.recommend([Ask(user=id, k=7)])
        assert found.scores == pytest.approx(own["score"].to_list(), abs=1e-4)
        assert set(found.items) == set(own["item_id"])


def test_the_card_says_what_it_is(exported: Path) -> None:
    card = json.loads((exported / "card.json").read_text())
    assert card["test"]["figures"]["ndcg@10"] >= 0 and card["test"]["candidates"]
    assert "held out" in card["knows"] and "weights know training" in card["knows"]
    assert card["data"]["licence"] in card["data"]["rights"]
    assert {"experiment", "recommender", "settings", "learnt_until", "cautions"} <= set(card)


def test_what_cannot_be_written_is_said(
    autograph: Any, exported: Path, finished: Path, tiny_experiment: Path, tmp_path: Path
) -> None:
    def asked(recommender: str, folder: Path, *words: str) -> str:
        done = autograph(
            "export", tiny_experiment, recommender, folder, *words, "--workspace", finished
        )
        assert done.exit_code == 1 and "Traceback" not in done.output
        return str(done.output)

    assert "--replace" in asked("best", exported)
    assert "No trained recommender" in asked("nobody", tmp_path / "b")
    assert "no parameter of --index flat" in asked("best", tmp_path / "b", "--lists", "3")
    assert "not asked for anything" in asked("best", tmp_path / "b", "--beforehand")
    assert not (tmp_path / "b").exists()


def test_it_is_said_what_can_be_asked_for_and_how_near_that_is() -> None:
    figures = {"overlap@10 of drawn": 0.742, "ndcg@10 of kept": 0.0183, "ndcg@10 of whole": 0.0174}
    asks = {"answered_by": "kept", "noun": "meaning", "n": 1066, "note": "By edges alone."}
    told = by_asks({**asks, "agreement": {"users": 400, "k": 10, **figures}})
    assert told == [
        "It can be asked for 1,066 meanings. By edges alone.",
        "Measured for 400 users: of the 10 best for a query, 7.4 are those of the whole "
        "recommender; NDCG@10 on validation 0.018, of the whole 0.017.",
    ]
    assert by_asks({**asks, "noun": "query", "answered_by": "beforehand"}) == [
        "It can be asked for 1,066 queries. By edges alone."
    ]
    assert by_asks({"answered_by": "nothing", "note": "Two hops."}) == ["Two hops."]
