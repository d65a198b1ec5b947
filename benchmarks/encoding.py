"""What the encode stage costs: its texts a second against those of sentence-transformers alone.

The library gets all texts at once, in the batch size that is best for it here, which is sought
first. The stage does what it always does: it looks whether texts must be cut, sorts them, seeks its
batch size where there are enough of them, and stores every vector. Both run in turns in this
process, on the same model, which is loaded before the clock starts.

    python benchmarks/encoding.py                   # the demo's texts, longer ones, many short ones
    python benchmarks/encoding.py --device cuda --model BAAI/bge-base-en-v1.5 --rounds 5

Where other programs share the machine, the ratio by CPU time tells more than the one by the clock.
"""

from __future__ import annotations

import argparse
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
from llm.encoder import Encoder
from llm.facts import FactsBackend
from llm.knowledge import SCHEMA, Knowledge
from llm.pace import SIZES
from llm.settings import EncoderConfig
from llm.vectors import VectorCache
from prompts.requests import item_requests, user_requests
from prompts.settings import PromptConfig
from prompts.template import choose_template

SOUGHT = 200
"""Texts that the library's best batch size is sought on."""
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--model", default=EncoderConfig().model)
    parser.add_argument("--device", help="cpu, cuda, …; by default the best there is")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sets", nargs="+", default=["demo", "longer", "sentences"])
    given = parser.parse_args()
    config = EncoderConfig(model=given.model, dtype="float32")
    encoder = Encoder(config, given.device)
    print(f"{'':10}{'texts':>6}{'batch':>7}{'bare /s':>9}{'ours /s':>9}{'ratio':>8}{'by CPU':>8}")
    for name, texts in sets(encoder).items():
        if name in given.sets:
            print(f"{name:10}{compared(encoder, config, texts, given.rounds)}", flush=True)


if __name__ == "__main__":
    main()
