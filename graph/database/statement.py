"""Which statements of Cypher only read the graph that is open: a visitor may ask these.

That a database is opened for reading does not keep Cypher from files: LOAD FROM reads any, COPY TO
and EXPORT write them. So what a statement may begin with is listed, and so are the table functions
that it may call; a word that begins a clause which writes, or which touches files, may stand
nowhere but in texts, comments and names in backticks. The words are looked for without asking what
stands before them but letters, since `WHERE a.number=1LOAD FROM 'file'` is Cypher, too.
"""

from __future__ import annotations

import re

from data.errors import ConfigError
from graph.query.text import pointed

LONGEST = 10_000
"""Letters of a statement."""
BEGINNINGS = ("MATCH", "OPTIONAL", "UNWIND", "WITH", "RETURN", "CALL")
"""What a statement begins with."""
SHOWN_FIRST = ("EXPLAIN", "PROFILE", "LOGICAL")
"""What may stand before that."""
CALLED = ("show_tables", "table_info", "show_functions", "db_version", "stats_info")
"""Table functions that may be called."""
REFUSED = (
    *("LOAD", "COPY", "EXPORT", "IMPORT", "INSTALL", "UNINSTALL", "ATTACH", "DETACH", "FOREACH"),
    *("CREATE", "MERGE", "SET", "DELETE", "REMOVE", "DROP", "ALTER", "CHECKPOINT", "MACRO"),
)
"""Words of clauses that write or touch files, and may begin within a statement, or soon might."""
_APART = re.compile(
    r"""(?P<text>'(?:[^'\\]|\\[\\'"bBfFnNrRtTuUxX])*'|"(?:[^"\\]|\\[\\'"bBfFnNrRtTuUxX])*")
      | (?P<name>`(?:[^`]|``)*`)
      | (?P<comment>/\*.*?\*/|//[^\n]*)
      | (?P<open>['"`]|/\*)""",
    re.VERBOSE | re.DOTALL,
)
_REFUSED = re.compile(rf"(?<![A-Za-z_])(?:{'|'.join(REFUSED)})(?![A-Za-z0-9_])", re.IGNORECASE)
_NUMBER = re.compile(r"(?:\d+|\d+[eE]\d+|0[xX][0-9a-fA-F]+)")
_OPEN = {"'": "A text", '"': "A text", "`": "A name", "/*": "A comment"}


def check_reads(statement: str) -> str:
    """The statement, if it only reads the graph that is open.

    Raises:
        ConfigError: it does more, or one cannot tell; the sentence says where.
    """
    if len(statement) > LONGEST:
        raise ConfigError(f"The query has {len(statement):,} letters; {LONGEST:,} are read.")
    bare = _APART.sub(_blank, statement)
    words = re.findall(r"\w+|\S", bare)
    if not words:
        raise ConfigError("The query is empty; write one that begins with MATCH.")
    if (at := bare.rstrip().rstrip(";").find(";")) >= 0:
        raise _error("Only one statement is run at a time", statement, at)
    while words and words[0].upper() in SHOWN_FIRST:
        words.pop(0)
    if not words or words[0].upper() not in BEGINNINGS:
        first = words[0] if words else ""
        raise _error(
            f"A query begins with {', '.join(BEGINNINGS[:-1])} or {BEGINNINGS[-1]}, and this one "
            f"with {first!r}; the graph is only read",
            statement,
            max(bare.find(first), 0),
        )
    if found := _REFUSED.search(bare):
        raise _error(
            f"{found[0]} is not run here: it writes, or it touches files. If it is a name, write "
            f"`{found[0]}` in backticks",
            statement,
            found.start(),
        )
    _check_numbers(statement, bare)
    _check_calls(statement, bare)
    return statement


def _blank(found: re.Match[str]) -> str:
    """What is no code, as long as it was; what is open to the end is an error."""
    if found["open"]:
        what = _OPEN[found["open"]]
        raise _error(
            f"{what} begins here and does not end, or has a backslash before a letter that needs "
            "none",
            found.string,
            found.start(),
        )
    if found["comment"]:
        return " " * len(found[0])
    return "''".ljust(len(found[0])) if found["text"] else "``".ljust(len(found[0]))


def _check_numbers(statement: str, bare: str) -> None:
    """A number that runs into a word hides where the word begins."""
    for found in re.finditer(r"(?<!\w)\d\w*", bare):
        if not _NUMBER.fullmatch(found[0]):
            raise _error(
                f"{found[0]!r} is no number; leave a space between numbers and words",
                statement,
                found.start(),
            )


def _check_calls(statement: str, bare: str) -> None:
    for found in re.finditer(r"(?<![A-Za-z_])CALL(?![A-Za-z0-9_])\s*(\w*)\s*(.?)", bare, re.I):
        if found[1].lower() not in CALLED or found[2] != "(":
            raise _error(f"CALL runs these alone: {', '.join(CALLED)}", statement, found.start())


def _error(what: str, statement: str, at: int) -> ConfigError:
    return ConfigError(f"{what}.\n{pointed(statement, at)}")
