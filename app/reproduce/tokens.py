"""The table of tokens: what vectors of a graph model add to sequence models, beside its control."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.experiment.settings import PLAIN
from app.reproduce.results import TableResults, account_of
from app.reproduce.sheets import Account, Sheet
from app.reproduce.tables import Reproduction, Row, found_in, key_of
from app.reproduce.variants import PERMUTED, TOKENS
from app.results.domains import p_in_words

WATCHED, LEVEL = "ndcg@10", 0.01
"""What a gain is aimed at in, and the p that it should stay below."""
LIMIT = 1.15
"""How many times as long as a plain epoch one with tokens may take, as aimed at."""


def account_of_tokens(of: Reproduction, results: TableResults) -> Account:
    """All that is to be read of the table: its figures, what was aimed at, and the cost."""
    told = account_of(of, results)
    costs = list(_costs(of))
    notes = [*_gains(of, results), *told.notes]
    return replace(told, sheets=[*told.sheets, *costs], notes=notes)


def _gains(of: Reproduction, results: TableResults) -> Iterator[str]:
    """Of every row, whether it gained what its control did not."""
    rows = {row["row"]: row for row in results.table.filter(metric=WATCHED).to_dicts()}
    for one in _enhanced(of):
        own = rows.get(one.key)
        control = rows.get(key_of(one.backbone, one.enhancer, f"{one.variant.slug}-{PERMUTED}"))
        if own is None or own["p_holm"] is None:
            continue
        head = f"{one.key}: NDCG@10 {_change(own)} against plain"
        if control is None or control["p_holm"] is None or own["rival_p_holm"] is None:
            yield f"{head}; its control is not there yet."
            continue
        yield (
            f"{head}, {_change(own, 'rival_')} against its control; the control {_change(control)} "
            f"against plain. A gain that the control does not have, p < {LEVEL:g}: "
            f"{'yes' if _gained(own, control) else 'no'}."
        )


def _gained(own: Mapping[str, Any], control: Mapping[str, Any]) -> bool:
    """Whether a row is above plain and above its control, and the control is not above plain."""
    above = own["difference"] > 0 and own["p_holm"] < LEVEL
    beyond = own["rival_difference"] > 0 and own["rival_p_holm"] < LEVEL
    return above and beyond and not (control["difference"] > 0 and control["p_holm"] < LEVEL)


def _change(row: Mapping[str, Any], head: str = "") -> str:
    change, p = row[f"{head}change"], row[f"{head}p_holm"]
    shown = "" if change is None else f"{change:+.1f} % "
    return f"{shown}(p {p_in_words(p)})"


def _enhanced(of: Reproduction) -> list[Row]:
    """Rows with tokens, controls apart."""
    return [r for r in of.rows if r.enhancer == TOKENS and not r.variant.slug.endswith(PERMUTED)]


def _costs(of: Reproduction) -> Iterator[Sheet]:
    """Seconds an epoch of rows with tokens beside those of their plain twins."""
    found, seconds = found_in(of), dict[str, float]()
    for key, (record, cells) in found.items():
        taken = [record.summary("train", cell).get("seconds_per_epoch") for cell in cells]
        known = [one for one in taken if one]
        if known:
            seconds[key] = sum(known) / len(known)
    rows: list[Sequence[str]] = []
    for one in _enhanced(of):
        plain = seconds.get(key_of(one.backbone, PLAIN, ""))
        own = seconds.get(one.key)
        if plain and own:
            rows.append([one.key, f"{plain:.2f}", f"{own:.2f}", f"{own / plain:.2f}"])
    if rows:
        title = f"Seconds an epoch, as they happened to be taken; aimed at: {LIMIT:g} times at most"
        yield Sheet(title, ["row", "plain", "with tokens", "times"], rows)
