"""The table of a split that its publisher made: trained, chosen, judged once, gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from app.reproduce.split_account import account_of_split
from app.reproduce.split_runs import run_split
from app.reproduce.splits import SplitTable, open_split, published
from app.reproduce.tables import SPLITS
from data.errors import ConfigError
from data.loaders import gowalla
from recommend.fit import checkpoint

LISTS = {
    "train": [[0, 1], [1, 2], [2, 0], [4, 1, 0]],
    "valid": [[2], [3], [1], [2]],
    "test": [[3], [0], [3], []],
}
SMALL = """
extends = "gowalla"
[grid]
backbones = ["contextgnn", "popularity", "ease"]
[model]
width = 4
[train]
epochs = 1
[override.contextgnn.train]
epochs = 1
final_share = 1.0
[override.contextgnn.model]
width = 4
[override.contextgnn.model.backbone]
hops = 2
[override.ease.model.backbone]
most_items = 4
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "publication"
    made.mkdir()
    for part, items in LISTS.items():
        rows = {"user_id": [5, 6, 7, 9], "item_id": items}
        pl.DataFrame(rows).write_parquet(made / gowalla.PARTS[part])
    return made


@pytest.fixture
def small(tmp_path: Path, folder: Path) -> Any:
    file = tmp_path / "gowalla-small.toml"

    def open_small(only: tuple[str, ...] = (), **changed: Any) -> SplitTable:
        file.write_text(SMALL.replace("epochs = 1", f"epochs = {changed.get('epochs', 1)}"))
        return open_split(str(file), tmp_path / "ws", folder, changed.get("seeds", ()), only)

    return open_small


def test_every_row_is_trained_judged_and_told(small: Any, tmp_path: Path) -> None:
    of = small()
    assert [row.key for row in of.rows] == ["contextgnn", "contextgnn-gate", "popularity", "ease"]
    left_out = run_split(of)
    assert set(left_out) == {"ease"} and "--only ease" in left_out["ease"]
    told = account_of_split(of, left_out)
    test, curves, others = told.sheets
    assert [row[0] for row in test.rows] == ["contextgnn", "contextgnn-gate", "popularity"]
    assert test.title == "gowalla-small: test, 3 people", "who has nothing in the test is not asked"
    assert [row[0] for row in curves.rows] == ["contextgnn seed 0", "contextgnn-gate seed 0"]
    assert others.title == "Published on another split" and "published" not in test.heads
    assert any("are not those of the publication" in note for note in told.notes)
    assert told.figures["-table"].height == 3 and "\\begin{tabular}" in told.texts[".tex"]
    assert told.texts[".csv"].splitlines()[0].startswith("row,seed,recall@10")
    meetings = [run.settings[0].backbone.model_dump().get("meeting") for run in of.runs()]
    assert meetings == ["offset", "gate", None, None]


def test_popularity_is_judged_as_worked_out_by_hand(small: Any) -> None:
    """Items 0 to 4 were had 3, 3, 2, 0 and 1 times; lists of two users are 4 and then theirs."""
    of = small(("popularity",))
    run_split(of)
    (run,) = of.runs()
    found = run.result()
    assert found is not None and found["users"] == 3
    # user 5 is left 4, 3 and wants 3; user 6 is left 0, 4 and wants 0; user 7 is left 4, 3, wants 3
    assert found["test"]["recall@20"] == 1
    assert found["test"]["ndcg@20"] == pytest.approx((1 + 2 / np.log2(3)) / 3)


def test_a_row_asked_for_by_name_may_be_large(small: Any) -> None:
    of = small(("ease",))
    assert run_split(of) == {}
    assert [row[0] for row in account_of_split(of).sheets[0].rows] == ["ease"]


def test_what_is_there_is_not_run_again_and_more_epochs_go_on(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = ("contextgnn",)
    run_split(small(only))
    (first,) = small(only).runs()
    began = first.epochs()
    assert len(began) == 1 and first.is_over()
    monkeypatch.setattr(gowalla, "held_out", lambda folder: pytest.fail("nothing is left to do"))
    run_split(small(only))
    monkeypatch.undo()
    longer = small(only, epochs=3)
    (run,) = longer.runs()
    assert run.place == first.place and not run.is_over()
    assert "1 of at most 3 epochs" in " ".join(account_of_split(longer).notes)

    write, killed = checkpoint.Checkpoint.write, []

    def stop(self: Any, *rest: Any) -> None:
        write(self, *rest)
        killed.append(self.epoch)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.Checkpoint, "write", stop)
    with pytest.raises(KeyboardInterrupt):
        run_split(longer)
    monkeypatch.undo()
    assert killed == [2] and len(run.epochs()) == 2 and run.result() is None
    run_split(longer)
    assert run.epochs()[:1] == began and len(run.epochs()) == 3
    found = run.result()
    assert found is not None and found["epochs"] == 3


def test_other_data_and_other_settings_have_a_state_of_their_own(small: Any, folder: Path) -> None:
    wanted = (("contextgnn", 0), ("*-gate", 0), ("contextgnn", 1))
    places = [run.place for name, seed in wanted for run in small((name,), seeds=(seed,)).runs()]
    lists = pl.read_parquet(folder / gowalla.PARTS["test"])
    lists.with_columns(pl.Series("item_id", [[3], [0], [4], []])).write_parquet(
        folder / gowalla.PARTS["test"]
    )
    (other_data,) = small(("contextgnn",)).runs()
    assert len({*places, other_data.place}) == 4


def test_seeds_are_put_together(small: Any) -> None:
    of = small(("popularity", "contextgnn"), seeds=(0, 1))
    run_split(of)
    rows = {row[0]: row for row in account_of_split(of).sheets[0].rows}
    heads = account_of_split(of).sheets[0].heads
    seeds = heads.index("seeds")
    assert (rows["contextgnn"][seeds], rows["popularity"][seeds]) == ("2", "1")
    assert rows["contextgnn"][seeds + 1] == "1 (1), 1 (1)"


def test_on_the_publication_itself_figures_stand_beside(
    small: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SplitTable, "data_digest", published("gowalla")["digest"])
    of = small(("contextgnn",))
    run_split(of)
    told = account_of_split(of)
    (row,) = told.sheets[0].rows
    cells = dict(zip(told.sheets[0].heads, row, strict=False))
    assert cells["published"] == "0.1136", "its NDCG, the last of the two"
    assert cells["ours − published"].endswith(" %")
    assert told.sheets[1].rows[0][-2] == "0.0928", "its first epoch on validation"
    assert any(note.startswith("They were reached with four hops") for note in told.notes)
    assert any("meeting offset" in note and "hops 2" in note for note in told.notes)
    assert any("skip on, width" in note for note in told.notes), "what is on is said, too"


@pytest.mark.parametrize("kind", SPLITS)
def test_published_rows_are_rows_of_the_table(kind: str, tmp_path: Path) -> None:
    keys = {row.key for row in open_split(kind, tmp_path, tmp_path).rows}
    told = published(kind)
    assert set(told["rows"]) <= keys and told["curve_of"] in keys
    assert all(0 < figure < 1 for pair in told["rows"].values() for figure in pair)


def test_the_command_runs_shows_and_writes(folder: Path, tmp_path: Path, autograph: Any) -> None:
    words = ("reproduce", "gowalla", "--from", folder, "--workspace", tmp_path / "ws")
    dry = autograph(*words, "--dry-run", "--only", "popularity")
    assert dry.exit_code == 0 and "Not run: popularity." in dry.output
    told = autograph(*words, "--only", "popularity")
    assert told.exit_code == 0, told.output
    names = {path.name for path in (tmp_path / "ws" / "results").iterdir()}
    assert {"gowalla.md", "gowalla.csv", "gowalla.tex", "gowalla-table.parquet"} <= names
    assert autograph(*words, "--jobs", 2).exit_code == 1
    assert autograph(*words, "--only", "item-knn").exit_code == 0
    kept = pl.read_parquet(tmp_path / "ws" / "results" / "gowalla-table.parquet")
    assert kept["row"].to_list() == ["popularity", "item-knn"], "no row drives another one out"


def test_what_cannot_be_opened_gets_a_sentence(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Add --from FOLDER, with train_df\.parquet"):
        open_split("gowalla", tmp_path)
    with pytest.raises(ConfigError, match=r"no row 'sasrec'\. It has: contextgnn, contextgnn-gate"):
        open_split("gowalla", tmp_path, folder, only=("sasrec",))
    file = tmp_path / "gowalla-words.toml"
    file.write_text('extends = "gowalla"\n[grid]\nbackbones = ["text-knn"]\n')
    with pytest.raises(ConfigError, match=r"text-knn reads .*, and a split has interactions alone"):
        open_split(str(file), tmp_path, folder)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (None, "There is no test_df.parquet"),
        ({"user": [5], "items": [[3]]}, "has no column user_id nor item_id"),
        ({"user_id": [5], "item_id": [[0]]}, "what is held out must not be trained on"),
        ({"user_id": [5], "item_id": [["a"]]}, "item_id is not of one type: Int64 in train_df"),
        ({"user_id": [[5]], "item_id": [[3]]}, "the column user_id holds List(Int64)"),
        (
            {"user_id": pl.Series([], dtype=pl.Int64), "item_id": []},
            "test_df.parquet holds no item",
        ),
        ({"user_id": [5], "item_id": [[3.5]]}, "item_id is a list of Float64, and has to be a"),
    ],
)
def test_a_bad_folder_gets_a_sentence(
    wrong: dict[str, Any] | None, said: str, folder: Path, tmp_path: Path, autograph: Any
) -> None:
    (folder / "test_df.parquet").unlink()
    if wrong is not None:
        pl.DataFrame(wrong).write_parquet(folder / "test_df.parquet")
    told = autograph("reproduce", "gowalla", "--from", folder, "--workspace", tmp_path / "ws")
    assert told.exit_code == 1 and said in " ".join(told.output.split()), told.output
    assert "Traceback" not in told.output
