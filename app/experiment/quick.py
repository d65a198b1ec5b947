"""The preset `quick`: what to run first on a shop's tables, laid over an experiment on them.

The data, the way of judging, the seed and the control stay those of the experiment; templates,
texts, encoder, recommenders and training are those of the preset, and of `--set`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from app.experiment.file import change_tree, settle
from app.experiment.settings import PLAIN, Experiment, name_of
from data.columns import DESCRIPTION, TITLE
from data.dataset import Dataset
from recommend.settings.registry import BACKBONES

QUICK = "quick"
"""Names of such experiments end in it."""
WITH_TEXTS = "fusion"
"""The enhancer of the trained recommender that knows texts."""
SIMPLE, READERS, TRAINED = ("popularity", "item-knn", "ease"), ("text-knn", "hybrid"), "sasrec"
"""Rows that know interactions alone, rows that compare words of items, and the row that learns."""
FEW_USERS = 300
"""Fewer make intervals so wide that little can be told apart."""
PRESET: Mapping[str, Any] = {
    "model": {
        "width": 64,
        "max_history": 50,
        "embedding_dropout": 0.5,
        "backbone": {"name": TRAINED, "layers": 1, "heads": 1, "dropout": 0.5},
    },
    "train": {"epochs": 60, "patience": 5, "learning_rate": 1e-3, "weight_decay": 0.1},
    "override": {WITH_TEXTS: {"model": {"enhancer": {"evidence": ["words", "vectors"]}}}},
}
"""Settings for a dozen interactions a person: a narrow network of one block, half of it dropped;
and evidence of items' texts alone, so that no further interactions are what it gains by."""
NOTE = "A first look: simple recommenders, one that learns, and the same with texts."


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
        if self.items > _most_items():
            found.append(
                f"EASE is left out: it turns over a matrix of items × items, and {self.items:,} "
                f"items are more than {_most_items():,}."
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
    readers = READERS if shape.words else ()
    simple = [name for name in SIMPLE if name != "ease" or shape.items <= _most_items()]
    tree = {
        **kept,
        **PRESET,
        "name": quick_name(chosen),
        "note": NOTE,
        "words": {"of": shape.words or "title"},
        "grid": {
            "backbones": [*simple, *readers, TRAINED],
            "enhancers": [PLAIN, WITH_TEXTS] if shape.words else [PLAIN],
            "seeds": [0],
        },
    }
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


def _most_items() -> int:
    """Items up to which EASE is there."""
    return int(BACKBONES["ease"].config.model_fields["most_items"].default)


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
