"""What texts are worth for items that nobody had: some are taken out of training and put in again.

Of a finished experiment it takes the data set, the vectors of its items' texts and the settings of
its recommenders. A share of the items is drawn, with all that users had of them left out of
training, codes and graph. Then each is placed as the product places a newcomer, and the users whose
very last item is one of them are asked for it, against the whole catalogue, newcomers included.

Ways to place it: by its attributes alone, which is all that a plain recommender knows; as the mean
of the items with the most similar texts, without any graph; by its place in the graph; and by that
of another newcomer, the control. Users' codes are of the means of their items' vectors. Where only
newcomers are ranked, it does not matter how high they stand beside all others.

    PYTHONPATH=. python benchmarks/cold_items.py ml-1m sasrec
    PYTHONPATH=. python benchmarks/cold_items.py ml-1m sasrec youtubednn --draws 0 1 2
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from app.experiment.settings import Cell
from app.pipeline.records import Record, read_record
from benchmarks.short_histories import ITEM_CODES, quantizer_of, sources_of
from data.columns import ITEM, USER
from data.dataset import Dataset, histories
from data.split import Split, leave_one_out
from graph.build.growth import find_sharers
from llm.encoder import normalise
from llm.vectors import Vectors
from recommend.features import bags, categories
from recommend.fit.training import fit_model
from recommend.judge.compare import paired_test
from recommend.judge.metrics import METRICS, mean_rank, per_user
from recommend.newcomers.placing import with_item
from recommend.protocols import ALIKE
from recommend.reasons.what_if import Ready
from recommend.sources import Sources

LEAST = 3
"""Interactions that every user keeps."""
NAMED = {
    "attributes": "plain, by attributes",
    "similar": "plain, by similar texts",
    "graph": "autograph",
    "another's": "autograph, by another's text",
}
"""Ways to place a newcomer."""
RIVALS = ("attributes", "another's")
"""Those that the others are tested against."""


@dataclass(frozen=True, slots=True)
class World:
    """A data set before its newcomers came.

    Attributes:
        known: Without them.
        cold: (c,) their numbers in the data set with them.
        warm: (n,) numbers of the known items there.
        users: (u,) users whose last item is a newcomer.
        wanted: (u,) which one, by its place in `cold`.
    """

    known: Dataset
    cold: np.ndarray
    warm: np.ndarray
    users: np.ndarray
    wanted: np.ndarray

    @classmethod
    def of(cls, dataset: Dataset, share: float, draw: int) -> World:
        """With a share of the items as newcomers, such that everybody keeps three interactions."""
        owners, items = (dataset.interactions[name].to_numpy() for name in (USER, ITEM))
        left = np.bincount(owners, minlength=dataset.n_users)
        chosen = list[int]()
        for item in np.random.default_rng(draw).permutation(dataset.n_items):
            who, times = np.unique(owners[items == item], return_counts=True)
            if np.all(left[who] - times >= LEAST):
                left[who] -= times
                chosen.append(int(item))
            if len(chosen) >= share * dataset.n_items:
                break
        cold = np.sort(np.array(chosen))
        warm = np.setdiff1d(np.arange(dataset.n_items), cold)
        place = np.full(dataset.n_items, -1)
        place[warm] = np.arange(len(warm))
        numbers = pl.Series(ITEM, place[items], dtype=pl.Int32)
        kept = dataset.interactions.with_columns(numbers).filter(pl.col(ITEM) >= 0)
        known = Dataset(dataset.name, dataset.users, dataset.items[warm.tolist()], kept)
        past = histories(dataset.interactions, dataset.n_users)
        last = past.items[past.offsets[1:] - 1]
        users = np.flatnonzero(place[last] < 0)
        return cls(known, cold, warm, users, np.searchsorted(cold, last[users]))


def main() -> None:
    """Print one table a backbone."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("experiment")
    parser.add_argument("backbones", nargs="+")
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("--share", type=float, default=0.1, help="of the items, taken out")
    parser.add_argument(
        "--draws", type=int, nargs="+", default=[0], help="of newcomers; seeds, too"
    )
    parser.add_argument("--epochs", type=int, help="by default those of the experiment")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    record = read_record(asked.experiment, asked.workspace)
    dataset = Dataset.load(record.folder("dataset"))
    vectors = Vectors.load(record.folder("vectors-item")).matrix
    for backbone in asked.backbones:
        found = []
        for draw in asked.draws:
            world = World.of(dataset, asked.share, draw)
            split = leave_one_out(world.known)
            sources = sources_of(world.known, split, vectors[world.warm])
            plain, graph = (
                trained(record, world, split, sources, Cell(backbone, enhancer, draw), asked.epochs)
                for enhancer in ("none", "autograph")
            )
            found.append(ranks(world, plain, graph, vectors, dataset))
        show(f"{backbone}, {asked.share:.0%} of the items are new", found)


def trained(
    record: Record, world: World, split: Split, sources: Sources, cell: Cell, epochs: int | None
) -> Ready:
    """A recommender that has never heard of the newcomers, set as in the experiment."""
    begun, settings = time.perf_counter(), record.experiment.train_of(cell)
    if epochs is not None:
        settings = settings.model_copy(update={"epochs": epochs})
    config = record.experiment.model_of(cell)
    with tempfile.TemporaryDirectory() as scratch:
        model = fit_model(
            world.known, split, sources, config, settings, seed=cell.seed, scratch=Path(scratch)
        )
    took, best = time.perf_counter() - begun, model.curve["ndcg@10"].max()
    print(f"{cell}: {took:.0f} s, validation NDCG@10 {best:.4f}", flush=True)
    return Ready.of(model)


def ranks(
    world: World, plain: Ready, graph: Ready, vectors: np.ndarray, dataset: Dataset
) -> dict[str, np.ndarray]:
    """(4, u) rank of the newcomer that each user wants, by the way in which it was placed.

    The rows are its rank in the whole catalogue, the items there, and the same among newcomers.
    """
    own, new = vectors[world.warm], vectors[world.cold]
    quantizer = quantizer_of(own, ITEM_CODES)
    codes, known = quantizer.assign(new), quantizer.assign(own)
    likeness = normalise(new) @ normalise(own).T  # (c, n)
    alike = [
        find_sharers(known, c, near)[0][:ALIKE] for c, near in zip(codes, likeness, strict=True)
    ]
    of_known = categories(world.known.items)
    told = [bags(dataset.items[[int(item)]], of_known) for item in world.cold]

    def placed(ready: Ready, by: np.ndarray) -> Tensor:
        each = ((codes[k], bag, alike[k]) for k, bag in zip(by, told, strict=True))
        return torch.stack([with_item(ready, *one).answers.items[-1] for one in each])

    themselves = np.arange(len(codes))
    places = {
        "attributes": (plain, placed(plain, themselves)),
        "similar": (plain, means(plain, np.argsort(-likeness, axis=1)[:, :ALIKE], world.known)),
        "graph": (graph, placed(graph, themselves)),
        "another's": (graph, placed(graph, np.roll(themselves, 1))),
    }
    return {way: wanted(ready, world, items) for way, (ready, items) in places.items()}


def means(ready: Ready, chosen: np.ndarray, known: Dataset) -> Tensor:
    """(c, d) means of the vectors of some items (c, m), by how often they were had."""
    degree = np.bincount(known.interactions[ITEM].to_numpy(), minlength=known.n_items)[chosen]
    weight = torch.from_numpy(degree / degree.sum(1, keepdims=True)).float()
    return (weight[..., None] * ready.answers.items[torch.from_numpy(chosen)]).sum(1)


def wanted(ready: Ready, world: World, newcomers: Tensor) -> np.ndarray:
    """(4, u) as `ranks` gives them, after all else that the users had."""
    past, n = histories(world.known.interactions, world.known.n_users), world.known.n_items
    with torch.inference_mode():
        users = ready.everybody(past)[torch.from_numpy(world.users)]  # (u, interests, d)
        scores = (users @ torch.cat([ready.answers.items, newcomers]).T).amax(1)
        target = torch.from_numpy(world.wanted)
        every, among = mean_rank(scores, n + target), mean_rank(scores[:, n:], target)
    counts = (np.full(len(target), size) for size in (n + len(newcomers), len(newcomers)))
    whole, new = counts
    return np.stack([every.numpy(), whole, among.numpy(), new])


def show(title: str, found: list[dict[str, np.ndarray]]) -> None:
    """Means over the users of all draws, and paired tests of NDCG@10 over them."""
    together = {way: np.concatenate([one[way] for one in found], axis=1) for way in NAMED}
    n = together["graph"].shape[1]
    print(f"\n{title}; {n:,} users want one of them")
    for name, at in (("in the whole catalogue", 0), ("among the newcomers", 2)):
        print(f"{name:<30}{''.join(f'{metric:>9}' for metric in METRICS)}")
        reached = {way: per_user(*of[at : at + 2]) for way, of in together.items()}
        for way, said in NAMED.items():
            means_of = (reached[way][metric].mean() for metric in METRICS)
            tests = (
                tested(reached[way], reached[rival], rival) for rival in RIVALS if rival != way
            )
            figures = "".join(f"{mean:9.4f}" for mean in means_of)
            print(f"  {said:<28}{figures}   {'; '.join(tests)}", flush=True)


def tested(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], name: str) -> str:
    """How far NDCG@10 is from that of a rival."""
    _, low, high, p = paired_test(ours["ndcg@10"], theirs["ndcg@10"])
    return f"to {name} {low:+.4f} … {high:+.4f}, p {p:.1g}"


if __name__ == "__main__":
    main()
