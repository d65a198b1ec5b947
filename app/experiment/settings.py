"""An experiment: everything a person may set, in one typed tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, ValidationError, model_validator

from app.experiment.mistakes import nearest_names, setting_names, unknown_names
from data.config import Config
from data.settings import DataConfig
from graph.settings import GraphConfig
from llm.settings import EncoderConfig, LlmConfig, PairsConfig, VectorsJudgeConfig
from prompts.settings import PromptConfig
from quantize.settings import PhrasesConfig, QuantizeConfig, WordsConfig
from recommend.settings import BACKBONES as BACKBONE_SPECS
from recommend.settings import ENHANCERS as ENHANCER_SPECS
from recommend.settings import OURS, EvaluateConfig, ModelConfig, TrainConfig
from recommend.settings import PLAIN as PLAIN
from recommend.settings.registry import takes_enhancers

SHUFFLED = "shuffled"
"""A control: texts on other entities."""
RANDOM = "random"
"""A control: vectors that are of no text at all."""
CONTROLS = (SHUFFLED, RANDOM)
"""What an experiment is controlled by; names of controls end in it."""
READS_WORDS = {"words", "phrases"}
"""Parts of `recommend.sources.Sources` that are made of words of texts, and of no vectors."""
EMBEDDINGS = {"item_embeddings", "user_embeddings"}
"""Parts that are made by no stage but training, that of another recommender."""
LONGEST_NAME = 200
"""Files are called by names, and no file system takes more than 255 bytes."""
BACKBONES, ENHANCERS = tuple(BACKBONE_SPECS), tuple(ENHANCER_SPECS)
"""Their names."""
PARTS = tuple(filter(takes_enhancers, BACKBONES))
"""Names of backbones to which an enhancer can be added."""
ALONE = tuple(name for name in BACKBONES if name not in PARTS)
"""Names of those that recommend by themselves."""


def name_of(name: str, control: object) -> str:
    """What an experiment is called: a control after what it controls, whose place it never takes.

    >>> name_of("demo", "shuffled"), name_of("demo-shuffled", "shuffled"), name_of("demo", "none")
    ('demo-shuffled', 'demo-shuffled', 'demo')
    """
    own = control not in CONTROLS or name.endswith(f"-{control}")
    return name if own else f"{name}-{control}"


@dataclass(frozen=True, slots=True)
class Cell:
    """One recommender of a grid."""

    backbone: str
    enhancer: str
    seed: int

    @property
    def label(self) -> str:
        """How it is called in files and tables."""
        return f"{self.backbone}+{self.enhancer}"

    @property
    def learns(self) -> bool:
        """Whether it is trained; what is not is the same for every seed."""
        return self.backbone not in BACKBONES or BACKBONE_SPECS[self.backbone].config.learns

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the overrides that it takes; a later one wins."""
        return (self.backbone, self.enhancer, self.label)

    def __str__(self) -> str:
        return f"{self.label} seed {self.seed}"


class GridConfig(Config):
    """Which recommenders are trained: every backbone with every enhancer and every seed.

    One that takes no enhancer is there once a seed; what is not trained, once, as seed 0.
    """

    backbones: Annotated[tuple[str, ...], Field(min_length=1)] = PARTS
    """Names of backbones; those that take no enhancer, such as simple ones, are there if named."""
    enhancers: Annotated[tuple[str, ...], Field(min_length=1)] = (PLAIN, OURS)
    """Names of enhancers; `none` is the plain twin."""
    seeds: Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)] = (0,)
    """Random seeds; each trains the whole grid once more."""

    def __iter__(self) -> Iterator[Cell]:  # type: ignore[override]
        for backbone in self.backbones:
            enhancers = self.enhancers if takes_enhancers(backbone) else (PLAIN,)
            seeds = self.seeds if Cell(backbone, PLAIN, 0).learns else (0,)
            yield from (Cell(backbone, *of) for of in product(enhancers, seeds))


class Override(Config):
    """What differs for one backbone, one enhancer, or one pair of them."""

    model: dict[str, Any] = Field(default_factory=dict)
    """Settings that replace those of `model`."""
    train: dict[str, Any] = Field(default_factory=dict)
    """Settings that replace those of `train`."""


class Experiment(Config):
    """One run through the house, from raw files to measured recommenders."""

    name: Annotated[
        str, Field(max_length=LONGEST_NAME, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    ] = "experiment"
    """How results are called; letters, digits, dot, hyphen and underscore."""
    note: str = ""
    """What it is for, in a line."""
    seed: NonNegativeInt = 0
    """Of everything random before training; `grid.seeds` are those of training."""
    control: Literal["none", "shuffled", "random"] = "none"
    """`shuffled` gives every user and item the text of another, to see what meaning is worth;
    `random` draws a vector for each in place of its text's, to see what any fixed vector is."""
    data: DataConfig = DataConfig()
    """Which data set."""
    prompts: PromptConfig = PromptConfig()
    """Which templates."""
    llm: LlmConfig = LlmConfig()
    """Who describes users and items."""
    encoder: EncoderConfig = EncoderConfig()
    """Which model turns texts into vectors."""
    quantize: QuantizeConfig = QuantizeConfig()
    """How vectors become codes."""
    graph: GraphConfig = GraphConfig()
    """Which interactions the graph is made of."""
    phrases: PhrasesConfig = PhrasesConfig()
    """Which phrases of the items' texts are nodes; for the enhancer ccgnn alone."""
    pairs: PairsConfig = PairsConfig()
    """Which pairs of items are alike; for the enhancer topoi2i alone."""
    words: WordsConfig = WordsConfig()
    """Which words of items are compared; for the simple recommenders that read texts alone."""
    grid: GridConfig = GridConfig()
    """Which recommenders are trained."""
    model: ModelConfig = ModelConfig()
    """What they have in common; settings of `backbone` and `enhancer` apply to that name only."""
    train: TrainConfig = TrainConfig()
    """How they are trained."""
    override: dict[str, Override] = Field(default_factory=dict)
    """By "sasrec", "autograph" or "sasrec+autograph": what differs there, later ones win."""
    evaluate: EvaluateConfig = EvaluateConfig()
    """How they are judged."""

    @model_validator(mode="before")
    @classmethod
    def _a_control_is_no_namesake(cls, given: Any) -> Any:
        name = str(given.get("name", "experiment"))
        called = name_of(name, given.get("control"))
        return given if called == name else {**given, "name": called}

    @model_validator(mode="before")
    @classmethod
    def _one_length_of_history(cls, given: Any) -> Any:
        """Models read as far back as the data reaches, unless they are told otherwise."""
        data, model = given.get("data"), given.get("model", {})
        if isinstance(data, DataConfig):
            data = data.model_dump()
        if isinstance(data, Mapping) and "max_history" in data and isinstance(model, Mapping):
            return {**given, "model": {"max_history": data["max_history"], **model}}
        return given

    @model_validator(mode="after")
    def _overrides_are_of_what_there_is(self) -> Experiment:
        pairs = {f"{b}+{e}" for b, e in product(PARTS, ENHANCERS)} | {
            f"{b}+{PLAIN}" for b in BACKBONES
        }
        for name in self.override:
            if name not in {*BACKBONES, *ENHANCERS, *pairs}:
                raise ValueError(
                    f"override.{name} is no backbone ({', '.join(BACKBONES)}), no enhancer "
                    f"({', '.join(ENHANCERS)}) and no pair such as sasrec+autograph"
                )
        parts: dict[str, type[Config]] = {"model": ModelConfig, "train": TrainConfig}
        for name, part in product(self.override, parts):
            prefix = f"override.{name}.{part}."
            known = setting_names(parts[part], prefix)
            for key in unknown_names(getattr(self.override[name], part), known, prefix):
                nearest = ", ".join(nearest_names(key, known))
                raise ValueError(f"there is no setting {key}; the nearest are {nearest}")
        return self

    @model_validator(mode="after")
    def _what_stands_around_is_not_trained(self) -> Experiment:
        for name, override in self.override.items():
            enhancer = name.rpartition("+")[2]
            if enhancer not in ENHANCERS or not ENHANCER_SPECS[enhancer].around:
                continue
            wrong = [f"train.{key}" for key in override.train]
            wrong += [f"model.{key}" for key in override.model if key != "enhancer"]
            if wrong:
                raise ValueError(
                    f"override.{name}.{wrong[0]}: {enhancer} stands upon a recommender that is "
                    "trained without it; set it in the override of that recommender"
                )
        return self

    @model_validator(mode="after")
    def _every_cell_is_sound(self) -> Experiment:
        for asked in self.grid:
            cell: Cell | None = asked
            while cell is not None:
                for part, settings in (("model", self.model_of), ("train", self.train_of)):
                    try:
                        settings(cell)
                    except ValidationError as error:
                        wrong = self._in_words(cell, part, error)
                        raise ValueError(f"{cell.label} does not work: {wrong}") from None
                cell = self.reads(cell)
        return self

    @model_validator(mode="after")
    def _random_vectors_control_nothing_but_vectors(self) -> Experiment:
        """What reads words would do as well as ever, and pass for controlled."""
        if self.control != RANDOM:
            return self
        by_vectors = isinstance(self.pairs.judge, VectorsJudgeConfig)
        words = READS_WORDS if by_vectors else {*READS_WORDS, "pairs"}
        for cell in self.grid:
            read = words & {*self.learns_from(cell)}
            if read:
                raise ValueError(
                    f'control = "{RANDOM}" puts random vectors in the place of those of texts, and '
                    f"{cell.label} reads {' and '.join(sorted(read))} that are no vectors: leave "
                    f'it out of the grid, or use control = "{SHUFFLED}"'
                )
        return self

    def _in_words(self, cell: Cell, part: str, error: ValidationError) -> str:
        """What is wrong with a cell first, and in which override if it stands in one."""
        first = error.errors()[0]
        path = [str(place) for place in first["loc"] if place not in (cell.backbone, cell.enhancer)]
        where = ".".join(path)
        for key in (key for key in cell.keys if key in self.override):
            inside: Any = getattr(self.override[key], part)
            for name in path:
                inside = inside.get(name) if isinstance(inside, Mapping) else None
            if path and inside is not None:
                where = f"override.{key}.{part}.{'.'.join(path)}"
        if first["type"] == "extra_forbidden":
            return f"{where} does not go with it"
        reason = first["msg"].removeprefix("Value error, ")
        return f"{where}: {reason}" if where else reason

    @property
    def texts_name(self) -> str:
        """Under which name texts by hand are kept: a control takes those of what it controls."""
        return self.name.removesuffix(f"-{self.control}") if self.control in CONTROLS else self.name

    def model_of(self, cell: Cell) -> ModelConfig:
        """Settings of the recommender in a cell."""
        given = self.model.model_dump()
        for part in ("backbone", "enhancer"):
            name = getattr(cell, part)
            own = getattr(self.model, part)
            given[part] = own.model_dump() if own.name == name else {"name": name}
        for override in self._overrides(cell):
            given = merge(given, override.model)
        config = ModelConfig.model_validate(given)
        beneath = self.beneath(cell, config)
        if beneath is None:
            return config
        return self.model_of(beneath).model_copy(update={"enhancer": config.enhancer})

    def beneath(self, cell: Cell, config: ModelConfig | None = None) -> Cell | None:
        """The recommender that the enhancer of a cell stands around; None where it is a part."""
        if not ENHANCER_SPECS[cell.enhancer].around:
            return None
        enhancer = (config or self.model_of(cell)).enhancer
        return replace(cell, enhancer=getattr(enhancer, "upon", PLAIN))

    def source(self, cell: Cell) -> Cell | None:
        """The recommender whose vectors the enhancer of a cell gets; None where it gets none."""
        name = getattr(self.model_of(cell).enhancer, "source", None)
        if name is None:
            return None
        return Cell(name, PLAIN, cell.seed) if name in BACKBONES else replace(cell, enhancer=name)

    def reads(self, cell: Cell) -> Cell | None:
        """The other recommender that one is made of, which is trained once for all; None: of none.

        It is the one that its enhancer stands around, or whose vectors its enhancer gets.
        """
        return self.beneath(cell) or self.source(cell)

    def learns_from(self, cell: Cell) -> tuple[str, ...]:
        """Parts of `recommend.sources.Sources` that a cell learns from, through others included.

        Vectors of another recommender are in the place of what that one learns from.
        """
        other = self.reads(cell)
        through = () if other is None else self.learns_from(other)
        own = (name for name in self.model_of(cell).needs if name not in EMBEDDINGS)
        return tuple(dict.fromkeys((*own, *through)))

    def train_of(self, cell: Cell) -> TrainConfig:
        """Settings of the training in a cell."""
        beneath = self.beneath(cell)
        if beneath is not None:
            return self.train_of(beneath)
        given = self.train.model_dump()
        for override in self._overrides(cell):
            given = merge(given, override.train)
        return TrainConfig.model_validate(given)

    def _overrides(self, cell: Cell) -> list[Override]:
        return [self.override[key] for key in cell.keys if key in self.override]


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with the values of `over` in it, tables inside tables included.

    >>> merge({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}})
    {'a': {'b': 3, 'c': 2}}
    """
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        result[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return result
