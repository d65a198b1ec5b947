"""Memory of this process: freed blocks are kept for the next step."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_KEPT_BYTES = 1 << 30


def keep_freed_memory() -> bool:
    """Whether glibc agreed to reuse freed blocks instead of returning them to the system.

    A step allocates the same large tensors as the one before. By default each is a fresh mapping
    whose pages the kernel clears again, which costs more than the arithmetic on them.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(ctypes.util.find_library("c")).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, _KEPT_BYTES))
