"""The preset `quick`: what to run first on a shop's tables, laid over an experiment on them.

The data, the way of judging, the seed and the control stay those of the experiment; templates,
texts, encoder, recommenders and training are those of the preset, and of `--set`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from app.experiment.file import SHIPPED, change_tree, read_tree, settle
from app.experiment.settings import PLAIN, Experiment, name_of
from data.columns import DESCRIPTION, TITLE
from data.dataset import Dataset
from recommend.settings import BACKBONES

QUICK = "quick"
"""Names of such experiments end in it."""
PRESET = SHIPPED / "presets" / f"{QUICK}.toml"
"""Recommenders and training."""
FEW_USERS = 300
"""Fewer make intervals so wide that little can be told apart."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the preset has to know of a data set.

    Attributes:
        users: Their number.
        items: Their number.
        words: Where items have words that two of them share: in "title", in "texts" that hold
            their descriptions, or nowhere, "".
    """

    users: int
    items: int
    words: str

    @classmethod
    def of(cls, dataset: Dataset) -> Shape:
        """That of a data set."""
        where = {TITLE: "title", DESCRIPTION: "texts"}
        found = (said for column, said in where.items() if _share_words(dataset.items, column))
        return cls(dataset.n_users, dataset.n_items, next(found, ""))

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know before the preset runs on such data, in sentences."""
        found = []
        if not self.words:
            found.append(
                "No two items share a word of a title or a description, so there is no row with "
                "texts. Name columns of the items' table in data.files.title and .description."
            )
        for name in read_tree(str(PRESET))["grid"]["backbones"]:
            if (most := _most_items(name)) is not None and self.items > most:
                found.append(
                    f"{BACKBONES[name].config.title} is left out: it takes {most:,} items at most, "
                    f"and there are {self.items:,}."
                )
        if self.users < FEW_USERS:
            found.append(
                f"{self.users:,} users are few: chance alone makes large differences among them, "
                "and only larger ones show."
            )
        return tuple(found)


def quick(chosen: Experiment, shape: Shape, changes: Sequence[str] = ()) -> Experiment:
    """The preset on the data of an experiment.

    Args:
        chosen: Whose data, way of judging, seed and control it has.
        shape: Of these data.
        changes: "a.b=c", which go before the preset; a name is that of `chosen`.

    Raises:
        ConfigError: a change is none.
    """
    given = chosen.model_dump(mode="json", exclude_none=True)
    kept = {name: given[name] for name in ("data", "evaluate", "seed", "control")}
    preset = read_tree(str(PRESET))
    grid = preset["grid"] | {
        "backbones": [name for name in preset["grid"]["backbones"] if _fits(name, shape)],
        "enhancers": [name for name in preset["grid"]["enhancers"] if name == PLAIN or shape.words],
    }
    tree = preset | kept | {"name": quick_name(chosen), "grid": grid}
    if shape.words:
        tree["words"] = {"of": shape.words}
    changes = [change for change in changes if change.partition("=")[0].strip() != "name"]
    return settle(change_tree(tree, changes), "The preset")


def quick_name(chosen: Experiment) -> str:
    """What the preset on the data of an experiment is called.

    >>> quick_name(Experiment(name="shop")), quick_name(Experiment(name="shop-quick"))
    ('shop-quick', 'shop-quick')
    >>> quick_name(Experiment(name="shop", control="shuffled"))
    'shop-quick-shuffled'
    """
    name = chosen.texts_name
    own = name if name.endswith(f"-{QUICK}") else f"{name}-{QUICK}"
    return name_of(own, chosen.control)


def _fits(backbone: str, shape: Shape) -> bool:
    """Whether a recommender has what it needs of such data."""
    most, reads = _most_items(backbone), bool(BACKBONES[backbone].config().needs)
    return (most is None or shape.items <= most) and (bool(shape.words) or not reads)


def _most_items(backbone: str) -> int | None:
    """Items up to which a recommender works; None where their number does not matter."""
    most: int | None = getattr(BACKBONES[backbone].config(), "most_items", None)
    return most


def _share_words(items: pl.DataFrame, column: str) -> bool:
    return column in items.columns and share_a_word(items[column].cast(pl.String))


def share_a_word(texts: Iterable[str | None]) -> bool:
    """Whether any two texts have a word in common.

    >>> share_a_word(["Blue pen", "Red ink", None]), share_a_word(["Blue pen", "A blue one"])
    (False, True)
    """
    seen: set[str] = set()
    for text in texts:
        words = set(re.findall(r"\w+", (text or "").lower()))
        if words & seen:
            return True
        seen |= words
    return False
