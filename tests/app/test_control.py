"""Controls: texts on other entities, and a graph that has seen too much."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from app_fakes import ON_CPU, beside_here
from hypothesis import given
from hypothesis import strategies as st
from manifests import accept_changes

from app.experiment.file import load_experiment, name_in
from app.experiment.settings import Cell
from app.pipeline.plan import Plan
from app.pipeline.records import read_record
from app.pipeline.stages.order import STAGES, stages_behind
from app.results.comparison import caution_notes, compare_contenders, contenders
from app.results.latex import comparison_latex
from app.results.metrics import result_table
from app.results.report import gather, render
from app.results.results import Results
from data.errors import ConfigError, DataError
from graph.latent import LatentGraph
from llm.knowledge import Knowledge
from llm.scatter import scattered
from llm.shuffle import others, with_own
from llm.vectors import Vectors

GRID = 'grid.enhancers=["none", "autograph"]'
PLAIN, ENHANCED = Cell("gru4rec", "none", 0), Cell("gru4rec", "autograph", 0)


@pytest.fixture(autouse=True, scope="module")
def in_this_process() -> Iterator[None]:
    """Recommenders are trained here, where the libraries are at hand."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.pipeline.runner.run_beside", beside_here)
        yield


@given(st.integers(2, 60), st.integers(0, 2**32), st.sampled_from(["user", "item"]))
def test_every_entity_gets_the_text_of_another_and_each_is_used_once(
    n: int, seed: int, side: str
) -> None:
    source = others(n, side, seed)
    assert sorted(source) == list(range(n)) and not (source == np.arange(n)).any()
    assert (source == others(n, side, seed)).all()
    rows = pl.DataFrame({"row": np.arange(n)})
    assert with_own(rows[source], side, seed).equals(rows)


def test_one_entity_cannot_be_shuffled_and_sides_and_seeds_differ() -> None:
    with pytest.raises(DataError, match="1 user"):
        others(1, "user", 0)
    drawn = [tuple(others(40, *of)) for of in (("user", 0), ("item", 0), ("user", 1))]
    assert len(set(drawn)) == 3


@pytest.fixture(scope="module")
def shuffled(
    finished: Path, tiny_experiment: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The small experiment finished, and its control beside it."""
    from app.cli.main import call

    workspace = Path(shutil.copytree(finished, tmp_path_factory.mktemp("control") / "workspace"))
    words = ("run", str(tiny_experiment), "--control", "shuffled", "--set", GRID)
    call([*words, "--workspace", str(workspace), *ON_CPU])
    return workspace


def test_a_control_shares_all_that_texts_do_not_touch(shuffled: Path) -> None:
    own, control = (read_record(name, shuffled) for name in ("tiny", "tiny-shuffled"))
    same = {"dataset", "split", "knowledge-user", "knowledge-item"}
    assert {stage for stage in own.keys if own.keys[stage] == control.keys[stage]} == same
    assert own.cells[PLAIN] == control.cells[PLAIN]
    assert own.cells[ENHANCED]["train"] != control.cells[ENHANCED]["train"]
    assert result_table(control)["marks"].to_list() == ["", "‡"]


def test_vectors_of_the_control_are_those_of_others(shuffled: Path) -> None:
    own, control = (read_record(name, shuffled) for name in ("tiny", "tiny-shuffled"))
    for side in ("user", "item"):
        one, other = (Vectors.load(r.folder(f"vectors-{side}")) for r in (own, control))
        assert one.ids == other.ids
        source = others(len(one.ids), side, control.experiment.seed)
        assert np.array_equal(other.matrix, one.matrix[source])
        texts = Knowledge.load(own.folder(f"knowledge-{side}")).texts
        moved = Knowledge.load(control.folder(f"shuffled-{side}"))
        assert moved.texts == [texts[at] for at in source]
        assert tuple(moved.table["entity"]) == one.ids


def test_no_stage_of_a_control_leads_around_the_shuffling(tiny_experiment: Path) -> None:
    experiment = load_experiment(str(tiny_experiment), ["control=shuffled"])
    allowed = {"knowledge-user", "shuffled-user", "shuffled-item"}
    for name, stage in STAGES.items():
        for cell in experiment.grid:
            read = {i for i in stage.inputs(experiment, cell) if i.startswith("knowledge-")}
            assert not read or name in allowed, f"{name} reads {read} past the control"


def test_a_control_never_takes_the_place_of_what_it_controls(tiny_experiment: Path) -> None:
    for change in ("control=shuffled", "name=tiny-shuffled"):
        changes = {change, "control=shuffled"}
        assert load_experiment(str(tiny_experiment), sorted(changes)).name == "tiny-shuffled"
    experiment = load_experiment(str(tiny_experiment), ["control=shuffled"])
    assert experiment.texts_name == "tiny"
    again = type(experiment).model_validate(experiment.model_dump())
    assert again == experiment
    with pytest.raises(ConfigError, match="control"):
        load_experiment(str(tiny_experiment), ["control=upside-down"])


def test_a_control_in_a_file_is_found_by_that_file(tmp_path: Path) -> None:
    own, extends = tmp_path / "tiny.toml", tmp_path / "other.toml"
    own.write_text('control = "shuffled"\n')
    extends.write_text('extends = "tiny"\nname = "tiny"\n')
    for file in (own, extends):
        assert name_in(str(file)) == "tiny-shuffled"


def test_a_control_says_so_wherever_it_shows(shuffled: Path, autograph: Any) -> None:
    where = ("--workspace", shuffled)
    for words in (
        ("compare", "tiny", "tiny-shuffled"),
        ("explain", "tiny-shuffled", "--user", "u3", "--item", "f3"),
        ("recommend", "tiny-shuffled", "--user", "u3", "--enhancer", "autograph", "--explain"),
        ("factors", "show", "tiny-shuffled", "item"),
        ("graph", "metapaths", "tiny-shuffled"),
    ):
        told = autograph(*words, *where)
        assert told.exit_code == 0, told.output
        assert "a control: texts are shuffled" in " ".join(told.output.split()), words
    assert "a control" not in autograph("compare", "tiny", *where).output
    record = read_record("tiny-shuffled", shuffled)
    assert "‡" in render(gather(Results(record))) and "is a control" in render(
        gather(Results(record))
    )


def test_reasons_of_a_control_name_words_of_the_own_texts(shuffled: Path) -> None:
    """Groups come of the texts of others, of which nothing is said that the own ones do not say."""
    from app.results.results import Results
    from llm.knowledge import Knowledge

    record = read_record("tiny-shuffled", shuffled)
    case = Results(record).showcase
    for side in ("user", "item"):
        assert record.folder(f"knowledge-{side}") != record.encoded_texts(side)
    own = {side: Knowledge.load(record.folder(f"knowledge-{side}")).texts for side in case.texts}
    named = 0
    for user in range(case.dataset.n_users):
        lists = case.whys(case.histories.of(user), user, range(case.dataset.n_items), limit=9)
        for reason in (why.reason for whys in lists for why in whys):
            of_people = reason.metapath == "user > user_factor > user > item"
            side = "user" if of_people else "item"
            ends = [user, *(n for _, n in reason.steps[2])] if of_people else [reason.item]
            ends += [] if of_people else reason.through
            named += len(reason.words)
            for word in reason.words:
                assert all(word.lower() in str(own[side][end]).lower() for end in ends)
    assert named


def test_texts_that_leak_say_so_wherever_they_show(
    finished: Path, tmp_path: Path, autograph: Any
) -> None:
    workspace = Path(shutil.copytree(finished, tmp_path / "workspace"))
    accept_changes(read_record("tiny", workspace).folder("knowledge-user"), leaking=True)
    asked = {
        ("explain", "tiny", "--user", "u3", "--item", "f3"): True,
        ("recommend", "tiny", "--user", "u3", "--enhancer", "autograph"): True,
        ("recommend", "tiny", "--user", "u3", "--enhancer", "none"): False,
        ("recommend", "tiny", "--user", "u3", "--enhancer", "none", "--explain"): False,
        ("recommend", "tiny", "--user", "u3", "--enhancer", "autograph", "--explain"): True,
        ("factors", "show", "tiny", "user"): True,
        ("factors", "show", "tiny", "item"): False,
        ("graph", "metapaths", "tiny"): True,
    }
    for words, seen in asked.items():
        told = autograph(*words, "--workspace", workspace)
        assert told.exit_code == 0, told.output
        said = "Caution: tiny used texts whose author had seen" in " ".join(told.output.split())
        assert said == seen, words


@pytest.fixture(scope="module")
def leaky(finished: Path, tiny_experiment: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small experiment, and the same with all interactions on the graph's edges."""
    from app.cli.main import call

    workspace = Path(shutil.copytree(finished, tmp_path_factory.mktemp("leak") / "workspace"))
    changes = ("--set", "name=tiny-all", "--set", "graph.edges=all", "--set", GRID)
    call(["run", str(tiny_experiment), *changes, "--workspace", str(workspace), *ON_CPU])
    return workspace


def test_the_graph_of_all_splits_holds_what_is_predicted(leaky: Path) -> None:
    own, all_of_it = (read_record(name, leaky) for name in ("tiny", "tiny-all"))
    differ = {stage for stage in own.keys if own.keys[stage] != all_of_it.keys[stage]}
    assert differ == {"graph"}, "names of factors, codes and texts are the same"
    assert own.cells[PLAIN] == all_of_it.cells[PLAIN]
    few, many = (LatentGraph.load(r.folder("graph")) for r in (own, all_of_it))
    summary = own.summary("dataset")
    assert len(few.item_user.targets) == own.summary("split")["train"]
    assert len(many.item_user.targets) == summary["interactions"]
    assert all(a <= b for a, b in pairwise(many.user_item.times[many.user_item.offsets[0] :][:5]))


def test_the_leak_is_marked_in_every_table(leaky: Path, autograph: Any, tmp_path: Path) -> None:
    record = read_record("tiny-all", leaky)
    assert record.leaking(ENHANCED) and not record.leaking(PLAIN)
    written = pl.read_parquet(leaky / "results" / "tiny-all.parquet")
    assert written["marks"].to_list() == ["", "†"] and written["leaking"].to_list() == [False, True]
    found = contenders([record, read_record("tiny", leaky)])
    assert "tiny-all: gru4rec+autograph †" in found and "tiny: gru4rec+autograph" in found
    table = compare_contenders(found, "tiny-all: gru4rec+autograph")
    assert "tiny-all: gru4rec+autograph †" in table["baseline"].to_list()
    latex = comparison_latex(table, caution_notes(found))
    assert r"autograph \dag{}" in latex and "has seen what it predicts" in latex
    told = autograph("compare", "tiny-all", "tiny", "--workspace", leaky)
    assert told.exit_code == 0 and "†" in told.output and "seen what it predicts" in told.output
    again = autograph("run", leaky / "runs" / "tiny-all.json", "--workspace", leaky)
    assert again.exit_code == 1, "a record is no experiment file"
    report = render(gather(Results(record)))
    assert "†" in report and "has seen what it predicts" in report


def test_a_run_that_leaks_warns_before_it_starts(
    leaky: Path, tiny_experiment: Path, autograph: Any
) -> None:
    changes = ("--set", "name=tiny-all", "--set", "graph.edges=all", "--set", GRID)
    told = autograph("run", tiny_experiment, *changes, "--workspace", leaky, *ON_CPU)
    said = " ".join(told.output.split())
    assert told.exit_code == 0 and "Caution: tiny-all has validation and test" in said
    assert "† has validation and test" in said


def test_the_default_graph_has_the_fingerprint_it_always_had(tiny_experiment: Path) -> None:
    """A setting that is left alone makes no finished graph anew."""
    plan = Plan(load_experiment(str(tiny_experiment)), tiny_experiment.parent)
    assert STAGES["graph"].settings(plan.experiment, None, plan.workspace) == {}
    assert STAGES["graph"].inputs(plan.experiment, None) == (
        *("dataset", "split", "codes-user", "codes-item"),
    )


@pytest.fixture(scope="module")
def scattered_run(
    finished: Path, tiny_experiment: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The small experiment finished, and beside it the control of random vectors."""
    from app.cli.main import call

    workspace = Path(shutil.copytree(finished, tmp_path_factory.mktemp("random") / "workspace"))
    words = ("run", str(tiny_experiment), "--control", "random", "--set", GRID)
    call([*words, "--workspace", str(workspace), *ON_CPU])
    return workspace


def test_random_vectors_are_as_many_as_wide_and_as_large_and_of_no_text(
    scattered_run: Path, autograph: Any
) -> None:
    own, control = (read_record(name, scattered_run) for name in ("tiny", "tiny-random"))
    same = {"dataset", "split", "knowledge-user", "knowledge-item"}
    assert {stage for stage in own.keys if own.keys[stage] == control.keys[stage]} == same
    assert own.cells[PLAIN] == control.cells[PLAIN]
    assert own.cells[ENHANCED]["train"] != control.cells[ENHANCED]["train"]
    for side in ("user", "item"):
        one, other = (Vectors.load(r.folder(f"vectors-{side}")) for r in (own, control))
        assert one.ids == other.ids and one.matrix.shape == other.matrix.shape
        assert abs(one.matrix - other.matrix).max(1).min() > 1e-2
        np.testing.assert_allclose(np.linalg.norm(other.matrix, axis=1), 1, rtol=1e-5)
    assert control.encoded_texts("item") == own.encoded_texts("item")
    assert result_table(control)["marks"].to_list() == ["", "§"]
    told = autograph("compare", "tiny", "tiny-random", "--workspace", scattered_run)
    assert told.exit_code == 0 and "vectors stand random ones" in " ".join(told.output.split())
    shown = render(gather(Results(control)))
    assert "§" in shown and "random ones" in shown and "texts are shuffled" not in shown


def test_random_vectors_keep_the_mean_and_the_spread_of_those_of_texts() -> None:
    rng = np.random.default_rng(0)
    lengths = np.array([3.0, 1.0, 0.2, 0.0])
    matrix = (5 + rng.standard_normal((500, 4)) * lengths).astype(np.float32)
    given = Vectors(tuple(map(str, range(500))), matrix, "an encoder", "mean", missing=(7,))
    drawn = scattered(given, "item", 0).matrix
    np.testing.assert_allclose(drawn.mean(0), matrix.mean(0), atol=0.3)
    spread = np.sqrt(np.square(lengths).mean())
    np.testing.assert_allclose(drawn.std(0), [spread] * 4, rtol=0.1)
    assert np.array_equal(drawn[7], matrix[7]), "what has no text has no vector of one"
    assert np.array_equal(drawn, scattered(given, "item", 0).matrix)
    for other in (scattered(given, "user", 0), scattered(given, "item", 1)):
        assert abs(np.corrcoef(drawn[:, 0], other.matrix[:, 0])[0, 1]) < 0.2
    told = np.corrcoef(drawn[:, :3].T, matrix[:, :3].T)[:3, 3:]
    assert abs(told).max() < 0.2


def test_no_stage_of_random_vectors_reads_texts_but_to_encode_and_to_name(
    tiny_experiment: Path,
) -> None:
    experiment = load_experiment(str(tiny_experiment), ["control=random"])
    assert experiment.name == "tiny-random" and experiment.texts_name == "tiny"
    trained = {i for cell in experiment.grid for i in STAGES["train"].inputs(experiment, cell)}
    allowed = {f"{stage}-{side}" for stage in ("vectors", "factors") for side in ("user", "item")}
    for name in stages_behind(experiment, *trained, "factors-item", "factors-user"):
        read = {i for i in STAGES[name].inputs(experiment, None) if i.startswith("knowledge-")}
        assert not read or name in allowed | {"knowledge-user"}, f"{name} reads {read}"


@pytest.mark.parametrize(
    ("changes", "reads"),
    [
        (['grid.backbones=["hybrid"]'], "hybrid.none reads words"),
        (['grid.enhancers=["none", "ccgnn"]'], "gru4rec.ccgnn reads phrases"),
        (
            ['grid.enhancers=["topoi2i"]', "pairs.judge.backend=replay", "pairs.judge.path=none"],
            "gru4rec.topoi2i reads pairs",
        ),
    ],
)
def test_random_vectors_refuse_to_control_what_reads_words(
    changes: list[str], reads: str, tiny_experiment: Path
) -> None:
    with pytest.raises(ConfigError, match=reads):
        load_experiment(str(tiny_experiment), ["control=random", *changes])
    load_experiment(str(tiny_experiment), ["control=shuffled", *changes])


def test_random_vectors_control_what_compares_vectors(tiny_experiment: Path) -> None:
    changes = ['grid.backbones=["hybrid"]', "override.hybrid.model.backbone.texts=vectors"]
    assert load_experiment(str(tiny_experiment), ["control=random", *changes])
    load_experiment(str(tiny_experiment), ["control=random", 'grid.enhancers=["topoi2i"]'])
