"""What a step of ContextGNN costs: beside its products of matrices, its parts, and two towers.

On made-up interactions, some items far more popular than others. For pairs alone, towers alone and
both, and for a two-tower GraphSAGE of the same layers whose positives and negatives (1, 10 or 100 a
positive) each have a sample of their own: seconds of a thousand steps of 128 users, as in
ContextGNN, table 5. They are seconds of the processor's time on one thread, so that whatever else
runs says little: `draw` is for sampling, which a loader does ahead on a thread of its own, `step`
for all else, and `products` for the products of matrices of ContextGNN alone (forward and the two
of the way back). Rounds go over all models in turn, and each has its best.

    PYTHONPATH=. python benchmarks/contextgnn.py
    PYTHONPATH=. python benchmarks/contextgnn.py --users 6040 --items 3706 --interactions 575000
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data.dataset import INTERACTION_SCHEMA, Dataset, histories
from graph import Query, Sample, Sampler
from graph.query.parts import Hop, Start
from recommend.context.network import Ages, Layers, Near, Only
from recommend.context.recommender import ContextGnn, Step
from recommend.context.surroundings import DAY, MET, Seeds, Targets, sampler_of, schema_of
from recommend.fit.memory import keep_freed_memory
from recommend.fit.training import Trainer
from recommend.graphs.layers import Hetero
from recommend.graphs.samples import edges_of
from recommend.protocols import World
from recommend.settings import PLAIN, ModelConfig, TrainConfig
from recommend.settings.contextgnn import ContextGnnConfig
from recommend.sources import Sources

ITEMS_AT_ONCE = 256
"""Items whose samples a two-tower step holds at a time; what it adds up is the same."""
Cost = dict[str, float]


def main() -> None:
    """A line of JSON for each model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for name, n in (("users", 6040), ("items", 3706), ("interactions", 300_000)):
        parser.add_argument(f"--{name}", type=int, default=n)
    parser.add_argument("--steps", type=int, default=4, help="a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--neighbours", type=int, default=16)
    parser.add_argument("--negatives", type=int, nargs="*", default=[1, 10, 100])
    args = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    dataset = _shop(args.users, args.items, args.interactions)
    past = histories(dataset.interactions, dataset.n_users)
    world = World(dataset, past, Sources(histories=past), TrainConfig(loss="full"))
    parts = ("pair", "tower", "both")
    models: dict[str, Any] = {name: _Ours(args, world, name) for name in parts}
    models |= {f"graphsage, {n} negatives": _TwoTowers(args, world, n) for n in args.negatives}
    best: dict[str, Cost] = {}
    for _ in range(args.rounds):
        for name, model in models.items():
            found = model.cost()
            best[name] = {key: min(one, best.get(name, found)[key]) for key, one in found.items()}
    for name, cost in best.items():
        s = {key: round(1000 * one, 1) for key, one in cost.items()}
        told = {"model": name, "s_per_1000": round(s["draw"] + s["step"], 1), **s}
        told["times_both"] = round(sum(_seconds(cost)) / sum(_seconds(best["both"])), 2)
        if "products" in cost:
            told["times_products"] = round(cost["step"] / cost["products"], 2)
        print(json.dumps(told), flush=True)


def _seconds(cost: Cost) -> tuple[float, float]:
    return cost["draw"], cost["step"]


def _shop(n_users: int, n_items: int, n: int) -> Dataset:
    rng = np.random.default_rng(0)
    users = np.concatenate([np.arange(n_users).repeat(3), rng.integers(n_users, size=n)])
    rows = {
        "user": users,
        "item": (n_items * rng.random(len(users)) ** 3).astype(np.int32),
        "time": rng.integers(100_000_000, size=len(users)),
        "weight": np.ones(len(users)),
    }
    table = pl.DataFrame(rows).select(
        pl.col(name).cast(dtype) for name, dtype in INTERACTION_SCHEMA.items()
    )
    numbers = [[str(k) for k in range(size)] for size in (n_users, n_items)]
    return Dataset(
        "made up",
        pl.DataFrame({"user_id": numbers[0]}),
        pl.DataFrame({"item_id": numbers[1]}),
        table.sort("user", "time"),
    )


class _Ours:
    """ContextGNN, or one of its parts."""

    def __init__(self, args: argparse.Namespace, world: World, parts: str) -> None:
        self.own = ContextGnnConfig(parts=parts, neighbours=args.neighbours)  # type: ignore[arg-type]
        config = ModelConfig.model_validate(
            {
                "backbone": self.own,
                "enhancer": {"name": PLAIN},
                "width": args.width,
                "embedding_dropout": 0,
            }
        )
        torch.manual_seed(0)
        self.made = ContextGnn.of(config, world)
        self.trainer = Trainer(self.made, world, 0)
        past, self.steps = self.made.past, args.steps
        self.targets = Targets(past, self.own)
        self.graph = past.graph(self.targets.had, self.made.time)
        self.sampler = sampler_of(self.own, past, self.graph, None)

    def cost(self) -> Cost:
        """Seconds of a step."""
        drawn = took = floor = 0.0
        for seeds in _seeds(self.targets, self.steps):
            began = time.thread_time()
            sample = self.sampler.sample(seeds.users, seeds.times)
            near = Near.of(sample, self.graph.schema, self.made.time, self.made.network.device)
            ready = time.thread_time()
            self.trainer.step(Step(seeds, near, self.made.past.n_items))
            drawn, took = drawn + ready - began, took + time.thread_time() - ready
            floor += _floor(self.made, near)
        return {name: one / self.steps for name, one in
                (("draw", drawn), ("step", took), ("products", floor))}  # fmt: skip


def _seeds(targets: Targets, steps: int) -> Iterator[Seeds]:
    """The same in every round; the first is for warmth, and counts like the others."""
    groups = targets.epoch(np.random.default_rng(0))
    for at in range(steps):
        yield targets.step([groups[(at * 128 + n) % len(groups)] for n in range(128)])


class _TwoTowers:
    """GraphSAGE for users and items, each by a sample of its own, with BPR over drawn negatives.

    Source: Robinson et al., RelBench, 2024, the two-tower baseline; Rendle et al., BPR, UAI 2009.
    """

    def __init__(self, args: argparse.Namespace, world: World, negatives: int) -> None:
        self.ours, self.negatives = _Ours(args, world, "both"), negatives
        torch.manual_seed(0)
        self.network = _Sage(args.width, self.ours.own)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), fused=True)
        schema, n = schema_of(0), args.neighbours
        back = schema.edge(MET).reverse_key
        ways = {"user": (MET, back, MET), "item": (back, MET, back)}
        self.samplers = {
            kind: Sampler(self.ours.graph, Query(Start(kind), _hops(keys, n), schema=schema))
            for kind, keys in ways.items()
        }

    def cost(self) -> Cost:
        """Seconds of a step."""
        drawn, took, rng = 0.0, 0.0, np.random.default_rng(0)
        steps = 1 if self.negatives > 10 else self.ours.steps
        n_items = self.ours.made.past.n_items
        for seeds in _seeds(self.ours.targets, steps):
            assert seeds.times is not None
            self.optimizer.zero_grad()
            many = max(1, ITEMS_AT_ONCE // (1 + self.negatives))
            for at in range(0, len(seeds.rows), many):
                rows = seeds.rows[at : at + many]
                false = rng.integers(n_items, size=(len(rows), self.negatives))
                items = np.concatenate([seeds.items[at : at + many, None], false], 1)
                times = np.repeat(seeds.times[rows], items.shape[1])
                began = time.thread_time()
                samples = (
                    self.samplers["user"].sample(seeds.users[rows], seeds.times[rows]),
                    self.samplers["item"].sample(items.reshape(-1), times),
                )
                ready = time.thread_time()
                user, item = (
                    self.network(kind, one)
                    for kind, one in zip(("user", "item"), samples, strict=True)
                )
                scores = (item.view(*items.shape, -1) * user[:, None]).sum(2)
                loss = F.softplus(scores[:, 1:] - scores[:, :1]).mean()
                (loss * len(rows) / len(seeds.rows)).backward()
                drawn, took = drawn + ready - began, took + time.thread_time() - ready
            began = time.thread_time()
            self.optimizer.step()
            took += time.thread_time() - began
        return {"draw": drawn / steps, "step": took / steps}


def _hops(keys: Sequence[Any], n: int) -> tuple[Hop, ...]:
    return tuple(Hop(at, key[2], (key,), max(1, n >> at), "latest") for at, key in enumerate(keys))


class _Sage(nn.Module):
    """The layers of ContextGNN, over ages and types alone."""

    def __init__(self, width: int, own: ContextGnnConfig) -> None:
        super().__init__()
        self.ages = Ages(width, ("user", "item"))
        self.kinds = nn.ParameterDict({k: nn.Parameter(torch.randn(width)) for k in self.ages.maps})
        self.layers = Layers(schema_of(0), ("user", "item"), width, own)

    def forward(self, kind: str, sample: Sample) -> Tensor:
        """(b, d) seeds of a type."""
        days = {k: torch.from_numpy(one / np.float32(DAY)) for k, one in sample.ages.items()}
        x = {k: self.ages(k, one, self.kinds[k]) for k, one in days.items()}
        edges = edges_of(sample, schema_of(0), both=False)
        only = Only(kind, torch.from_numpy(sample.places[0]))
        read: Tensor = self.layers(x, edges, only)[kind]
        return read


def _floor(made: ContextGnn, near: Near) -> float:
    """Seconds of the products of matrices of a step: of ages, of layers, and of towers.

    A layer multiplies what it hears where there are fewer, sources or targets; the last one hears
    for those users alone who are asked about.
    """
    network, d = made.network, made.config.width
    ages = {} if network.ages is None else network.ages.maps
    shapes = [
        (int((~near.ages[kind].isnan()).sum()), one.in_features, d, 1)
        for kind, one in ages.items()
        if isinstance(one, nn.Linear)
    ]
    for level, layer in enumerate(network.layers.layers):
        assert isinstance(layer, Hetero)
        for source, _, target in layer.keys:
            n, m = len(near.numbers[source]), len(near.numbers[target])
            if target == "user" and level == len(network.layers.layers) - 1:
                m = len(near.seeds)
            shapes += [(m, d, d, 2), (min(n, m), d, d, 2)]
    if network.tower is not None:
        shapes += [(len(near.seeds), d, d, 2), (len(near.seeds), d, made.past.n_items, 2)]
    seconds = 0.0
    for n, given, out, back in shapes:
        x, w, g = torch.randn(n, given), torch.randn(given, out), torch.randn(n, out)
        began = time.thread_time()
        torch.mm(x, w)
        torch.mm(x.T, g)
        if back == 2:
            torch.mm(g, w.T)
        seconds += time.thread_time() - began
    return seconds


if __name__ == "__main__":
    main()
