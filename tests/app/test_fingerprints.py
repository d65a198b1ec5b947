"""Fingerprints change when the result may, and only then."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from prompt_fakes import ASKS

from app.experiment.file import load_experiment
from app.experiment.settings import Cell
from app.pipeline.plan import Plan
from app.pipeline.stages.order import STAGES

PLAIN, ENHANCED = Cell("gru4rec", "none", 0), Cell("gru4rec", "autograph", 0)
ITEM_VECTORS = {"vectors-item", "codes-item", "factors-item", "pairs"}
USER_VECTORS = {"vectors-user", "codes-user", "factors-user"}
GRAPH = {"graph", "locality", "train autograph", "evaluate autograph"}
MODELS = {"train none", "evaluate none", "train autograph", "evaluate autograph"}
KNOWLEDGE = {"knowledge-item", "phrases", "knowledge-user", *ITEM_VECTORS, *USER_VECTORS, *GRAPH}
EVERYTHING = {"dataset", "split", "words", *KNOWLEDGE, *MODELS}


def keys(path: Path, *changes: str) -> dict[str, str]:
    """Fingerprints of every stage, and of both recommenders for those that train them."""
    plan = Plan(load_experiment(str(path), changes), Path("nowhere"))
    shared = (name for name, stage in STAGES.items() if not stage.a_cell)
    found = {name: plan.step(name).key for name in shared if not name.startswith("shuffled-")}
    for cell in (PLAIN, ENHANCED):
        for name in ("train", "evaluate"):
            found[f"{name} {cell.enhancer}"] = plan.step(name, cell).key
    return found


def differing(one: dict[str, str], other: dict[str, str]) -> set[str]:
    return {name for name in one if one[name] != other[name]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("name=other", set()),
        ("note=another", set()),
        ("encoder.batch_size=7", set()),
        ("encoder.memory_share=0.5", set()),
        ("llm.ray.enabled=true", set()),
        ("llm.ray.partition_rows=9", set()),
        ('grid.backbones=["gru4rec", "sasrec"]', set()),
        ("grid.seeds=[0, 1]", set()),
        ("override.sasrec.train.epochs=1", set()),
        ("evaluate.exclude_seen=true", {"evaluate none", "evaluate autograph"}),
        ("train.epochs=5", MODELS),
        ("model.width=16", MODELS),
        ("override.autograph.train.epochs=5", {"train autograph", "evaluate autograph"}),
        ("model.enhancer.heads=1", {"train autograph", "evaluate autograph"}),
        ("quantize.user.k=5", {"codes-user", "factors-user", *GRAPH}),
        ("quantize.item.beta=0.5", {"codes-item", "factors-item", *GRAPH}),
        ("seed=1", {"codes-user", "factors-user", "codes-item", "factors-item", *GRAPH}),
        ("encoder.dtype=bfloat16", {*ITEM_VECTORS, *USER_VECTORS, *GRAPH}),
        ("encoder.kind=transformers", {*ITEM_VECTORS, *USER_VECTORS, *GRAPH}),
        ("encoder.whiten=none", set()),
        ("encoder.whiten=full", {*ITEM_VECTORS, *USER_VECTORS, *GRAPH}),
        ("encoder.dimensions=9", set()),
        ("encoder.kind=words", {*ITEM_VECTORS, *USER_VECTORS, *GRAPH}),
        ('encoder.prompt="film: "', {*ITEM_VECTORS, *USER_VECTORS, *GRAPH}),
        ("phrases.per_text=3", {"phrases"}),
        ("pairs.nearest=3", {"pairs"}),
        ("pairs.template=none.md", set()),
        ("prompts.history=3", set()),
        ("prompts.item_template=books-item", set()),
        ("data.min_history=6", EVERYTHING),
        ("data.min_rating=0.5", EVERYTHING),
    ],
)
def test_a_change_reaches_what_depends_on_it(
    tiny_experiment: Path, change: str, expected: set[str]
) -> None:
    assert differing(keys(tiny_experiment), keys(tiny_experiment, change)) == expected


def test_the_place_of_files_does_not_matter_their_content_does(
    tiny_experiment: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(tiny_experiment.parent, moved)
    before = keys(tiny_experiment)
    assert differing(before, keys(moved / "tiny.toml")) == set()
    with (moved / "ratings.csv").open("a") as table:
        table.write("u0,f1,99000\n")
    assert differing(before, keys(moved / "tiny.toml")) == EVERYTHING


def test_the_place_of_an_encoder_does_not_matter_its_content_does(
    tiny_experiment: Path, tiny_model: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "encoder"
    shutil.copytree(tiny_model, copy)
    before = keys(tiny_experiment)
    assert differing(before, keys(tiny_experiment, f"encoder.model={copy}")) == set()
    (copy / "config.json").write_text((copy / "config.json").read_text() + "\n")
    after = keys(tiny_experiment, f"encoder.model={copy}")
    assert differing(before, after) == {*ITEM_VECTORS, *USER_VECTORS, *GRAPH}


def test_words_depend_on_their_number_and_on_no_model(tiny_experiment: Path) -> None:
    before = keys(tiny_experiment, "encoder.kind=words")
    for change in ("encoder.model=another", "encoder.dtype=float32", "encoder.prompt=film"):
        assert differing(before, keys(tiny_experiment, "encoder.kind=words", change)) == set()
    after = keys(tiny_experiment, "encoder.kind=words", "encoder.dimensions=9")
    assert differing(before, after) == {*ITEM_VECTORS, *USER_VECTORS, *GRAPH}


def test_how_a_model_is_run_does_not_matter_what_it_says_does(tiny_experiment: Path) -> None:
    vllm = ("llm.item.backend=vllm", "llm.item.model=some/model")
    before = keys(tiny_experiment, *vllm)
    for same in ("llm.item.tensor_parallel=2", "llm.item.memory_share=0.5"):
        assert differing(before, keys(tiny_experiment, *vllm, same)) == set()
    for other in ("llm.item.model=other/model", "llm.item.sampling.temperature=1"):
        assert differing(before, keys(tiny_experiment, *vllm, other)) == KNOWLEDGE


def test_prompts_matter_where_a_model_is_asked(tiny_experiment: Path) -> None:
    """The tiny experiment states facts, which read no template."""
    before = keys(tiny_experiment, *ASKS)
    after = keys(tiny_experiment, *ASKS, "prompts.item_template=books-item")
    assert differing(before, after) == KNOWLEDGE
    after = keys(tiny_experiment, *ASKS, "prompts.history=3")
    assert differing(before, after) == {"knowledge-user", *USER_VECTORS, *GRAPH}


def test_a_copied_template_is_the_same_template(tiny_experiment: Path, tmp_path: Path) -> None:
    from prompts.template import TEMPLATES

    copy = tmp_path / "mine.md"
    shutil.copy(TEMPLATES / "any-item.md", copy)
    change = f"prompts.item_template={copy}"
    before = keys(tiny_experiment, *ASKS)
    assert differing(before, keys(tiny_experiment, *ASKS, change)) == set()
    copy.write_text(copy.read_text() + "Be brief.\n")
    assert differing(before, keys(tiny_experiment, *ASKS, change)) == KNOWLEDGE


def test_replayed_texts_of_users_do_not_depend_on_items(
    tiny_experiment: Path, tmp_path: Path
) -> None:
    texts = tmp_path / "users.csv"
    texts.write_text("user_id,text\nu0,likes the sea\n")
    replay = ("llm.user.backend=replay", f"llm.user.path={texts}")
    before = keys(tiny_experiment, *replay)
    after = keys(tiny_experiment, *replay, "prompts.item_template=books-item")
    assert "knowledge-user" not in differing(before, after)
    texts.write_text("user_id,text\nu0,likes the land\n")
    assert differing(before, keys(tiny_experiment, *replay)) == {
        "knowledge-user",
        *USER_VECTORS,
        *GRAPH,
    }


def test_the_plain_twin_needs_no_graph(tiny_experiment: Path) -> None:
    plan = Plan(load_experiment(str(tiny_experiment), ['grid.enhancers=["none"]']), Path("x"))
    assert {step.stage for step in plan.steps()} == {"dataset", "split", "train", "evaluate"}


def test_upto_runs_what_a_stage_needs_and_no_more(tiny_experiment: Path) -> None:
    plan = Plan(load_experiment(str(tiny_experiment)), Path("x"))
    assert [step.stage for step in plan.steps("codes-item")] == [
        "dataset",
        "knowledge-item",
        "vectors-item",
        "codes-item",
    ]
    both = [step.stage for step in plan.steps("knowledge")]
    assert both == ["dataset", "split", "knowledge-item", "knowledge-user"]
    for named in ("vectors", "codes", "factors"):
        assert {f"{named}-item", f"{named}-user"} <= {step.stage for step in plan.steps(named)}
    stages = [step.stage for step in plan.steps()]
    assert stages.index("factors-user") < stages.index("train")
    assert stages[-4:] == ["train", "evaluate", "train", "evaluate"]


def test_factors_are_named_where_a_recommender_walks_over_them_by_itself(
    tiny_experiment: Path,
) -> None:
    for walks in (True, False):
        changes = ["grid.backbones=['contextgnn']", "grid.enhancers=['none']"]
        changes.append(f"override.contextgnn.model.backbone.factors={str(walks).lower()}")
        plan = Plan(load_experiment(str(tiny_experiment), changes), Path("x"))
        stages = {step.stage for step in plan.steps()}
        assert ({"factors-user", "factors-item", "graph"} <= stages) == walks
        assert ("factors-item" in stages) == walks


def test_what_does_not_learn_is_the_same_for_every_seed_and_way_of_training(
    tiny_experiment: Path,
) -> None:
    def trained(name: str, seed: int, *changes: str) -> str:
        grid = f'grid.backbones=["{name}"]'
        plan = Plan(load_experiment(str(tiny_experiment), (grid, *changes)), Path("nowhere"))
        return plan.step("train", Cell(name, "none", seed)).key

    changes = ("train.epochs=7", "model.width=16", "encoder.dtype=bfloat16")
    assert trained("hybrid", 0) == trained("hybrid", 1, *changes)
    assert trained("hybrid", 0) != trained("hybrid", 0, "override.hybrid.model.backbone.reach=3")
    assert trained("hybrid", 0) != trained("hybrid", 0, "words.of=texts")
    assert trained("hybrid", 0) != trained("hybrid", 0, "control=shuffled")
    assert trained("item-knn", 0) == trained("item-knn", 0, "control=shuffled", "words.of=texts")
    by_vectors = "override.text-knn.model.backbone.texts=vectors"
    assert trained("text-knn", 0, by_vectors) != trained("text-knn", 0, by_vectors, changes[-1])
