"""How much one request, and all together, may ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.serve.wire import AskBody, Kind, Refusal


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused beyond.

    Attributes:
        bytes: Of a body.
        asks: In one body.
        k: Items in one answer.
        history: Items in the history of one ask, and as many that it excludes.
        values: In the conditions of one ask.
        seconds: Of one request, from its first byte to its answer.
        requests: Answered at the same time; those beyond are asked to come again.
    """

    bytes: int = 1_000_000
    asks: int = 256
    k: int = 1_000
    history: int = 10_000
    values: int = 100
    seconds: float = 10.0
    requests: int = 256

    def check_k(self, k: int, field: str = "k") -> None:
        """Nothing, where as many items may be asked for.

        Raises:
            Refusal: they are too many.
        """
        if k > self.k:
            raise Refusal(Kind.VALUE, f"k is {k}; an answer has {self.k} items at most.", field)

    def check_ask(self, body: AskBody, within: str = "") -> None:
        """Nothing, where one ask is in bounds.

        Args:
            body: The ask.
            within: Where it stands, such as "asks[2]."

        Raises:
            Refusal: it wants or says too much.
        """
        self.check_k(body.k, f"{within}k")
        if body.history:
            self.check_items(body.history, f"{within}history")
        if body.exclude:
            self.check_items(body.exclude, f"{within}exclude")
        if body.where:
            self.check_values(body.where, f"{within}where")

    def check_items(self, items: Sequence[str], field: str) -> None:
        """Nothing, where as many items may be named.

        Raises:
            Refusal: they are too many.
        """
        if len(items) > self.history:
            raise Refusal(
                Kind.VALUE, f"{len(items)} items are named; {self.history} are read at most.", field
            )

    def check_values(self, of: Mapping[str, Any], field: str) -> None:
        """Nothing, where attributes have as many values.

        Raises:
            Refusal: they are too many.
        """
        values = sum(len(one) if isinstance(one, list) else 1 for one in of.values())
        if values > self.values:
            raise Refusal(
                Kind.VALUE,
                f"{values} values are named; {self.values} are read at most.",
                field,
            )

    def check_asks(self, asks: int) -> None:
        """Nothing, where one body may have as many asks.

        Raises:
            Refusal: they are too many.
        """
        if asks > self.asks:
            raise Refusal(
                Kind.LARGE, f"The body has {asks} asks; {self.asks} are answered at once.", "asks"
            )
