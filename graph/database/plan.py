"""The plan of a query, which the engine draws in boxes, as rows."""

from __future__ import annotations

import re

import polars as pl

_BOX = re.compile(r"│([^│]*)│")
_STEP = re.compile(r"([A-Z_]+)\[(\d+)\]")


def read_plan(drawn: str) -> pl.DataFrame:
    """A row a step, those that come first in front: step, about, rows, ms.

    Args:
        drawn: What PROFILE answers.
    """
    steps: list[dict[str, str]] = []
    at: dict[int, dict[str, str]] = {}
    for line in drawn.splitlines():
        for box in _BOX.finditer(line):
            text, place = box[1].strip(), box.start()
            if found := _STEP.fullmatch(text):
                at[place] = {"step": found[1], "number": found[2]}
                steps.append(at[place])
            elif ":" in text and place in at:
                name, _, value = text.partition(":")
                at[place][name.strip()] = value.strip()
    told = [step for step in steps if step["step"] not in ("PROFILE", "RESULT_COLLECTOR")]
    told.sort(key=lambda step: int(step["number"]))
    return pl.DataFrame(
        {
            "step": [step["step"].replace("_", " ").capitalize() for step in told],
            "about": [step.get("Tables") or step.get("Expressions", "") for step in told],
            "rows": [int(step.get("NumOutputTuples", 0)) for step in told],
            "ms": [float(step.get("ExecutionTime", 0)) for step in told],
        },
        schema={"step": pl.String, "about": pl.String, "rows": pl.Int64, "ms": pl.Float64},
    )
