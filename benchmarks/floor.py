"""Where a step of training goes, and how far it is from what the machine could do at best.

Data of MovieLens-1M's shape, batches of 256, in one process. Every operation that torch runs is
counted: the multiplications of products, at the rate of one large product, and the bytes that an
operation reads and writes, at the rate of one large copy. An operation needs at least the longer of
the two, so the floor is that of these operations; with fewer of them, or with what a cache holds
between two of them, a step could be faster still.

    PYTHONPATH=. python benchmarks/floor.py
    PYTHONPATH=. python benchmarks/floor.py gru4rec mind --steps 20
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from benchmarks.training import synthetic
from data.dataset import Histories
from recommend.fit.memory import keep_freed_memory
from recommend.fit.training import Trainer
from recommend.protocols import World
from recommend.settings import ModelConfig, TrainConfig
from recommend.settings.registry import recommender_of
from recommend.sources import Sources

BATCH, WARM = 256, 3
KINDS = {
    "products": ("mm", "addmm", "bmm", "baddbmm"),
    "attention of sequences": ("_scaled_dot_product",),
    "recurrence": ("mkldnn_rnn", "gru", "lstm"),
    "rows by number": (
        *("embedding", "index", "scatter", "gather", "sort", "bincount", "_embedding"),
        "sparse_sampled_addmm",
    ),
    "optimiser": ("_fused_adamw", "_foreach", "linalg_vector_norm"),
}
OTHER = "element by element"
PICKS = ("embedding", "index", "index_select", "gather")
ROW = "| {:<10} | {:<9} | {:<22} | {:>8} | {:>7} | {:>7} | {:>8} | {:>6} |"


class Counter(TorchDispatchMode):
    """Adds up, for every kind of operation, seconds, multiplications and bytes."""

    def __init__(self, flops_a_second: float, bytes_a_second: float) -> None:
        super().__init__()
        self.rates = flops_a_second, bytes_a_second
        self.seconds: dict[str, float] = defaultdict(float)
        self.flops: dict[str, float] = defaultdict(float)
        self.moved: dict[str, float] = defaultdict(float)
        self.floor: dict[str, float] = defaultdict(float)

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        begun = time.perf_counter()
        out = func(*args, **(kwargs or {}))
        took = time.perf_counter() - begun
        name = func.overloadpacket.__name__
        kind = kind_of(name)
        counted = flop_registry.get(func.overloadpacket)
        flops = counted(*args, **(kwargs or {}), out_val=out) if counted else 0
        picks = name in PICKS  # of a table, no more rows than come out
        read = (args[1:], kwargs, out, torch.empty_like(out)) if picks else (args, kwargs, out)
        moved = 0 if is_view(func) else bytes_of(read)
        self.seconds[kind] += took
        self.flops[kind] += flops
        self.moved[kind] += moved
        self.floor[kind] += max(flops / self.rates[0], moved / self.rates[1])
        return out


def kind_of(name: str) -> str:
    """The kind of an operation, from its name in aten."""
    plain = name.rstrip("_")
    for kind, heads in KINDS.items():
        if any(plain == head or plain.startswith(head) for head in heads):
            return kind
    return OTHER


def is_view(func: Any) -> bool:
    """Whether an operation moves nothing: its result is another look at what it was given."""
    returns = func._schema.returns
    alias = [r.alias_info for r in returns if r.alias_info is not None]
    return bool(alias) and not any(one.is_write for one in alias)


def bytes_of(tree: Any) -> int:
    """Bytes of the tensors in arguments and results, each counted once."""
    seen = {
        part.data_ptr(): part.numel() * part.element_size()
        for leaf in tree_leaves(tree)
        if isinstance(leaf, torch.Tensor)
        for part in parts_of(leaf)
    }
    return sum(seen.values())


def parts_of(tensor: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """A tensor as what is stored: a sparse one is three."""
    if tensor.layout != torch.sparse_csr:
        return (tensor,)
    return tensor.crow_indices(), tensor.col_indices(), tensor.values()


def best(work: Callable[[], object], times: int = 7) -> float:
    """Least seconds of some runs."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return min(took)


def rates() -> tuple[float, float]:
    """FLOPs a second of one large product, and bytes a second of one large copy."""
    left, right = torch.randn(2048, 512), torch.randn(512, 2048)
    product = torch.empty(2048, 2048)
    source, target = torch.randn(1 << 24), torch.empty(1 << 24)
    flops = 2 * 2048 * 512 * 2048 / best(lambda: torch.mm(left, right, out=product))
    moved = 2 * source.numel() * 4 / best(lambda: target.copy_(source))
    return flops, moved


def trainer_of(backbone: str, enhancer: str) -> tuple[Trainer, Iterator[Any]]:
    """A fresh trainer and its batches."""
    dataset, split, graph = synthetic(1)
    config = ModelConfig.model_validate(
        {"backbone": {"name": backbone}, "enhancer": {"name": enhancer}}
    )
    torch.manual_seed(0)
    histories: Histories = split.histories(dataset)
    sources, settings = Sources(graph=graph, histories=histories), TrainConfig(batch_size=BATCH)
    world = World(dataset, histories, sources, settings)
    recommender = recommender_of(backbone).of(config, world)
    _, every = recommender.batches(world, np.random.default_rng(0))
    recommender.network.train()
    return Trainer(recommender, world, 0), every


def report(backbone: str, enhancer: str, steps: int) -> float:
    """Prints the rows of one recommender; seconds of a step."""
    trainer, every = trainer_of(backbone, enhancer)
    took = []
    for number, batch in enumerate(islice(every, WARM + steps)):
        begun = time.perf_counter()
        trainer.step(batch)
        if number >= WARM:
            took.append(time.perf_counter() - begun)
    step = statistics.median(took)
    counter = Counter(*rates())
    batch = next(every)
    with counter:
        trainer.step(batch)
    spent = sum(counter.seconds.values())
    for kind in sorted(counter.seconds, key=lambda kind: -counter.seconds[kind]):
        floor, seconds = counter.floor[kind], counter.seconds[kind] * step / spent
        cells = (
            f"{1e3 * seconds:.1f} ms",
            f"{seconds / step:.0%}",
            f"{counter.flops[kind] / 1e9:.2f}",
            f"{counter.moved[kind] / 1e6:.0f}",
            f"{floor / seconds:.0%}" if floor else "",
        )
        print(ROW.format(backbone, enhancer, kind, *cells), flush=True)
    floor = sum(counter.floor.values())
    flops, moved = sum(counter.flops.values()) / 1e9, sum(counter.moved.values()) / 1e6
    print(
        ROW.format(
            backbone, enhancer, "a step", f"{1e3 * step:.1f} ms", "100%",
            f"{flops:.2f}", f"{moved:.0f}", f"{floor / step:.0%}",
        ),
        flush=True,
    )  # fmt: skip
    return step


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("backbones", nargs="*", default=["sasrec"])
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    keep_freed_memory()
    flops, moved = rates()
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {asked.threads} thread(s): a product runs at "
        f"{flops / 1e9:.0f} GFLOP/s, a copy at {moved / 1e9:.1f} GB/s"
    )
    print(ROW.format("backbone", "enhancer", "what", "time", "share", "GFLOP", "MB", "floor"))
    print("|---" * 8 + "|")
    for backbone in asked.backbones:
        plain, graph = (report(backbone, name, asked.steps) for name in ("none", "autograph"))
        print(f"{backbone}: a step with the graph takes {graph / plain:.2f} times a plain one's")


if __name__ == "__main__":
    main()
