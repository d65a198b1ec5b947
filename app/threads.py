"""How the threads of a process wait for each other."""

from __future__ import annotations

import os

SPINS = 1_000
"""Times that a thread asks whether the others are ready before it sleeps.

Two threads of SASRec on two busy cores took 28 ms of CPU time a step where they slept at once, 34
with 1,000, 41 with 2,000 and 91 with 10,000; on idle cores some asking saves being woken."""


def wait_briefly() -> None:
    """Tells the OpenMP that torch brings for Linux to wait so; call it before torch is imported.

    By itself it asks 300,000 times. Where another process holds the core that everybody waits for,
    the asking is in its way: a step of SASRec on two threads of two busy cores took over 2 s so,
    and .14 s with 1,000. Who has set how threads wait is not overruled; children inherit it.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))
