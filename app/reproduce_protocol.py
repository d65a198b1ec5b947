"""Whether our figures and the paper's were measured alike, and what else differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.cautions import Caution
from app.reproduce_paper import Protocol, means
from app.settings import PLAIN, Cell, Experiment

ALIKE = 0.01
"""Share by which users or items may differ before it counts as another data set."""
SPLIT = "leave-one-out"
"""How `data.split` holds out valid and test."""
K = 10
"""Length of lists in the metrics that are reported."""


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
    from data.catalogue import card

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
        models: Who wrote the texts of each side, by side.
    """
    theirs = means()
    found = [Difference(f"It {caution.note}", True) for caution in cautions]
    if cell.enhancer != PLAIN:
        by = " and ".join(f"{side}s by {model}" for side, model in sorted(models.items()))
        if any(model != theirs["texts"] for model in models.values()):
            found.append(Difference(f"Texts of {by}; there by {theirs['texts']}.", False))
        encoder = experiment.encoder
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
    found += _judged(experiment, cell, theirs)
    return found


def _judged(experiment: Experiment, cell: Cell, theirs: Mapping[str, Any]) -> list[Difference]:
    """TopoI2I without a language model is another method."""
    if cell.enhancer != "topoi2i":
        return []
    judge = getattr(getattr(experiment, "pairs", None), "judge", None)
    kind = getattr(judge, "backend", judge)
    if kind in (None, "embedding", "vectors"):
        told = "Pairs are judged by the similarity of their vectors, and by no language model"
        return [Difference(f"{told}; there by {theirs['judge']}.", True)]
    return []
