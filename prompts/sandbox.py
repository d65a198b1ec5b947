"""The only place where template text is executed: Jinja2's sandbox, strict about names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError, meta
from jinja2 import Template as Compiled
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from data.errors import TemplateError

LONGEST = 1_000_000
"""Characters that repeating a text may give; a prompt is far shorter."""


@dataclass(frozen=True, slots=True)
class Section:
    """Compiled text of one message and the variables it asks for."""

    compiled: Compiled
    variables: frozenset[str]


class _Named(StrictUndefined):
    """An unknown name, with the names that exist in its place."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint or self._undefined_obj is missing:
            return self._undefined_hint or f"there is no variable {self._undefined_name!r}"
        owner = self._undefined_obj
        known = f"; it has {', '.join(map(str, owner))}" if isinstance(owner, Mapping) else ""
        return f"a {type(owner).__name__} was asked for {self._undefined_name!r}{known}"


class _Sandbox(ImmutableSandboxedEnvironment):
    """No attribute of Python's own, no power, no text that fills the memory."""

    intercepted_binops = frozenset({"**", "*"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """The product of two values.

        Raises:
            SecurityError: it is a power, or a repetition of a very long text.
        """
        if operator == "**":
            raise SecurityError("powers are not available in templates")
        repeated = [x for x in (left, right) if isinstance(x, str | list | tuple)]
        times = [x for x in (left, right) if isinstance(x, int)]
        if repeated and times and len(repeated[0]) * times[0] > LONGEST:
            raise SecurityError(f"a repetition gives more than {LONGEST:,} characters")
        return super().call_binop(context, operator, left, right)


def listed(value: object) -> str:
    """A value in words: a list as "a, b, c", nothing as "".

    >>> listed(["Comedy", "Drama"]), listed(None), listed(1995)
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
    return name.replace("_", " ").strip().capitalize()


_SANDBOX = _Sandbox(undefined=_Named, trim_blocks=True, lstrip_blocks=True, autoescape=False)
_SANDBOX.filters |= {"listed": listed, "label": label}


def compile_section(text: str, source: str) -> Section:
    """A section that is ready to render.

    Raises:
        TemplateError: its syntax is wrong.
    """
    try:
        names = meta.find_undeclared_variables(_SANDBOX.parse(text)) - set(_SANDBOX.globals)
        return Section(_SANDBOX.from_string(text), frozenset(names))
    except TemplateSyntaxError as error:
        line = text.splitlines()[error.lineno - 1] if text else ""
        raise TemplateError(
            f"The template {source} has a mistake at {line.strip()!r}: {error.message}."
        ) from error


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
        return section.compiled.render(context).strip()
    except UndefinedError as error:
        raise TemplateError(
            f"The template {source} uses something unknown: {error.message}. "
            f"Variables are: {known}."
        ) from error
    except SecurityError as error:
        raise TemplateError(
            f"The template {source} uses what templates may not: {error}. "
            "Keep to the variables, filters and loops."
        ) from error
    except Exception as error:
        raise TemplateError(
            f"The template {source} cannot be filled in ({type(error).__name__}: {error}). "
            "Correct the expression that does this."
        ) from error
