"""Metapaths switched on and off for an experiment."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.experiment.file import load_experiment
from app.experiment.metapaths import (
    TRAINABLE,
    metapath_words,
    others,
    switch_metapaths,
    used_metapaths,
    walkers,
)
from app.experiment.settings import Cell
from data.errors import ConfigError
from graph.latent import PAPER
from recommend.settings.grounded import GroundedConfig

FEW = ("item > user", "item > item_factor > item")


def test_the_paper_s_are_those_that_can_be_learnt_from() -> None:
    assert tuple(map(str, PAPER)) == TRAINABLE
    assert used_metapaths(load_experiment("demo")) == TRAINABLE


@pytest.mark.parametrize("chosen", [(), FEW[:1], FEW, TRAINABLE])
def test_all_enhanced_recommenders_learn_from_these_alone(chosen: tuple[str, ...]) -> None:
    fresh = switch_metapaths(load_experiment("demo"), chosen[::-1], "fewer")
    assert used_metapaths(fresh) == chosen and fresh.name == "fewer"
    for cell in fresh.grid:
        if cell.enhancer == "autograph":
            assert fresh.model_of(cell).enhancer.metapaths == chosen  # type: ignore[union-attr]


def test_nothing_else_changes(tmp_path: Path) -> None:
    experiment = load_experiment("ml-1m", source=tmp_path)
    same = switch_metapaths(experiment, used_metapaths(experiment), experiment.name)
    for cell in experiment.grid:
        assert same.model_of(cell) == experiment.model_of(cell)
        assert same.train_of(cell) == experiment.train_of(cell)


def test_overrides_do_not_bring_them_back() -> None:
    override = "override.sasrec+autograph.model.enhancer.metapaths=['user > item']"
    experiment = load_experiment("demo", [override])
    assert used_metapaths(switch_metapaths(experiment, FEW, "fewer")) == FEW


SEVERAL = ("grid.enhancers=['none','kar','grounded','autograph']",)
"""Two that learn along metapaths, one that knows none, and the plain twin."""


@pytest.mark.parametrize("common", ["autograph", "grounded", "kar"])
def test_every_recommender_keeps_its_enhancer(common: str) -> None:
    experiment = load_experiment("demo", [*SEVERAL, f"model.enhancer.name={common}"])
    assert walkers(experiment) == ("grounded", "autograph") and others(experiment) == ("kar",)
    assert used_metapaths(experiment) == TRAINABLE
    fresh = switch_metapaths(experiment, FEW, "fewer")
    assert fresh.grid == experiment.grid
    for cell in fresh.grid:
        before, after = (one.model_of(cell).enhancer for one in (experiment, fresh))
        walks = cell.enhancer in walkers(experiment)
        assert after == (before.model_copy(update={"metapaths": FEW}) if walks else before)


def test_what_is_set_of_an_enhancer_stays_set() -> None:
    changes = ["model.enhancer.name=grounded", "model.enhancer.user_texts=false"]
    experiment = load_experiment("demo", ["grid.enhancers=['none','grounded']", *changes])
    fresh = (
        switch_metapaths(experiment, FEW, "fewer").model_of(Cell("sasrec", "grounded", 0)).enhancer
    )
    assert isinstance(fresh, GroundedConfig)
    assert not fresh.user_texts and fresh.metapaths == FEW


def test_those_without_metapaths_are_not_taken_for_plain() -> None:
    experiment = load_experiment("demo", ["grid.enhancers=['none','kar','uist']"])
    assert walkers(experiment) == () and others(experiment) == ("kar", "uist")
    assert used_metapaths(experiment) == ()
    kept = switch_metapaths(experiment, FEW, "fewer")
    assert kept.model == experiment.model and kept.override == experiment.override


@pytest.mark.parametrize(
    "changes",
    [
        (),
        SEVERAL,
        (*SEVERAL, "override.grounded.model.enhancer.heads=4"),
        ("model.enhancer.name='none'",),
        ("override.autograph.model.enhancer.metapaths=['user > item']",),
    ],
)
def test_the_words_do_the_same(changes: tuple[str, ...]) -> None:
    experiment = load_experiment("demo", changes)
    by_words = load_experiment("demo", [*changes, *metapath_words(experiment, FEW), "name=fewer"])
    fresh = switch_metapaths(experiment, FEW, "fewer")
    for cell in experiment.grid:
        assert by_words.model_of(cell) == fresh.model_of(cell)


@pytest.mark.parametrize(
    ("chosen", "name", "sentence"),
    [
        (("user > item > user",), "fine", "No recommender can learn from .* yet"),
        (FEW, "../away", "name"),
    ],
)
def test_what_cannot_be_gets_a_sentence(chosen: tuple[str, ...], name: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        switch_metapaths(load_experiment("demo"), chosen, name)
