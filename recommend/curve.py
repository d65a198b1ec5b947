"""How training went, epoch by epoch: of a recommender that is finished, or still being trained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data import atomic
from data.errors import ArtifactError

CHECKPOINT = "checkpoint.safetensors"
ROWS = "rows"
"""Name of the epochs' rows in a checkpoint, as JSON in bytes."""
CURVE = "curve.parquet"


def epochs_of(folder: Path, scratch: Path) -> list[dict[str, Any]]:
    """A row an epoch: its number, loss, validation metrics and seconds; empty before the first.

    Weights are left on the disk, so that this may be asked every second.

    Args:
        folder: Of the trained recommender, filled at the end of training.
        scratch: Of its checkpoints, gone after it.

    Raises:
        ArtifactError: a file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(scratch / CHECKPOINT, framework="numpy") as checkpoint:
            told = json.loads(checkpoint.get_tensor(ROWS).tobytes())
    except FileNotFoundError:
        curve = folder / CURVE
        return atomic.read_parquet(curve).to_dicts() if curve.exists() else []
    except (SafetensorError, ValueError) as error:
        raise ArtifactError(
            f"The checkpoint {scratch / CHECKPOINT} is damaged ({error}). Delete its folder and "
            "run the same command: only this recommender is trained again."
        ) from None
    rows: list[dict[str, Any]] = told["rows"]
    return rows
