"""What the encode stage costs: its texts a second against those of sentence-transformers alone.

The library gets all texts at once, in the batch size that is best for it here, which is sought
first. The stage does what it always does: it looks whether texts must be cut, sorts them, seeks its
batch size where there are enough of them, and stores every vector. Both run in turns in this
process, on the same model, which is loaded before the clock starts.

    python benchmarks/encoding.py                   # the demo's texts, longer ones, many short ones
    python benchmarks/encoding.py --device cuda --model BAAI/bge-base-en-v1.5 --rounds 5

Where other programs share the machine, the ratio by CPU time tells more than the one by the clock.

    python benchmarks/encoding.py --titles 512 --threads 1 2     # ways to encode short titles

There every way cuts and encodes the same invented titles in turns, in the batch size that is best
for it, and ratios are of the least times: to the library by float32, at its best batch size too.
At the end, the seconds of the encoder of words, which has no model. With a JSON file of items in
the place of a number, some of its titles.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import polars as pl

import llm.encode
from data.loaders.load import load_dataset
from data.settings import DataConfig
from data.split import leave_one_out
from llm.encoder import Encoder, normalise
from llm.facts import FactsBackend
from llm.knowledge import SCHEMA, Knowledge
from llm.pace import SIZES
from llm.settings import EncoderConfig
from llm.vectors import VectorCache
from llm.words import WordEncoder
from prompts.requests import item_requests, user_requests
from prompts.settings import PromptConfig
from prompts.template import choose_template

SOUGHT = 200
"""Texts that the library's best batch size is sought on."""
SOME = 512
"""Titles of a file that are taken."""
WAYS = ("float32", "bfloat16", "int8")
"""Arithmetics of the model."""
RARE = 20_000
"""Words that titles for the encoder of words are drawn from."""
BEAUTY = 12_101
"""Titles of Amazon Beauty, so many of which are encoded by words."""
FEW = (8, 16, 32)
"""Batch sizes that short titles are tried in."""
Timed = tuple[float, float]
"""Seconds of the clock, and of CPU time."""


def demo_texts() -> list[str]:
    """What the demo says of its items and users, by facts."""
    dataset = load_dataset(DataConfig(name="demo"), Path()).dataset
    item, user = (choose_template("auto", side, "movies") for side in ("item", "user"))
    facts = FactsBackend()
    items = [reply.text or "" for reply in facts.generate(item_requests(dataset, item))]
    split, history = leave_one_out(dataset), PromptConfig().history
    asked = user_requests(dataset, split, user, history, items)
    return items + [reply.text or "" for reply in facts.generate(asked)]


def sets(encoder: Encoder) -> dict[str, list[str]]:
    """Texts by name: the demo's, some of them joined to what one pass reads, and sentences."""
    demo = demo_texts()
    joined, text = [], ""
    for more in demo:
        longer = f"{text} {more}".strip()
        if len(encoder.pieces(longer)) > 1:
            joined.append(text)
            longer = more
        text = longer
    sentences = {s for text in demo for s in re.split(r"(?<=[.]) ", text) if s}
    return {"demo": demo, "longer": joined, "sentences": sorted(sentences)}


def bare(encoder: Encoder, texts: list[str], size: int) -> np.ndarray:
    """The library alone."""
    made: np.ndarray = encoder._model.encode(
        texts, batch_size=size, normalize_embeddings=True, show_progress_bar=False
    )
    return made


def ours(encoder: Encoder, config: EncoderConfig, texts: list[str]) -> np.ndarray:
    """The stage, with an empty cache."""
    columns = {"entity": [str(k) for k in range(len(texts))], "text": texts}
    table = pl.DataFrame(columns, schema={k: v for k, v in SCHEMA.items() if k in columns})
    empty = [pl.lit(None, dtype=v).alias(k) for k, v in SCHEMA.items() if k not in columns]
    opened = mock.patch.object(llm.encode, "open_encoder", lambda *_: encoder)
    with opened, tempfile.TemporaryDirectory() as folder:
        cache = VectorCache(Path(folder) / "vectors.sqlite")
        made = llm.encode.encode(Knowledge(table.with_columns(empty)), config, cache)
        cache.close()
    return made.matrix


def timed(run: Callable[[], np.ndarray]) -> tuple[Timed, np.ndarray]:
    """How long it took, and what came of it."""
    begun, used = time.perf_counter(), time.process_time()
    made = run()
    return (time.perf_counter() - begun, time.process_time() - used), made


def best_size(encoder: Encoder, texts: list[str]) -> int:
    """The library's fastest batch size on some of the texts."""
    some = texts[:: max(1, len(texts) // SOUGHT)]
    bare(encoder, some, SIZES[0])
    took = {}
    for size in SIZES:
        (took[size], _), _ = timed(lambda size=size: bare(encoder, some, size))  # type: ignore[misc]
    return min(took, key=lambda size: took[size])


def compared(encoder: Encoder, config: EncoderConfig, texts: list[str], rounds: int) -> str:
    """A row: texts, best batch size, texts a second of both, and ratios by clock and CPU."""
    size = best_size(encoder, texts)
    pairs = []
    for turn in range(rounds):
        ways = [lambda: bare(encoder, texts, size), lambda: ours(encoder, config, texts)]
        first, second = (timed(way) for way in (ways if turn % 2 == 0 else ways[::-1]))
        (alone, expected), (stage, made) = (first, second) if turn % 2 == 0 else (second, first)
        np.testing.assert_allclose(made, expected, atol=1e-4)
        pairs.append((alone, stage))
    rates = [statistics.median(len(texts) / pair[way][0] for pair in pairs) for way in (0, 1)]
    ratios = [statistics.median(pair[0][k] / pair[1][k] for pair in pairs) for k in (0, 1)]
    return f"{len(texts):6}{size:7}{rates[0]:9.1f}{rates[1]:9.1f}{ratios[0]:8.3f}{ratios[1]:8.3f}"


def titles(source: str) -> list[str]:
    """So many invented titles of 4 to 14 words, or those of a JSON file: item → facts."""
    if not source.isdigit():
        items = json.loads(Path(source).read_text(encoding="utf-8"))
        return [facts["title"] for facts in items.values() if facts.get("title")][:SOME]
    words = sorted({word for text in demo_texts() for word in re.findall(r"\w+", text)})
    rng = np.random.default_rng(0)
    lengths = rng.integers(4, 15, size=int(source))
    return [" ".join(rng.choice(words, size=n)) for n in lengths]


def way(dtype: str, model: str, texts: list[str]) -> Callable[[int], np.ndarray]:
    """Encodes the texts, so many at a time, in one arithmetic."""
    encoder = Encoder(EncoderConfig(model=model, dtype=dtype), "cpu")
    if dtype == "float32":
        return lambda size: bare(encoder, texts, size)
    return lambda size: encoder.encode([encoder.pieces(text) for text in texts], size)


def compare_ways(model: str, texts: list[str], threads: int, rounds: int) -> None:
    """A row a way: best batch size, texts a second, ratios by clock and CPU, cosines to float32."""
    import torch

    torch.set_num_threads(threads)
    ways = {dtype: way(dtype, model, texts) for dtype in WAYS}
    least: dict[tuple[str, int], Timed] = {}
    made = {}
    for _ in range(rounds):
        for size in FEW:
            for dtype, run in ways.items():
                took, made[dtype] = timed(lambda run=run, size=size: run(size))  # type: ignore[misc]
                known = least.get((dtype, size), took)
                least[dtype, size] = (min(took[0], known[0]), min(took[1], known[1]))
    best = {d: [min((least[d, s][k], s) for s in FEW) for k in (0, 1)] for d in WAYS}
    for dtype, ((clock, size), (cpu, _)) in best.items():
        ratios = [best["float32"][k][0] / t for k, t in enumerate((clock, cpu))]
        told = f"{threads:8}{dtype:>10}{size:7}{len(texts) / clock:9.1f}"
        told += f"{ratios[0]:8.2f}{ratios[1]:8.2f}"
        cosines = (normalise(made[dtype]) * normalise(made["float32"])).sum(axis=1)
        print(f"{told}{cosines.mean():9.4f}{cosines.min():9.4f}", flush=True)


def common_and_rare(n: int) -> list[str]:
    """Titles of 4 to 14 words, a few of them common and most rare, as those of a shop."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(4, 15, size=n)
    return [" ".join(f"w{k % RARE}" for k in rng.zipf(1.3, size=size)) for size in lengths]


def by_words(texts: list[str]) -> np.ndarray:
    """Their vectors without a model, what is fitted included."""
    fitted = WordEncoder.fit(texts, EncoderConfig().dimensions)
    return fitted.encode([fitted.pieces(text) for text in texts])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--model", default=EncoderConfig().model)
    parser.add_argument("--device", help="cpu, cuda, …; by default the best there is")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sets", nargs="+", default=["demo", "longer", "sentences"])
    parser.add_argument("--titles", help="how many, or a JSON file of items")
    parser.add_argument("--threads", type=int, nargs="+", default=[1])
    given = parser.parse_args()
    if given.titles:
        texts = titles(given.titles)
        print(f"{len(texts)} titles")
        print(" threads       way  batch  texts/s   ratio  by CPU   cosine    least")
        for threads in given.threads:
            compare_ways(given.model, texts, threads, given.rounds)
        by_words(texts)
        many = common_and_rare(BEAUTY)
        (clock, cpu), _ = timed(lambda: by_words(many))
        print(f"words of {BEAUTY:,} invented titles: {clock:.1f} s, {cpu:.1f} s of CPU")
        return
    config = EncoderConfig(model=given.model, dtype="float32")
    encoder = Encoder(config, given.device)
    print(f"{'':10}{'texts':>6}{'batch':>7}{'bare /s':>9}{'ours /s':>9}{'ratio':>8}{'by CPU':>8}")
    for name, texts in sets(encoder).items():
        if name in given.sets:
            print(f"{name:10}{compared(encoder, config, texts, given.rounds)}", flush=True)


if __name__ == "__main__":
    main()
