"""The Knowledge screen: reading, checking, correcting by hand, comparing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from manifests import accept_changes
from streamlit.testing.v1 import AppTest

from app.pipeline.own_texts import overrides_of
from app.pipeline.records import keep_record, read_record

ITEM = "film-003"


def shown(page: AppTest) -> str:
    """All words on the page."""
    kinds = ("title", "subheader", "caption", "markdown", "code", "text", "error", "warning")
    return "\n".join(str(one.value) for kind in kinds for one in getattr(page, kind))


def fine(page: AppTest) -> AppTest:
    assert not page.exception, page.exception
    assert "failed, and nothing of yours" not in shown(page)
    return page


def field(fields: Any, what: str) -> Any:
    """The field whose key begins with `what`."""
    (found,) = [one for one in fields if (one.key or "").startswith(f"{what} ")]
    return found


def metrics(page: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in page.metric}


def change_table(workspace: Path, side: str, change: Any) -> None:
    """Rewrites the finished knowledge of one side, and its manifest, as another run would."""
    record = read_record("demo", workspace)
    folder = record.store.place(f"knowledge-{side}", record.keys[f"knowledge-{side}"])
    path = folder / "knowledge.parquet"
    change(pl.read_parquet(path)).write_parquet(path)
    accept_changes(folder)


def failing(table: pl.DataFrame) -> pl.DataFrame:
    """The first two rows failed, and the next three say the same."""
    number = pl.int_range(pl.len())
    error = pl.when(number == 0).then(pl.lit("Rejected (refusal): It says no."))
    return table.with_columns(
        text=pl.when(number < 2)
        .then(None)
        .when(number < 5)
        .then(pl.lit("A film."))
        .otherwise("text"),
        error=error.when(number == 1).then(pl.lit("The line was cut.")).otherwise("error"),
    )


def test_figures_of_one_side(screen: Any, demo_workspace: Path) -> None:
    page = fine(screen("knowledge", demo_workspace))
    assert metrics(page)["Described"] == "100 %"
    assert metrics(page)["Failed"] == "0"
    assert any("no LLM" in one.label for one in page.get("badge")) or "no LLM" in shown(page)
    users = fine(screen("knowledge", demo_workspace, side="user"))
    assert len(users.dataframe[0].value) != len(page.dataframe[0].value)


def test_search_finds_every_word(screen: Any, demo_workspace: Path) -> None:
    page = fine(screen("knowledge", demo_workspace, find="brief CUTLASS"))
    assert list(page.dataframe[0].value["entity"]) == [ITEM]
    page.text_input(key="find").set_value("nothing says this").run()
    assert "Nothing found" in shown(fine(page))


def test_one_row_with_its_prompt_and_provenance(screen: Any, demo_workspace: Path) -> None:
    page = fine(screen("knowledge", demo_workspace, node=f"item:{ITEM}"))
    said = shown(page).replace("\\", "")
    assert "The Brief Cutlass · film-003" in said
    assert "facts 2 (no LLM)" in said
    assert "movies-item@1" in said
    page.session_state["row prompt"] = True
    said = shown(fine(page.run()))
    assert "Title: The Brief Cutlass" in said
    assert "reads no prompt" in said


def test_a_text_by_hand_is_kept_apart_and_taken_back(screen: Any, own_workspace: Path) -> None:
    page = screen("knowledge", own_workspace, node=f"item:{ITEM}")
    text = field(page.text_area, "by hand").value
    field(page.text_area, "by hand").set_value("A sea story.").run()
    field(page.text_input, "why").set_value("It was wrong.").run()
    page.button(key="keep text").click().run()
    said = shown(fine(page))
    assert field(page.text_input, "why").value == "", "the next change has a reason of its own"
    assert "By hand, taken in by the next run" in said
    assert "A sea story." in said
    assert "What the model said" in said
    assert "1 change by hand" in said
    log = overrides_of(read_record("demo", own_workspace).experiment, "item", own_workspace)
    assert [(c.entity, c.text, c.note) for c in log.changes()] == [
        (ITEM, "A sea story.", "It was wrong.")
    ]
    page.button(key="revert text").click().run()
    assert "1 change by hand" not in shown(fine(page))
    assert log.texts() == {}
    assert field(page.text_area, "by hand").value == text


def test_no_text_is_offered_for_that_of_another_experiment(
    screen: Any, own_workspace: Path
) -> None:
    record = read_record("demo", own_workspace)
    other = record.experiment.model_copy(update={"name": "other"})
    keep_record(other, own_workspace, record.keys, record.cells)
    page = screen("knowledge", own_workspace, experiment="demo", node=f"item:{ITEM}")
    text = field(page.text_area, "by hand").value
    field(page.text_area, "by hand").set_value("Of the demo.").run()
    page.selectbox(key="chosen experiment").set_value("other").run()
    assert field(fine(page).text_area, "by hand").value == text


def test_a_blank_text_is_refused_with_a_sentence(screen: Any, own_workspace: Path) -> None:
    page = screen("knowledge", own_workspace, node=f"item:{ITEM}")
    field(page.text_area, "by hand").set_value("  ").run()
    page.button(key="keep text").click().run()
    assert "cannot be blank" in shown(fine(page))


def test_all_changes_by_hand(screen: Any, own_workspace: Path) -> None:
    assert "Nothing by hand yet" in shown(fine(screen("knowledge", own_workspace, part="By hand")))
    log = overrides_of(read_record("demo", own_workspace).experiment, "item", own_workspace)
    log.write(ITEM, "One.")
    log.write(ITEM, "Two.")
    page = fine(screen("knowledge", own_workspace, part="By hand"))
    table = page.dataframe[0].value
    assert list(table["text"]) == ["Two.", "One."]
    assert list(table["stands"]) == ["waits for the next run", "replaced by a later one"]


def test_failures_lengths_and_duplicates(screen: Any, own_workspace: Path) -> None:
    change_table(own_workspace, "item", failing)
    page = fine(screen("knowledge", own_workspace, part="Checks"))
    assert metrics(page)["Failed"] == "2"
    found, unusual, twice = (one.value for one in page.dataframe[:3])
    assert set(found["reason"]) == {"refusal", "failed"}
    assert set(unusual["length"]) == {"short"}
    assert list(twice["rows"]) == [3]
    assert any(one.label == "Retry failed" for one in page.button)
    filtered = fine(screen("knowledge", own_workspace, texts="Failed"))
    assert len(filtered.dataframe[0].value) == 2


def test_retrying_starts_a_job_that_says_the_command(
    screen: Any, own_workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    change_table(own_workspace, "item", failing)
    monkeypatch.setattr("app.ui.shared.jobs.start", lambda *given: started.append(given))
    page = screen("knowledge", own_workspace, part="Checks")
    next(one for one in page.button if one.label == "Retry failed").click().run()
    ((workspace, kind, words, title),) = started
    assert (workspace, kind) == (own_workspace.resolve(), "knowledge")
    assert words[:2] == ("knowledge", "update")
    assert words[-2:] == ("--side", "item")
    assert Path(words[2]).exists() or words[2] == "demo"
    assert title == "Retry items of demo"


def test_all_is_well_says_so(screen: Any, demo_workspace: Path) -> None:
    said = shown(fine(screen("knowledge", demo_workspace, part="Checks")))
    assert "Nobody is without a text" in said
    assert "No text stands twice" in said


def test_one_version_has_nothing_to_compare(screen: Any, demo_workspace: Path) -> None:
    page = fine(screen("knowledge", demo_workspace, part="Compare"))
    assert "Only one version" in shown(page)


def test_two_versions_are_compared(screen: Any, own_workspace: Path) -> None:
    from app.pipeline.plan import Plan
    from app.pipeline.runner import Quiet, run_steps

    record = read_record("demo", own_workspace)
    overrides_of(record.experiment, "item", own_workspace).write(ITEM, "A <b>sea</b> story.")
    plan = Plan(record.experiment, own_workspace)
    run_steps(plan, plan.steps("knowledge-item"), Quiet())
    page = fine(screen("knowledge", own_workspace, part="Compare"))
    assert metrics(page)["Changed"] == "1"
    html = "\n".join(one.proto.body for one in page.get("html"))
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


@pytest.mark.parametrize("part", ["Texts", "Checks", "By hand", "Compare"])
def test_nothing_was_ever_run(part: str, screen: Any, empty_workspace: Path) -> None:
    page = fine(screen("knowledge", empty_workspace, part=part))
    assert any("Build the demo" in one.label for one in page.button)


@pytest.mark.parametrize("part", ["Texts", "Checks", "By hand", "Compare"])
def test_broken_results_are_sentences(part: str, screen: Any, own_workspace: Path) -> None:
    for path in own_workspace.glob("artifacts/knowledge-item/*/*.parquet"):
        path.write_bytes(b"broken")
    page = screen("knowledge", own_workspace, part=part)
    assert not page.exception
    assert "damaged" in shown(page)


def test_a_damaged_log_of_changes_is_a_sentence(screen: Any, own_workspace: Path) -> None:
    log = overrides_of(read_record("demo", own_workspace).experiment, "item", own_workspace)
    log.path.parent.mkdir(parents=True)
    log.path.write_text("{")
    page = screen("knowledge", own_workspace)
    assert not page.exception
    assert "cannot be read" in shown(page)


def test_a_node_that_this_data_does_not_have(screen: Any, demo_workspace: Path) -> None:
    page = fine(screen("knowledge", demo_workspace, node="item:nowhere"))
    assert "There is no item ‘nowhere’ in demo" in shown(page)
