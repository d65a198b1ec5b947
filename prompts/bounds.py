"""What keeps a template small and quick: its filters and methods, and the sizes of what it makes.

A sandbox alone keeps a template from Python, but not from filling the memory or never ending. So
only what is listed here exists; whatever makes a text or a list longer is measured first; every
round of every loop is counted; and what could be repeated without a loop (macros, blocks, imports)
is refused.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from jinja2 import Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.filters import do_map
from jinja2.runtime import Context, LoopContext
from jinja2.visitor import NodeTransformer

LONGEST = 200_000
"""Characters of a text or list that a template may make out of others."""
LONGEST_ARGUMENT = 1_000
"""Characters of a text that a method is given."""
LONGEST_MESSAGE = 1_000_000
"""Characters of a message; a prompt is far shorter."""
ROUNDS = 100_000
"""Rounds of all loops in one message."""
LONGEST_RANGE = 10_000
"""Numbers that `range` may give."""
SECONDS = 10.0
"""Seconds after which a template ends; a prompt takes milliseconds."""
_PLAIN = frozenset({str, int, float, bool, list, dict, type(None)})
_MOST_BITS = 4_096
_MOST_DIGITS = 15
_ROUNDS_LEFT = "rounds left"
"""Beside the variables: no template can name it, for it is no identifier."""

_KEPT = (
    "abs capitalize count d default dictsort first float int items last length list lower max min "
    "reverse sort sum title truncate unique upper wordcount"
)
_CHOOSING = "reject rejectattr select selectattr"
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


def with_rounds(context: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of a template, and how long it may run."""
    return {**context, _ROUNDS_LEFT: [ROUNDS, time.monotonic() + SECONDS]}


def in_time(given: Mapping[str, Any]) -> None:
    """Nothing, as long as a template has time left.

    Args:
        given: What `with_rounds` gave.

    Raises:
        SecurityError: it has none.
    """
    if time.monotonic() > given[_ROUNDS_LEFT][1]:
        raise _late()


def _late() -> SecurityError:
    return SecurityError(f"expressions or loops that take longer than {SECONDS:g} seconds")


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


def bounded(tree: nodes.Template) -> nodes.Template:
    """A parsed template in which loops count their rounds and what grows is measured.

    Raises:
        SecurityError: it holds what templates may not.
    """
    for kind, what in _REFUSED.items():
        if tree.find(kind):
            raise SecurityError(f"{what} are not available in templates")
    if any(loop.recursive for loop in tree.find_all(nodes.For)):
        raise SecurityError("recursive loops are not available in templates")
    bound: nodes.Template = _Bound().visit(tree)
    return bound


class _Bound(NodeTransformer):
    """Puts filters where something may grow (`_counted`, `_measured`, `_joined`) or last."""

    def generic_visit(self, node: nodes.Node, *args: Any, **kwargs: Any) -> nodes.Node:
        super().generic_visit(node, *args, **kwargs)
        if isinstance(node, nodes.For):
            node.iter = _filtered(node.iter, "_counted")
        elif isinstance(node, nodes.Assign):
            node.node = _filtered(node.node, "_timed")
        elif isinstance(node, nodes.Concat):
            return _filtered(nodes.List(node.nodes, lineno=node.lineno), "_joined")
        elif isinstance(node, nodes.List | nodes.Dict) or (
            isinstance(node, nodes.Tuple) and node.ctx == "load"
        ):
            return _filtered(node, "_measured")
        return node


def _filtered(node: Any, name: str) -> nodes.Filter:
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


def checked_operation(operator: str, left: Any, right: Any) -> None:
    """Nothing, for arithmetic that stays small.

    Raises:
        SecurityError: it is a power, a format, or its result is very large.
    """
    if operator == "**":
        raise SecurityError("powers are not available in templates")
    if operator == "%" and isinstance(left, str):
        raise SecurityError("formats are not available in templates")
    if isinstance(left, int) and isinstance(right, int):
        if left.bit_length() + right.bit_length() > _MOST_BITS:
            raise SecurityError("a number has too many digits")
        return
    times = [max(value, 0) for value in (left, right) if isinstance(value, int)]
    sizes = [size_of(value) for value in (left, right) if isinstance(value, str | list | tuple)]
    if sizes and operator in "*+":
        _fitting(sizes[0] * times[0] if operator == "*" and times else sum(sizes))


def _fitting(size: int) -> None:
    if size > LONGEST:
        raise SecurityError(f"a text or list of more than {LONGEST:,} characters")


@pass_context
def _timed(context: Context, value: Any) -> Any:
    in_time(context.parent)
    return value


@pass_context
def _counted(context: Context, values: Iterable[Any]) -> Iterator[Any]:
    left = context.parent[_ROUNDS_LEFT]
    for value in values:
        left[0] -= 1
        if left[0] < 0:
            raise SecurityError(f"loops of more than {ROUNDS:,} rounds")
        if time.monotonic() > left[1]:
            raise _late()
        yield value


def _choosing(name: str) -> Callable[..., Any]:
    """Jinja's filter of that name, whose tests count as rounds of a loop."""

    @pass_context
    def chosen(context: Context, values: Iterable[Any], *test: Any, **given: Any) -> Any:
        return JINJA_FILTERS[name](context, _counted(context, values), *test, **given)

    return chosen


def _measured(value: Any) -> Any:
    _fitting(size_of(value))
    return value


def _joined(values: list[Any]) -> str:
    texts = [str(printable(value)) for value in values]
    _fitting(sum(map(len, texts)))
    return "".join(texts)


@pass_context
def _map(context: Context, values: Iterable[Any], *names: Any, **given: Any) -> Iterable[Any]:
    if names and (len(names) > 1 or names[0] not in _MAPPED.split()):
        raise SecurityError(f"map({names[0]!r}); it may be {', '.join(_MAPPED.split())}")
    return do_map(context, _counted(context, values), *names, **given)


@pass_context
def _join(
    context: Context, values: Iterable[Any], d: str = "", attribute: str | None = None
) -> str:
    found = values if attribute is None else do_map(context, values, attribute=attribute)
    texts = [str(printable(value)) for value in found]
    _fitting(sum(map(len, texts)) + len(d) * len(texts))
    return d.join(texts)


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
    return json.dumps(_measured(value), ensure_ascii=False)


def _range(*bounds: int) -> range:
    numbers = range(*bounds)
    if len(numbers) > LONGEST_RANGE:
        raise SecurityError(f"a range of more than {LONGEST_RANGE:,} numbers")
    return numbers


FILTERS: dict[str, Callable[..., Any]] = {
    **{name: JINJA_FILTERS[name] for name in _KEPT.split()},
    "join": _join,
    "map": _map,
    "replace": _replace,
    "round": _round,
    "string": _string,
    "trim": _trim,
    "tojson": _tojson,
    **{name: _choosing(name) for name in _CHOOSING.split()},
    "_timed": _timed,
    "_counted": _counted,
    "_measured": _measured,
    "_joined": _joined,
}
"""Filters of templates; none of chance, so that a prompt is the same each time."""
GLOBALS: dict[str, Callable[..., Any]] = {"range": _range}
"""Functions of templates."""
