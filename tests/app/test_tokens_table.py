"""The table of tokens: sources beside their controls, trained once, and what counts as a gain."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from app_fakes import ON_CPU, beside_here

from app.experiment.settings import Cell
from app.reproduce.results import TableResults, results_of
from app.reproduce.tables import found_in, open_reproduction
from app.reproduce.tokens import account_of_tokens
from recommend.model import Model


@pytest.fixture(scope="module")
def tokens(tiny_experiment: Path) -> Iterator[Path]:
    path = tiny_experiment.with_name("tokens-tiny.toml")
    path.write_text(
        'extends = "tiny"\n[grid]\nbackbones = ["gru4rec", "lightgcn-cf"]\n'
        'enhancers = ["none", "tokens"]\nseeds = [0, 1]\n[train]\nepochs = 1\n'
    )
    yield path
    path.unlink()


def test_every_source_has_a_control_that_differs_in_nothing_else(tmp_path: Path) -> None:
    of = open_reproduction("tokens-office", tmp_path, tmp_path)
    rows = {
        row.variant.slug: (experiment, row) for experiment, own in of.experiments() for row in own
    }
    cell = Cell("sasrec", "tokens", 0)
    for source in ("lightgcn-cf", "autograph"):
        (own, row), (control, _) = rows[source], rows[f"{source}-permuted"]
        assert row.variant.rival == f"{source}-permuted"
        model, other = own.model_of(cell), control.model_of(cell)
        assert (model.enhancer.source, model.enhancer.permuted) == (source, False)
        enhancer = model.enhancer.model_copy(update={"permuted": True})
        assert other == model.model_copy(update={"enhancer": enhancer})
        assert own.train == control.train == of.base.train and own.data == control.data


def test_sources_and_twins_are_trained_once_for_all_rows(
    tokens: Path, finished: Path, tmp_path: Path, autograph: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("app.pipeline.runner.run_beside", beside_here)
    own = Path(shutil.copytree(finished, tmp_path / "workspace"))
    where = ("--only", "gru4rec+none", "*lightgcn-cf*", "--workspace", own, *ON_CPU)
    before = set((own / "artifacts" / "train").iterdir())
    with monkeypatch.context() as killed:
        killed.setattr("recommend.model.Model.save", _second_interrupts(Model.save))
        stopped = autograph("reproduce", tokens, "--seeds", 0, *where)
    assert stopped.exit_code == 130 and "Stopped." in stopped.output
    told = autograph("reproduce", tokens, *where)
    assert told.exit_code == 0, told.output
    made = set((own / "artifacts" / "train").iterdir()) - before
    assert len(made) == 2 * 4, "plain, source, tokens and control, a seed each"
    of = open_reproduction(str(tokens), own)
    table = pl.read_parquet(own / "results" / "tokens-tiny-table.parquet").filter(metric="ndcg@10")
    row = table.filter(row="gru4rec+tokens-lightgcn-cf").to_dicts()[0]
    assert row["rival"] == "gru4rec+tokens-lightgcn-cf-permuted" and row["rival_shared"] == 2
    record, cells = found_in(of)["gru4rec+tokens-lightgcn-cf"]
    reached = [record.summary("evaluate", cell)["ndcg@10"] for cell in cells]
    assert row["mean"] == pytest.approx(sum(reached) / 2)
    text = (own / "results" / "tokens-tiny.md").read_text()
    assert "A gain that the control does not have, p < 0.01:" in text
    assert "Seconds an epoch" in text and "paper" not in text


def gains(**given: float) -> str:
    """What is said of one row and its control."""
    own = {"row": "sasrec+tokens-lightgcn-cf", "p_holm": 0.001, "difference": 0.02, "change": 4.0}
    own |= {"rival_p_holm": 0.002, "rival_difference": 0.01, "rival_change": 2.0}
    control = {"row": "sasrec+tokens-lightgcn-cf-permuted", "p_holm": 0.5, "difference": 0.01}
    control |= {"change": 1.0}
    own |= {name: value for name, value in given.items() if not name.startswith("control_")}
    control |= {
        name.removeprefix("control_"): value
        for name, value in given.items()
        if name.startswith("control_")
    }
    table = pl.DataFrame([own, control]).with_columns(metric=pl.lit("ndcg@10"))
    from app.reproduce.tokens import _gains

    of = open_reproduction("tokens-office", Path("none-such"), Path("none-such"))
    (told,) = _gains(of, TableResults(table, {}, (), 0.0, ()))
    return told


def test_a_gain_is_one_that_the_control_does_not_have() -> None:
    told = gains()
    assert "+4.0 % (p = 0.001) against plain, +2.0 % (p = 0.002) against its control" in told
    assert told.endswith("p < 0.01: yes.")
    assert gains(p_holm=0.02).endswith("no.")
    assert gains(rival_p_holm=0.02).endswith("no.")
    assert gains(difference=-0.02).endswith("no.")
    assert gains(control_p_holm=0.001).endswith("no."), "any vectors do"
    assert gains(control_p_holm=0.001, control_difference=-0.01).endswith("yes.")


def test_nothing_run_is_said_and_not_made_up(tmp_path: Path) -> None:
    of = open_reproduction("tokens-office", tmp_path, tmp_path)
    told = account_of_tokens(of, results_of(of))
    assert not told.sheets and any(note.startswith("Not run: seeds 0") for note in told.notes)


def _second_interrupts(save: Callable[..., None]) -> Callable[..., None]:
    calls = []

    def interrupting(*given: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        save(*given)

    return interrupting
