"""RQ-VAE beside the same autoencoder around `ResidualVQ` of vector-quantize-pytorch, one table.

Synthetic vectors in a memory-mapped file. Both have the same encoder and decoder, standardisation,
warm-up, order of vectors, learning rates and optimiser, and place their codes by k-means of as many
vectors; they differ in what stands between encoder and decoder. Each runs in a process of its own.
Seconds are those of the processor, on one thread, so that other work on the machine counts little.

    pip install -e ".[bench]"
    python benchmarks/rq_vae.py                       # 1,000,000 vectors of width 384
    python benchmarks/rq_vae.py --vectors 50000 --epochs 8 --sample 16384
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quantize.diagnostics import active_ratio
from quantize.methods.rq_vae import RqVaeQuantizer
from quantize.rq_vae import RqVae
from quantize.settings import RqVaeConfig

WIDTH, CENTRES, INNER, BLOCK, HELD = 384, 2_000, 24, 8192, 20_000


def write_mixture(path: Path, n: int, seed: int = 0) -> None:
    """Unit vectors around 2,000 centres, each with the same 24 directions inside and some noise."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(CENTRES, WIDTH)).astype(np.float32)
    inner = 0.3 * rng.normal(size=(INNER, WIDTH)).astype(np.float32)
    out = np.lib.format.open_memmap(path, "w+", np.float32, (n, WIDTH))
    for start in range(0, n, BLOCK):
        m = min(BLOCK, n - start)
        block = centres[rng.integers(CENTRES, size=m)]
        block += rng.standard_normal((m, INNER), np.float32) @ inner
        block += 0.2 * rng.standard_normal((m, WIDTH), np.float32)
        out[start : start + m] = block / np.linalg.norm(block, axis=1, keepdims=True)
    out.flush()


class Theirs:
    """The autoencoder of `RqVae` around `ResidualVQ`, trained as `quantize.train` does."""

    def __init__(self, vectors: np.ndarray, config: RqVaeConfig) -> None:
        from vector_quantize_pytorch import ResidualVQ

        torch.manual_seed(0)
        self.vectors, self.config = vectors, config
        self.body = RqVae(vectors.shape[1], config.codes_for(len(vectors)), config)
        self.vq = ResidualVQ(
            dim=config.dim,
            codebook_size=config.codes_for(len(vectors)),
            num_quantizers=config.levels,
            kmeans_init=True,
            threshold_ema_dead_code=2,
        )
        rows = torch.randperm(len(vectors))[: config.sample]
        self.body.fit_standard(self.take(rows))
        parts = [*self.body.encoder.parameters(), *self.body.decoder.parameters()]
        self.optimizer = torch.optim.AdamW(
            parts, lr=config.lr, weight_decay=config.weight_decay, fused=True
        )

    def take(self, rows: Tensor) -> Tensor:
        """(b, width) vectors of these rows."""
        return torch.from_numpy(self.vectors[rows.numpy()])

    def train(self) -> None:
        """All epochs."""
        config = self.config
        for epoch in range(config.epochs):
            order = torch.randperm(len(self.vectors))[: config.sample]
            if epoch == int(config.warm_up * config.epochs):
                with torch.no_grad():
                    self.vq(self.body.encode(self.take(order))[None])
            batches = torch.split(order, config.batch)
            for step, rows in enumerate(batches):
                done = (epoch + step / len(batches)) / config.epochs
                for group in self.optimizer.param_groups:
                    group["lr"] = config.lr * max(0.5 * (1 + math.cos(math.pi * done)), 0.01)
                self.step(self.take(rows), epoch < int(config.warm_up * config.epochs))

    def step(self, batch: Tensor, warming: bool) -> None:
        """One step of the optimiser."""
        if warming:
            loss = self.body.autoencode(batch)
        else:
            target = self.body.standardise(batch)
            out, _, commitment = self.vq(self.body.encoder(target)[None])
            gap = target - self.body.decoder(out[0])
            held = self.config.beta * self.config.dim * commitment.sum()
            loss = gap.square().sum(-1).mean() + held
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    @torch.no_grad()
    def assign(self, matrix: np.ndarray) -> np.ndarray:
        """(n, T) int32 codes."""
        self.vq.eval()
        found = []
        for start in range(0, len(matrix), BLOCK):
            block = torch.from_numpy(np.array(matrix[start : start + BLOCK]))
            found.append(self.vq(self.body.encode(block)[None])[1][0].int().numpy())
        return np.concatenate(found)

    @torch.no_grad()
    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(n, width) float32 vectors for codes."""
        quantised = self.vq.get_output_from_indices(torch.from_numpy(codes).long()[None])[0]
        return self.body.decode(quantised).numpy()


def our_side(vectors: np.ndarray, config: RqVaeConfig) -> tuple[Any, float]:
    """The quantiser and the seconds that its training took."""
    with tempfile.TemporaryDirectory() as scratch:
        return timed(lambda: RqVaeQuantizer.fit(vectors, config, seed=0, scratch=Path(scratch)))


def their_side(vectors: np.ndarray, config: RqVaeConfig) -> tuple[Any, float]:
    def fit() -> Theirs:
        side = Theirs(vectors, config)
        side.train()
        return side

    return timed(fit)


def shared(path: Path, config: RqVaeConfig, steps: int = 150) -> float:
    """Seconds a vector of what both have in common: the autoencoder's step without any codes."""
    torch.set_num_threads(1)
    side = Theirs(np.load(path, mmap_mode="r"), config)
    rows = torch.split(torch.randperm(len(side.vectors))[: steps * config.batch], config.batch)
    batches = [side.take(some) for some in rows]
    side.step(batches[0], warming=True)
    _, took = timed(lambda: [side.step(batch, warming=True) for batch in batches])
    return took / sum(map(len, batches))


def timed(make: Callable[[], Any]) -> tuple[Any, float]:
    """What it makes, and the processor seconds of it."""
    begun = time.process_time()
    made = make()
    return made, time.process_time() - begun


def measure(fit: Callable[..., Any], path: Path, config: RqVaeConfig) -> dict[str, float]:
    """Seconds, quality and peak memory of one side."""
    torch.set_num_threads(1)
    vectors = np.load(path, mmap_mode="r")
    peak = Peak()
    side, training = fit(vectors, config)
    codes, assigning = timed(lambda: side.assign(vectors))
    held = np.array(vectors[-HELD:])
    gap = held - side.decode(codes[-HELD:])
    return {
        "training": training,
        "assigning": assigning,
        "error": float(np.square(gap).sum() / np.square(held - held.mean(0)).sum()),
        "active": min(active_ratio(codes, config.codes_for(len(vectors)))),
        "memory": peak.megabytes(),
    }


def floor(config: RqVaeConfig, k: int) -> float:
    """Seconds a vector of the bare matrix products of an assignment, the best of some tries."""
    torch.set_num_threads(1)
    widths = [WIDTH, *config.hidden, config.dim]
    shapes = [*pairwise(widths), *[(config.dim, k)] * config.levels]
    rows = 1024
    pairs = [(torch.randn(rows, a), torch.randn(a, b), torch.empty(rows, b)) for a, b in shapes]
    took = [
        timed(lambda: [torch.mm(a, b, out=out) for _ in range(8) for a, b, out in pairs])[1]
        for _ in range(12)
    ]
    return min(took) / rows / 8


class Peak:
    """Most memory of this process beyond its files, looked at twenty times a second."""

    def __init__(self) -> None:
        self.most, self.over = 0, threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self) -> None:
        """Look until it is over."""
        while not self.over.wait(0.05):
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("RssAnon"):
                    self.most = max(self.most, int(line.split()[1]))

    def megabytes(self) -> float:
        """The most there was; the watch ends."""
        self.over.set()
        self.thread.join()
        return self.most / 1024


def _child(connection: Connection, work: Callable[..., Any], *given: Any) -> None:
    connection.send(work(*given))


def apart(work: Callable[..., Any], *given: Any) -> Any:
    """What `work` gives in a fresh process, so that its memory is its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_child, args=(theirs, work, *given))
    process.start()
    theirs.close()
    result = ours.recv()
    process.join()
    return result


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--vectors", type=int, default=1_000_000)
    parser.add_argument("--epochs", type=int, default=25, help="of ResidualVQ, and of ours")
    parser.add_argument("--fewer", type=int, nargs="*", default=[], help="epochs of ours as well")
    parser.add_argument("--sample", type=int, default=32_768)
    parser.add_argument("--batch", type=int, default=128)
    asked = parser.parse_args()
    n = asked.vectors

    def config(epochs: int) -> RqVaeConfig:
        return RqVaeConfig(epochs=epochs, sample=asked.sample, batch=asked.batch, least_steps=1)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        write_mixture(path, n)
        theirs = apart(measure, their_side, path, config(asked.epochs))
        ours = {e: apart(measure, our_side, path, config(e)) for e in [asked.epochs, *asked.fewer]}
        common = apart(shared, path, config(1))
    bare = apart(floor, config(1), config(1).codes_for(n))
    print(f"{n:,} x {WIDTH}, batch {asked.batch}, {asked.sample:,} vectors an epoch, 1 thread")
    print(
        "               epochs  train us/vector  job vectors/s   left  active"
        "  assign us/vector  of GEMM floor  peak MB"
    )

    def row(name: str, epochs: int, side: dict[str, float]) -> None:
        seen = epochs * min(n, asked.sample)
        assign = side["assigning"] / n
        job = n / (side["training"] + side["assigning"])
        print(
            f"{name:<14} {epochs:>6}  {1e6 * side['training'] / seen:15.1f}  {job:13,.0f}"
            f"  {side['error']:.3f}  {side['active']:5.1%}  {1e6 * assign:16.1f}"
            f"  {bare / assign:13.0%}  {side['memory']:7.0f}"
        )

    row("ResidualVQ", asked.epochs, theirs)
    for epochs, side in ours.items():
        row("ours", epochs, side)
        job = (theirs["training"] + theirs["assigning"]) / (side["training"] + side["assigning"])
        per = theirs["training"] / asked.epochs / (side["training"] / epochs)
        assign = theirs["assigning"] / side["assigning"]
        print(
            f"  times faster: a training vector {per:.2f}, assignment {assign:.2f}, the whole job"
            f" {job:.2f}, at {side['error'] / theirs['error']:.3f} of the error"
        )
    print(f"the autoencoder's step alone, in all of them: {1e6 * common:.1f} us a vector")
    print(f"GEMM floor of an assignment: {1e6 * bare:.1f} us a vector")


if __name__ == "__main__":
    main()
