"""Settings of no enhancer at all, which are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, Literal

from recommend.settings.part import EnhancerConfig

PLAIN: Final = "none"
"""The enhancer that adds nothing: the twin that every other one is compared with."""


class NoneConfig(EnhancerConfig):
    """No enhancer: the plain twin that every other one is compared with."""

    title: ClassVar[str] = "nothing"
    strangers: ClassVar[Mapping[str, str]] = {
        "item": "It knows an item by who had it, and nobody had this one; it could learn something "
        "only from attributes that other items share. Ask a recommender with an enhancer that "
        "reads texts or codes, such as autograph."
    }
    attributes_do: ClassVar[bool] = True
    name: Literal["none"] = PLAIN

    @property
    def sides(self) -> tuple[str, ...]:
        """Whose vectors get its features: nobody's."""
        return ()
