"""What keeps a template small and quick: its filters and methods, and the sizes of what it makes.

A sandbox alone keeps a template from Python, but not from filling the memory or never ending. So
only what is listed here exists; whatever makes a text or a list longer is measured first; every
round of every loop is counted; and what could be repeated without a loop (macros, blocks, imports)
is refused. Within one expression, however long, every operation, filter, test and call looks at the
clock and is charged with the size of what it makes, so that no more is made in all than `WORK`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Undefined, nodes, pass_context, pass_environment, pass_eval_context
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.filters import do_map
from jinja2.runtime import Context, LoopContext
from jinja2.tests import TESTS as JINJA_TESTS
from jinja2.visitor import NodeTransformer

LONGEST = 200_000
"""Characters of a text or list that a template may make out of others."""
LONGEST_ARGUMENT = 1_000
"""Characters of a text that a method is given."""
LONGEST_MESSAGE = 1_000_000
"""Characters of a message; a prompt is far shorter."""
MOST_NODES = 2_000
"""Expressions, statements and parts of them in one message; the templates that ship have 60."""
DEEPEST_NODE = 50
"""Of them inside each other: compiling takes the cube of their number."""
ROUNDS = 100_000
"""Rounds of all loops in one message."""
WORK = 5_000_000
"""Characters and members of all that is made on the way to one message."""
LONGEST_RANGE = 10_000
"""Numbers that `range` may give."""
LONGEST_PATH = 20
"""Names in what a filter is told to go by, as in `sort(attribute='a.b, c')`."""
SECONDS = 10.0
"""Seconds after which a template ends; a prompt takes milliseconds."""
_PLAIN = frozenset({str, int, float, bool, list, dict, type(None)})
_MOST_BITS = 4_096
_MOST_DIGITS = 15
_BUDGET = "what is left"
"""Beside the variables: no template can name it, for it is no identifier."""

_KEPT = (
    "abs capitalize count d default dictsort first float int items last length list lower max min "
    "reverse sort title truncate unique upper wordcount"
)
_CHOOSING = "reject rejectattr select selectattr"
_BY_PATH = frozenset(
    [
        "join",
        "map",
        "max",
        "min",
        "reject",
        "rejectattr",
        "select",
        "selectattr",
        "sort",
        "sum",
        "unique",
    ]
)
_MAPPED = "capitalize float int label listed lower string title trim upper"
_OF_TEXTS = (
    "capitalize casefold count endswith find isdigit lower lstrip removeprefix removesuffix rstrip "
    "split splitlines startswith strip title upper"
)
_OF_LOOPS = (
    "changed cycle depth depth0 first index index0 last length nextitem previtem revindex revindex0"
)
METHODS: tuple[tuple[type, frozenset[str]], ...] = (
    (str, frozenset(_OF_TEXTS.split())),
    (Mapping, frozenset({"get", "items", "keys", "values"})),
    (list, frozenset({"count", "index"})),
    (LoopContext, frozenset(_OF_LOOPS.split())),
)
"""What may be asked of a value, beside what it holds."""
_REFUSED = {
    nodes.Macro: "macros",
    nodes.CallBlock: "call blocks",
    nodes.FilterBlock: "filter blocks",
    nodes.AssignBlock: "set blocks",
    nodes.Include: "includes",
    nodes.Import: "imports",
    nodes.FromImport: "imports",
    nodes.Extends: "other templates",
    nodes.Block: "blocks",
    nodes.EvalContextModifier: "autoescape",
}


@dataclass(slots=True)
class Budget:
    """What one message may still cost.

    Attributes:
        rounds: Of all loops.
        work: Characters and members that may be made.
        until: When the time is over, by the clock that only goes forward.
    """

    rounds: int
    work: int
    until: float

    def check_time(self) -> None:
        """Nothing, as long as there is time left; raises a SecurityError where there is none."""
        if time.monotonic() > self.until:
            raise SecurityError(f"expressions or loops that take longer than {SECONDS:g} seconds")

    def count_round(self) -> None:
        """One round of a loop less; raises a SecurityError where none is left."""
        self.rounds -= 1
        if self.rounds < 0:
            raise SecurityError(f"loops of more than {ROUNDS:,} rounds")
        self.check_time()

    def charge(self, value: Any) -> Any:
        """The value, which was made just now.

        Raises:
            SecurityError: it is a number of many digits, or there is no work or time left.
        """
        _check_digits(value)
        self.work -= len(value) if isinstance(value, str | list | tuple | Mapping) else 1
        if self.work < 0:
            raise SecurityError(f"expressions that make more than {WORK:,} characters in all")
        self.check_time()
        return value


def with_budget(context: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a template, and what it may cost."""
    return {**context, _BUDGET: Budget(ROUNDS, WORK, time.monotonic() + SECONDS)}


def budget_of(given: Mapping[str, Any]) -> Budget:
    """What is left to a template of what `with_budget` gave."""
    found: Budget = given[_BUDGET]
    return found


def printable(value: Any) -> Any:
    """The value, which is to become text.

    Raises:
        SecurityError: it would show where it lies in memory, another place each time.
    """
    if type(value) in _PLAIN or isinstance(value, Undefined):  # which is told of by its name
        return value
    if callable(value) or isinstance(value, Iterator):
        kind = "a method without ()" if callable(value) else "a list that needs | list or | join"
        raise SecurityError(f"{kind}, where a text is wanted")
    return value


def add_bounds(tree: nodes.Template) -> nodes.Template:
    """A parsed template in which loops count their rounds and what grows is measured.

    Raises:
        SecurityError: it holds what templates may not.
    """
    _check_size(tree)
    for kind, what in _REFUSED.items():
        if tree.find(kind):
            raise SecurityError(f"{what} are not available in templates")
    if any(loop.recursive for loop in tree.find_all(nodes.For)):
        raise SecurityError("recursive loops are not available in templates")
    bound: nodes.Template = _Bound().visit(tree)
    return bound


def _check_size(tree: nodes.Template) -> None:
    """Nothing, for a tree of few nodes, few of them inside each other, without long numbers.

    Raises:
        SecurityError: it is not like that.
    """
    left: list[tuple[nodes.Node, int]] = [(tree, 0)]
    for _ in range(MOST_NODES):
        if not left:
            return
        node, depth = left.pop()
        if depth > DEEPEST_NODE:
            raise SecurityError(f"more than {DEEPEST_NODE} expressions inside each other")
        if isinstance(node, nodes.Const):
            _check_digits(node.value)
        left += ((below, depth + 1) for below in node.iter_child_nodes())
    raise SecurityError(f"more than {MOST_NODES:,} expressions and statements in one message")


def _check_digits(value: Any) -> None:
    if isinstance(value, int) and value.bit_length() > _MOST_BITS:
        raise SecurityError("a number of too many digits")


class _Bound(NodeTransformer):
    """Puts filters where something may grow, or last.

    Operations, calls, filters and tests are charged where they are carried out.
    """

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        super().generic_visit(node, *args, **kwargs)
        if isinstance(node, nodes.For):
            node.iter = _filter_node(node.iter, "_count_rounds")
        elif isinstance(node, nodes.Assign):
            node.node = _filter_node(node.node, "_charge")
        elif isinstance(node, nodes.Operand):
            node.expr = _filter_node(node.expr, "_charge")
        elif isinstance(node, nodes.Concat):
            return _filter_node(nodes.List(node.nodes, lineno=node.lineno), "_concatenate")
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice):
            return _filter_node(node, "_charge")
        elif isinstance(node, nodes.List | nodes.Dict) or (
            isinstance(node, nodes.Tuple) and node.ctx == "load"
        ):
            return _filter_node(node, "_measure")
        return node


def _filter_node(node: Any, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def size_of(value: object) -> int:
    """Characters and members in `value`, at all depths; counting ends beyond LONGEST."""
    size, left = 0, [value]
    while left and size <= LONGEST:
        one = left.pop()
        size += len(one) if isinstance(one, str) else 1
        if isinstance(one, Mapping):
            left += [*one.keys(), *one.values()]
        elif isinstance(one, list | tuple):
            left += one
    return size


def check_operation(operator: str, left: Any, right: Any) -> None:
    """Nothing, for arithmetic that stays small.

    Raises:
        SecurityError: it is a power, a format, or its result is very large.
    """
    if operator == "**":
        raise SecurityError("powers are not available in templates")
    if operator == "%" and isinstance(left, str):
        raise SecurityError("formats are not available in templates")
    if isinstance(left, int) and isinstance(right, int):
        _check_digits(1 << left.bit_length() + right.bit_length())
        return
    times = [max(value, 0) for value in (left, right) if isinstance(value, int)]
    sizes = [size_of(value) for value in (left, right) if isinstance(value, str | list | tuple)]
    if sizes and operator in "*+":
        _fitting(sizes[0] * times[0] if operator == "*" and times else sum(sizes))


def _fitting(size: int) -> None:
    if size > LONGEST:
        raise SecurityError(f"a text or list of more than {LONGEST:,} characters")


@pass_context
def _charge(context: Context, value: Any) -> Any:
    return budget_of(context.parent).charge(value)


@pass_context
def _count_rounds(context: Context, values: Iterable[Any]) -> Iterator[Any]:
    budget = budget_of(context.parent)
    for value in values:
        budget.count_round()
        yield value


@pass_context
def _measure(context: Context, value: Any) -> Any:
    _fitting(size_of(value))
    return budget_of(context.parent).charge(value)


@pass_context
def _concatenate(context: Context, values: list[Any]) -> str:
    text: str = budget_of(context.parent).charge(_join_values(values))
    return text


def _join_values(values: Iterable[Any], between: str = "") -> str:
    """The values as one text, of which no more is made than may be."""
    texts, size = [], 0
    for value in values:
        texts.append(str(printable(value)))
        size += len(texts[-1]) + len(between)
        _fitting(size)
    return between.join(texts)


def _choosing(name: str) -> Callable[..., Any]:
    """Jinja's filter of that name, whose tests count as rounds of a loop."""

    @pass_context
    def choose(context: Context, values: Iterable[Any], *test: Any, **given: Any) -> Any:
        return JINJA_FILTERS[name](context, _count_rounds(context, values), *test, **given)

    return choose


@pass_context
def _map(context: Context, values: Iterable[Any], *names: Any, **given: Any) -> Iterable[Any]:
    if names and (len(names) > 1 or names[0] not in _MAPPED.split()):
        raise SecurityError(f"map({names[0]!r}); it may be {', '.join(_MAPPED.split())}")
    made = do_map(context, _count_rounds(context, values), *names, **given)
    return map(budget_of(context.parent).charge, made)


@pass_context
def _join(
    context: Context, values: Iterable[Any], d: str = "", attribute: str | None = None
) -> str:
    found = values if attribute is None else do_map(context, values, attribute=attribute)
    return _join_values(found, str(d))


@pass_context
def _sum(
    context: Context, values: Iterable[Any], attribute: str | None = None, start: float = 0
) -> float:
    """The sum of numbers: of lists, each would be copied as often as others follow it."""
    total, budget = start, budget_of(context.parent)
    found = values if attribute is None else do_map(context, values, attribute=attribute)
    for value in found:
        if not isinstance(total, int | float) or not isinstance(value, int | float):
            raise SecurityError("a sum of what is no number")
        total = budget.charge(total + value)
    return total


def _string(value: object) -> str:
    return str(printable(value))


def _trim(text: object, chars: str | None = None) -> str:
    check_arguments([chars])
    return str(text).strip(chars)


def check_arguments(values: Iterable[Any]) -> None:
    """Nothing, for short texts: some methods take the time of text times argument.

    Raises:
        SecurityError: one is long.
    """
    if any(isinstance(value, str) and len(value) > LONGEST_ARGUMENT for value in values):
        raise SecurityError(f"a method given a text of more than {LONGEST_ARGUMENT:,} characters")


def _replace(text: object, old: str, new: str) -> str:
    whole = str(text)
    _fitting(len(whole) + whole.count(old) * len(new))
    return whole.replace(old, new)


def _round(number: float, precision: int = 0) -> float:
    return round(number, max(-_MOST_DIGITS, min(precision, _MOST_DIGITS)))


def _tojson(value: object) -> str:
    _fitting(size_of(value))
    return json.dumps(value, ensure_ascii=False)


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > LONGEST_RANGE:
        raise SecurityError(f"a range of more than {LONGEST_RANGE:,} numbers")
    return numbers


def _marker(decorator: Callable[..., Any]) -> object:
    """By what Jinja tells what a filter or test wants to be given first."""
    return getattr(decorator(lambda: None), "jinja_pass_arg")  # noqa: B009


_GIVEN: dict[object, Callable[[Context], tuple[Any, ...]]] = {
    None: lambda _context: (),
    _marker(pass_context): lambda context: (context,),
    _marker(pass_environment): lambda context: (context.environment,),
    _marker(pass_eval_context): lambda context: (context.eval_ctx,),
}


def _charge_for(function: Callable[..., Any], by_path: bool = False) -> Callable[..., Any]:
    """A filter or test that looks at the clock, and is charged.

    Args:
        function: That does the work.
        by_path: Whether it may be told what to go by in each member of a list.
    """
    first = _GIVEN[getattr(function, "jinja_pass_arg", None)]

    @pass_context
    def charge_call(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
        budget = budget_of(context.parent)
        budget.check_time()
        if by_path:
            _check_paths([kwargs.get("attribute"), *args])
        return budget.charge(function(*first(context), value, *args, **kwargs))

    return charge_call


def _check_paths(values: Iterable[Any]) -> None:
    """Nothing, for short paths: each name in one is looked up in every member of a list.

    Raises:
        SecurityError: one is long.
    """
    for value in values:
        if isinstance(value, str) and value.count(".") + value.count(",") >= LONGEST_PATH:
            raise SecurityError(f"a filter given a text of more than {LONGEST_PATH} parts")


_FILTERS: dict[str, Callable[..., Any]] = {
    **{name: JINJA_FILTERS[name] for name in _KEPT.split()},
    "join": _join,
    "map": _map,
    "replace": _replace,
    "round": _round,
    "string": _string,
    "sum": _sum,
    "trim": _trim,
    "tojson": _tojson,
    **{name: _choosing(name) for name in _CHOOSING.split()},
}


_INNER = {
    "_count_rounds": _count_rounds,
    "_charge": _charge,
    "_measure": _measure,
    "_concatenate": _concatenate,
}
"""Filters that no template names."""


def filters(**more: Callable[..., Any]) -> dict[str, Any]:
    """Filters of templates, and more; none of chance, so that a prompt is the same each time."""
    found = {**_FILTERS, **more}.items()
    return {**{name: _charge_for(one, name in _BY_PATH) for name, one in found}, **_INNER}


_TESTS: Mapping[str, Any] = JINJA_TESTS
TESTS: dict[str, Any] = {name: _charge_for(test) for name, test in _TESTS.items()}
"""Tests of templates."""
GLOBALS: dict[str, Callable[..., Any]] = {"range": _range}
"""Functions of templates."""
