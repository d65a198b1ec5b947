"""What stands before training, in order: a further stage is a file, and a line here."""

from __future__ import annotations

from app.pipeline.stages import (
    build_graph,
    describe,
    encode,
    find_phrases,
    find_words,
    fit_codes,
    pair_items,
    read_data,
)
from app.pipeline.stages.stage import Stage

MATERIAL: dict[str, Stage] = {
    **read_data.STAGES,
    **{
        name: stage
        for side in ("item", "user")
        for file in (describe, encode, fit_codes)
        for name, stage in file.stages(side).items()
    },
    **build_graph.STAGES,
    **find_phrases.STAGES,
    **find_words.STAGES,
    **pair_items.STAGES,
}
"""Texts of items come before those of users, who are described by them."""
