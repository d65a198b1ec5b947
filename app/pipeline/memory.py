"""The most memory that this process ever held."""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path


def peak_megabytes() -> float:
    """Largest resident set of this process so far, in MB.

    Linux hands the peak of `getrusage` on from a parent to the program it starts, so a small
    process with a large parent would look large; the kernel's status file does not.
    """
    with suppress(OSError, IndexError):
        return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
