"""What the paper reports, and whether our figures were measured alike."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from app.experiment.cautions import Caution
from app.experiment.file import PAPER
from app.experiment.settings import Cell, Experiment
from app.pipeline.stages.order import stages_behind
from data.catalogue import card
from llm.settings import MODELS, EncoderConfig, VectorsJudgeConfig

ALIKE = 0.01
"""Share by which users or items may differ before it counts as another data set."""
SPLIT = "leave-one-out"
"""How `data.split` holds out valid and test."""
K = 10
"""Length of lists in the metrics that are reported."""
HIDDEN = ("transformers", "vllm")
"""Encoders that take the mean over a language model's last hidden layer."""
VECTORS = ("vectors-user", "vectors-item")
PHRASES = (
    "Phrases are n-grams of the texts weighed by tf-idf; there a recogniser of named entities, "
    "based on BERT, finds them."
)
"""Another extractor of the same method: CCGNN is what is done with the phrases."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as in the paper.

    Attributes:
        what: A sentence.
        bars: Whether figures must not be held against each other: another question was asked.
    """

    what: str
    bars: bool


def protocol_differences(
    protocol: Protocol | None,
    experiment: Experiment,
    asked: Mapping[str, Any],
    sizes: Mapping[str, Any],
) -> list[Difference]:
    """What was measured otherwise than in the paper.

    Args:
        protocol: The paper's; None where it did not use this data set.
        experiment: Of our figures.
        asked: `Evaluation.about` of our figures.
        sizes: Summary of the stage `dataset`: users, items, interactions.
    """
    if protocol is None:
        name = experiment.data.name
        return [
            Difference(f"The paper reports nothing on {name}: there is no figure to hold.", True)
        ]
    found = [
        *_sizes(protocol, sizes),
        *_asked(protocol, asked),
        *_rows_kept(protocol, experiment),
    ]
    if protocol.split != SPLIT:
        found.append(Difference(f"Ours is split {SPLIT}, the paper's {protocol.split}.", True))
    if protocol.k != K:
        found.append(Difference(f"Our lists have {K} items, the paper's {protocol.k}.", True))
    return found


def _sizes(protocol: Protocol, sizes: Mapping[str, Any]) -> list[Difference]:
    found = []
    for what in ("users", "items"):
        ours, theirs = int(sizes[what]), int(getattr(protocol, what))
        if ours != theirs:
            far = abs(ours / theirs - 1) > ALIKE
            kind = "This is another part of the data" if far else "Nearly the same data"
            found.append(Difference(f"{kind}: {ours:,} {what} here, {theirs:,} there.", far))
    return found


def _asked(protocol: Protocol, asked: Mapping[str, Any]) -> list[Difference]:
    found = []
    if (ours := asked.get("candidates")) != protocol.candidates:
        words = [_candidates(one) for one in (ours, protocol.candidates)]
        found.append(
            Difference(f"The true item is ranked against {words[0]}; there {words[1]}.", True)
        )
    if bool(asked.get("exclude_seen")) != protocol.exclude_seen:
        not_so = "" if asked.get("exclude_seen") else "not "
        found.append(Difference(f"Items of the history are {not_so}left out here.", True))
    if asked.get("part") != "test":
        found.append(Difference(f"These are figures of {asked.get('part')!r}, no test.", True))
    return found


def _candidates(given: object) -> str:
    return "all items" if given == "all" else f"{given} drawn items"


def _rows_kept(protocol: Protocol, experiment: Experiment) -> list[Difference]:
    config, found = experiment.data, []
    least = config.min_rating if config.min_rating is not None else card(config.name).min_rating
    if least != protocol.min_rating:
        told = f"Positive is a rating of {least} or more here, of {protocol.min_rating} there."
        found.append(Difference(told, True))
    if config.min_history != protocol.min_history:
        told = f"Users have {config.min_history} or more interactions here, there "
        found.append(Difference(f"{told}{protocol.min_history}.", True))
    return found


def row_differences(
    protocol: Protocol | None,
    experiment: Experiment,
    cell: Cell,
    cautions: tuple[Caution, ...],
    models: Mapping[str, str],
) -> list[Difference]:
    """What differs for one recommender: its cautions, and other means than the paper's.

    Args:
        protocol: The paper's.
        experiment: Of the recommender.
        cell: The recommender.
        cautions: Of the recommender; each keeps it from being held against the paper.
        models: Who wrote the texts of each side, by side; what it does not read is not told.
    """
    theirs = means()
    found = [Difference(f"It {caution.note}", True) for caution in cautions]
    read = stages_behind(experiment, "train", cell=cell)
    wrote = {side: of for side, of in sorted(models.items()) if f"knowledge-{side}" in read}
    if not all(_is(model, theirs["texts"]) for model in wrote.values()):
        by = " and ".join(f"{side}s by {model}" for side, model in wrote.items())
        found.append(Difference(f"Texts of {by}; there by {theirs['texts']}.", False))
    encoder = experiment.encoder
    if not read.isdisjoint(VECTORS) and not _encodes(encoder, theirs["encoder"]):
        found.append(
            Difference(f"Texts are encoded by {encoder.model}; there: {theirs['encoder']}.", False)
        )
    model = experiment.model_of(cell)
    if protocol is not None and model.max_history != protocol.max_history:
        told = f"It reads the last {model.max_history} items; there {protocol.max_history}."
        found.append(Difference(told, False))
    if model.width != theirs["width"]:
        told = f"Vectors have {model.width} channels; there {theirs['width']}."
        found.append(Difference(told, False))
    if "phrases" in model.needs:
        found.append(Difference(PHRASES, False))
    if "pairs" in model.needs:
        found += _judged(experiment, theirs["judge"])
    return found


def _is(ours: str, theirs: str) -> bool:
    """Whether a model is the paper's; the name of a hub or a folder may stand before ours."""
    return ours.rpartition("/")[2].casefold() == theirs.casefold()


def _encodes(encoder: EncoderConfig, theirs: str) -> bool:
    """Whether vectors are the paper's, which names the model last: "mean over … of MODEL"."""
    return encoder.kind in HIDDEN and _is(encoder.model, theirs.rpartition(" ")[2])


def _judged(experiment: Experiment, theirs: str) -> list[Difference]:
    """TopoI2I without a language model is another method."""
    judge = experiment.pairs.judge
    if isinstance(judge, VectorsJudgeConfig):
        told = "Pairs are judged by the similarity of their vectors, and by no language model"
        return [Difference(f"{told}; there by {theirs}.", True)]
    by = judge.model if isinstance(judge, MODELS) else "recorded answers"
    told = f"Pairs are judged by {by}; there by {theirs}."
    return [] if _is(by, theirs) else [Difference(told, False)]


def training_differences(experiment: Experiment, cell: Cell, items: int) -> list[Difference]:
    """What one recommender is trained on otherwise than in the paper: the items in its loss.

    Args:
        experiment: Of the recommender.
        cell: The recommender.
        items: In the data set.
    """
    config, theirs = experiment.train_of(cell), means()["negatives"]
    if config.is_full(items):
        told = "Training is by a softmax over all items"
        return [Difference(f"{told}; there over {theirs} drawn negatives.", False)]
    if config.negatives != theirs:
        told = f"Training draws {config.negatives:,} negatives, which a step shares"
        return [Difference(f"{told}; there {theirs}.", False)]
    return []


Figures = Mapping[str, float]
"""Value by metric."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """How figures were measured, and on what.

    Attributes:
        users: In the data set.
        items: In the data set.
        min_rating: Lowest rating of a positive interaction.
        min_history: Fewest interactions of a user.
        max_history: Longest history that a recommender reads.
        split: How valid and test were held out.
        candidates: Ranked items: "all", or how many were drawn beside the true one.
        exclude_seen: Whether items of the history were left out.
        k: Length of lists in NDCG and HR.
    """

    users: int
    items: int
    min_rating: float
    min_history: int
    max_history: int
    split: str
    candidates: str | int
    exclude_seen: bool
    k: int


@cache
def paper() -> dict[str, Any]:
    """The whole file."""
    return tomllib.loads(PAPER.read_text(encoding="utf-8"))


def protocol_of(dataset: str) -> Protocol | None:
    """How the paper measured on a data set; None where it did not."""
    given = dict(paper()["protocol"].get(dataset, {}))
    given.pop("samples", None)
    return Protocol(**given) if given else None


def figures_of(table: str, dataset: str, backbone: str) -> dict[str, Figures]:
    """Metrics by row of one backbone in a table of recommenders; none where there are none.

    >>> figures_of("table2", "ml-1m", "sasrec")["autograph"]["ndcg@10"]
    0.1047
    """
    columns = paper()["columns"]
    rows = paper().get(table, {}).get(dataset, {}).get(backbone, {})
    return {row: dict(zip(columns, values, strict=True)) for row, values in rows.items()}


def means() -> dict[str, Any]:
    """What the figures were reached with: language model, encoder, width and the like."""
    return dict(paper()["means"])
