"""What enhancers are worth where histories are short: each user's last interactions alone.

Of a finished experiment it takes the data set and the vectors of its items. A user's vector is the
mean over the items of the training history; codes of both sides come from rq-kmeans. `--shuffled`
gives each item the vector of another: what is gained all the same is no gain of meaning.

    python benchmarks/short_histories.py ml-1m sasrec+none sasrec+autograph
    python benchmarks/short_histories.py ml-1m 'sasrec+kar:sides=["item"]' --seeds 0 1 --shuffled
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from app.pipeline.records import read_record
from data.columns import USER
from data.dataset import Dataset
from data.ids import IdMap
from data.split import Split, leave_one_out
from graph.build.latent import build_graph
from llm.vectors import Vectors
from quantize.codes import Codes
from quantize.methods.rq_kmeans import RqKMeansQuantizer
from quantize.settings import RqKMeansConfig
from recommend.fit.training import fit_model
from recommend.judge.evaluate import evaluate
from recommend.settings import EvaluateConfig, ModelConfig, TrainConfig
from recommend.sources import Sources

USER_CODES, ITEM_CODES = 300, 256
"""Codes a level."""
RARE = 20
"""An item with fewer training interactions counts as rare."""
ROW = "{:<48}{:>5}{:>8}{:>10}{:>8}{:>10}{:>8}{:>7}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("experiment")
    parser.add_argument("cells", nargs="+", help='such as sasrec+none or sasrec+kar:sides=["item"]')
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("--last", type=int, default=12, help="interactions kept of each user")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--shuffled", action="store_true")
    parser.add_argument("--epochs", type=int, default=25)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    import torch

    torch.set_num_threads(asked.threads)
    record = read_record(asked.experiment, asked.workspace)
    dataset = shortened(Dataset.load(record.folder("dataset")), asked.last)
    split = leave_one_out(dataset)
    vectors = Vectors.load(record.folder("vectors-item")).matrix
    if asked.shuffled:
        vectors = vectors[np.random.default_rng(1).permutation(len(vectors))]
    sources = sources_of(dataset, split, vectors)
    settings = TrainConfig(epochs=asked.epochs, learning_rate=2e-3, final_share=0.05)
    print(ROW.format("cell", "seed", "epochs", "valid", "test", "rare test", "GAUC", "s"))
    for cell in asked.cells:
        for seed in asked.seeds:
            print(row(dataset, split, sources, cell, settings, seed, asked.last), flush=True)


def shortened(dataset: Dataset, last: int) -> Dataset:
    """The data set with so many interactions of each user."""
    place = pl.int_range(pl.len()).over(USER)
    kept = dataset.interactions.filter(place >= pl.len().cast(pl.Int64).over(USER) - last)
    return Dataset(dataset.name, dataset.users, dataset.items, kept)


def sources_of(dataset: Dataset, split: Split, vectors: np.ndarray) -> Sources:
    """Graph and vectors, the users' from their training items alone."""
    past = split.histories(dataset)
    users = np.stack([vectors[past.of(user)].mean(0) for user in range(dataset.n_users)])

    def codes(ids: IdMap, matrix: np.ndarray, k: int) -> Codes:
        fitted = quantizer_of(matrix, k)
        return Codes(ids.external, fitted.assign(matrix), fitted.codebooks)

    graph = build_graph(
        dataset,
        split,
        codes(dataset.user_ids, users, USER_CODES),
        codes(dataset.item_ids, vectors, ITEM_CODES),
    )
    return Sources(graph=graph, user_vectors=users, item_vectors=vectors)


def quantizer_of(matrix: np.ndarray, k: int) -> RqKMeansQuantizer:
    """Codebooks fitted to some vectors, the same ones for the same vectors."""
    return RqKMeansQuantizer.fit(matrix, RqKMeansConfig(k=k), seed=0, scratch=Path())


def row(
    dataset: Dataset,
    split: Split,
    sources: Sources,
    cell: str,
    settings: TrainConfig,
    seed: int,
    last: int,
) -> str:
    """One trained recommender as a line of the table."""
    names, _, given = cell.partition(":")
    backbone, _, enhancer = names.partition("+")
    changes = dict(part.split("=", 1) for part in filter(None, given.split(";")))
    about = {} if enhancer == "none" else {"dropout": 0.5}
    about |= {name: json.loads(value) for name, value in changes.items()}
    config = ModelConfig.model_validate(
        {
            "backbone": {"name": backbone},
            "enhancer": {"name": enhancer, **about},
            "max_history": last if backbone in ("sasrec", "gru4rec") else 5,
        }
    )
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        model = fit_model(
            dataset, split, sources, config, settings, seed=seed, scratch=Path(scratch)
        )
    found = evaluate(model, dataset, split, "test", EvaluateConfig(exclude_seen=False))
    rare = found.per_user.filter(pl.col("popularity") < RARE)["ndcg@10"].mean()
    best, test, gauc = model.curve["ndcg@10"].max(), found.summary["ndcg@10"], found.summary["gauc"]
    shown = (f"{best:.4f}", f"{test:.4f}", f"{rare:.4f}", f"{gauc:.4f}")
    return ROW.format(cell, seed, model.curve.height, *shown, f"{time.perf_counter() - begun:.0f}")


if __name__ == "__main__":
    main()
