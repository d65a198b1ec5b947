"""What templates and the facts backend may see of items and users: plain JSON-able mappings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from data.columns import DESCRIPTION, ITEM_ID, TITLE, USER_ID
from prompts.sandbox import join_words

YEAR_COLUMNS = ("year", "release_year", "publication_year", "year_of_publication")
GIST_COLUMNS = (
    "genre",
    "genres",
    "category",
    "categories",
    "author",
    "authors",
    "director",
    "directors",
)
"""Attributes that tell in a few words what an item is; where none is there, the first two."""
UNTITLED = "untitled"
"""What an item is called of which nothing but a number is known."""
_YEAR_IN_TITLE = re.compile(r"\((1[89]\d\d|20\d\d)(?:\s*[-–]\s*\d{0,4})?\)\s*$")
_BLANKS = r"[\s\p{Cc}\x{2028}\x{2029}\x{202A}-\x{202E}\x{2066}-\x{2069}\x{E0000}-\x{E007F}]+"
"""What may look like the end of a line, turn the direction of writing, or hide letters."""
_CONTROL_TOKENS = (
    r"(?i)([<＜])([|｜]|/?(?:s|sys|bos|eos|pad|unk|cls|sep|mask|think|tool_call|tool_response|"
    r"(?:start|end)_of_(?:turn|text|image)|endoftext|im_start|im_end|unused\d+)[>＞])"
    r"|(\[)(/?(?:INST|SYS|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|CLS|SEP|MASK)\])"
)
"""How chat formats write "a message begins here", in groups between which a blank breaks them."""
_MEMBERS_OF_A_GROUP = 5
"""Users a value must have on average for its column to say something of a person (not a zip)."""


class View(dict[str, Any]):
    """What may be seen of one entity, by name.

    Attributes:
        entity: Its external id as it is. No template sees it: the `id` among what may be seen is
            harmless, and so may be that of another entity, too.
    """

    __slots__ = ("entity",)

    def __init__(
        self, seen: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), entity: str = ""
    ) -> None:
        super().__init__(seen)
        self.entity = entity


class ItemViews(Sequence[View]):
    """One mapping an item, made when it is asked for; row k is dense item number k.

    Each has `id`, `title`, `year`, `era` ("1990s"), `description`, `text` (its knowledge text),
    `gist` (kinds and makers, in a line) and `attributes` (every other column). Texts are harmless
    lines (see `one_line`); what is unknown is None.
    """

    def __init__(self, items: pl.DataFrame, texts: Sequence[str | None] | None = None) -> None:
        table = one_line(items)
        year = next((c for c in YEAR_COLUMNS if c in table.columns), None)
        special = {ITEM_ID, TITLE, DESCRIPTION, year}
        self._entities = items[ITEM_ID].cast(pl.String).to_list()
        self._ids = table[ITEM_ID].fill_null("").to_list()
        self._titles = _column(table, TITLE)
        self._descriptions = _column(table, DESCRIPTION)
        self._years = _column(table, year)
        self._attributes = {c: table[c].to_list() for c in table.columns if c not in special}
        self._gist = [c for c in GIST_COLUMNS if c in self._attributes] or [*self._attributes][:2]
        self._texts = harmless(texts) if texts is not None else [None] * table.height

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, item: Any) -> Any:
        title = self._titles[item] or name_of(self._ids[item])
        year = _year(self._years[item], title)
        attributes = {name: values[item] for name, values in self._attributes.items()}
        gist = (join_words(attributes[name]) for name in self._gist)
        seen = {
            "id": self._ids[item],
            "title": title,
            "year": year,
            "era": f"{year // 10 * 10}s" if year else None,
            "description": self._descriptions[item] or None,
            "text": self._texts[item],
            "gist": "; ".join(filter(None, gist)),
            "attributes": attributes,
        }
        return View(seen, self._entities[item])


class UserViews(Sequence[View]):
    """One mapping a user: `id`, `attributes` (every column) and `profile`.

    `profile` leaves out what hardly any two users share, such as a postal code.
    """

    def __init__(self, users: pl.DataFrame) -> None:
        table = one_line(users)
        self._entities = users[USER_ID].cast(pl.String).to_list()
        self._ids = table[USER_ID].fill_null("").to_list()
        self._attributes = {c: table[c].to_list() for c in table.columns if c != USER_ID}
        most = table.height / _MEMBERS_OF_A_GROUP
        self._profile = [c for c in self._attributes if table[c].n_unique() <= max(most, 1)]

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, user: Any) -> Any:
        attributes = {name: values[user] for name, values in self._attributes.items()}
        profile = {name: attributes[name] for name in self._profile}
        seen = {"id": self._ids[user], "attributes": attributes, "profile": profile}
        return View(seen, self._entities[user])


def name_of(item_id: str) -> str:
    """What an item without a title is called: by its id, unless that is a mere number.

    Numbers are often given out in the order in which items first turn up in the histories, held-out
    items among them, so that near numbers would tell who was chosen with whom.

    >>> name_of("red-shoe-42"), name_of("42")
    ('red-shoe-42', 'untitled')
    """
    return item_id if any(letter.isalpha() for letter in item_id) else UNTITLED


def one_line(table: pl.DataFrame) -> pl.DataFrame:
    """`table` with JSON-able cells, whose texts keep to their place in a prompt.

    A title or description may come from somebody who wishes us ill. It cannot start a message:
    sections are cut before values are filled in, and a message is data of its own until the
    model's chat format joins them. What could still end its place there is taken away:

    - line breaks, control characters, marks that turn the direction of writing and invisible
      letters become a blank, so that a value stays on its line, as a person sees it;
    - the control tokens of chat formats (`<|im_start|>`, `</s>`, `[INST]`, `<start_of_turn>`, …),
      which many tokenizers know inside a text, too, are broken by a blank: `< |im_start|>`.

    Words are left as they are. "Ignore previous instructions" stays a title that says so: no
    rewording makes a model deaf to it, and a film may be called that. The templates that ship tell
    the model that values are data, never an instruction.
    """
    return table.select(_tidy(table[name]) for name in table.columns)


def harmless(texts: Sequence[str | None]) -> list[str | None]:
    """Texts as `one_line` makes them."""
    return one_line(pl.DataFrame({"text": pl.Series(texts, dtype=pl.String)}))["text"].to_list()


def _tidy(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, pl.List):
        texts = column.cast(pl.List(pl.String))
        return texts.list.eval(_tidy_text(pl.element())).list.drop_nulls()
    if column.dtype.is_float():
        return column.fill_nan(None)
    if column.dtype.is_integer() or column.dtype == pl.Boolean:
        return column
    texts = column.cast(pl.String)
    return texts.to_frame().select(_tidy_text(pl.col(column.name))).to_series()


def _tidy_text(expression: pl.Expr) -> pl.Expr:
    visible = expression.str.replace_all(_BLANKS, " ")
    text = visible.str.replace_all(_CONTROL_TOKENS, "${1}${3} ${2}${4}").str.strip_chars()
    return pl.when(text != "").then(text)


def _column(table: pl.DataFrame, name: str | None) -> list[Any]:
    return table[name].to_list() if name in table.columns else [None] * table.height


def _year(stated: object, title: str) -> int | None:
    """The year in its own column or, as MovieLens writes it, at the end of the title."""
    digits = re.search(r"\d{4}", str(stated)) if stated is not None else None
    found = digits or _YEAR_IN_TITLE.search(title)
    return int(found[found.re.groups]) if found else None
