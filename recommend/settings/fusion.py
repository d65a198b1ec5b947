"""Settings of fusion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, field_validator

from recommend.settings.none import PLAIN
from recommend.settings.part import EnhancerConfig

Evidence = Literal["items", "words", "vectors", "factors"]
READ: Final[Mapping[Evidence, str]] = {
    "items": "histories",
    "words": "words",
    "vectors": "item_vectors",
    "factors": "graph",
}
"""The part of `Sources` that each kind of evidence is drawn from."""


class FusionConfig(EnhancerConfig):
    """Fusion: what paths from the history to an item say, weighed and added to a trained score."""

    title: ClassVar[str] = "texts and neighbours"
    ours: ClassVar[bool] = True
    name: Literal["fusion"] = "fusion"
    upon: str = PLAIN
    """Enhancer of the recommender whose scores it adds to; that one is trained as without fusion,
    once for both."""
    evidence: Annotated[tuple[Evidence, ...], Field(min_length=1)] = (
        *("items", "words", "vectors", "factors"),
    )
    """Paths from the latest items of a history to others: through people who had both (`items`),
    words in both (`words`), the likeness of their texts (`vectors`), and latent factors that both
    have (`factors`)."""
    recency: float = Field(default=0.7, gt=0, le=1)
    """An item of a history counts so many times less with every item after it."""
    last: int | None = Field(default=5, ge=1)
    """Latest items of a history whose texts and factors count; none: all."""
    doubt: PositiveFloat = 5.0
    """Training interactions after which an item is half known: every weight has a part that grows
    with n / (n + doubt), so that texts can speak louder where interactions say little."""
    shrinkage: NonNegativeFloat = 1e-4
    """Pulls weights to zero where validation does not tell."""

    @field_validator("evidence")
    @classmethod
    def _each_once(cls, evidence: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
        twice = sorted({one for one in evidence if evidence.count(one) > 1})
        if twice:
            raise ValueError(f"name each once; there more often: {', '.join(twice)}")
        return evidence

    @property
    def adds(self) -> str:
        """What its evidence is.

        >>> FusionConfig().adds, FusionConfig(evidence=("items",)).adds
        ('texts and neighbours', 'neighbours')
        >>> FusionConfig(evidence=("words", "vectors")).adds
        'texts'
        """
        texts = ["texts"] if {*self.evidence} - {"items"} else []
        return " and ".join([*texts, *(["neighbours"] if "items" in self.evidence else [])])

    @property
    def sides(self) -> tuple[str, ...]:
        """Whose vectors get its features: nobody's."""
        return ()

    @property
    def needs(self) -> tuple[str, ...]:  # type: ignore[override]
        """What its evidence is drawn from."""
        return tuple(READ[one] for one in self.evidence)

    @property
    def strangers(self) -> Mapping[str, str]:  # type: ignore[override]
        """Why it cannot place a new item, where it cannot."""
        if self.upon == PLAIN:
            return {
                "item": "It stands upon a plain recommender, which knows an item by who had it. "
                "Ask one upon an enhancer that reads texts or codes, such as autograph."
            }
        return {}

    def levels_read(self, side: str, levels: int) -> tuple[int, ...]:
        """All of the items' codes, where factors are evidence."""
        return tuple(range(levels)) if side == "item" and "factors" in self.evidence else ()
