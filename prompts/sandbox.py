"""The only place where template text is executed: Jinja2's sandbox, strict about names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, Undefined, UndefinedError, meta, nodes
from jinja2 import Template as Compiled
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from data.errors import TemplateError
from prompts.bounds import (
    GLOBALS,
    LONGEST_MESSAGE,
    METHODS,
    TESTS,
    add_bounds,
    budget_of,
    check_arguments,
    check_operation,
    filters,
    printable,
    with_budget,
)

_LINE_END = re.compile(r"\r\n|\r|\n")
"""As the template language counts lines."""


@dataclass(frozen=True, slots=True)
class Section:
    """Compiled text of one message and the variables it asks for."""

    compiled: Compiled
    variables: frozenset[str]


class _Named(StrictUndefined):
    """An unknown name, with the names that exist in its place."""

    __slots__ = ()
    __repr__ = StrictUndefined.__str__

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint or self._undefined_obj is missing:
            return self._undefined_hint or f"there is no variable {self._undefined_name!r}"
        owner = self._undefined_obj
        known = f"; it has {', '.join(map(str, owner))}" if isinstance(owner, Mapping) else ""
        return f"a {type(owner).__name__} was asked for {self._undefined_name!r}{known}"


class _Sandbox(ImmutableSandboxedEnvironment):
    """Nothing of Python's own, and of jinja only what `prompts.bounds` lists."""

    intercepted_binops = frozenset({"**", "*", "+", "-", "/", "//", "%"})

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002
        """Whether a template may ask `obj` for `attr`, which is no member of it."""
        return any(isinstance(obj, kind) and attr in names for kind, names in METHODS)

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:
        """Nothing: what is not allowed is not there to be passed on, either.

        Raises:
            SecurityError: always.
        """
        raise SecurityError(f"{attribute!r} of a {type(obj).__name__}")

    def wrap_str_format(self, value: Any) -> None:
        """Nothing: jinja lets `format` pass its own way, but a width may fill the memory."""

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """What a function or method returns; all of a template's calls come by here.

        Raises:
            SecurityError: it is forbidden, is given a long text, or there is no time left.
        """
        budget = budget_of(__context.parent)
        budget.check_time()
        check_arguments([*args, *kwargs.values()])
        return budget.charge(super().call(__context, __obj, *args, **kwargs))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """The result of an operation.

        Raises:
            SecurityError: it is forbidden, its result is very large, or there is no time left.
        """
        budget = budget_of(context.parent)
        budget.check_time()
        check_operation(operator, left, right)
        return budget.charge(super().call_binop(context, operator, left, right))


def join_words(value: object) -> str:
    """A value in words: a list as "a, b, c", nothing as "".

    >>> join_words(["Comedy", "Drama"]), join_words(None), join_words(1995)
    ('Comedy, Drama', '', '1995')
    """
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def label(name: str) -> str:
    """A column's name for people.

    >>> label("original_language")
    'Original language'
    """
    return " ".join(name.replace("_", " ").split()).capitalize()


_SANDBOX = _Sandbox(
    undefined=_Named,
    trim_blocks=True,
    lstrip_blocks=True,
    optimized=False,  # nothing is worked out before the clock runs
    autoescape=False,
    finalize=printable,
)
_SANDBOX.filters = filters(listed=join_words, label=label)
_SANDBOX.tests = TESTS
_SANDBOX.globals = dict(GLOBALS)
_FILTER_NAMES = ", ".join(sorted(name for name in _SANDBOX.filters if name[0] != "_"))


def parse_section(text: str) -> nodes.Template:
    """The tree of a section that was compiled before, for a look at what it uses."""
    return _SANDBOX.parse(text)


def compile_section(text: str, source: str) -> Section:
    """A section that is ready to render.

    Raises:
        TemplateError: its syntax is wrong, or it holds what templates may not.
    """
    try:
        tree = add_bounds(_SANDBOX.parse(text))
        names = meta.find_undeclared_variables(tree) - set(_SANDBOX.globals)
        code = _SANDBOX.compile(tree)
        return Section(Compiled.from_code(_SANDBOX, code, dict(GLOBALS)), frozenset(names))
    except TemplateSyntaxError as error:
        line = [*_LINE_END.split(text), ""][error.lineno - 1]
        known = f" Filters are: {_FILTER_NAMES}." if "filter named" in str(error.message) else ""
        raise TemplateError(
            f"The template {source} has a mistake at {line.strip()!r}: "
            f"{str(error.message).rstrip('.')}.{known}"
        ) from error
    except SecurityError as error:
        raise _refusal(error, source) from error
    except ValueError as error:  # of digits, beyond what is read as a number
        raise TemplateError(
            f"The template {source} writes out a number of too many digits. Shorten it."
        ) from error
    except (RecursionError, MemoryError, SyntaxError) as error:
        raise TemplateError(
            f"The template {source} has expressions or loops nested too deeply. Make it simpler."
        ) from error


def _refusal(error: SecurityError, source: str) -> TemplateError:
    return TemplateError(
        f"The template {source} uses what templates may not: {error}. "
        "Keep to the variables, filters and loops."
    )


def render_section(section: Section, context: Mapping[str, Any], source: str) -> str:
    """The section's text, with its variables filled in.

    Raises:
        TemplateError: a variable is unknown, or an expression fails or is forbidden.
    """
    known = ", ".join(sorted(context))
    unknown = sorted(section.variables - context.keys())
    if unknown:
        raise TemplateError(
            f"The template {source} uses the variable {unknown[0]!r}, which does not exist. "
            f"Variables are: {known}."
        )
    try:
        given = with_budget(context)
        return _within_bounds(section.compiled.generate(given), given).strip()
    except UndefinedError as error:
        raise TemplateError(
            f"The template {source} uses something unknown: {error.message}. "
            f"Variables are: {known}."
        ) from error
    except SecurityError as error:
        raise _refusal(error, source) from error
    except Exception as error:
        raise TemplateError(
            f"The template {source} cannot be filled in ({type(error).__name__}: {error}). "
            "Correct the expression that does this."
        ) from error


def _within_bounds(parts: Iterable[str], given: Mapping[str, Any]) -> str:
    """The parts as one text.

    Raises:
        SecurityError: it is too long, or takes too long.
    """
    text, length, budget = [], 0, budget_of(given)
    for part in parts:
        budget.check_time()
        length += len(part)
        if length > LONGEST_MESSAGE:
            raise SecurityError(f"more than {LONGEST_MESSAGE:,} characters in one message")
        text.append(part)
    return "".join(text)
