"""Which column of a person's table means what, by its name and by what it holds."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

import polars as pl

from data.loaders.times import looks_like_time
from data.loaders.values import are_lists

ROLES: Mapping[str, tuple[str, ...]] = {
    "user": (
        *("userid", "user", "uid", "customerid", "customer", "reviewerid", "visitorid", "memberid"),
        *("accountid", "personid", "clientid", "readerid", "who", "username", "member", "visitor"),
        *(
            "kundennr",
            "kundennummer",
            "kundenid",
            "kunde",
            "nutzer",
            "benutzer",
            "client",
            "cliente",
        ),
    ),
    "item": (
        *("itemid", "item", "iid", "movieid", "productid", "parentasin", "asin", "isbn", "bookid"),
        *("articleid", "sku", "songid", "trackid", "gameid", "appid", "movie", "product", "book"),
        *("what", "article", "track", "game", "artikelnr", "artikelnummer", "artnr", "artikel"),
        *("produktnr", "produkt", "produit", "producto", "articulo", "code"),
    ),
    "time": (
        *("timestamp", "time", "ts", "unixreviewtime", "unixtime", "datetime", "eventtime"),
        *("date", "createdat", "when", "day", "reviewtime", "bestelldatum", "kaufdatum", "datum"),
        *("zeitpunkt", "zeit", "fecha"),
    ),
    "weight": (
        *("rating", "score", "stars", "weight", "overall", "bookrating", "quantity", "count"),
        *("plays", "playtime", "clicks", "amount", "bewertung", "menge", "anzahl", "quantite"),
        *("cantidad",),
    ),
    "title": (
        *("title", "name", "label", "itemname", "productname", "movietitle", "booktitle"),
        *("itemtitle", "headline", "bezeichnung", "titel", "titre", "titulo", "nombre"),
    ),
    "description": (
        *("description", "about", "overview", "summary", "plot", "abstract", "details", "text"),
        *("beschreibung", "inhalt", "descripcion"),
    ),
    "query": (
        *("query", "querytext", "words", "search", "searchterm", "searchquery", "searchwords"),
        *("keywords", "keyword", "term", "phrase", "question", "tag", "q", "suchbegriff"),
        *("suchwort", "suche", "anfrage", "requete", "busqueda", "consulta"),
    ),
    "ask": (
        *("ask", "askid", "searchid", "requestid", "session", "sessionid", "visitid", "visit"),
        *("sitzung", "sesion"),
    ),
}
"""Names in use for each role, small letters and digits alone, the most telling first."""
LISTS = re.compile(
    r"genre|tag|categor|keyword|actor|author|topic|cast|list|subject|label"
    r"|schlag|stichw|kategor|merkmal|thema|autor|etiquet|categoria"
)
MARKS = ("|", ";", ",", "/")
"""What stands between the values of a list, the least ambiguous first."""
LONGEST_VALUE = 40
"""Letters of a value in a list, on average; longer parts are sentences."""


def guess_interactions(rows: pl.DataFrame) -> dict[str, str | None]:
    """A column, or None, for user, item, time and weight; no column stands twice.

    Where names do not tell, times are found by their values, and users and items are the first
    columns that are left.
    """
    found = _by_name(rows.columns, ("user", "item", "time", "weight"))
    left = [name for name in rows.columns if name not in found.values()]
    if found["time"] is None:
        found["time"] = next((name for name in left if looks_like_time(rows[name])), None)
        left = [name for name in left if name != found["time"]]
    for role in ("user", "item"):
        if found[role] is None and left:
            found[role] = left.pop(0)
    return found


def guess_log(rows: pl.DataFrame, beside: Mapping[str, str | None]) -> dict[str, str | None]:
    """A column, or None, for user, item, time, query and ask of a log; no column stands twice.

    Args:
        rows: The first of the table.
        beside: Which columns of interactions are user, item and time; those called alike are so.
    """
    roles = ("user", "item", "time", "query", "ask")
    same = {role: beside.get(role) for role in roles if beside.get(role) in rows.columns}
    others = [name for name in rows.columns if name not in same.values()]
    found = {**_by_name(others, [role for role in roles if role not in same]), **same}
    left = [name for name in others if name not in found.values()]
    if found["time"] is None:
        found["time"] = next((name for name in left if looks_like_time(rows[name])), None)
        left = [name for name in left if name != found["time"]]
    for role in ("user", "query", "item"):
        if found[role] is None and left:
            found[role] = left.pop(0)
    return {role: found[role] for role in roles}


def guess_items(rows: pl.DataFrame, ids: Collection[str], item: str) -> dict[str, str | None]:
    """A column, or None, for id, title and description of an item table.

    Args:
        rows: The first of the table.
        ids: Items that occur in interactions, some of them.
        item: How their column is called there.
    """
    named = _by_name(rows.columns, ("item", "title", "description"))
    key = guess_id(rows, ids, item, named["item"])
    texts = {role: named[role] if named[role] != key else None for role in named}
    return {"id": key, "title": texts["title"], "description": texts["description"]}


def guess_id(
    rows: pl.DataFrame, ids: Collection[str], same: str, named: str | None = None
) -> str | None:
    """The column of ids of a user or item table.

    Args:
        rows: The first of the table.
        ids: Ids that occur in interactions, some of them.
        same: How the column is called there.
        named: What its name says.
    """
    if same in rows.columns:
        return same
    shared = {
        name: len(set(rows[name].cast(pl.String, strict=False).drop_nulls()) & set(ids))
        for name in rows.columns
        if not rows[name].dtype.is_nested() and rows[name].dtype != pl.Duration
    }
    best = max(shared, key=lambda name: (shared[name], name == named), default=None)
    if best is not None and shared[best]:
        return best
    return named or (rows.columns[0] if rows.columns else None)


def guess_lists(rows: pl.DataFrame, besides: Collection[str | None]) -> tuple[list[str], str]:
    """Columns whose cells hold several values, and what stands between these.

    Args:
        rows: The first of the table.
        besides: Columns that are known to hold something else.
    """
    texts = [
        name
        for name in rows.columns
        if name not in besides and rows[name].dtype == pl.String and rows[name].drop_nulls().len()
    ]
    written = [name for name in texts if are_lists(rows[name])]
    rest = [name for name in texts if name not in written]
    found = {mark: [name for name in rest if _is_list(rows[name], mark)] for mark in MARKS}
    best = max(MARKS, key=lambda mark: len(found[mark]))
    return [name for name in texts if name in (*written, *found[best])], best


def _by_name(columns: Sequence[str], roles: Sequence[str]) -> dict[str, str | None]:
    """A column a role, by the most telling name; whole names before parts of names."""
    short = {name: re.sub(r"[^a-z0-9]", "", name.lower()) for name in columns}
    found: dict[str, str | None] = dict.fromkeys(roles)
    for whole in (True, False):
        for role in roles:
            if found[role] is None:
                free = [name for name in columns if name not in found.values()]
                found[role] = next(
                    (n for word in ROLES[role] for n in free if _fits(short[n], word, whole)), None
                )
    return found


def _fits(name: str, word: str, whole: bool) -> bool:
    return name == word if whole else len(word) > 3 and word in name


def _is_list(values: pl.Series, mark: str) -> bool:
    """Whether a third of the cells hold several short values; a comma needs a telling name."""
    given = values.drop_nulls()
    if mark in ",/" and not LISTS.search(values.name.lower()):
        return False
    several = given.filter(given.str.contains(mark, literal=True))
    parts = several.str.split(mark).explode().str.len_chars()
    return len(several) * 3 >= len(given) and float(parts.mean() or 0) <= LONGEST_VALUE  # type: ignore[arg-type]
