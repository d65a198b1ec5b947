"""Are reasons true? Words that they name are looked up again, in the simplest way.

Takes the reasons that the Demo screen and `autograph recommend --explain` show for users drawn at
random, those of every finished recommender in turn, from the same function. Each word in ‘…’ has to
stand, whole and in the same form, in the texts of all whom the sentence says it of, or among the
attributes of them all. Texts are read from the workspace as they were written, and cut into words
here, by nothing that the product uses. An experiment that is not finished is left out.

    python benchmarks/reasons.py demo
    python benchmarks/reasons.py demo ml-1m --workspace workspace --reasons 200
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from app.pipeline.records import Record, read_record
from app.results.results import Results
from data.errors import AutoGraphError
from recommend.model import Model
from recommend.reasons.explain import Reason
from recommend.reasons.showcase import Asked, Showcase
from recommend.reasons.what_if import Ready, best

LIST, REASONS = 6, 2
"""Items of a list, and reasons for each, as the Demo screen shows them."""
TITLES, QUOTED = re.compile(r"“.*?”(?=[\s,.;]|$)"), re.compile(r"‘(.+?)’(?!\w)")
ROW = "{:<30}{:>9}{:>13}{:>7}{:>9}{:>8}{:>10}{:>8}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("experiments", nargs="+")
    parser.add_argument("--workspace", type=Path, default=Path("workspace"))
    parser.add_argument("--reasons", type=int, default=200, help="of each experiment")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    wrong = 0
    for name in asked.experiments:
        try:
            record = read_record(name, asked.workspace)
            case = Results(record).showcase
        except AutoGraphError as error:
            print(f"{name} is left out: {error}")
            continue
        wrong += look_at(record, case, asked.reasons, asked.seed)
    return int(wrong > 0)


def look_at(record: Record, case: Showcase, limit: int, seed: int) -> int:
    """Prints what reasons of an experiment are like, and gives how many name what is not so."""
    print(ROW.format(record.experiment.name, "reasons", "name words", "true", "measured", "counts",
                     "no reason", "s/list"))  # fmt: skip
    cells, texts, every = record.finished_cells(), Texts.of(record, case), Counter[str]()
    for place, cell in enumerate(cells):
        ready = Ready.of(Model.load(record.folder("train", cell)))
        share = (place + 1) * limit // len(cells) - place * limit // len(cells)
        found = tally(case, ready, texts, share, seed)
        print(_line(str(cell), found))
        every += found
    print(_line("all", every))
    true = every["reasons"] - every["false"]
    print(
        f"{true / max(every['reasons'], 1):.1%} of {every['reasons']} reasons name only words that "
        f"are true of all whom they say them of; {every['names']} name any.\n"
    )
    return every["false"]


def _line(title: str, found: Counter[str]) -> str:
    seconds = found["milliseconds"] / 1000 / max(found["lists"], 1)
    return ROW.format(
        title,
        found["reasons"],
        found["names"],
        found["names"] - found["false"],
        found["measured"],
        found["counts"],
        found["none"],
        f"{seconds:.3f}",
    )


def tally(case: Showcase, ready: Ready, texts: Texts, limit: int, seed: int) -> Counter[str]:
    """How many reasons of a recommender name words, are counts, and are true."""
    found: Counter[str] = Counter()
    for user in np.random.default_rng(seed).permutation(case.dataset.n_users).tolist():
        history = case.histories.of(user)
        items = best(ready, user, history, LIST)["item"].to_list()
        began = time.perf_counter()
        lists = case.whys(history, user, items, Asked(ready, user), REASONS)
        found["milliseconds"] += round(1000 * (time.perf_counter() - began))
        found["lists"] += 1
        for whys in lists:
            found["none"] += not whys
            for why in whys:
                if found["reasons"] >= limit:
                    return found
                look_up(why.reason, user, texts, found)
    return found


def look_up(reason: Reason, user: int, texts: Texts, found: Counter[str]) -> None:
    """Adds a reason to the counts; one that names what is not so is printed."""
    words = QUOTED.findall(TITLES.sub("“”", reason.sentence))
    found["reasons"] += 1
    found["names"] += bool(words)
    found["measured"] += reason.kind == "measured"
    found["counts"] += reason.kind != "measured" and not words
    ends = list(_ends(reason, user))
    untrue = [word for word in words if not all(texts.hold(*end, word) for end in ends)]
    if untrue:
        found["false"] += 1
        print(f"NOT TRUE, {untrue}: {reason.sentence}")


def _ends(reason: Reason, user: int) -> Iterator[tuple[str, int]]:
    """All whom a sentence says its words of."""
    if reason.metapath == "user > user_factor > user > item":
        yield "user", user
        yield from reason.steps[2]
    else:
        yield "item", reason.item
        yield from (("item", one) for one in reason.through)


@dataclass(frozen=True)
class Texts:
    """Texts and attributes of users and items, by "user" and "item" and number."""

    texts: Mapping[str, Sequence[str | None]]
    attributes: Mapping[str, Sequence[tuple[object, ...]]]

    @classmethod
    def of(cls, record: Record, case: Showcase) -> Texts:
        """Those of an experiment, as they were written."""
        texts = {}
        for side in ("user", "item"):
            if f"knowledge-{side}" in record.keys:
                path = record.folder(f"knowledge-{side}") / "knowledge.parquet"
                texts[side] = pl.read_parquet(path)["text"].to_list()
        return cls(texts, {"user": case.dataset.users.rows(), "item": case.dataset.items.rows()})

    def hold(self, side: str, number: int, word: str) -> bool:
        """Whether a word stands in a text, or is an attribute."""
        values = (value for value in self.attributes[side][number] if value is not None)
        lists = (value if isinstance(value, list) else [value] for value in values)
        if word.lower() in {str(value).lower() for values in lists for value in values}:
            return True
        texts = self.texts.get(side, [])
        return f" {cut(word)} " in f" {cut(texts[number] or '') if texts else ''} "


def cut(text: str) -> str:
    """Words of a text with a blank between them: letters, digits, and hyphens inside a word."""
    possessive = re.sub(r"['’]s\b", "", text.lower())
    return " ".join(re.findall(r"\w+(?:[-'’]\w+)*", possessive))


if __name__ == "__main__":
    raise SystemExit(main())
