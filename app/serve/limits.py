"""How much one request, and all together, may ask for."""

from __future__ import annotations

from dataclasses import dataclass

from app.serve.wire import Kind, Refusal


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused beyond.

    Attributes:
        bytes: Of a body.
        asks: In one body.
        k: Items in one answer.
        history: Items in the history of one ask.
        seconds: Of one request, from its first byte to its answer.
        requests: Answered at the same time; those beyond are asked to come again.
    """

    bytes: int = 1_000_000
    asks: int = 256
    k: int = 1_000
    history: int = 10_000
    seconds: float = 10.0
    requests: int = 256

    def check_k(self, k: int, field: str = "k") -> None:
        """Nothing, where as many items may be asked for.

        Raises:
            Refusal: they are too many.
        """
        if k > self.k:
            raise Refusal(Kind.VALUE, f"k is {k}; an answer has {self.k} items at most.", field)

    def check_history(self, history: list[str] | None, field: str = "history") -> None:
        """Nothing, where a history may be so long.

        Raises:
            Refusal: it is too long.
        """
        if history is not None and len(history) > self.history:
            raise Refusal(
                Kind.VALUE,
                f"The history has {len(history)} items; {self.history} are read at most. Give the "
                "latest of them.",
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
