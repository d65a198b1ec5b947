"""What is asked and answered over the wire, as its OpenAPI page and its errors say it."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

Name = Annotated[str, Meta(max_length=500)]
"""Of a user, an item or an attribute."""
K = Annotated[int, Meta(ge=1, description="How many items are wanted at most.")]
Value = str | int | float | bool
Where = Annotated[
    dict[Name, Value | list[Value] | dict[Name, int | float]],
    Meta(
        description="Only items whose attributes are so: a value, several of which one has to fit, "
        'or bounds of a number as {"least": 1990, "below": 2000}.'
    ),
]
User = Annotated[
    Name | None, Meta(description="Id of a user of the export; or give a history instead.")
]
History = Annotated[
    list[Name] | None,
    Meta(description="Ids of what somebody had, oldest first, in place of what the export knows."),
]

For = Annotated[
    Name | None,
    Meta(
        description="What is asked for, where the export can be asked: the id of a meaning or of a "
        "query, its name, or words that tell of one. Without it, what the history says."
    ),
]


class AskBody(Struct, forbid_unknown_fields=True):
    """One ask: for whom, and what is wanted."""

    user: User = None
    history: History = None
    k: K = 10
    exclude: Annotated[list[Name], Meta(description="Ids of items that are not wanted.")] = []
    where: Where = {}
    again: Annotated[
        bool, Meta(description="Whether items may come that the history holds already.")
    ] = False
    query: For = field(default=None, name="for")


class BatchBody(Struct, forbid_unknown_fields=True):
    """Several asks, answered in one body and in the same order."""

    asks: Annotated[list[AskBody], Meta(min_length=1)]


class RecommendBody(AskBody, forbid_unknown_fields=True):
    """One ask, or several as `asks`."""

    asks: list[AskBody] | None = None


class SimilarBody(Struct, forbid_unknown_fields=True):
    """Which items are like one."""

    item: Annotated[Name, Meta(description="Id of the item.")]
    k: K = 10


class ExplainBody(Struct, forbid_unknown_fields=True):
    """Why an item would be shown: to a user, or after a history."""

    item: Annotated[Name, Meta(description="Id of the item asked about.")]
    user: User = None
    history: History = None
    query: For = field(default=None, name="for")


class NewcomerBody(Struct, forbid_unknown_fields=True):
    """Somebody or something that the export has never seen."""

    side: Annotated[Literal["user", "item"], Meta(description="What is new: user or item.")]
    attributes: Annotated[
        dict[Name, Value | list[Value]],
        Meta(description='Values of attributes of items, such as {"genres": ["noir"]}.'),
    ] = {}
    words: Annotated[str, Meta(max_length=10_000, description="What is said besides.")] = ""
    history: Annotated[list[Name], Meta(description="Of a user: ids of items, oldest first.")] = []
    k: K = 10
    where: Where = {}


class Item(Struct):
    """An item of an answer."""

    id: str
    score: Annotated[
        float | None, Meta(description="The higher, the better; no probability; null without one.")
    ]
    title: Annotated[str | None, Meta(description="As the data call it; null without a name.")]


class Kind(StrEnum):
    """What went wrong, for programs; the message says it to people."""

    BODY = "bad_body"
    VALUE = "bad_value"
    UNKNOWN = "unknown"
    ROUTE = "no_such_route"
    METHOD = "wrong_method"
    TOKEN = "no_token"
    HOST = "wrong_host"
    LARGE = "too_large"
    SLOW = "too_slow"
    BUSY = "busy"
    BROKEN = "broken"


STATUS = {
    Kind.BODY: 422,
    Kind.VALUE: 422,
    Kind.UNKNOWN: 404,
    Kind.ROUTE: 404,
    Kind.METHOD: 405,
    Kind.TOKEN: 401,
    Kind.HOST: 403,
    Kind.LARGE: 413,
    Kind.SLOW: 504,
    Kind.BUSY: 503,
    Kind.BROKEN: 500,
}
"""Of HTTP."""


class Told(Struct):
    """What went wrong."""

    kind: Kind
    message: Annotated[str, Meta(description="A sentence: what is wrong, and how to mend it.")]
    field: Annotated[str | None, Meta(description="Where in the body, such as asks[2].k.")] = None


class Error(Struct):
    """The one shape of everything that is not an answer."""

    error: Told


class Answer(Struct):
    """Items, the best first."""

    export: Annotated[str, Meta(description="Fingerprint of the export that all of it is from.")]
    items: list[Item]
    notes: Annotated[list[str], Meta(description="What has to be known of it, in sentences.")] = []


class Listed(Struct, omit_defaults=True):
    """The answer to one ask of several: items, or what went wrong with this one."""

    items: list[Item] = []
    notes: list[str] = []
    error: Told | None = None


class Answers(Struct):
    """Answers to several asks, in their order."""

    export: Annotated[str, Meta(description="Fingerprint of the export that all of it is from.")]
    answers: list[Listed]


class Moved(Struct):
    """Where an item would stand without one of the history."""

    without: Item
    rank: int


class Explanation(Struct):
    """Why an item is shown, or would be."""

    export: Annotated[str, Meta(description="Fingerprint of the export that all of it is from.")]
    item: Item
    rank: Annotated[
        int | None, Meta(description="Among all that was not had, 1 the best; null without one.")
    ]
    reasons: Annotated[list[str], Meta(description="Sentences, each true by counting.")]
    moved: Annotated[
        list[Moved], Meta(description="What the rank owes to the history, most first.")
    ]
    notes: list[str] = []


class Placed(Struct):
    """What a newcomer is taken for, and what is listed for it."""

    export: Annotated[str, Meta(description="Fingerprint of the export that all of it is from.")]
    alike: Annotated[list[Item], Meta(description="Items that it is taken after.")]
    listed: Annotated[
        list[Item], Meta(description="Of a user: items; of an item: users it would be shown to.")
    ]
    notes: list[str] = []


class Refusal(Exception):  # noqa: N818
    """Raised for what cannot be answered; the sentence goes out, never a traceback.

    Args:
        kind: What went wrong.
        message: The sentence.
        field: Where in the body.
        headers: Further ones of the answer.
    """

    def __init__(
        self,
        kind: Kind,
        message: str,
        field: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.told, self.headers = Told(kind, message, field), headers or {}

    @property
    def status(self) -> int:
        """Of HTTP."""
        return STATUS[self.told.kind]


_PLACED = re.compile(r"(.*?) - at `(key` in `)?\$([.\[][^`]*)?`", re.DOTALL)
"""What msgspec says of a value, and where it stands: $, $.k, $[0] or $.where[...]."""


def read(body: bytes, decoder: msgspec.json.Decoder[Any]) -> Any:
    """A body of JSON as what it is meant to be.

    Raises:
        Refusal: it is no JSON, or not of that form; says where.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        found = _PLACED.fullmatch(str(error))
        message, key, place = found.groups() if found else (str(error), None, None)
        named = "Of a name in it: " if key else ""
        field = (place or "").lstrip(".") or None
        raise Refusal(Kind.BODY, f"{named}{message}.", field) from None
    except msgspec.DecodeError as error:
        raise Refusal(Kind.BODY, f"The body is no JSON that can be read: {error}.") from None
    except RecursionError:
        raise Refusal(Kind.BODY, "The body is nested too deeply.") from None
