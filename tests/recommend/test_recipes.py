"""What it takes to add a model: two new files and a line, tried on a copy of the house."""

from __future__ import annotations

import difflib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REGISTRY = "recommend/settings/registry.py"
SHOUT = {
    "recommend/settings/shout.py": '''
"""Settings of a toy."""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from collections.abc import Mapping

from recommend.settings.part import FeaturesConfig


class ShoutConfig(FeaturesConfig):
    """Shout: each item says what it is twice as loud."""

    title: ClassVar[str] = "a shout"
    needs: ClassVar[tuple[str, ...]] = ("histories",)
    strangers: ClassVar[Mapping[str, str]] = {"user": "It is quiet.", "item": "It is quiet."}
    space: ClassVar[Mapping[str, tuple[Any, ...]]] = {"loud": (1.0, 2.0)}
    name: Literal["shout"] = "shout"
    loud: float = 2.0
    """How loud."""
''',
    "recommend/sequence/enhancers/shout.py": '''
"""A toy."""

from torch import nn


class Shout(nn.Module):
    def __init__(self, config, inputs, width):
        super().__init__()
        self.loud, self.user = config.loud, nn.Embedding(inputs.n_users, width)
        self.item_width = self.user_width = width

    def propagate(self, items, hidden):
        return self.user.weight, self.loud * items

    def users(self, nodes, batch):
        return nodes[0][batch.users][:, None].expand(-1, batch.items.shape[1], -1)

    def items(self, nodes, hidden, only=None):
        return nodes[1] if only is None else nodes[1][only]
''',
}
_PLACE = "recommend.sequence.enhancers.shout:Shout"
SHOUT_LINES = {
    "from recommend.settings.sasrec import": "from recommend.settings.shout import ShoutConfig",
    '    "kar": Spec(': f'    "shout": Spec(ShoutConfig, "{_PLACE}"),',
}
POPULAR = {
    "recommend/settings/popular.py": '''
"""Settings of a toy."""

from __future__ import annotations

from typing import ClassVar, Literal

from recommend.settings.part import BackboneConfig


class PopularConfig(BackboneConfig):
    """Popular: what most had."""

    title: ClassVar[str] = "Popularity"
    name: Literal["popular"] = "popular"
''',
    "recommend/popular.py": '''
"""A toy."""

import numpy as np
import torch
from torch import nn


class Counts(nn.Module):
    def __init__(self, n_items):
        super().__init__()
        self.register_buffer("had", torch.zeros(n_items))


class Popular:
    def __init__(self, n_items):
        self.network = Counts(n_items)

    @classmethod
    def of(cls, config, world):
        made = cls(world.dataset.n_items)
        counts = np.bincount(world.histories.items, minlength=world.dataset.n_items)
        made.network.had += torch.from_numpy(counts)
        return made

    @classmethod
    def restore(cls, config, arrays):
        return cls(int(arrays["n_items"][0]))

    def arrays(self):
        return {"n_items": np.array([len(self.network.had)])}

    def scores(self, asked):
        yield asked.users, self.network.had.expand(len(asked.users), -1).clone()
''',
}
POPULAR_LINES = {
    "from recommend.settings.sasrec import": "from recommend.settings.popular import PopularConfig",
    '    "sasrec": Spec(': '    "popular": Spec(PopularConfig, "recommend.popular:Popular"),',
}
USED = """
import sys, tempfile
from pathlib import Path
import numpy as np, torch
torch.set_num_threads(1)
from small_worlds import checkerboard, sources_of
from app.experiment.settings import Cell, Experiment
from app.results.wording import called
from app.search.search import space_of
from data.split import leave_one_out
from recommend.fit.training import fit_model
from recommend.judge.evaluate import evaluate
from recommend.judge.lists import top_lists
from recommend.judge.recommend import recommend
from recommend.model import Model
from recommend.reasons.what_if import Ready, best
from recommend.settings import EvaluateConfig, TrainConfig

backbone, enhancer = sys.argv[1:]
grid = {"backbones": ["sasrec", backbone], "enhancers": ["none", enhancer]}
experiment = Experiment.model_validate({"grid": grid, "model": {"width": 8}})
*_, cell = experiment.grid
config = experiment.model_of(cell)
dataset = checkerboard()
split = leave_one_out(dataset)
scratch = Path(tempfile.mkdtemp())
settings = TrainConfig(epochs=2, batch_size=8)
sources = sources_of(dataset, None)
fit_model(dataset, split, sources, config, settings, seed=0, scratch=scratch).save(scratch / "it")
model = Model.load(scratch / "it")
judged = evaluate(model, dataset, split, "test", EvaluateConfig()).summary
lists = top_lists(model, dataset, split, 3).items
shown = recommend(model, dataset, split, [15], 3).table["item"].to_list()
tried = [name for name in space_of(experiment, cell) if name.startswith("model.enhancer")]
ready, past = Ready.of(model), split.histories(dataset).of(15)
left = ready.left_out(15, past, np.array(shown))
ranks = best(ready, 15, past, 2)["rank"].to_list()
print(len(list(experiment.grid)), cell, "|", called(cell), "|", tried)
print(0 < judged["ndcg@10"] < 1, lists.shape, len(shown), ranks)
print(left.without.shape, (ready.scores(15, past) != ready.scores(15, past[:-1])).any())
"""


@pytest.fixture
def house(tmp_path):
    """A copy of the room of recommenders, ahead of the real one on the path."""
    shutil.copytree(
        ROOT / "recommend", tmp_path / "recommend", ignore=shutil.ignore_patterns("__pycache__")
    )
    return tmp_path


def add(house: Path, files: dict[str, str], lines: dict[str, str]) -> list[str]:
    """Adds files, and lines before those of the registry that begin so; what was touched."""
    for place, content in files.items():
        assert not (house / place).exists()
        (house / place).write_text(content.lstrip())
    before = (house / REGISTRY).read_text().splitlines()
    after = []
    for line in before:
        after += [new for begin, new in lines.items() if line.startswith(begin)]
        after.append(line)
    (house / REGISTRY).write_text("\n".join(after))
    return [line for line in difflib.ndiff(before, after) if line[0] in "+-"]


def use(house: Path, backbone: str, enhancer: str) -> list[str]:
    """What comes of training, judging, storing, listing and asking it, in a process of its own."""
    path = os.pathsep.join(map(str, (house, ROOT / "tests" / "recommend", ROOT)))
    done = subprocess.run(
        [sys.executable, "-c", USED, backbone, enhancer],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        cwd=house,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_an_enhancer_is_two_new_files_and_a_line(house):
    changed = add(house, SHOUT, SHOUT_LINES)
    assert len(SHOUT) == 2 and len(changed) == 2, "its line, and the import that it needs"
    grid, judged, moved = use(house, "gru4rec", "shout")
    assert grid == "4 gru4rec+shout seed 0 | GRU4Rec with a shout | ['model.enhancer.loud']"
    assert judged == "True (24, 3) 3 [1, 2]" and moved.endswith("True")


def test_a_recommender_that_learns_no_network_is_two_new_files_and_a_line(house):
    """It is in the grid once, without an enhancer, and nobody's loop or judge was touched."""
    changed = add(house, POPULAR, POPULAR_LINES)
    assert len(POPULAR) == 2 and len(changed) == 2
    grid, judged, moved = use(house, "popular", "autograph")
    assert grid == "3 popular+none seed 0 | Popularity | []"
    assert judged == "True (24, 3) 3 [1, 2]"
    assert moved.endswith("False"), "who had what moves no count"
