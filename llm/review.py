"""What a person checks in knowledge: coverage, failures, lengths, duplicates, and what changed."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from llm.gate import CUT_OFF
from llm.knowledge import Knowledge

OPENING = 8
"""Words that texts must have in common at their beginning to count as beginning alike."""
FAR = 3.5
"""Modified z-score beyond which a length is unusual."""
_REASON = pl.col("error").str.extract(r"^Rejected \(([^)]*)\)")
_WORD = r"[\p{L}\p{N}]+"
WHAT = ("changed", "added", "removed", "same")
"""What became of a text, as `compare_knowledge` says it."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of one side is described, and what it took.

    Attributes:
        entities: How many there are.
        described: Of them with a text, by hand or not.
        by_hand: Of them with a text by hand.
        failed: Of them without any.
        cut_off: Of them with a text that ended at max_tokens, not by hand.
        tokens_in: Of all prompts.
        tokens_out: Of all answers.
        seconds: Of all answers, one after another.
        words: Of the middle text; 0 where there is none.
        models: Who answered, most first.
        templates: That were sent, most first.
        leaking: Whether the texts have seen held-out interactions.
    """

    entities: int
    described: int
    by_hand: int
    failed: int
    cut_off: int
    tokens_in: int
    tokens_out: int
    seconds: float
    words: int
    models: tuple[str, ...]
    templates: tuple[str, ...]
    leaking: bool

    @property
    def share(self) -> float:
        """Described entities, from 0 to 1."""
        return self.described / self.entities if self.entities else 0.0


def coverage(knowledge: Knowledge) -> Coverage:
    """How much of one side is described, and what it took."""
    table, failed = knowledge.table, knowledge.failures.height
    review = review_texts(knowledge)
    return Coverage(
        entities=table.height,
        described=table.height - failed,
        by_hand=int(table["override"].count()),
        failed=failed,
        cut_off=int((review["state"] == "cut off").sum()),
        tokens_in=int(table["tokens_in"].sum()),
        tokens_out=int(table["tokens_out"].sum()),
        seconds=float(table["latency_s"].sum()),
        words=int(review["words"].median() or 0),  # type: ignore[arg-type]
        models=_most(table["model"]),
        templates=_most(table["template"]),
        leaking=knowledge.leaking,
    )


def review_texts(knowledge: Knowledge) -> pl.DataFrame:
    """A row an entity with what is to be said of its text.

    Returns:
        entity, said (the text that counts), words, state ("described", "cut off", "by hand" or
        "failed"), reason (of a failure, in short), length ("short" or "long" where it is unusual,
        else null), same (how many texts are equal but for case, blanks and punctuation), alike
        (how many begin with the same eight words); the last two are null where there is no text or
        no other one.
    """
    said, by_hand = pl.coalesce("override", "text"), pl.col("override").is_not_null()
    failed = pl.when(said.is_null()).then(pl.lit("failed"))
    whole = failed.when(pl.col("finish_reason").is_in(CUT_OFF)).then(pl.lit("cut off"))
    table = knowledge.table.select(
        "entity",
        said.alias("said"),
        pl.when(by_hand)
        .then(pl.lit("by hand"))
        .otherwise(whole.otherwise(pl.lit("described")))
        .alias("state"),
        pl.when(said.is_null()).then(_REASON.fill_null("failed")).alias("reason"),
    )
    parts = pl.col("said").str.to_lowercase().str.extract_all(_WORD)
    table = table.with_columns(parts.alias("parts")).with_columns(
        pl.col("parts").list.len().alias("words"),
        _others(pl.col("parts").list.join(" ")).alias("same"),
        _others(pl.col("parts").list.head(OPENING).list.join(" ")).alias("alike"),
    )
    return table.with_columns(_unusual().alias("length")).drop("parts")


def failures(knowledge: Knowledge) -> pl.DataFrame:
    """A row a reason, most frequent first: reason, rows, attempts (mean), example, error."""
    failed = knowledge.failures.with_columns(_REASON.fill_null("failed").alias("reason"))
    grouped = failed.group_by("reason").agg(
        pl.len().alias("rows"),
        pl.col("attempts").mean(),
        pl.col("entity").first().alias("example"),
        pl.col("error").first(),
    )
    return grouped.sort("rows", "reason", descending=[True, False])


def duplicates(table: pl.DataFrame) -> pl.DataFrame:
    """Texts that several entities have: a row a text, with `entities` and `said`, most first.

    Args:
        table: From `review_texts`.
    """
    twice = table.filter(pl.col("same") > 1)
    key = pl.col("said").str.to_lowercase().str.extract_all(_WORD).list.join(" ")
    grouped = twice.group_by(key.alias("key"), maintain_order=True).agg(
        pl.len().alias("rows"), pl.col("entity").alias("entities"), pl.col("said").first()
    )
    return grouped.drop("key").sort("rows", descending=True, maintain_order=True)


def search(table: pl.DataFrame, words: str, columns: tuple[str, ...]) -> pl.DataFrame:
    """The rows in which every one of `words` stands somewhere, whatever its capitals.

    Args:
        table: Any.
        words: With blanks between them; parts of words are found, too.
        columns: Of texts, in which they are looked for.
    """
    everywhere = pl.concat_str(columns, separator="\n", ignore_nulls=True).str.to_lowercase()
    found = table.lazy()
    for word in words.lower().split():
        found = found.filter(everywhere.str.contains(word, literal=True))
    return found.collect()


def _most(column: pl.Series) -> tuple[str, ...]:
    """Values, most frequent first."""
    counted = column.drop_nulls().value_counts()
    return tuple(counted.sort("count", column.name, descending=[True, False])[column.name])


def _others(key: pl.Expr) -> pl.Expr:
    """How many rows share a key; null where the row is alone or has no words."""
    number = pl.len().over(key)
    return pl.when(pl.col("said").is_not_null() & (number > 1) & (key != "")).then(number)


def _unusual() -> pl.Expr:
    """What is unusual in a number of words, "short" or "long"; null where nothing is.

    The modified z-score 0.6745 (x - median) / MAD is taken of logarithms, since lengths differ by
    factors. The MAD counts as 0.1 at least, so that equal lengths do not make all others unusual.

    Source: Iglewicz and Hoaglin, How to detect and handle outliers (1993), section 3.4.
    """
    logs = (pl.col("words") + 1.0).log()
    away = logs - logs.median()
    score = 0.6745 * away / pl.max_horizontal(away.abs().median(), pl.lit(0.1))
    return pl.when(score < -FAR).then(pl.lit("short")).when(score > FAR).then(pl.lit("long"))


def compare_knowledge(old: Knowledge, new: Knowledge) -> pl.DataFrame:
    """A row an entity of either: what became of its text.

    Returns:
        entity, what (one of WHAT; "added" where only the new version has a text), old, new, and
        kept: of the different words of both texts the share that both have (Jaccard), from 0 to 1.
        Those that changed most come first; then in order of the old version.
    """
    sides = [
        one.table.select("entity", pl.Series(name, one.texts, pl.String))
        for name, one in (("old", old), ("new", new))
    ]
    joined = sides[0].join(
        sides[1], on="entity", how="full", coalesce=True, maintain_order="left_right"
    )
    same = pl.col("old").eq_missing(pl.col("new"))
    what = (
        pl.when(same)
        .then(pl.lit("same"))
        .when(pl.col("old").is_null())
        .then(pl.lit("added"))
        .when(pl.col("new").is_null())
        .then(pl.lit("removed"))
        .otherwise(pl.lit("changed"))
    )
    return (
        joined.with_columns(what.alias("what"), _word_overlap())
        .select("entity", "what", "kept", "old", "new")
        .sort(pl.col("what") == "same", "kept", nulls_last=False, maintain_order=True)
    )


def _word_overlap() -> pl.Expr:
    """Share of words that both texts have; null where there is only one text."""
    old, new = (pl.col(c).str.to_lowercase().str.extract_all(_WORD) for c in ("old", "new"))
    both, either = old.list.set_intersection(new), old.list.set_union(new)
    share = both.list.len() / pl.max_horizontal(either.list.len(), pl.lit(1))
    texts = pl.col("old").is_not_null() & pl.col("new").is_not_null()
    return pl.when(texts).then(share).alias("kept")
