"""Tables of the paper: filled bit by bit, compared only where they may be, marked where not."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import polars as pl
import pytest
from app_fakes import ON_CPU, beside_here

from app.cli.reproduce import spread
from app.experiment.file import load_experiment
from app.experiment.settings import BACKBONES, Cell
from app.pipeline.records import read_record
from app.reproduce.protocol import (
    Difference,
    figures_of,
    paper,
    protocol_differences,
    protocol_of,
    row_differences,
)
from app.reproduce.results import BARRED, BEATEN, EQUAL, NOT_BEATEN, account_of, notes, results_of
from app.reproduce.sheets import markdown
from app.reproduce.splits import open_split
from app.reproduce.tables import (
    KINDS,
    OTHERS,
    SPLITS,
    experiment_of,
    found_in,
    kind_of,
    names,
    open_reproduction,
    plan_of,
    rows_of,
    run_rows,
    variants_of,
)
from app.results.metrics import METRICS
from data.errors import ConfigError, DataError

PRINTED = Path(__file__).with_name("printed_figures.txt")
"""Every figure of four decimals in the text of the paper, in its order, a line a row."""
ASKED = {"part": "test", "candidates": "all", "exclude_seen": False, "ties": "mean rank"}
ML_1M = {"users": 6038, "items": 3533}


@pytest.fixture(autouse=True, scope="module")
def in_this_process() -> Iterator[None]:
    """Recommenders are trained here, where the libraries are at hand."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.pipeline.runner.run_beside", beside_here)
        yield


def barring(found: list[Difference]) -> list[str]:
    return [one.what for one in found if one.bars]


def test_figures_are_those_of_the_paper() -> None:
    """A few by hand, from the tables as printed."""
    assert figures_of("table2", "ml-1m", "sasrec")["autograph"] == {
        **{"ndcg@10": 0.1047, "hr@10": 0.1924},
        **{"mrr": 0.0941, "gauc": 0.9330},
    }
    assert figures_of("table2", "book-crossing", "mind")["uist"]["hr@10"] == 0.1573
    assert figures_of("table2", "amazon-books", "gru4rec")["topoi2i"]["gauc"] == 0.8502
    assert figures_of("table4", "ml-1m", "mind")["without-item-semantic"]["mrr"] == 0.0450
    assert figures_of("table5", "amazon-books", "youtubednn")["lsh"]["ndcg@10"] == 0.0486
    assert figures_of("table6", "ml-1m", "mind")["levels-0-1-2"]["hr@10"] == 0.1078
    assert paper()["table3"]["topoi2i"]["insert_ml-1m"] == 193.603
    assert figures_of("table2", "ml-100k", "mind") == {}


def test_tables_agree_where_the_paper_repeats_itself() -> None:
    for dataset in ("ml-1m", "amazon-books"):
        for backbone in ("youtubednn", "mind"):
            second, fourth, fifth, sixth = (
                figures_of(f"table{n}", dataset, backbone) for n in (2, 4, 5, 6)
            )
            assert fourth["autograph"] == fifth["rq-vae"] == second["autograph"]
            assert fourth["none"] == second["none"] and sixth["lightgcn"] == second["lightgcn"]
            assert second["autograph"] in sixth.values()


def test_the_relative_improvements_of_the_paper_follow_from_its_figures() -> None:
    """The row Rel.Impr of table 2: SASRec on MovieLens-1M, against the best baseline."""
    rows = figures_of("table2", "ml-1m", "sasrec")
    told = {"ndcg@10": 14.22, "hr@10": 5.46, "mrr": 17.98, "gauc": 0.70}
    for metric, percent in told.items():
        best = max(of[metric] for name, of in rows.items() if name != "autograph")
        assert 100 * (rows["autograph"][metric] / best - 1) == pytest.approx(percent, abs=0.08)


def test_every_figure_stands_in_the_text_of_the_paper() -> None:
    printed = Counter(PRINTED.read_text(encoding="utf-8").split())
    ours = Counter(
        f"{value:.4f}"
        for table in ("table2", "table4", "table5", "table6")
        for dataset in paper()[table].values()
        for backbone in dataset.values()
        for values in backbone.values()
        for value in values
    )
    assert ours.total() == 4 * (84 + 20 + 12 + 16)
    assert ours <= printed, "no figure is ours more often than it is printed"


def test_the_same_protocol_differs_in_nothing(tmp_path: Path) -> None:
    experiment = load_experiment("table2-ml-1m", source=tmp_path)
    assert protocol_differences(protocol_of("ml-1m"), experiment, ASKED, ML_1M) == []
    four_fewer = protocol_differences(
        protocol_of("ml-1m"), experiment, ASKED, {**ML_1M, "users": 6034}
    )
    assert [one.bars for one in four_fewer] == [False] and "6,034 users" in four_fewer[0].what


@pytest.mark.parametrize(
    ("change", "asked", "sizes", "told"),
    [
        ("seed=0", {"candidates": 100}, {}, "against 100 drawn items; there all items"),
        ("seed=0", {"exclude_seen": True}, {}, "history are left out"),
        ("seed=0", {"part": "valid"}, {}, "no test"),
        ("seed=0", {}, {"users": 1088}, "another part of the data: 1,088 users here, 6,038"),
        ("seed=0", {}, {"items": 900}, "900 items here"),
        ("data.min_rating=3", {}, {}, "rating of 3.0 or more here, of 4 there"),
        ("data.min_history=20", {}, {}, "20 or more interactions here"),
    ],
)
def test_another_protocol_bars_the_comparison(
    change: str, asked: dict[str, Any], sizes: dict[str, Any], told: str, tmp_path: Path
) -> None:
    experiment = load_experiment("table2-ml-1m", [change], tmp_path)
    found = protocol_differences(
        protocol_of("ml-1m"), experiment, {**ASKED, **asked}, {**ML_1M, **sizes}
    )
    assert len(barring(found)) == 1 and told in found[0].what


def test_a_data_set_that_the_paper_has_not_cannot_be_compared(tmp_path: Path) -> None:
    experiment = load_experiment("demo")
    (only,) = protocol_differences(protocol_of("demo"), experiment, ASKED, ML_1M)
    assert only.bars and "reports nothing on demo" in only.what


def test_other_texts_are_told_and_do_not_bar(tmp_path: Path) -> None:
    experiment = load_experiment("table2-ml-1m", source=tmp_path)
    protocol, models = protocol_of("ml-1m"), {"user": "facts", "item": "deepseek"}
    found = row_differences(protocol, experiment, Cell("sasrec", "autograph", 0), (), models)
    assert not barring(found)
    said = " ".join(one.what for one in found)
    assert "items by deepseek and users by facts; there by Vicuna" in said
    plain = row_differences(protocol, experiment, Cell("sasrec", "none", 0), (), {})
    assert not any("Texts" in one.what for one in plain)


def test_shipped_tables_are_sound(tmp_path: Path) -> None:
    own = {"shop"}  # begins names of tables that a person makes
    assert {name.split("-")[0] for name in names()} == {*KINDS, *OTHERS, *SPLITS} - own
    for name in names():
        if kind_of(name) in SPLITS:
            assert open_split(name, tmp_path, tmp_path).base.name == name
            continue
        if kind_of(name) in OTHERS:
            assert plan_of(name, tmp_path, tmp_path).experiment.name == name
            continue
        of = open_reproduction(name, tmp_path, tmp_path)
        assert of.name == name and len({row.key for row in of.rows}) == len(of.rows)
        for experiment, _ in of.experiments():
            assert experiment.data == of.base.data and experiment.train == of.base.train


def test_what_takes_no_enhancer_is_one_row_of_a_table(tmp_path: Path) -> None:
    base = open_reproduction("table4-ml-1m", tmp_path, tmp_path).base
    grid = base.grid.model_copy(update={"backbones": ("item-knn", "sasrec")})
    base = base.model_copy(update={"grid": grid})
    rows = rows_of("table4", "ml-1m", base)
    assert [row.key for row in rows if row.backbone == "item-knn"] == ["item-knn+none"]
    for variant in variants_of("table4", base):
        experiment_of(base, variant)


def test_tables_of_recommenders_hold_simple_ones_once(tmp_path: Path) -> None:
    """Whatever the seeds; patterns of names, the paper's rows and other tables are as before."""
    for name in (one for one in names() if one.startswith("table2")):
        of = open_reproduction(name, tmp_path, tmp_path, (0, 1, 2))
        simple = [row for row in of.rows if not row.cells(of.seeds)[0].learns]
        first = {row.backbone for row in simple}
        assert first >= {"popularity", "item-knn", "text-knn", "hybrid"}
        assert ("ease" in first) is (name != "table2-book-crossing"), "where memory allows it"
        assert all(row.cells(of.seeds) == [Cell(row.backbone, "none", 0)] for row in simple)
        assert not any(row.figures for row in simple)
        assert {row.backbone for row in of.chosen(["sasrec+*"])} == {"sasrec"}
        (own, *_) = of.experiments()
        assert {cell for row in own[1] for cell in row.cells(of.seeds)} == set(own[0].grid)
    of = open_reproduction("table4-ml-1m", tmp_path, tmp_path)
    assert {row.backbone for row in of.rows} == {"youtubednn", "mind"}


def test_a_simple_row_is_measured_once_and_says_nothing_of_training(table: Path, own: Path) -> None:
    path = table.with_name("table2-simple.toml")
    path.write_text(
        'extends = "table2-tiny"\n[grid]\nbackbones = ["item-knn"]\nseeds = [0, 1]\n'
        "[evaluate]\nexclude_seen = false\n"
    )
    of = open_reproduction(str(path), own)
    assert notes(of, results_of(of))[-1] == "Not run: item-knn+none."
    run_rows(of)
    results = results_of(of)
    path.unlink()
    assert results.table["seeds"].to_list() == [1] * 4 and not results.missing
    assert results.table["sd"].null_count() == 4 and results.table["p"].null_count() == 4
    told = " ".join(notes(of, results))
    assert "Not trained, so the same for every seed and measured once: item-knn+none." in told
    assert "channels" not in told and "softmax" not in told
    assert "What a user has had is ranked, too" in told


def test_rows_of_the_paper_are_there_or_said_to_be_missing(tmp_path: Path) -> None:
    for name in ("table2-ml-1m", "table4-ml-1m", "table5-ml-1m", "table6-ml-1m"):
        of = open_reproduction(name, tmp_path, tmp_path)
        for backbone in BACKBONES:
            reported = figures_of(of.kind, "ml-1m", backbone)
            ours = [row.figures for row in of.rows if row.backbone == backbone]
            for row, figures in reported.items():
                assert figures in ours or f"{backbone}+{row}" in of.pending


def test_variants_change_what_they_say_and_nothing_else(tmp_path: Path) -> None:
    of = open_reproduction("table6-ml-1m", tmp_path, tmp_path)
    by_slug = {rows[0].variant.slug: experiment for experiment, rows in of.experiments()}
    cell = Cell("mind", "autograph", 0)
    levels = {slug: e.model_of(cell).enhancer.levels for slug, e in by_slug.items()}  # type: ignore[union-attr]
    assert levels == {"": (0, 1), "levels-0": (0,), "levels-0-1-2": (0, 1, 2), "shuffled": (0, 1)}
    assert by_slug["shuffled"].control == "shuffled"
    assert {e.name for e in by_slug.values()} == {
        *("table6-ml-1m", "table6-ml-1m-levels-0", "table6-ml-1m-levels-0-1-2"),
        "table6-ml-1m-shuffled",
    }
    for experiment in by_slug.values():
        assert experiment.train_of(cell) == of.base.train_of(cell)


@pytest.fixture(scope="module")
def table(tiny_experiment: Path) -> Iterator[Path]:
    """A table on the small data: its experiment stands beside the tables it reads."""
    path = tiny_experiment.with_name("table2-tiny.toml")
    path.write_text('extends = "tiny"\n[grid]\nenhancers = ["none", "autograph"]\n')
    yield path
    path.unlink()


@pytest.fixture
def own(finished: Path, tmp_path: Path) -> Path:
    """A workspace of one's own in which the stages before training are finished."""
    return Path(shutil.copytree(finished, tmp_path / "workspace"))


def trained(workspace: Path) -> dict[str, int]:
    """Results of training and when they were finished."""
    found = (workspace / "artifacts" / "train").glob("*/manifest.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in found}


@pytest.fixture
def bits(table: Path) -> Iterator[Path]:
    """A table of which nothing is trained yet: its recommenders are trained shorter."""
    path = table.with_name("table2-bits.toml")
    path.write_text('extends = "table2-tiny"\n[train]\nepochs = 3\n')
    yield path
    path.unlink()


def test_a_table_is_filled_bit_by_bit(bits: Path, own: Path, autograph: Any) -> None:
    """One row at first, an interruption in the next, and then the rest; nothing twice."""
    where = ("--workspace", own, *ON_CPU)
    first = autograph("reproduce", bits, "--only", "gru4rec+none", *where)
    assert first.exit_code == 0, first.output
    lacking = "Not run: seed 0 of gru4rec+autograph, gru4rec+autograph-shuffled."
    assert lacking in first.output.replace("\n", " ")
    before = trained(own)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.pipeline.runner.run_beside", _interrupt)
        stopped = autograph("reproduce", bits, *where)
    assert stopped.exit_code == 130 and "Run the same command to continue" in stopped.output
    assert trained(own) == before

    told = autograph("reproduce", bits, "--seeds", 0, 1, "--only", "gru4rec+none", *where)
    assert told.exit_code == 0, told.output
    last = autograph("reproduce", bits, *where)
    assert last.exit_code == 0, last.output
    assert "Not run" not in last.output
    assert before.items() <= trained(own).items(), "a finished row was trained again"
    assert "table2-bits.md; beside it: table2-bits-table.parquet" in last.output
    assert not (own / "results" / "table2-bits.parquet").exists(), (
        "that is what `run` calls its own"
    )
    written = pl.read_parquet(own / "results" / "table2-bits-table.parquet")
    seeds = dict(written.filter(metric="mrr").select("row", "seeds").iter_rows())
    assert seeds == {"gru4rec+none": 2, "gru4rec+autograph": 1, "gru4rec+autograph-shuffled": 1}
    text = (own / "results" / "table2-bits.md").read_text()
    assert all(f"table2-bits: {metric}" in text for metric in METRICS.values())
    assert "gru4rec+autograph-shuffled ‡" in text and "is a control" in text
    listed = autograph("reproduce", "--workspace", own)
    assert listed.exit_code == 0 and "table2-ml-1m" in listed.output


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_was_given_once_is_known_whatever_row_was_run(
    bits: Path, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seeds and the folder of the data, also where rows of the table's own were never run."""
    monkeypatch.setattr("app.reproduce.tables.run_steps", lambda *_, **__: None)
    run_rows(open_reproduction(str(bits), own, bits.parent, (1, 2)), ["*-shuffled"])
    again = open_reproduction(str(bits), own)
    assert again.base.data.source == bits.parent and again.base.grid.seeds == (0, 1, 2)
    assert again.seeds == (0,), "and no more is run than the file says"
    (own / "runs" / "table2-bits.json").unlink()
    assert open_reproduction(str(bits), own).base.grid.seeds == (0, 1, 2)
    run_rows(open_reproduction(str(bits), own), ["*-shuffled"])
    shuffled = read_record("table2-bits-shuffled", own)
    assert {cell.seed for cell in shuffled.cells} == {0, 1, 2}


@pytest.fixture(scope="module")
def filled(finished: Path, table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the whole table."""
    workspace = Path(shutil.copytree(finished, tmp_path_factory.mktemp("filled") / "workspace"))
    run_rows(open_reproduction(str(table), workspace), jobs=2)
    return workspace


def test_rows_share_what_they_have_in_common(filled: Path) -> None:
    """The table's own rows are those of the experiment that it extends."""
    tiny, ours = (read_record(name, filled) for name in ("tiny", "table2-tiny"))
    assert ours.cells.items() <= tiny.cells.items() and tiny.keys == ours.keys


def test_figures_are_tested_against_twin_and_control(filled: Path, table: Path) -> None:
    from app.results.comparison import compare_contenders, contenders

    results = results_of(open_reproduction(str(table), filled))
    compared = compare_contenders(contenders([read_record("table2-tiny", filled)]))
    rows = results.table.filter(row="gru4rec+autograph")
    expected = compared.filter(run="gru4rec+autograph")
    for column in ("mean", "difference", "low", "high", "p"):
        assert rows[column].to_list() == pytest.approx(expected[column].to_list())
    assert rows["rival"].unique().to_list() == ["gru4rec+autograph-shuffled"]
    tests = results.table.select("p", "rival_p").unpivot()["value"].drop_nulls()
    assert len(tests) == 12
    least = min(tests)
    corrected = results.table.select("p_holm", "rival_p_holm").unpivot()["value"].drop_nulls()
    assert min(corrected) == pytest.approx(min(1.0, 12 * least))
    per_user = pl.read_parquet(
        read_record("tiny", filled).folder("evaluate", Cell("gru4rec", "autograph", 0))
        / "per_user.parquet"
    )
    rare = per_user.filter(pl.col("popularity") < 20)["mrr"].mean()
    assert rows.filter(metric="mrr")["rare"][0] == pytest.approx(rare)


def with_paper(monkeypatch: pytest.MonkeyPatch, **protocol: Any) -> None:
    """As if the paper had been about the small data, with one figure far below and one above."""
    told = {
        **{"users": 40, "items": 32, "min_rating": None, "min_history": 5, "max_history": 8},
        **{"split": "leave-one-out", "candidates": "all", "exclude_seen": True, "k": 10},
    }
    figures = {"none": [0.0001, 0.9999, 0.0001, 0.9999], "autograph": [0.0001, 0.9999, 0.0001, 1]}
    given = {
        "columns": list(METRICS),
        "protocol": {"files": {**told, **protocol}},
        "table2": {"files": {"gru4rec": {**figures, "kar": [0.1, 0.2, 0.3, 0.4]}}},
        "means": paper()["means"],
    }
    monkeypatch.setattr("app.reproduce.protocol.paper", lambda: given)


def test_figures_are_held_against_the_paper(
    filled: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_paper(monkeypatch)
    of = open_reproduction(str(table), filled)
    results = results_of(of)
    plain = results.table.filter(row="gru4rec+none")
    assert plain["verdict"].to_list()[:3] == [BEATEN, NOT_BEATEN, BEATEN]
    assert set(plain["verdict"]) <= {BEATEN, EQUAL, NOT_BEATEN}
    first = plain.row(0, named=True)
    assert first["from_paper"] == pytest.approx(100 * (first["mean"] / 0.0001 - 1))
    control = results.table.filter(row="gru4rec+autograph-shuffled")
    assert control["paper"].null_count() == 4
    said = " ".join(notes(of, results))
    assert "The held-out item is ranked among all items that the user has not had before." in said
    assert "Not here: gru4rec+kar" in said and "none: 2 of the paper's 4 figures" in said


def test_no_verdict_where_the_protocol_differs(
    filled: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_paper(monkeypatch, candidates=1000)
    of = open_reproduction(str(table), filled)
    results = results_of(of)
    reported = results.table.filter(pl.col("paper").is_not_null())
    assert reported["verdict"].unique().to_list() == [BARRED]
    text = markdown(account_of(of, results))
    assert "Not comparable with the paper: The true item is ranked against all items" in text
    assert "none of its 4 figures can be held" in text and "are exceeded" not in text


def test_rows_judged_otherwise_make_no_table(
    filled: Path, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.results.comparison import load_evaluation

    def load(record: Any, cell: Cell) -> Any:
        found = load_evaluation(record, cell)
        sampled = {**found.about, "candidates": 10}
        return found if cell.enhancer == "none" else replace(found, about=sampled)

    with pytest.raises(DataError, match="were not judged on the same users"):
        results_of(open_reproduction(str(table), filled), load)


def test_results_of_other_settings_are_not_shown(filled: Path, table: Path) -> None:
    text = table.read_text()
    assert len(found_in(open_reproduction(str(table), filled))) == 3
    table.write_text(text + "[train]\nepochs = 3\n")
    try:
        assert found_in(open_reproduction(str(table), filled)) == {}
    finally:
        table.write_text(text)


def test_the_leak_is_a_marked_row_beside_the_honest_one(
    finished: Path, tiny_experiment: Path, own: Path, autograph: Any
) -> None:
    path = tiny_experiment.with_name("leak-tiny.toml")
    path.write_text('extends = "tiny"\n[grid]\nenhancers = ["none", "autograph"]\n')
    try:
        told = autograph("reproduce", path, "--workspace", own, *ON_CPU)
        assert told.exit_code == 0, told.output
        results = results_of(open_reproduction(str(path), own))
    finally:
        path.unlink()
    leaky = results.table.filter(variant="all-edges")
    assert leaky["marks"].unique().to_list() == ["†"]
    assert leaky["rival"].unique().to_list() == ["gru4rec+autograph"]
    assert "gru4rec+autograph-all-edges †" in told.output
    assert "† has validation and test interactions" in " ".join(told.output.split())
    assert "†" in (own / "results" / "leak-tiny.md").read_text()
    assert any(d.bars for d in results.differences["gru4rec+autograph-all-edges"])


def test_a_misspelt_enhancer_is_refused(tiny_experiment: Path, own: Path, autograph: Any) -> None:
    path = tiny_experiment.with_name("table2-typo.toml")
    path.write_text('extends = "tiny"\n[grid]\nenhancers = ["none", "autgraph"]\n')
    try:
        told = autograph("reproduce", path, "--dry-run", "--workspace", own)
    finally:
        path.unlink()
    assert told.exit_code == 1 and "gru4rec+autgraph does not work" in told.output


def test_rows_that_are_not_there_say_whose_they_are(tiny_experiment: Path, own: Path) -> None:
    """Variants of the paper go by other names than the enhancer that they are of."""
    tables = [("table5-few", '["none"]'), ("table2-few", '["none", "kar"]')]
    told = []
    for name, enhancers in tables:
        path = tiny_experiment.with_name(f"{name}.toml")
        data = '[data]\nname = "ml-1m"\nsource = "."\n'
        path.write_text(f'{data}[grid]\nbackbones = ["mind"]\nenhancers = {enhancers}\n')
        try:
            told.append(open_reproduction(str(path), own).pending)
        finally:
            path.unlink()
    assert told[0]["mind+lsh"] == "autograph is not in grid.enhancers"
    assert told[1]["mind+uist"] == "it is not in grid.enhancers"
    assert told[1]["youtubednn+uist"] == "its backbone is not in grid.backbones"


def test_what_is_asked_for_has_to_be_there(table: Path, own: Path, autograph: Any) -> None:
    told = autograph("reproduce", table, "--only", "gru4rec+nothing", "--workspace", own)
    assert told.exit_code == 1 and "has no row 'gru4rec+nothing'" in told.output
    told = autograph("reproduce", "demo", "--workspace", own)
    assert told.exit_code == 1 and "'demo' is no table of the paper" in told.output


def test_code_vectors_are_measured_by_level() -> None:
    """Level 0 lies apart and evenly, level 1 close together around the origin."""
    import numpy as np

    from app.reproduce.figures import level_figures

    corners = np.array([[10.0, 0], [0, 10], [-10, 0], [0, -10]])
    (far, own, spread), (near, close, uneven) = level_figures(
        np.stack([corners, np.array([[0.1, 0], [0, 0.1], [-0.1, 0], [0, -0.4]])])
    )
    assert far == pytest.approx(10) and near == pytest.approx(0.175)
    assert spread == pytest.approx(0) and uneven > 0.5
    assert own == pytest.approx(3 / 7) and close == pytest.approx(3 / 7), "all are neighbours"


def test_figures_and_costs_are_told(
    finished: Path, tiny_experiment: Path, own: Path, autograph: Any
) -> None:
    said = {
        "figure3": "code vectors by level",
        "figure6": "what factors mean",
        "table3": "cost of graphs",
    }
    for kind, title in said.items():
        path = tiny_experiment.with_name(f"{kind}-tiny.toml")
        path.write_text('extends = "tiny"\n')
        try:
            told = autograph("reproduce", path, "--workspace", own, *ON_CPU)
        finally:
            path.unlink()
        assert told.exit_code == 0, told.output
        assert title in told.output and "paper" in told.output
        assert title in (own / "results" / f"{kind}-tiny.md").read_text()
    places = pl.read_parquet(own / "results" / "figure3-tiny-item.parquet")
    assert places.height == 8 and set(places["level"]) == {0, 1}
    dots = _shapes(own / "results" / "figure3-tiny.svg", "circle")
    assert len(dots) == 2 * 8 + 2  # the codes of both sides, and a dot a level to tell colours by
    assert "](figure6-tiny.svg)" in (own / "results" / "figure6-tiny.md").read_text()
    said = pl.read_parquet(own / "results" / "figure6-tiny-table.parquet")
    shares = said.group_by("code").head(6)["here"]
    lengths = [float(bar.get("width", "")) for bar in _bars(own / "results" / "figure6-tiny.svg")]
    assert sorted(lengths) == pytest.approx(sorted(360 * shares), abs=0.1)
    costs = pl.read_parquet(own / "results" / "table3-tiny-table.parquet")
    assert costs["enhancer"].to_list() == ["lightgcn", "ccgnn", "topoi2i", "autograph"]
    assert costs["built"][3] > 0 and costs["inserted"][3] > 0 and costs["built"][1] is None


def _shapes(path: Path, kind: str) -> list[ElementTree.Element]:
    return list(ElementTree.parse(path).iter(f"{{http://www.w3.org/2000/svg}}{kind}"))


def _bars(path: Path) -> list[ElementTree.Element]:
    return [one for one in _shapes(path, "rect") if one.get("height") == "12"]


def test_several_values_follow_an_option() -> None:
    words = ["t", "--seeds", "0", "1", "2", "--only", "a+b", "c+d", "--jobs", "2"]
    assert spread(words) == [
        *("t", "--seeds", "0", "--seeds", "1", "--seeds", "2"),
        *("--only", "a+b", "--only", "c+d", "--jobs", "2"),
    ]
    assert spread(["--only", "a+b", "leak"]) == ["--only", "a+b", "leak"]
    either = ["--only", "mind+*", "*shuffled", "leak"]
    assert spread(either) == ["--only", "mind+*", "--only", "*shuffled", "leak"]


def test_a_ring_of_experiments_is_named(tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{one}.toml").write_text(f'extends = "{other}"\n')
    with pytest.raises(ConfigError, match="Break that ring"):
        load_experiment(str(tmp_path / "a.toml"))


def test_one_experiment_extends_another(tmp_path: Path) -> None:
    (tmp_path / "far.toml").write_text(
        'extends = "ml-1m"\n[train]\nepochs = 2\n[override.mind.model]\nwidth = 8\n'
    )
    base, far = (load_experiment(str(x), source=tmp_path) for x in ("ml-1m", tmp_path / "far.toml"))
    assert (far.name, far.train.epochs) == ("far", 2)
    assert far.train.learning_rate == base.train.learning_rate and far.llm == base.llm
    assert far.override["mind"].model == {**base.override["mind"].model, "width": 8}
