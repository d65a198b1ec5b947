"""Where templates are: those that ship, and a person's own, a folder each with all versions."""

from __future__ import annotations

import re
from pathlib import Path

from data.errors import TemplateError

SHIPPED = Path(__file__).parent / "templates"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def checked_name(name: str) -> str:
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
