"""The response cache at a million rows: does it get slower, and how long is a lookup of all keys?

python benchmarks/response_cache.py
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
from pathlib import Path

from llm.cache import ResponseCache
from llm.protocol import Reply
from prompts.requests import Request

STEPS = 10
TEXT = "a calm film about the sea, told slowly and with great care; " * 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    keys = [hashlib.sha256(str(k).encode()).hexdigest() for k in range(rows)]
    reply = Reply(Request("item", "e", (), "t@1", {}), TEXT, 300, 100, 1.0)
    print(f"{'rows':>10}{'µs a put':>10}{'µs a lookup':>13}")
    with tempfile.TemporaryDirectory() as folder:
        cache = ResponseCache(Path(folder) / "replies.sqlite")
        step = rows // STEPS
        for first in range(0, rows, step):
            some = keys[first : first + step]
            begun = time.perf_counter()
            for key in some:
                cache.put(key, "fake", reply)
            put = time.perf_counter() - begun
            asked = keys[: first + step : max(1, (first + step) // 50_000)]
            begun = time.perf_counter()
            assert len(cache.answered_keys(asked)) == len(asked)
            looked = time.perf_counter() - begun
            print(f"{first + step:10}{1e6 * put / step:10.1f}{1e6 * looked / len(asked):13.2f}")
        begun = time.perf_counter()
        assert len(cache.answered_keys(keys)) == rows
        print(f"lookup of all {rows} keys: {time.perf_counter() - begun:.1f} s")
        cache.close()


if __name__ == "__main__":
    main()
