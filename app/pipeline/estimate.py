"""How long a run will take on this machine: the real thing, a few steps of it, timed.

Only what is not finished counts. Texts, vectors and codes that are not there yet have stand-ins of
their size: what a number is does not change how long a step takes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from app.experiment.settings import EMBEDDINGS, PLAIN, Cell, Experiment
from app.pipeline.own_texts import template_of
from app.pipeline.plan import Plan, Step
from app.pipeline.records import Record, record_of
from app.pipeline.stages.material import MATERIAL
from app.pipeline.stages.train import SOURCES
from data import atomic
from data.dataset import Dataset, Histories
from data.errors import ConfigError, DataError
from data.split import Split
from recommend.settings import BACKBONES, ENHANCERS, ModelConfig, TrainConfig
from recommend.settings.registry import recommender_of

if TYPE_CHECKING:
    from data.relation import Relation
    from quantize.codes import Codes
    from recommend.protocols import Scores, World
    from recommend.sources import Sources

EACH_S, LEAST = 1.0, 3
"""Seconds for which one thing is timed, and times at least, its first time apart."""
USERS, DESCRIBED, ROWS, SQUARE = 256, 200, 1024, 600
"""Users that simple recommenders are fitted on, texts that are described, vectors that are
quantised, and items of the matrix that EASE turns over, where there are more."""
VECTOR = 384
"""Width of the stand-ins of vectors: that of the default encoder."""
TEXTS, SIMPLE = "texts", "simple rows"
"""Parts of an estimate; the others are called as the recommender is."""
DEGREE = 8
"""Edges of an item in the stand-in of a relation."""
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Part:
    """What a part of a run takes.

    Attributes:
        what: In words.
        seconds: If training ends after half of its epochs.
        most: With all of them.
    """

    what: str
    seconds: float
    most: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run takes.

    Attributes:
        parts: In the order of the run.
        data: Of the run, as JSON.
        took: Seconds that the run really took; None before it has ended.
    """

    parts: tuple[Part, ...]
    data: str = ""
    took: float | None = None

    @property
    def seconds(self) -> float:
        """If training ends after half of its epochs."""
        return sum(part.seconds for part in self.parts)

    @property
    def most(self) -> float:
        """With all epochs."""
        return sum(part.most for part in self.parts)

    def save(self, workspace: Path, name: str) -> Path:
        """The file of the estimate of an experiment's latest run."""
        parts = [[part.what, part.seconds, part.most] for part in self.parts]
        kept = {"parts": parts, "data": self.data, "took": self.took}
        return atomic.write_json(_place(workspace, name), kept)

    @classmethod
    def load(cls, workspace: Path, name: str) -> Estimate | None:
        """What `save` kept; None where there is none.

        Raises:
            ArtifactError: the file is damaged.
        """
        if not _place(workspace, name).exists():
            return None
        kept = atomic.read_json(_place(workspace, name), "Remove that file.")
        return cls(tuple(Part(*part) for part in kept["parts"]), kept["data"], kept["took"])


def _place(workspace: Path, name: str) -> Path:
    return workspace / "estimates" / f"{name}.json"


def estimate(plan: Plan, device: str = "cpu", threads: int = 1) -> Estimate:
    """What the steps of a plan take that are not finished; its data must be read and split.

    Args:
        plan: Of any experiment whose texts come without a language model.
        device: That models are trained on.
        threads: That each recommender has.

    Raises:
        ConfigError: a language model would be asked: see `autograph prompts estimate`.
        DataError: nobody has two training interactions.
    """
    steps = [step for step in plan.steps() if not plan.store.sound(step.stage, step.key)]
    if not steps:
        return Estimate(())
    rehearsal = Rehearsal(plan, record_of(plan, plan.steps()), device)
    parts: dict[str, list[tuple[float, float]]] = {}
    for step in (step for step in steps if step.cell is None):
        parts.setdefault(_called(step, plan.experiment), []).append(rehearsal.seconds(step))
    with _threads(threads):
        for step in (step for step in steps if step.cell is not None):
            parts.setdefault(_called(step, plan.experiment), []).append(rehearsal.seconds(step))
    found = (Part(what, *map(sum, zip(*of, strict=True))) for what, of in parts.items())
    return Estimate(tuple(found), plan.experiment.data.model_dump_json())


@contextmanager
def _threads(n: int) -> Iterator[None]:
    """Torch with as many threads as a recommender of a run has."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _called(step: Step, experiment: Experiment) -> str:
    """Which part of an estimate a step belongs to."""
    if step.cell is None:
        return TEXTS
    learns = BACKBONES[step.cell.backbone].config.learns
    return title_of(step.cell, experiment) if learns else SIMPLE


def title_of(cell: Cell, experiment: Experiment) -> str:
    """A recommender of an experiment by its title and what is added to it.

    >>> title_of(Cell("sasrec", "none", 0), Experiment(name="shop"))
    'SASRec'
    >>> title_of(Cell("sasrec", "kar", 0), Experiment(name="shop"))
    'SASRec with KAR'
    """
    title = BACKBONES[cell.backbone].config.title
    if cell.enhancer == PLAIN:
        return title
    return f"{title} with {experiment.model_of(cell).enhancer.adds}"


class Rehearsal:
    """Times a little of each step of a plan."""

    def __init__(self, plan: Plan, record: Record, device: str) -> None:
        self.experiment, self.workspace, self.record = plan.experiment, plan.workspace, record
        self.device = device
        self.dataset = Dataset.load(record.folder("dataset"))
        self.split = Split.load(record.folder("split"))
        self.past = self.split.histories(self.dataset)
        if not (self.past.lengths > 1).any():
            raise DataError(
                "No user has two training interactions, so there is nothing to learn an order "
                "from. Raise data.min_history to 4 or more, or use more data."
            )
        self.rng = np.random.default_rng(0)
        self._texts: dict[str, list[str]] = {}
        self._start: float | None = None
        self._open: float | None = None

    def seconds(self, step: Step) -> tuple[float, float]:
        """What a step takes if training ends after half of its epochs, and with all."""
        if step.cell is not None and step.stage == "train":
            return self._cell(step.cell)
        kind, _, side = step.stage.partition("-")
        timed = {"knowledge": self._describing, "vectors": self._encoding, "codes": self._codes}
        if kind not in timed:
            return 0.0, 0.0
        found = timed[kind](side)
        return found, found

    def _count(self, side: str) -> int:
        return self.dataset.n_items if side == "item" else self.dataset.n_users

    def _describing(self, side: str) -> float:
        """Seconds to describe everybody of a side, whose first texts are kept."""
        from llm import backends
        from llm.settings import MODELS
        from prompts.requests import item_requests, user_requests

        config = getattr(self.experiment.llm, side)
        if isinstance(config, MODELS):
            raise ConfigError(
                "How long a language model takes is not in an estimate of a first look. Ask "
                "`autograph prompts estimate`, or describe by facts: --set llm."
                f'{side}={{backend = "facts"}}.'
            )
        template = template_of(self.experiment, side, self.workspace)
        if side == "item":
            requests = item_requests(self.dataset, template)
        else:
            history = self.experiment.prompts.history
            requests = user_requests(self.dataset, self.split, template, history)
        texts = self._texts[side] = []

        def describe() -> Iterator[int]:
            for reply in islice(backends.open_backend(config).generate(requests), DESCRIBED):
                texts.append(reply.text or "")
                yield 1

        _, once, each = timed(describe())
        return once + each * self._count(side)

    def _encoding(self, side: str) -> float:
        """Seconds to encode the texts of a side, by tokens: long texts take longer."""
        from llm.encode import open_encoder
        from llm.words import WordEncoder

        config = self.experiment.encoder
        if side not in self._texts:
            self._describing(side)
        texts = [text for text in self._texts[side] if text]
        if config.kind == "words":

            def fit() -> Iterator[int]:
                for _ in range(1 + LEAST):
                    WordEncoder.fit(texts, config.dimensions)
                    yield len(texts)

            _, once, a_text = timed(fit())
            return once + a_text * self._count(side)
        started = time.perf_counter()
        encoder = open_encoder(config)
        opened = time.perf_counter() - started
        pieces = sorted(
            (encoder.pieces(text) for text in self._texts[side]),
            key=_tokens,
        )
        some = [pieces[at] for at in np.linspace(0, len(pieces) - 1, 64).round().astype(int)]
        blocks = [some[at : at + 8] for at in range(0, len(some), 8)]
        order = [blocks[at] for at in self.rng.permutation(len(blocks))]

        def read() -> Iterator[int]:
            for block in order:
                encoder.encode(block)
                yield sum(map(_tokens, block))

        _, once, a_token = timed(read())
        mean = float(np.mean([_tokens(one) for one in pieces]))
        return opened + once + a_token * mean * self._count(side)

    def _codes(self, side: str) -> float:
        """Seconds to quantise the vectors of a side."""
        from llm.vectors import Vectors
        from quantize.fit import fit_codes
        from quantize.settings import RqVaeConfig

        config, n = getattr(self.experiment.quantize, side), self._count(side)
        m = min(n, ROWS)
        matrix = self.rng.normal(size=(m, VECTOR)).astype(np.float32)
        rows = Vectors(tuple(map(str, range(m))), matrix, "", "", ())
        times = n / m
        if isinstance(config, RqVaeConfig):
            times = min(n, config.sample) / m * config.epochs_for(n) / 2
            config = config.model_copy(update={"epochs": 2, "least_steps": 1, "warm_up": 0.5})

        def fit() -> Iterator[int]:
            for _ in range(2):  # the first time loads what it works with, once for all epochs
                with tempfile.TemporaryDirectory() as scratch:
                    fit_codes(rows, config, Path(scratch), 0)
                yield 1

        _, once, each = timed(fit())
        return once + each * max(0.0, times - 1)

    def _cell(self, cell: Cell) -> tuple[float, float]:
        """Seconds from the start of a recommender's process to its figures on the test."""
        config, settings = self.experiment.model_of(cell), self.experiment.train_of(cell)
        if not config.backbone.learns:
            found = self._starting() + self._simple(config, settings)
            return found, found
        if config.upon is not None:
            found = self._starting() + self._around(config, settings)
            return found, found
        making, epoch, judging = self._learning(config, settings)
        once = self._starting() + making + judging
        half, whole = (once + n * (epoch + judging) for n in (settings.epochs / 2, settings.epochs))
        return half, whole

    def _starting(self) -> float:
        """Seconds that the process of a recommender takes before it begins."""
        if self._start is None:
            started = time.perf_counter()
            imports = "import recommend.fit.training"
            subprocess.run([sys.executable, "-c", imports], check=False, cwd=_ROOT)
            self._start = time.perf_counter() - started
        return self._start

    def _world(self, config: ModelConfig, settings: TrainConfig, past: Histories) -> World:
        from recommend.protocols import World

        wanted = self.split.targets(self.dataset, "valid")
        sources = replace(self._sources(config), histories=past)
        return World(self.dataset, past, sources, settings, wanted)

    def _simple(self, config: ModelConfig, settings: TrainConfig) -> float:
        """Seconds to fit and judge, from some of the users; EASE from some of the items, too."""
        past, world = self._some(config, settings)
        n_items, more = self.dataset.n_items, len(self.past) / len(past)
        kind = recommender_of(config.backbone.name)
        if hasattr(config.backbone, "most_items"):  # a matrix of items × items is turned over
            m = min(n_items, SQUARE)
            few = replace(past, items=past.items % m)
            started = time.perf_counter()
            square = kind.fit(few, m, config.backbone)
            fitting = (time.perf_counter() - started) * (n_items / m) ** 3
            return fitting + 2 * more * self._judging(square, few) * n_items / m
        started = time.perf_counter()
        made = kind.of(config, world)
        fitting = (time.perf_counter() - started) * more
        return fitting + 2 * more * self._judging(made, past)

    def _around(self, config: ModelConfig, settings: TrainConfig) -> float:
        """Seconds to fit what stands around a trained recommender, from some of the users."""
        from recommend.fusion import LEAST_USERS, MOST_SCORES

        n, beneath = len(self.past), config.upon
        assert beneath is not None
        past, world = self._some(config, settings)
        inside = recommender_of(beneath.backbone.name).of(beneath, world)
        started = time.perf_counter()
        made = ENHANCERS[config.enhancer.name].load().fit(inside, config.enhancer, world)
        fitting = (time.perf_counter() - started) / len(past)
        most = max(LEAST_USERS, MOST_SCORES // self.dataset.n_items)
        return fitting * min(n, most) + 2 * n / len(past) * self._judging(made, past)

    def _some(self, config: ModelConfig, settings: TrainConfig) -> tuple[Histories, World]:
        """The histories of some users, and a world in which there is nobody else."""
        some = np.sort(self.rng.permutation(len(self.past))[:USERS])
        past = _rows(self.past, some)
        world = self._world(config, settings, past)
        assert world.wanted is not None
        return past, replace(world, wanted=world.wanted[some])

    def _learning(self, config: ModelConfig, settings: TrainConfig) -> tuple[float, float, float]:
        """Seconds to make a recommender, for an epoch of it, and to judge it once."""
        from recommend.fit.training import Trainer

        started = time.perf_counter()
        world = self._world(config, settings, self.past)
        made = recommender_of(config.backbone.name).of(config, world)
        made.network.to(self.device)
        trainer = Trainer(made, world, seed=0)
        steps, batches = made.batches(world, self.rng)
        made.network.train()
        making = time.perf_counter() - started
        _, once, each = timed(int(trainer.step(batch)[1] > 0) for batch in batches)
        made.network.eval()
        return making + once, each * steps, self._judging(made, self.past)

    def _judging(self, made: Scores, past: Histories) -> float:
        """Seconds to rank the next item of everybody in `past`, from some blocks of them."""
        import torch

        from recommend.judge.metrics import mean_rank
        from recommend.protocols import Asked

        def rank() -> Iterator[int]:
            for users, scores in made.scores(Asked(past, np.arange(len(past)), past.lengths)):
                target = torch.zeros(len(users), dtype=torch.int64, device=scores.device)
                mean_rank(scores, target)
                yield len(users)

        with torch.inference_mode():
            first, once, each = timed(rank())
        return once + each * (len(past) - first)

    def _sources(self, config: ModelConfig) -> Sources:
        """What earlier stages give; stand-ins of the same size where they are not finished.

        Vectors of another recommender are as wide as this one.
        """
        from recommend.sources import Sources

        given = {part: self._part(part) for part in config.needs if part in SOURCES}
        for part in EMBEDDINGS.intersection(config.needs):
            n = self._count(part.partition("_")[0])
            given[part] = self.rng.normal(size=(n, config.width)).astype(np.float32)
        return Sources.of(given)

    def _part(self, part: str) -> Any:
        stage = SOURCES[part]
        key = self.record.keys.get(stage, "")
        if self.record.store.holds(stage, key):
            return MATERIAL[stage].gives[part](self.record.folder(stage))
        if part == "graph":
            from graph.build.latent import build_graph

            return build_graph(
                self.dataset, self.split, self._any_codes("user"), self._any_codes("item")
            )
        side, _, what = part.partition("_")
        if what == "vectors":
            return self.rng.normal(size=(self._count(side), VECTOR)).astype(np.float32)
        return self._any_relation()

    def _any_codes(self, side: str) -> Codes:
        from quantize.codes import Codes

        config, n = getattr(self.experiment.quantize, side), self._count(side)
        k = config.codes_for(n)
        ids = self.dataset.user_ids if side == "user" else self.dataset.item_ids
        codes = self.rng.integers(0, k, (n, config.levels)).astype(np.int32)
        return Codes(ids.external, codes, np.zeros((config.levels, k, 1), np.float32))

    def _any_relation(self) -> Relation:
        from data.relation import Relation

        n = self.dataset.n_items
        sources, targets = np.repeat(np.arange(n), DEGREE), self.rng.integers(0, n, n * DEGREE)
        weights = np.full(n * DEGREE, DEGREE**-0.5, np.float32)
        return Relation.between(sources, targets, n, n, weights=weights)


def timed(work: Iterable[int]) -> tuple[int, float, float]:
    """How large the first piece of some work is, its seconds, and seconds a unit of the others.

    Of the others it is the median, since a busy machine halts now and then. It ends after `EACH_S`
    seconds if three of them are done, and after five times as long in any case.

    Args:
        work: Piece by piece, each done when it is asked for; it gives how large the piece was.
    """
    started = before = time.perf_counter()
    sizes, seconds = list[int](), list[float]()
    for size in work:
        now = time.perf_counter()
        sizes.append(size)
        seconds.append(now - before)
        before, spent = now, now - started - seconds[0]
        if spent >= 5 * EACH_S or (spent >= EACH_S and len(sizes) > LEAST):
            break
    if len(sizes) < 2:
        return sum(sizes), sum(seconds), sum(seconds) / max(sum(sizes), 1)
    each = [took / max(size, 1) for took, size in zip(seconds[1:], sizes[1:], strict=True)]
    return sizes[0], seconds[0], median(each)


def _rows(past: Histories, users: np.ndarray) -> Histories:
    """The histories of some users alone."""
    from data.dataset import Histories

    at = np.concatenate([np.arange(past.offsets[u], past.offsets[u + 1]) for u in users])
    offsets = np.concatenate([[0], np.cumsum(past.lengths[users])])
    return Histories(offsets, past.items[at], past.times[at])


def _tokens(pieces: Sequence[tuple[str, int]]) -> int:
    return sum(tokens for _, tokens in pieces)
