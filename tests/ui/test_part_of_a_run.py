"""An experiment that was run up to a stage: the page shows it as far as it goes."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_jobs import FINISHED, make_job
from opening import Open, words
from streamlit.testing.v1 import AppTest

from app.cli.run import run_experiment
from app.experiment.file import load_experiment
from app.pipeline.records import read_record
from app.ui.main import SECTIONS

SCREENS = [screen.path for screens in SECTIONS.values() for screen in screens]
LESS = ["data.min_history=6"]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the data of the demo, and nothing else."""
    workspace = tmp_path_factory.mktemp("prepared") / "workspace"
    run_experiment(load_experiment("demo"), workspace, upto="split", device="cpu")
    return workspace


def links(page: AppTest) -> set[str]:
    return {one.proto.label for one in page.get("page_link")}


@pytest.mark.parametrize("path", SCREENS)
def test_every_screen_opens(screen: Open, prepared: Path, path: str) -> None:
    page = screen(path, prepared)
    assert not page.exception and not page.error


def test_its_data_stand_under_this_experiment(screen: Open, prepared: Path) -> None:
    page = screen("data", prepared)
    assert {metric.label: metric.value for metric in page.metric}["Users"] == "400"
    page = screen("start", prepared)
    assert {metric.label: metric.value for metric in page.metric}["Recommenders"][:5] == "0 of "


@pytest.mark.parametrize("path", ["demo", "factors", "graph"])
def test_the_rest_can_be_run(screen: Open, prepared: Path, path: str) -> None:
    page = screen(path, prepared)
    assert "Not finished yet" in words(page)
    assert "Run it now" in [button.label for button in page.button]


def test_a_part_of_plain_recommenders_has_no_graph_to_wait_for(
    screen: Open, empty_workspace: Path
) -> None:
    plain = load_experiment("demo", ['grid.enhancers=["none"]'])
    run_experiment(plain, empty_workspace, upto="split", device="cpu")
    for path, runs in (("factors", False), ("graph", False), ("demo", True)):
        page = screen(path, empty_workspace)
        assert ("Run it now" in [button.label for button in page.button]) == runs


def test_a_job_of_it_leads_to_the_data(screen: Open, prepared: Path) -> None:
    make_job(prepared, 1, FINISHED)
    found = links(screen("jobs", prepared))
    assert "Data" in found and "Results" not in found


def test_a_job_of_a_whole_run_leads_to_results(screen: Open, own_workspace: Path) -> None:
    make_job(own_workspace, 1, FINISHED)
    found = links(screen("jobs", own_workspace))
    assert "Results" in found and "Data" not in found


def test_a_finished_run_stays_what_its_name_shows(own_workspace: Path) -> None:
    record = own_workspace / "runs" / "demo.json"
    before = record.read_bytes()
    run_experiment(load_experiment("demo", LESS), own_workspace, upto="split", device="cpu")
    assert record.read_bytes() == before


def test_the_latest_of_two_parts_is_shown_unless_it_goes_less_far(empty_workspace: Path) -> None:
    found = []
    for changes, upto in (([], "split"), (LESS, "knowledge-user"), ([], "split")):
        run_experiment(load_experiment("demo", changes), empty_workspace, upto, device="cpu")
        found.append(read_record("demo", empty_workspace).keys)
    assert set(found[0]) == {"dataset", "split"}
    assert found[1]["dataset"] != found[0]["dataset"]
    assert found[2] == found[1], "the texts are not lost from sight"


def test_an_old_link_says_that_its_experiment_is_gone(screen: Open, prepared: Path) -> None:
    page = screen("start", prepared, experiment="*gone*")
    (warning,) = page.warning
    assert "There is no experiment" in warning.value and "*gone*" not in warning.value
    assert not screen("start", prepared, experiment="demo").warning
