"""Prompt templates: Markdown files with front matter, rendered in Jinja2's sandbox.

A file starts with front matter: `side`, `name`, `version`, `note` and, for answers in JSON,
`schema`, in YAML between lines of three dashes. The body holds one section a message, each under a
line `# system`, `# user` or `# assistant`. Sections are cut before anything is filled in, so no
value can start a message.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, get_args

from data.errors import TemplateError
from prompts.sandbox import Section, compile_section, render_section
from prompts.schema import check_schema

SHIPPED = Path(__file__).parent / "templates"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
Side = Literal["user", "item"]
Message = dict[str, str]
"""A chat message: its "role" and its "content"."""
TEMPLATES = SHIPPED
"""Folder of the templates that ship with AutoGraph."""
LONGEST_TEMPLATE = 100_000
"""Characters of a template."""
DEEPEST = 100
"""Brackets inside each other in front matter: reading them takes the square of their number."""
MOST_VERSIONS = 1_000_000
"""What no version of a template reaches."""
_FRONT_MATTER = re.compile(r"\A---\r?\n(.*?)\r?\n---\r?\n(.*)\Z", re.DOTALL)
_HEADING = re.compile(r"^# (system|user|assistant)[ \t]*\r?$", re.MULTILINE)


def own_templates(workspace: Path) -> Path:
    """The folder of a person's own templates."""
    return workspace / "prompts"


def check_name(name: str) -> str:
    """`name`, if a template of a person's own may have it.

    Raises:
        TemplateError: it may not, or a template that ships has it.
    """
    if not _NAME.fullmatch(name) or name == "auto":
        raise TemplateError(
            f"A template cannot be called {name!r}: take up to 64 small letters, digits, hyphens "
            "and underscores, such as films-short; auto stands for those that ship."
        )
    if (SHIPPED / f"{name}.md").exists():
        raise TemplateError(
            f"The template {name} ships with AutoGraph and is not changed. Copy it under a name of "
            f"your own: autograph prompts new my-{name} --from {name}"
        )
    return name


def place_of(folder: Path, name: str, version: int) -> Path:
    """The file of one version, whether it exists or not."""
    return folder / name / f"{version}.md"


def versions_of(folder: Path | None, name: str) -> list[int]:
    """The versions of a person's own template, oldest first; none where it does not exist."""
    if folder is None or not _NAME.fullmatch(name):
        return []
    return sorted(int(path.stem) for path in (folder / name).glob("*.md") if path.stem.isdecimal())


def own_names(folder: Path | None) -> list[str]:
    """The names of a person's own templates."""
    found = folder.glob("*/") if folder is not None else ()
    return sorted(path.name for path in found if versions_of(folder, path.name))


def find_template(reference: str, folder: Path | None = None) -> Path:
    """The file of `name` (its latest version) or `name@version`; a person's own come first.

    Raises:
        TemplateError: there is no such template or version.
    """
    name, at, version = reference.partition("@")
    own = versions_of(folder, name)
    if folder is not None and own:
        if not at:
            return place_of(folder, name, own[-1])
        if version.isdecimal() and int(version) in own:
            return place_of(folder, name, int(version))
        raise _no_version(name, version, own)
    path = SHIPPED / f"{name}.md"
    if _NAME.fullmatch(name) and path.exists():
        return path
    shipped = ", ".join(sorted(path.stem for path in SHIPPED.glob("*.md")))
    mine = ", ".join(own_names(folder))
    raise TemplateError(
        f"There is no template {reference!r}. Templates that ship are: {shipped}; "
        + (f"your own are: {mine}. " if mine else "")
        + "Any other is named by the path of its .md file."
    )


def _no_version(name: str, version: str, known: list[int]) -> TemplateError:
    return TemplateError(
        f"The template {name} has no version {version!r}; it has {', '.join(map(str, known))}. "
        f"Write {name}@{known[-1]}, or {name} for the latest."
    )


def check_version(reference: str, version: int) -> None:
    """Nothing, if a template that was found has the version that `reference` asks for.

    Raises:
        TemplateError: it has not.
    """
    name, at, wanted = reference.partition("@")
    if at and wanted != str(version):
        raise _no_version(name, wanted, [version])


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt for one side; a version is never changed, only followed by the next.

    Attributes:
        name: Of the template, usually `<domain>-<side>`.
        version: Counts up from 1.
        side: What it describes, "user" or "item".
        note: What it is for, in a line.
        body: Its sections, as written.
        schema: JSON schema that answers must follow; None for free text.
        source: The file it came from, for messages to a person.
    """

    name: str
    version: int
    side: Side
    note: str
    body: str
    schema: Mapping[str, Any] | None = None
    source: str = field(default="<text>", compare=False)

    @property
    def label(self) -> str:
        """`name@version`, as results show it."""
        return f"{self.name}@{self.version}"

    @property
    def hash(self) -> str:
        """Sixteen hex digits of the SHA-256 of side, body and schema (if any) as compact JSON."""
        parts = [self.side, self.body, *([self.schema] if self.schema else [])]
        content = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def texts(self) -> tuple[str, ...]:
        """What stands in each section, as written."""
        return tuple(text.strip() for text in _HEADING.split(self.body)[2::2])

    @property
    def variables(self) -> frozenset[str]:
        """Names of all variables that it uses."""
        sections = _sections(self.body, self.source)
        return frozenset().union(*(section.variables for _, section in sections))

    def render(self, context: Mapping[str, Any]) -> tuple[Message, ...]:
        """One message a section, with its variables filled in.

        Raises:
            TemplateError: a variable is unknown, or an expression fails or is forbidden.
        """
        return tuple(
            {"role": role, "content": render_section(section, context, self.source)}
            for role, section in _sections(self.body, self.source)
        )


@lru_cache(maxsize=256)
def parse_template(text: str, source: str = "<text>") -> Template:
    """The template written in `text`.

    Raises:
        TemplateError: front matter or sections are missing or malformed.
    """
    if len(text) > LONGEST_TEMPLATE:
        raise TemplateError(
            f"The template {source} has {len(text):,} characters; the most are "
            f"{LONGEST_TEMPLATE:,}. Shorten it."
        )
    parts = _FRONT_MATTER.match(text.removeprefix("\ufeff"))
    if parts is None:
        raise TemplateError(
            f"The template {source} has no front matter. Begin it with a line ---, then "
            "side:, name:, version:, note:, and another line ---."
        )
    matter = _matter(parts[1], source)
    template = Template(
        **_check_fields(matter, source), body=parts[2].strip() + "\n", source=source
    )
    _sections(template.body, source)
    return template


def template_text(template: Template) -> str:
    """The file that `parse_template` reads as `template`."""
    import yaml

    names = ("side", "name", "version", "note")
    matter = yaml.safe_dump(
        {name: getattr(template, name) for name in names},
        sort_keys=False,
        allow_unicode=True,
        width=10_000,
    )
    return f"---\n{matter}{schema_text(template)}---\n{template.body}"


def schema_text(template: Template) -> str:
    """The schema as front matter has it; nothing where answers are free text."""
    import yaml

    if template.schema is None:
        return ""
    return yaml.safe_dump({"schema": template.schema}, sort_keys=False, allow_unicode=True)


def load_template(name_or_path: str | Path, folder: Path | None = None) -> Template:
    """A template by name or `name@version`, or by the path of its file.

    Args:
        name_or_path: What ends in .md is a path.
        folder: Holds a person's own templates, which come before those that ship.

    Raises:
        TemplateError: there is none, or it is malformed.
    """
    path = Path(name_or_path)
    named = path.suffix != ".md"
    if named:
        path = find_template(str(name_or_path), folder)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TemplateError(
            f"There is no template file {path}. Correct the path, or leave out .md to name a "
            "template."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"The template {path} cannot be read as UTF-8 text: {error}") from error
    template = parse_template(text, source=str(path) if path.parent != TEMPLATES else path.name)
    if named:
        check_version(str(name_or_path), template.version)
    return template


def list_templates() -> list[Template]:
    """The templates that ship with AutoGraph, by name."""
    return [load_template(path) for path in sorted(TEMPLATES.glob("*.md"))]


def choose_template(setting: str, side: Side, domain: str, folder: Path | None = None) -> Template:
    """The template that a setting names; "auto" means the one that ships for `domain` and `side`.

    Args:
        setting: A name, `name@version`, a path, or "auto".
        side: That it must be for.
        domain: Of the data set.
        folder: Holds a person's own templates.

    Raises:
        TemplateError: there is none, or it is for the other side.
    """
    if setting == "auto":
        return load_template(f"{domain}-{side}")
    template = load_template(setting, folder)
    if template.side != side:
        raise TemplateError(
            f"The template {template.source} is for the {template.side} side; "
            f"set prompts.{side}_template to one with side: {side}."
        )
    return template


def _matter(text: str, source: str) -> object:
    """What front matter holds; names for parts (&, *) are refused, for they can hide billions."""
    import yaml

    try:
        if max(accumulate((c in "[{") - (c in "]}") for c in text), default=0) > DEEPEST:
            raise yaml.YAMLError(f"more than {DEEPEST} brackets inside each other")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text)):
            raise yaml.YAMLError("parts cannot be repeated by a name (*)")
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise TemplateError(f"The front matter of {source} is not YAML: {error}") from error


def _check_fields(matter: object, source: str) -> dict[str, Any]:
    """The fields of front matter, with their types."""
    wanted: dict[str, type] = {"side": str, "name": str, "version": int, "note": str}
    if not isinstance(matter, dict) or set(matter) - {"schema"} != set(wanted):
        found = ", ".join(map(str, matter)) if isinstance(matter, dict) else "no fields"
        raise TemplateError(
            f"The front matter of {source} must have side, name, version and note, and may have "
            f"schema; it has {found}."
        )
    if "schema" in matter:
        try:
            check_schema(matter["schema"])
        except ValueError as error:
            raise TemplateError(f"The schema in {source} is no JSON schema: {error}.") from None
    for key, kind in wanted.items():
        if not isinstance(matter[key], kind):
            raise TemplateError(
                f"The front matter of {source} has {key}: {matter[key]!r}; "
                f"{'a whole number' if kind is int else 'text'} is wanted."
            )
    if not 0 < matter["version"] < MOST_VERSIONS:
        raise TemplateError(
            f"The front matter of {source} has a version that is not between 1 and "
            f"{MOST_VERSIONS - 1:,}. Count versions up from 1."
        )
    if matter["side"] not in get_args(Side):
        raise TemplateError(f"{source} has side: {matter['side']!r}; write user or item.")
    return matter


@lru_cache(maxsize=64)
def _sections(body: str, source: str) -> tuple[tuple[str, Section], ...]:
    """Role and compiled text of each message."""
    before, *found = _HEADING.split(body)
    if before.strip() or not found:
        raise TemplateError(
            f"The body of {source} must begin with a line '# system' or '# user': "
            "each such line starts a message."
        )
    return tuple(
        (role, compile_section(text.strip(), source))
        for role, text in zip(found[::2], found[1::2], strict=True)
    )
