"""What keeps results from being taken for what they are not: a sign at each, a note under each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.experiment.settings import RANDOM, SHUFFLED, Cell, Experiment

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Caution:
    """One reason why a result is no fair one.

    Attributes:
        sign: What stands beside the name of a recommender.
        badge: The reason in a few words.
        note: The reason in a sentence, without its sign.
        leak: Whether what is predicted was seen.
    """

    sign: str
    badge: str
    note: str
    leak: bool


LEAKING_TEXTS = Caution(
    "*",
    "has seen held-out interactions",
    "used texts whose author had seen held-out interactions: no fair comparison.",
    leak=True,
)
ALL_EDGES = Caution(
    "†",
    "graph of all splits",
    'has validation and test interactions on the edges of its graph (graph.edges = "all"): it has '
    "seen what it predicts, no fair comparison.",
    leak=True,
)
TEXTS_SHUFFLED = Caution(
    "‡",
    "control: texts shuffled",
    "is a control: texts are shuffled among users and among items, so names of factors and reasons "
    "are of other entities and mean nothing.",
    leak=False,
)
VECTORS_RANDOM = Caution(
    "§",
    "control: vectors random",
    "is a control: in place of the texts' vectors stand random ones, so codes and names of factors "
    "mean nothing, and reasons do not come of what texts say.",
    leak=False,
)
HINDSIGHT = Caution(
    "¶",
    "users' vectors made in hindsight",
    "reads vectors of users that were made with every training interaction in view, those that its "
    "training predicts among them, so it may trust them more than they deserve; nothing held out "
    "was seen.",
    leak=False,
)
MISPLACED = Caution(
    "‖",
    "control: vectors of others",
    "is a control: users and items have the graph model's vectors of others, so these say nothing "
    "of those who have them.",
    leak=False,
)
CAUTIONS = {
    one.sign: one
    for one in (
        *(LEAKING_TEXTS, ALL_EDGES, TEXTS_SHUFFLED, VECTORS_RANDOM),
        *(HINDSIGHT, MISPLACED),
    )
}
"""All there are, by their signs."""


def of_settings(experiment: Experiment) -> tuple[Caution, ...]:
    """What an experiment's settings alone give cause for."""
    found = {
        ALL_EDGES: experiment.graph.edges == "all",
        TEXTS_SHUFFLED: experiment.control == SHUFFLED,
        VECTORS_RANDOM: experiment.control == RANDOM,
    }
    return tuple(caution for caution, there in found.items() if there)


def of_enhancer(experiment: Experiment, cell: Cell) -> tuple[Caution, ...]:
    """What the settings of a cell's enhancer give cause for, or of the one that it stands upon."""
    beneath, enhancer = experiment.beneath(cell), experiment.model_of(cell).enhancer
    inside = () if beneath is None else of_enhancer(experiment, beneath)
    found = {HINDSIGHT: enhancer.hindsight, MISPLACED: enhancer.misplaced}
    return (*inside, *(caution for caution, there in found.items() if there))


def tell(name: str, cautions: Iterable[Caution], console: Console) -> None:
    """Prints what is to be known before factors, reasons or results of an experiment are read."""
    for caution in cautions:
        console.print(f"Caution: {name} {caution.note}", style="yellow")


def signs(cautions: Iterable[Caution]) -> str:
    """The signs of some cautions, in their order, "" where there is none."""
    there = set(cautions)
    return "".join(one.sign for one in CAUTIONS.values() if one in there)


def notes(marked: Iterable[str]) -> list[str]:
    """A sentence for each sign that occurs.

    >>> [note[:28] for note in notes(["", "†", "†‡"])]
    ['† has validation and test in', '‡ is a control: texts are sh']
    """
    there = set("".join(marked))
    return [f"{sign} {one.note}" for sign, one in CAUTIONS.items() if sign in there]


def with_signs(label: str, marked: str) -> str:
    """A label with its signs.

    >>> with_signs("sasrec+autograph", "‡"), with_signs("sasrec+none", "")
    ('sasrec+autograph ‡', 'sasrec+none')
    """
    return f"{label} {marked}" if marked else label


def without_signs(label: str) -> str:
    """A label without its signs."""
    return label.rstrip("".join(CAUTIONS)).rstrip()
