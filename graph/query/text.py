r"""Reads queries that are written as text.

A text never runs: it is cut into tokens and read by one function a rule of this grammar, in which
words in capitals are tokens.

    query     = start, { step }, [ branches ], [ "induced" ] ;
    start     = ( TYPE | [ TYPE ], "-", NAME, "-", [ TYPE ] ), [ ":", COUNT ],
                { "shuffle" | "random" | "as", NAME | "where", conditions } ;
    step      = arrow, ( hop | walk | end ) ;
    arrow     = ">" | "->" | "-", NAME, { "|", NAME }, "->" | "<-", NAME, { "|", NAME }, "-" ;
    hop       = [ "not" | "any" ], TYPE, [ ":", COUNT ],
                { STRATEGY | "as", NAME | "via", NAME | "where", conditions | "without", NAME
                | "like", NAME, [ "(", NAME, SHARE, { ",", NAME, SHARE }, ")" ],
                  { "shared" | "unique" } } ;
    walk      = "walk", TYPE, ":", COUNT,
                { "p", "=", NUMBER | "q", "=", NUMBER | "as", NAME } ;
    end       = ( "source" | "target" ), { "as", NAME | "where", conditions | "without", NAME } ;
    branches  = arrow, "(", branch, { ",", branch }, ")" ;
    branch    = [ arrow ], ( hop | walk | end ), { step }, [ branches ] ;
    conditions = condition, { "and", condition } ;
    condition = [ "edge", "." ], NAME, ( "=" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ), value
              | [ "edge", "." ], NAME, "in", "(", value, { ",", value }, ")" ;
    value     = NUMBER | NAME | STRING ;

* `>` walks all edges between the two types, `-buys->` those of that relation, `<-buys-` the same
  backwards; a branch without an arrow has that before the bracket.
* `:16` draws so many a node, at random unless a strategy is named; without it all edges are walked.
* `not` draws nodes that none of the edges lead to, `any` draws of all nodes.
* `walk user:10` is a random walk of ten steps, `p` and `q` those of node2vec.
* `source` and `target` are the ends of edges: of those that are seeds, or that a hop walked.
* `as` names nodes (of a start at edges, the edges), `via` the edges that led there.
* Words of the language may be written in capitals, and `<>` for `!=`; times are compared with
  dates in quotes, and what is true or not with true or false.
* A type that is called like a word of the language can stand in quotes.

>>> from graph.latent import latent_schema
>>> _, hops, _ = read("user -interacts-> item:5 latest as i > item_factor", latent_schema())
>>> hops[0].count, hops[0].by, hops[1].origin
(5, 'latest', 1)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from data.errors import ConfigError
from graph.query import check
from graph.query.moments import DATE
from graph.query.parts import (
    NEGATIVES,
    OWN,
    STRATEGIES,
    Condition,
    Hop,
    Likeness,
    Start,
    Value,
    Walk,
)
from graph.schema import Key, Schema, near

MOST_LETTERS = 4000
"""Letters of a query."""
WORDS = frozenset(
    {"not", "any", "walk", "source", "target", "shuffle", "random"}
    | {"as", "via", "where", "without", "like", "induced"}
)
"""Words where a type could stand; a type that is called so stands in quotes."""
WORD = re.compile(r"[^\W0-9]\w*")
"""What needs no quotes."""
OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "in")
_ELSEWHERE = {
    "between": "write price >= 1 and price <= 3",
    "is": "a text that is missing is empty, name = '', and a number that is missing meets no "
    "condition but !=",
    "like": "= and in compare whole values",
    "not": "write != for every value, joined by and",
}
"""Words that other languages have in conditions, and what there is instead."""
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
    |(?P<word>[^\W0-9]\w*)
    |(?P<sign><>|<=|>=|!=|==|<-|->|[-<>=|:(),.])""",
    re.VERBOSE | re.DOTALL,
)


class QueryError(ConfigError):
    """What is wrong with the text of a query, and where.

    Attributes:
        text: Of the query.
        at: Letters before what is wrong.
    """

    def __init__(self, message: str, text: str, at: int) -> None:
        super().__init__(f"Letter {at + 1} of the query: {message}")
        self.text, self.at = text, at

    @property
    def pointer(self) -> str:
        """The line of the text in which it is, and under it a mark where."""
        return pointed(self.text, self.at)


def pointed(text: str, at: int) -> str:
    r"""The line of a text that holds a place, with a caret under the place.

    >>> print(pointed("MATCH (a)\nRETRUN a", 10))
    RETRUN a
    ^
    """
    begin = text.rfind("\n", 0, at) + 1
    line = text[begin:].split("\n", 1)[0]
    return f"{line}\n{' ' * (at - begin)}^"


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number, text or sign.

    Attributes:
        kind: One of word, number, string, sign, end.
        text: As it is written; of a string what is in the quotes.
        at: Letters before it.
    """

    kind: str
    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Arrow:
    """Which edges a step walks: of these names, or all; forward or back."""

    names: tuple[str, ...] = ()
    back: bool = False


def read(text: str, schema: Schema) -> tuple[Start, tuple[Hop, ...], bool]:
    """The start and the hops that a text writes, and whether it is induced.

    Raises:
        ConfigError: the text writes none, or it does not fit the schema.
    """
    return _Parser(text, schema).query()


def read_conditions(text: str) -> tuple[Condition, ...]:
    """Conditions as they are written after `where`.

    Raises:
        ConfigError: the text writes none.

    >>> read_conditions("rating >= 4 and edge.shop in (a, 'b c')")[1].value
    ('a', 'b c')
    """
    parser = _Parser(text, None)
    found = parser.conditions()
    parser.expect_end()
    return found


def tokens(text: str) -> list[Token]:
    """The parts of a text, an end last.

    Raises:
        ConfigError: it is too long, or has a letter that no token has.
    """
    if len(text) > MOST_LETTERS:
        raise ConfigError(f"The query has {len(text):,} letters; {MOST_LETTERS:,} are read.")
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            what = "a quote that is not closed" if text[at] in "\"'" else f"{text[at]!r}"
            raise QueryError(f"{what} says nothing here.", text, at)
        kind, word = str(match.lastgroup), match[0]
        if kind == "string":
            word = re.sub(r"\\(.)", r"\1", word[1:-1], flags=re.DOTALL)
        if kind != "space":
            found.append(Token(kind, word, at))
        at = match.end()
    return [*found, Token("end", "", len(text))]


class _Parser:
    """One text on its way to a query; every rule of the grammar is a method."""

    def __init__(self, text: str, schema: Schema | None) -> None:
        self.text, self.tokens, self.place = text, tokens(text), 0
        self._schema = schema
        self.hops: list[Hop] = []
        self.started = Start("")

    @property
    def schema(self) -> Schema:
        assert self._schema is not None
        return self._schema

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def ahead(self, by: int = 1) -> Token:
        return self.tokens[min(self.place + by, len(self.tokens) - 1)]

    def take(self) -> Token:
        token = self.next
        self.place += token.kind != "end"
        return token

    def word(self) -> str:
        return self.take().text.lower()

    def sees(self, *texts: str) -> bool:
        return self.next.kind in ("sign", "word") and self.next.text.lower() in texts

    def takes(self, *texts: str) -> bool:
        seen = self.sees(*texts)
        if seen:
            self.take()
        return seen

    def fail(self, message: str, at: int | None = None) -> QueryError:
        return QueryError(message, self.text, self.next.at if at is None else at)

    def expected(self, what: str) -> QueryError:
        token = self.next
        found = "its end" if token.kind == "end" else repr(token.text)
        return self.fail(f"{what} should stand here, not {found}.")

    def expect(self, sign: str, what: str) -> None:
        if not self.takes(sign):
            raise self.expected(what)

    def expect_end(self) -> None:
        if self.next.kind != "end":
            raise self.expected("the end of the query")

    @contextmanager
    def located(self, at: int) -> Iterator[None]:
        try:
            yield
        except QueryError:
            raise
        except ConfigError as error:
            message = str(error)
            raise self.fail(message[0].lower() + message[1:], at) from None

    def name(self, what: str) -> str:
        if self.next.kind not in ("word", "string"):
            raise self.expected(what)
        return self.take().text

    def number(self, what: str) -> int | float:
        sign = -1 if self.takes("-") else 1
        if self.next.kind != "number":
            raise self.expected(what)
        token = self.take()
        if token.text.isdigit():
            whole = sign * int(token.text)
            if abs(whole) < 2**63:
                return whole
        value = sign * float(token.text)
        if token.text.isdigit() or value in (float("inf"), float("-inf")):
            raise self.fail("this number is too large.", token.at)
        return value

    def query(self) -> tuple[Start, tuple[Hop, ...], bool]:
        self.started = self.start()
        self.steps(0)
        induced = self.takes("induced")
        if self.next.kind != "end":
            raise self.expected("> and a type, or the end of the query,")
        check.check_tree(self.started, self.hops)
        return self.started, tuple(self.hops), induced

    def start(self) -> Start:
        if self.sees("<-", "->", ">"):
            raise self.expected("a type to start from")
        kind = None if self.sees("-") else self.type()
        start = Start(kind or "")
        if self.sees("-") and self.ahead(2).text == "-" and self.ahead(2).kind == "sign":
            start = self.edge_seeds(kind)
        if self.takes(":"):
            start = replace(start, batch=self.amount("The number of seeds", check.MOST_SEEDS))
        while self.next.kind == "word" and not self.sees("induced"):
            if self.sees("shuffle", "random"):
                self.once(start.shuffle is not None)
                start = replace(start, shuffle=self.word() == "shuffle")
            elif self.sees("as"):
                self.once(bool(start.alias))
                start = replace(start, alias=self.alias())
            elif self.sees("where"):
                self.once(bool(start.where))
                where = self.where()
                if start.edge:
                    where = tuple(replace(one, of_edge=True) for one in where)
                elif any(one.of_edge for one in where):
                    raise self.fail(f"no edges lead to the seeds, which are of type {start.type}.")
                start = replace(start, where=where)
            else:
                raise self.unknown_word(("as", "where", "shuffle", "random"))
        return start

    def edge_seeds(self, source: str | None) -> Start:
        self.take()
        at = self.next.at
        relation = self.name("the name of a relation")
        self.expect("-", "- after the relation")
        quoted = self.next.kind == "string"
        there = self.next.kind == "word" and self.next.text in self.schema.types
        target = self.type() if there or quoted else None
        with self.located(at):
            key = check.edges_named(self.schema, relation, (source, target))
        return Start(key[0], key)

    def steps(self, origin: int) -> None:
        while self.sees(">", "->", "-", "<-", "("):
            arrow = Arrow() if self.sees("(") else self.arrow()
            if self.takes("("):
                self.branches(origin, arrow)
                return
            origin = self.hop(origin, arrow)

    def branches(self, origin: int, arrow: Arrow) -> None:
        while True:
            own = self.arrow() if self.sees(">", "->", "-", "<-") else arrow
            self.steps(self.hop(origin, own))
            if self.takes(")"):
                return
            self.expect(",", ", or )")

    def arrow(self) -> Arrow:
        token = self.take()
        if token.text in (">", "->"):
            return Arrow()
        back = token.text == "<-"
        names = [self.name("the name of a relation")]
        while self.takes("|"):
            names.append(self.name("the name of a relation"))
        if back:
            self.expect("-", "- after the relation, as in <-buys-,")
        else:
            self.expect("->", "-> after the relation, as in -buys->,")
        return Arrow(tuple(names), back)

    def hop(self, origin: int, arrow: Arrow) -> int:
        if len(self.hops) >= check.MOST_HOPS:
            raise self.fail(f"a query has {check.MOST_HOPS} hops at most.")
        at, types = self.next.at, self.schema.types
        follows_type = self.ahead().kind in ("word", "string") and self.ahead().text in types
        plain = self.next.kind == "word" and self.next.text in types
        seeds = origin == 0 and self.started.edge is not None
        if self.sees("source", "target") and (seeds or not plain):
            hop = self.end(origin, arrow)
        elif seeds:
            raise self.fail("the seeds are edges; go on from > source or > target.")
        elif self.sees("walk") and not (plain and not follows_type):
            hop = self.walk(origin, arrow)
        else:
            prefix = ""
            if self.sees("not", "any") and not (plain and not follows_type):
                prefix = self.word()
            hop = self.neighbours(origin, arrow, prefix, at)
        with self.located(at):
            self.hops.append(check.check_hop(hop))
        return len(self.hops)

    def here(self, origin: int) -> str:
        return self.started.type if origin == 0 else self.hops[origin - 1].type

    def neighbours(self, origin: int, arrow: Arrow, prefix: str, at: int) -> Hop:
        kind = self.type()
        edges: tuple[Key, ...] = ()
        if prefix != "any":
            with self.located(at):
                edges = check.edges_between(
                    self.schema, self.here(origin), kind, arrow.names, arrow.back
                )
        elif arrow.names:
            raise self.fail("any draws of all nodes, whatever edges there are: write > any.", at)
        hop = Hop(origin, kind, edges, negative=bool(prefix))
        if self.takes(":"):
            hop = replace(hop, count=self.amount("The count", check.MOST_DRAWN), by="random")
        elif prefix:
            hop = replace(hop, by="random")
        return self.words(hop, {"as", "via", "where", "without", "like"})

    def walk(self, origin: int, arrow: Arrow) -> Hop:
        at = self.take().at
        kind = self.type()
        here = self.here(origin)
        if kind != here:
            raise self.fail(f"a random walk from {here} stays among {here}: write walk {here}.", at)
        with self.located(at):
            edges = check.edges_between(self.schema, here, kind, arrow.names, arrow.back)
        self.expect(":", "the number of steps, as in walk user:10,")
        steps = Walk(self.amount("The number of steps", check.MOST_DRAWN))
        return self.words(Hop(origin, kind, edges, by="random", walk=steps), {"as", "p", "q"})

    def end(self, origin: int, arrow: Arrow) -> Hop:
        token = self.take()
        which = token.text.lower()
        before = None if origin == 0 else self.hops[origin - 1]
        if arrow.names:
            raise self.fail(f"{which} is an end of edges: write > {which}.", token.at)
        if before is None:
            key = self.started.edge
            if key is None:
                raise self.fail("the seeds are no edges; only edges have ends.", token.at)
            kind = key[0] if which == "source" else key[2]
        else:
            if before.end or before.walk or before.negative:
                raise self.fail("no edges led here; only edges have ends.", token.at)
            kind = self.here(before.origin) if which == "source" else before.type
        return self.words(Hop(origin, kind, (), end=which), {"as", "where", "without"})

    def words(self, hop: Hop, allowed: set[str]) -> Hop:
        """The hop with what is written behind it."""
        strategies: tuple[str, ...] = NEGATIVES if hop.negative else STRATEGIES
        if hop.end or hop.walk:
            strategies = ()
        rules: dict[str, Callable[[Hop], Hop]] = {
            "as": lambda hop: replace(hop, alias=self.alias()),
            "via": lambda hop: replace(hop, edge_alias=self.alias()),
            "where": lambda hop: replace(hop, where=self.where()),
            "without": lambda hop: replace(hop, without=self.alias()),
            "like": lambda hop: replace(hop, like=self.like()),
            "p": lambda hop: replace(hop, walk=self.parameter(hop)),
            "q": lambda hop: replace(hop, walk=self.parameter(hop)),
        }
        seen: set[str] = set()
        while self.next.kind == "word" and not self.sees("induced"):
            word = self.next.text.lower()
            if word in allowed:
                self.once(word in seen)
                seen.add(word)
                hop = rules[word](hop)
            elif word in strategies or (word in OWN and strategies is STRATEGIES):
                self.once("by" in seen)
                seen.add("by")
                hop = replace(hop, by=self.word())
            else:
                raise self.unknown_word((*allowed, *strategies))
        return hop

    def unknown_word(self, allowed: set[str] | tuple[str, ...]) -> QueryError:
        word, known = self.next.text, sorted(allowed)
        return self.fail(
            f"{word!r} says nothing here;{near(word, known)} what can follow is "
            f"{', '.join(known)}, or > and a type."
        )

    def once(self, seen: bool) -> None:
        if seen:
            raise self.fail(f"{self.next.text!r} is said twice.")

    def type(self) -> str:
        at = self.next.at
        kind = self.name("a type of nodes")
        with self.located(at):
            self.schema.check(kind)
        return kind

    def amount(self, what: str, most: int) -> int:
        at = self.next.at
        number = self.number("a number")
        with self.located(at):
            return check.check_amount(number, what, most)

    def alias(self) -> str:
        self.take()
        if self.next.kind != "word":
            raise self.expected("a name of letters, digits and underscores")
        return self.take().text

    def parameter(self, hop: Hop) -> Walk:
        assert hop.walk is not None
        token = self.take()
        self.expect("=", f"= after {token.text}")
        at = self.next.at
        number = self.number("a number")
        with self.located(at):
            value = check.check_positive(number, token.text)
        return (
            replace(hop.walk, p=value) if token.text.lower() == "p" else replace(hop.walk, q=value)
        )

    def like(self) -> Likeness:
        at = self.next.at
        like = Likeness(self.alias())
        if self.takes("("):
            shares = [(self.name("an attribute"), float(self.number("a share")))]
            while self.takes(","):
                shares.append((self.name("an attribute"), float(self.number("a share"))))
            self.expect(")", ", or )")
            like = replace(like, shares=tuple(shares))
        while self.sees("shared", "unique"):
            shared = self.word() == "shared"
            like = replace(like, shared=True) if shared else replace(like, unique=True)
        with self.located(at):
            return check.check_likeness(like)

    def where(self) -> tuple[Condition, ...]:
        self.take()
        return self.conditions()

    def conditions(self) -> tuple[Condition, ...]:
        found = [self.condition()]
        while self.takes("and"):
            found.append(self.condition())
        if self.sees("or"):
            raise self.fail(
                "conditions are joined by and alone; several values of one attribute are written "
                "price in (1, 2)."
            )
        return tuple(found)

    def condition(self) -> Condition:
        of_edge = self.sees("edge") and self.ahead().text == "."
        if of_edge:
            self.take()
            self.take()
        if self.sees("("):
            raise self.fail("conditions have no brackets around them; join them by and.")
        if self.sees("not") and self.ahead().kind == "word":
            raise self.fail("no not stands before a condition; turn its sign round, as in !=.")
        at = self.next.at
        attribute = self.name("the name of an attribute")
        if self.sees(".") and not of_edge:
            raise self.fail(
                f"attributes of the node are written alone and those of the edge as edge.price; "
                f"leave {attribute}. out."
            )
        if self.next.kind == "word" and self.next.text.lower() in _ELSEWHERE:
            cure = _ELSEWHERE[self.next.text.lower()]
            raise self.fail(f"conditions have no {self.next.text!r}; {cure}.")
        if self.takes("in"):
            self.expect("(", "( and values")
            values = [self.value()]
            while self.takes(","):
                values.append(self.value())
            self.expect(")", ", or )")
            return Condition(attribute, "in", tuple(values), of_edge, at)
        if self.takes("<-"):
            return Condition(attribute, "<", -self.number("a number"), of_edge, at)
        if not self.sees("==", "<>", *OPERATORS):
            raise self.expected("one of = != < <= > >= in")
        operator = self.word()
        operator = {"==": "=", "<>": "!="}.get(operator, operator)
        return Condition(attribute, operator, self.value(), of_edge, at)

    def value(self) -> Value:
        if self.next.kind in ("word", "string"):
            return self.take().text
        if date := DATE.match(self.text, self.next.at):
            raise self.fail(f"dates stand in quotes: write '{date[0]}'.")
        return self.number("a number, a word or a text in quotes")
