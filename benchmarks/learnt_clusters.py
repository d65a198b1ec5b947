"""Whether clusters that are learnt with the vectors find more of what a flat search finds.

LightGCN is trained twice from the same start: as it is, and with `commitment` to codebooks of its
item vectors added to its loss, which are placed by k-means after a few epochs and learnt from then
on. Asked are users for the items of the largest product; lists are of codes by k-means of the final
vectors, an inverted file of FAISS with as many, and of codes by the codebooks that were learnt with
them. HR@100 is on the test, of a flat search, by ranks among all items that the user has not had:
what the term costs.

    PYTHONPATH=. python benchmarks/learnt_clusters.py amazon-office --from DATA/amazon-office-2014
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch
from torch import Tensor, nn

from data.domains import Domains
from data.loaders.load import load_dataset
from data.settings import DataConfig
from data.split import leave_one_out
from quantize.methods.rq_kmeans import RqKMeansQuantizer
from quantize.settings import RqKMeansConfig
from recommend.fit.training import Trainer
from recommend.graphs.towers import Towers
from recommend.judge.engagement import measure_engagement
from recommend.judge.evaluate import histories_before
from recommend.protocols import World
from recommend.retrieval.clusters import Clusters, commitment, recall_curve
from recommend.settings import PLAIN, ModelConfig, TrainConfig
from recommend.sources import Sources

SHARES = (0.02, 0.05, 0.1, 0.2)
PLACED = 3
"""Epochs before there are codebooks."""
LEVELS = 2
ROW = "| {:>4} | {:>6} | {:<23} | {:>6} |" + " {:>6} |" * len(SHARES)


class Network(nn.Module):
    """Weights of the towers, and codebooks of items."""

    def __init__(self, towers: nn.Module, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.towers, self.codebooks = towers, nn.Parameter(torch.zeros(shape))


@dataclass
class WithClusters:
    """Towers that learn codebooks besides, where the weight of the term is not 0."""

    towers: Towers
    network: Network
    weight: float
    placed: bool = False

    def batches(self, world: World, rng: np.random.Generator) -> tuple[int, Iterator[Any]]:
        """Those of the towers."""
        return self.towers.batches(world, rng)

    def loss(self, batch: Any) -> tuple[Tensor, int]:
        """That of the towers, and the term once codebooks are placed."""
        own, positions = self.towers.loss(batch)
        if not self.placed or not self.weight:
            return own, positions
        _, items = self.towers.network.towers()
        return own + self.weight * commitment(items, self.network.codebooks), positions

    @torch.no_grad()
    def place(self, seed: int) -> None:
        """Codebooks by k-means of the items as they are."""
        _, items = self.towers.embeddings()
        config = RqKMeansConfig(k=self.network.codebooks.shape[1], levels=LEVELS, per_code=1)
        fitted = RqKMeansQuantizer.fit(items, config, seed=seed, scratch=Path())
        self.network.codebooks.copy_(torch.from_numpy(fitted.codebooks))
        self.placed = True


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", help="of a data set")
    parser.add_argument("--from", dest="source", type=Path, help="folder of its files")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--codes", type=int, default=16, help="code vectors a level, of two levels")
    parser.add_argument("--weights", type=float, nargs="+", default=[1.0], help="of the term")
    asked = parser.parse_args()
    config = DataConfig(name=asked.name, source=asked.source)
    dataset = load_dataset(config, Path("workspace") / "downloads").dataset
    split = leave_one_out(dataset)
    settings = TrainConfig(epochs=asked.epochs, batch_size=512, learning_rate=1e-2, weight_decay=0)
    past = split.histories(dataset)
    world = World(dataset, past, Sources(histories=past), settings)
    true, before = split.targets(dataset, "test"), histories_before(dataset, split, "test")
    whole = Domains(("items",), np.zeros(dataset.n_items, dtype=np.int64))
    print(ROW.format("seed", "weight", "codebooks", "HR@100", *(f"{s:.0%}" for s in SHARES)))
    print("|---" * (4 + len(SHARES)) + "|")
    for seed in range(asked.seeds):
        for weight in (0.0, *asked.weights):
            made = fitted(world, weight, seed, asked.codes)
            users, items = made.towers.embeddings()
            found = measure_engagement((users, items), past, before, true, whole)
            ways = {"k-means afterwards": Clusters.fit(items, asked.codes, LEVELS, seed)}
            ways["FAISS IVF afterwards"] = of_faiss(items, len(ways["k-means afterwards"].prefixes))
            if weight:
                books = made.network.codebooks.detach().numpy()
                ways["learnt with the vectors"] = Clusters.of(items, books)
            for way, clusters in ways.items():
                shown = (f"{recall:.3f}" for recall in at_shares(clusters, items, users))
                recall = f"{found.recall(100, 'u2i'):.4f}"
                print(ROW.format(seed, f"{weight:g}", way, recall, *shown), flush=True)


def fitted(world: World, weight: float, seed: int, codes: int) -> WithClusters:
    """Towers after all epochs."""
    torch.manual_seed(seed)
    own = {"backbone": {"name": "lightgcn-cf"}, "enhancer": {"name": PLAIN}}
    config = ModelConfig.model_validate({**own, "embedding_dropout": 0})
    towers = Towers.of(config, world)
    network = Network(towers.network, (LEVELS, codes, config.width))
    made = WithClusters(towers, network, weight)
    trainer = Trainer(made, world, seed)
    for epoch in range(world.settings.epochs):
        if epoch == PLACED:
            made.place(seed)
        trainer.epoch(epoch)
    return made


def of_faiss(items: np.ndarray, lists: int) -> Clusters:
    """An inverted file of FAISS with so many lists."""
    width = items.shape[1]
    index = faiss.index_factory(width, f"IVF{lists},Flat", faiss.METRIC_INNER_PRODUCT)
    index.cp.min_points_per_centroid = 1
    index.train(items)
    index.add(items)
    centres = index.quantizer.reconstruct_n(0, lists)
    return Clusters(centres[None], np.arange(lists)[:, None], index)


def at_shares(clusters: Clusters, items: np.ndarray, users: np.ndarray) -> list[float]:
    """Recall@100 of a flat search where each share of the items is read, between probes."""
    queries = users[np.random.default_rng(0).permutation(len(users))[:1000]]
    lists = len(clusters.prefixes)
    probes = tuple(sorted({max(1, round(lists * share)) for share in np.geomspace(0.004, 1, 40)}))
    curve = recall_curve(clusters, items, queries, min(100, len(items)), probes)
    return [float(np.interp(share, curve["read"], curve["recall"])) for share in SHARES]


if __name__ == "__main__":
    main()
