"""Tokens in an experiment: whose vectors they are, that these are made once, and what is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from app_fakes import N_ITEMS, ON_CPU, beside_here, write_experiment, write_tables
from pydantic import ValidationError

from app.experiment.cautions import ALL_EDGES, HINDSIGHT, MISPLACED, TEXTS_SHUFFLED
from app.experiment.settings import Cell, Experiment
from app.pipeline.estimate import Rehearsal
from app.pipeline.plan import Plan
from app.pipeline.records import Record, read_record, record_of
from app.pipeline.stages.order import stages_behind
from app.pipeline.stages.train import vectors_of
from data.errors import ConfigError
from recommend.model import Model
from recommend.sources import standardise

TOKENS = Cell("gru4rec", "tokens", 0)
SOURCE = Cell("lightgcn-cf", "none", 0)


def experiment(**about: Any) -> Experiment:
    grid = {"backbones": ["gru4rec", "sasrec"], "enhancers": ["none", "tokens"], "seeds": [0, 1]}
    own = about.pop("tokens", {})
    override = {"tokens": {"model": {"enhancer": own}}}
    return Experiment.model_validate({"grid": grid, "override": override, **about})


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """Two recommenders with tokens of one that the grid does not name."""
    from app.cli.main import call

    folder = tmp_path_factory.mktemp("tokens")
    write_tables(folder)
    file = write_experiment(folder, folder / "no model is read")
    grid = '{backbones = ["gru4rec", "sasrec"], enhancers = ["none", "tokens"]}'
    words = ["--set", f"grid={grid}", "--set", "override.lightgcn-cf.train.epochs=2"]
    words += ["--set", "train.epochs=1"]
    words += ["--workspace", str(folder / "workspace"), *ON_CPU]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("app.pipeline.runner.run_beside", beside_here)
        call(["run", str(file), *words])
    return read_record("tiny", folder / "workspace")


class TestARun:
    def test_the_graph_model_is_trained_once_for_two_and_judged_by_nobody(self, ran: Record):
        folders = list((ran.workspace / "artifacts" / "train").iterdir())
        models = [Model.load(folder) for folder in folders]
        named = sorted(f"{m.config.backbone.name}+{m.config.enhancer.name}" for m in models)
        assert named == [
            *("gru4rec+none", "gru4rec+tokens", "lightgcn-cf+none"),
            *("sasrec+none", "sasrec+tokens"),
        ]
        assert {cell.label for cell in ran.finished_cells()} == {*named} - {"lightgcn-cf+none"}
        source = next(m for m in models if m.config.backbone.name == SOURCE.backbone)
        assert source.curve.height == 2, "by the settings of its own name"

    def test_both_have_its_vectors(self, ran: Record):
        plan = Plan(ran.experiment, ran.workspace)
        steps = [plan.step("train", Cell(name, "tokens", 0)) for name in ("gru4rec", "sasrec")]
        assert {step.inputs["train"] for step in steps} == {plan.step("train", SOURCE).key}
        _, items = vectors_of(Model.load(ran.store.place("train", steps[0].inputs["train"])))
        for step in steps:
            kept = Model.load(ran.store.place("train", step.key)).recommender.arrays()
            np.testing.assert_array_equal(kept["embeddings.items"], standardise(items, items))

    def test_no_text_is_read_and_no_factor_named(self, ran: Record):
        assert set(ran.keys) == {"dataset", "split"}

    def test_an_estimate_has_stand_ins_of_their_size(self, ran: Record):
        plan = Plan(ran.experiment, ran.workspace)
        config = ran.experiment.model_of(TOKENS)
        given = Rehearsal(plan, ran, "cpu")._sources(config)
        assert given.item_embeddings.shape == (N_ITEMS, config.width)
        assert given.user_embeddings is None, "nobody reads them"
        assert any(step.cell == SOURCE for step in plan.steps()), "its time counts, too"


class TestThePlan:
    def test_every_seed_has_its_own_source(self):
        of = experiment()
        assert of.source(TOKENS) == SOURCE == of.reads(TOKENS)
        assert of.source(Cell("sasrec", "tokens", 1)) == Cell("lightgcn-cf", "none", 1)
        assert of.source(Cell("sasrec", "none", 1)) is None

    def test_nodes_are_of_the_same_backbone_whose_graph_is_then_made(self):
        of = experiment(tokens={"source": "autograph"})
        assert of.source(TOKENS) == Cell("gru4rec", "autograph", 0)
        assert "graph" in stages_behind(of, "train", cell=TOKENS)
        assert "graph" not in stages_behind(experiment(), "train", cell=TOKENS)
        assert of.learns_from(TOKENS) == ("graph",) and experiment().learns_from(TOKENS) == ()

    def test_fusion_may_stand_upon_tokens(self):
        of = experiment(
            grid={"backbones": ["gru4rec"], "enhancers": ["fusion"]},
            override={"fusion": {"model": {"enhancer": {"upon": "tokens", "evidence": ["items"]}}}},
        )
        fused = Cell("gru4rec", "fusion", 0)
        assert of.beneath(fused) == TOKENS and of.source(TOKENS) == SOURCE
        assert set(of.learns_from(fused)) == {"histories"}

    def test_settings_of_the_source_are_looked_at(self):
        with pytest.raises(ValidationError, match=r"lightgcn-cf\+none does not work: .*layers"):
            experiment(override={"lightgcn-cf": {"model": {"backbone": {"layers": 9}}}})

    def test_a_source_without_vectors_is_refused_in_a_sentence(self):
        with pytest.raises(ValidationError, match=r"popularity: that has no vector of every user"):
            experiment(tokens={"source": "popularity"})


class TestWhatIsSaid:
    @pytest.mark.parametrize(
        ("tokens", "said"),
        [
            ({}, ()),
            ({"moment": "whole"}, (HINDSIGHT,)),
            ({"moment": "whole", "sides": ["item"]}, ()),
            ({"permuted": True}, (MISPLACED,)),
        ],
    )
    def test_controls_and_hindsight_are_marked(self, ran: Record, tokens: dict[str, Any], said):
        of = ran.experiment.model_copy(
            update={"override": experiment(tokens=tokens).override},
        )
        record = record_of(Plan(of, ran.workspace), [])
        assert record.cautions(TOKENS) == said
        assert record.cautions(Cell("gru4rec", "none", 0)) == ()
        assert not record.leaking(TOKENS)

    def test_what_the_source_learns_from_counts(self, ran: Record):
        for source, said in (("autograph", {ALL_EDGES, TEXTS_SHUFFLED}), ("lightgcn-cf", set())):
            given = experiment(tokens={"source": source}).override
            edges = ran.experiment.graph.model_copy(update={"edges": "all"})
            about = {"override": given, "control": "shuffled", "graph": edges}
            of = ran.experiment.model_copy(update=about)
            record = record_of(Plan(of, ran.workspace), [])
            assert set(record.cautions(TOKENS)) == said


def test_a_recommender_without_vectors_says_so(ran: Record):
    key = ran.cells[Cell("gru4rec", "none", 0)]["train"]
    model = Model.load(ran.store.place("train", key))
    users, items = vectors_of(model)
    assert users.shape[1] == items.shape[1] == 0, "no enhancer, no nodes"
    with pytest.raises(ConfigError, match="no vector of every user and item"):
        vectors_of(_Other(model))  # type: ignore[arg-type]


class _Other:
    """A model whose recommender has nothing."""

    def __init__(self, model: Model) -> None:
        self.config, self.recommender = model.config, object()
