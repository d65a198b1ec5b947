"""What ContextGNN knows of items that nobody had: some are taken out of training and put in again.

Of a finished experiment it takes the data set, the vectors of its items' texts and the settings of
its recommenders. A share of the items is drawn, with all that users had of them left out of
training and graph. Then all of them are placed as the product places a newcomer, and the users
whose very last item is one of them are asked for it, against the whole catalogue, newcomers
included, and among the newcomers alone.

Ways to make items' vectors: of their attributes or of their texts; scored by towers alone, by pairs
near a user too, and with paths over the items' factors, by which a pair reaches a newcomer.

    PYTHONPATH=. python benchmarks/cold_context.py demo
    PYTHONPATH=. python benchmarks/cold_context.py demo --draws 0 1 2 --ways "tower, texts"
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from app.experiment.settings import Cell
from app.pipeline.records import Record, read_record
from benchmarks.cold_items import World
from benchmarks.short_histories import quantizer_of
from data.dataset import Dataset, histories
from data.split import leave_one_out
from graph.build.latent import build_graph
from llm.vectors import Vectors
from quantize.codes import Codes
from recommend.features import bags, categories
from recommend.fit.training import fit_model
from recommend.judge.compare import paired_test
from recommend.judge.metrics import mean_rank, per_user
from recommend.newcomers.placing import with_item
from recommend.protocols import Asked
from recommend.reasons.what_if import Ready
from recommend.settings.contextgnn import ContextGnnConfig
from recommend.sources import Sources, standardise

WAYS = {
    "tower, attributes": {"parts": "tower"},
    "both, attributes": {},
    "tower, texts": {"parts": "tower", "says": "texts"},
    "both, texts": {"says": "texts"},
    "tower, texts, factors": {"parts": "tower", "says": "texts", "factors": True},
    "both, texts, factors": {"says": "texts", "factors": True},
    "gate, texts": {"says": "texts", "meeting": "gate"},
    "gate, texts, factors": {"says": "texts", "factors": True, "meeting": "gate"},
}
METRICS = ("hr@10", "ndcg@10", "mrr")


def main() -> None:
    """A line of JSON for each way, over all draws, and a paired test of each pair of ways."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("experiment")
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("--share", type=float, default=0.1, help="of the items, taken out")
    parser.add_argument("--draws", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--codes", type=int, default=48, help="of items, a level")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    record = read_record(args.experiment, args.workspace)
    dataset = Dataset.load(record.folder("dataset"))
    vectors = Vectors.load(record.folder("vectors-item")).matrix
    found: dict[str, list[np.ndarray]] = {way: [] for way in args.ways}
    for draw in args.draws:
        world = World.of(dataset, args.share, draw)
        for way in args.ways:
            found[way].append(_ranks(args, record, world, dataset, vectors, WAYS[way], draw))
    together = {way: np.concatenate(some, axis=1) for way, some in found.items()}
    for way, ranks in together.items():
        reached = [per_user(*ranks[at : at + 2]) for at in (0, 2)]
        told = [{m: round(float(one[m].mean()), 4) for m in METRICS} for one in reached]
        said = {"way": way, "users": ranks.shape[1], "of_all": told[0], "of_new": told[1]}
        print(json.dumps(said), flush=True)
    for one, other in zip(args.ways[::2], args.ways[1::2], strict=False):
        print(json.dumps({"from": one, "to": other, **_tested(together[one], together[other])}))


def _ranks(
    args: argparse.Namespace,
    record: Record,
    world: World,
    dataset: Dataset,
    vectors: np.ndarray,
    way: dict[str, object],
    draw: int,
) -> np.ndarray:
    """(4, u) rank of each user's newcomer in the catalogue, its size, and likewise among the new.

    Codes of items are of the texts of those known; users have none that anything reads.
    """
    cell, own = Cell("contextgnn", "none", draw), vectors[world.warm]
    split, quantizer = leave_one_out(world.known), quantizer_of(own, args.codes)
    sides = (
        Codes(ids.external, quantizer.assign(matrix), quantizer.codebooks)
        for ids, matrix in (
            (world.known.user_ids, np.repeat(own[:1], world.known.n_users, 0)),
            (world.known.item_ids, own),
        )
    )
    sources = Sources(graph=build_graph(world.known, split, *sides), item_vectors=own)
    config = record.experiment.model_of(cell)
    backbone = ContextGnnConfig.model_validate(
        {**config.backbone.model_dump(), "items": "feature", "factors": False, **way}
    )
    config = config.model_copy(update={"backbone": backbone, "item_features": True})
    settings = record.experiment.train_of(cell).model_copy(update={"epochs": args.epochs})
    with tempfile.TemporaryDirectory() as scratch:
        model = fit_model(
            world.known, split, sources, config, settings, seed=draw, scratch=Path(scratch)
        )
    codes = quantizer.assign(vectors[world.cold])
    ready, known = Ready.of(model), categories(world.known.items)
    for item, code in zip(world.cold.tolist(), codes, strict=True):
        said = standardise(vectors[item], own)
        ready = with_item(ready, code, bags(dataset.items[[item]], known), vector=said)
    return _wanted(ready, world)


def _wanted(ready: Ready, world: World) -> np.ndarray:
    past, n = histories(world.known.interactions, world.known.n_users), world.known.n_items
    answers = ready.answers
    with torch.inference_mode():
        blocks = answers.of.scores(Asked(past, world.users))  # type: ignore[attr-defined]
        scores = torch.cat([one for _, one in blocks])
        for row, user in enumerate(world.users.tolist()):
            scores[row, past.of(user).astype(np.int64)] = -torch.inf
        target = torch.from_numpy(world.wanted)
        every, among = mean_rank(scores, n + target), mean_rank(scores[:, n:], target)
    sizes = (np.full(len(target), size) for size in (scores.shape[1], len(world.cold)))
    whole, new = sizes
    return np.stack([every.numpy(), whole, among.numpy(), new])


def _tested(one: np.ndarray, other: np.ndarray) -> dict[str, Sequence[float]]:
    """How far NDCG@10 of the second is from the first: low, high and p, in both catalogues."""
    found = {}
    for name, at in (("of_all", 0), ("of_new", 2)):
        ours, theirs = (per_user(*ranks[at : at + 2])["ndcg@10"] for ranks in (other, one))
        found[name] = [round(float(part), 4) for part in paired_test(ours, theirs)[1:]]
    return found


if __name__ == "__main__":
    main()
