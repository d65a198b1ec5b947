"""How far one comes without training: simple recommenders, judged against the whole catalogue.

Leave-one-out by order, what a user has seen is left out, ties take the mean rank. All are fitted on
training interactions; settings are chosen on validation, and the test is asked once, with histories
that hold the validation item. Texts are titles (`--texts title`), or titles, brands and categories.
"shuffled" gives each item the text of another: what is gained all the same is no gain of meaning.

    PYTHONPATH=. python benchmarks/simple.py amazon-office --from DATA/amazon-office-2014
    PYTHONPATH=. python benchmarks/simple.py amazon-beauty --from DATA/amazon-5core-sequences
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from itertools import product
from pathlib import Path
from typing import TypeVar

import numpy as np

from data.columns import TITLE
from data.dataset import Dataset, histories
from data.loaders.load import load_dataset
from data.settings import DataConfig
from data.split import leave_one_out
from quantize.words import table_texts
from recommend.judge.metrics import hit_ratio, ndcg
from recommend.settings.ease import EaseConfig
from recommend.settings.hybrid import HybridConfig
from recommend.settings.item_knn import ItemKnnConfig
from recommend.simple.behaviour import Ease, ItemKnn, Popularity
from recommend.simple.scorer import Scorer
from recommend.simple.texts import Hybrid, TextKnn, full_ranks

C = TypeVar("C")
S = TypeVar("S", bound=Scorer)
RARE = 5
"""Training interactions that an item counts as rare with."""
ROW = "| {:<34} | {:>8} | {:>8} | {:>8} | {:>8} | {:>6} |"


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", help="of a data set")
    parser.add_argument("--from", dest="source", type=Path, help="folder of its files")
    parser.add_argument("--texts", choices=("title", "all"), default="title")
    parser.add_argument("--most-items", type=int, default=EaseConfig().most_items, help="of EASE")
    asked = parser.parse_args()
    config = DataConfig(name=asked.name, source=asked.source)
    dataset = load_dataset(config, Path("workspace") / "downloads").dataset
    Comparison(dataset).show(asked.texts, asked.most_items)


class Comparison:
    """Fits on one data set, and judges."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset, self.n = dataset, dataset.n_items
        split = leave_one_out(dataset)
        self.past = split.histories(dataset)
        rows = np.sort(np.concatenate([split.train, split.valid]))
        self.known = histories(dataset.interactions[rows], dataset.n_users)
        self.valid, self.test = (split.targets(dataset, part) for part in ("valid", "test"))
        self.rare = np.bincount(self.past.items, minlength=self.n)[self.test] <= RARE

    def show(self, words: str, most_items: int) -> None:
        """A row a recommender."""
        print(ROW.format("", "valid", "NDCG@10", "HR@10", "rare", "s"))
        print("|---" * 6 + "|")
        self.row("popularity", lambda: Popularity.fit(self.past, self.n))
        plain = ItemKnnConfig(nearness=1, backward=1, reach=10_000)
        self.row("item-kNN, cosine", lambda: ItemKnn.fit(self.past, self.n, plain))
        grid = product((0.5, 0.8, 1.0), (0.0, 0.5, 1.0), (0.5, 0.7, 0.9))
        configs = [ItemKnnConfig(nearness=a, backward=b, recency=c) for a, b, c in grid]
        knn, neighbours = self.best(configs, lambda one: ItemKnn.fit(self.past, self.n, one))
        said = f"{knn.nearness:g}, {knn.backward:g}, {knn.recency:g}"
        self.row(f"item-kNN, decay {said}", lambda: neighbours)
        if self.n <= most_items:
            every = [EaseConfig(l2=l2, most_items=most_items) for l2 in (10, 100, 500)]
            ease, solved = self.best(every, lambda one: Ease.fit(self.past, self.n, one))
            self.row(f"EASE, λ {ease.l2:g}", lambda: solved)
        if TITLE not in self.dataset.items.columns:
            print("There are no titles: the rows with texts are left out.")
            return
        texts = table_texts(self.dataset.items, details=words == "all")
        self.row("text-kNN, TF-IDF", lambda: TextKnn.of_texts(texts))
        shuffled = [texts[k] for k in np.random.default_rng(0).permutation(self.n)]
        for name, said in (("", texts), (", shuffled", shuffled)):
            both = HybridConfig(**knn.model_dump(exclude={"name"}))
            sums = Hybrid.fit(self.past, self.valid, TextKnn.of_texts(said), both)
            self.row(f"hybrid, λ {sums.weight:g}{name}", lambda sums=sums: sums)  # type: ignore[misc]

    def best(self, configs: Iterable[C], fit: Callable[[C], S]) -> tuple[C, S]:
        """The settings, and what they fit, that are best on validation."""
        fitted = [(one, fit(one)) for one in configs]
        return max(fitted, key=lambda pair: self.on_validation(pair[1]))

    def on_validation(self, scorer: Scorer) -> float:
        """NDCG@10."""
        return float(ndcg(full_ranks(scorer, self.past, self.valid), 10).mean())

    def row(self, name: str, fit: Callable[[], Scorer]) -> None:
        """Prints how one does."""
        begun = time.perf_counter()
        scorer = fit()
        found = full_ranks(scorer, self.known, self.test)
        figures = (
            self.on_validation(scorer),
            ndcg(found, 10).mean(),
            hit_ratio(found, 10).mean(),
            ndcg(found[self.rare], 10).mean(),
        )
        took = f"{time.perf_counter() - begun:.0f}"
        print(ROW.format(name, *map("{:.4f}".format, figures), took), flush=True)


if __name__ == "__main__":
    main()
