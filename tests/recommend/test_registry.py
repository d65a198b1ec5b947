"""Backbones and enhancers stand in one registry, and their names nowhere else."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from app.experiment.settings import Cell, Experiment
from app.results.wording import called
from app.search.search import space_of
from recommend.settings import BACKBONES, ENHANCERS, OURS, PLAIN, ModelConfig
from recommend.settings.registry import recommender_of

ROOT = Path(__file__).resolve().parent.parent.parent
ROOMS = ("data", "prompts", "llm", "quantize", "graph", "recommend", "app")
EVERYBODY = {**BACKBONES, **ENHANCERS}
COMMON_WORDS = {PLAIN, OURS, "popularity", "start", "tokens"}
"""Names that are also said of a control, a picture, the command line, an item, a time or a text."""


def texts_of(tree: ast.AST) -> list[ast.Constant]:
    """Texts that stand alone: neither docstrings nor parts of what is formatted."""
    found = []
    for parent in ast.walk(tree):
        if not isinstance(parent, ast.Expr | ast.JoinedStr):
            found += [one for one in ast.iter_child_nodes(parent) if isinstance(one, ast.Constant)]
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_no_name_of_a_model_stands_outside_its_settings(room):
    settings = ROOT / "recommend" / "settings"
    for path in (ROOT / room).rglob("*.py"):
        if path.is_relative_to(settings):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = set(EVERYBODY) - COMMON_WORDS
        said = [one for one in texts_of(tree) if one.value in names]
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                said += [one for one in texts_of(node) if one.value == OURS]
        assert not said, [f"{path.relative_to(ROOT)}:{one.lineno} {one.value}" for one in said]


@pytest.mark.parametrize("name", EVERYBODY)
def test_everything_that_is_registered_is_what_it_says(name):
    spec = EVERYBODY[name]
    assert spec.config.model_fields["name"].default == name
    assert spec.config.title and (spec.config.__doc__ or "").strip().endswith((".", ")."))
    assert spec.load().__module__.startswith("recommend.")
    assert set(spec.config.space) <= set(spec.config.model_fields)
    part = "backbone" if name in BACKBONES else "enhancer"
    plain = {"enhancer": {"name": PLAIN}} if part == "backbone" else {}
    found = getattr(ModelConfig.model_validate({part: {"name": name}, **plain}), part)
    assert type(found) is spec.config
    if part == "backbone":
        assert spec.config.learns == hasattr(recommender_of(name), "batches")


@pytest.mark.parametrize("name", [name for name in ENHANCERS if name != PLAIN])
def test_an_enhancer_is_called_and_searched_by_its_settings(name):
    config = ENHANCERS[name].config
    cell = Cell(next(iter(BACKBONES)), name, 0)
    assert called(cell).endswith(f" with {config.title}")
    own = {key for key in space_of(Experiment(), cell) if key.startswith("model.enhancer.")}
    assert own == {f"model.enhancer.{key}" for key in config.space}
