"""A person's own templates: every version in a file that is never changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from data import atomic
from data.errors import TemplateError
from prompts.template import (
    Template,
    check_name,
    find_template,
    list_templates,
    load_template,
    own_names,
    parse_template,
    place_of,
    template_text,
    versions_of,
)
from prompts.variables import check_variables


@dataclass(frozen=True, slots=True)
class Entry:
    """A template in the list: its latest version, and how it stands.

    Attributes:
        template: The latest version.
        own: Whether it is the person's own; the others ship with AutoGraph.
        versions: All versions there are.
        saved: When the latest was; None for those that ship.
    """

    template: Template
    own: bool
    versions: tuple[int, ...]
    saved: datetime | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a text that was to be saved.

    Attributes:
        template: The version that holds it.
        path: The file of that version.
        new: Whether it was made; False where the latest version says the same.
        meanwhile: Versions that others saved after the one that was edited.
    """

    template: Template
    path: Path
    new: bool
    meanwhile: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Library:
    """The templates in `folder`, `<name>/<version>.md` each, beside those that ship.

    Several processes may save at once: a version is created whole or not at all, and whoever
    comes second gets the next number.
    """

    folder: Path

    def entries(self) -> list[Entry]:
        """Templates that ship, then the person's own, by name.

        Raises:
            TemplateError: a file is damaged.
        """
        shipped = [Entry(one, False, (one.version,)) for one in list_templates()]
        return [*shipped, *map(self._entry, own_names(self.folder))]

    def history(self, name: str) -> list[Entry]:
        """Every version of one of the person's own templates, oldest first.

        Raises:
            TemplateError: there is none of that name.
        """
        self._latest(name)
        return [self._entry(name, version) for version in versions_of(self.folder, name)]

    def load(self, reference: str) -> Template:
        """The template called `name` (its latest version) or `name@version`; a path is no name.

        Raises:
            TemplateError: there is none, or it is damaged.
        """
        find_template(reference, self.folder)
        return load_template(reference, self.folder)

    def create(self, name: str, text: str, note: str = "") -> Saved:
        """Version 1 of a template.

        Args:
            name: Under which it is to be known.
            text: Of a whole template; its name and version do not matter.
            note: What it is for; by default what the text says.

        Raises:
            TemplateError: the name cannot be had, or the text is no template; then the text is
                kept as a draft, and the message names its file.
        """
        if versions_of(self.folder, check_name(name)):
            raise TemplateError(
                f"There is a template {name} already. Change it: autograph prompts edit {name}"
            )
        template = self._check(name, text)
        first = replace(template, name=name, version=1, note=note or template.note)
        path = place_of(self.folder, name, 1)
        if not atomic.create_text(path, template_text(first)):
            raise TemplateError(
                f"Somebody created the template {name} at the same moment. Choose another name, or "
                f"change that one: autograph prompts edit {name}"
            )
        return Saved(load_template(f"{name}@1", self.folder), path, new=True)

    def save(self, name: str, text: str, note: str = "", base: int | None = None) -> Saved:
        """The next version of a template, unless its latest says the same.

        Args:
            name: Of one of the person's own templates.
            text: Of the whole template; its name and version do not matter.
            note: What is different; by default what the text says.
            base: The version that was edited; by default the latest.

        Raises:
            TemplateError: there is no such template, its side would change, or the text is no
                template; then the text is kept as a draft, and the message names its file.
        """
        latest = self._latest(name)
        edited = self._check(name, text)
        if edited.side != latest.side:
            raise self._refusal(
                name,
                text,
                f"The template {name} is for the {latest.side} side and stays so; begin another "
                f"for the {edited.side} side with: autograph prompts new.",
            )
        for version in count(latest.version + 1):
            known = versions_of(self.folder, name)
            since = tuple(v for v in known if v > (base or latest.version))
            newest = self.load(f"{name}@{known[-1]}")
            if newest.hash == edited.hash:
                return Saved(newest, place_of(self.folder, name, known[-1]), False, since)
            following = replace(edited, name=name, version=version, note=note or edited.note)
            path = place_of(self.folder, name, version)
            if atomic.create_text(path, template_text(following)):
                return Saved(self.load(following.label), path, True, since)
        raise AssertionError("numbers do not end")

    def restore(self, name: str, version: int) -> Saved:
        """A new version that says what an old one said.

        Raises:
            TemplateError: there is no such template or version.
        """
        old = self.load(f"{name}@{version}")
        return self.save(name, template_text(old), note=f"As version {version}: {old.note}")

    def _latest(self, name: str) -> Template:
        if not versions_of(self.folder, name):
            check_name(name)
            mine = ", ".join(own_names(self.folder)) or "none yet"
            raise TemplateError(
                f"You have no template {name!r} (your own are: {mine}). Begin one: "
                f"autograph prompts new {name} --from any-item"
            )
        return self.load(name)

    def _entry(self, name: str, version: int | None = None) -> Entry:
        versions = tuple(versions_of(self.folder, name))
        chosen = version or versions[-1]
        seconds = place_of(self.folder, name, chosen).stat().st_mtime
        saved = datetime.fromtimestamp(seconds, UTC)
        return Entry(self.load(f"{name}@{chosen}"), True, versions, saved)

    def _check(self, name: str, text: str) -> Template:
        """The template in `text`, fit to be saved; if it is not, the text is kept as a draft."""
        try:
            template = parse_template(text, source=name)
            check_variables(template)
        except TemplateError as error:
            raise self._refusal(name, text, str(error)) from error
        return template

    def _refusal(self, name: str, text: str, why: str) -> TemplateError:
        draft = next(path for path in self._drafts(name) if atomic.create_text(path, text))
        return TemplateError(
            f"{why} Nothing was saved; your text is kept in {draft}: correct it there and give it "
            f"with --file."
        )

    def _drafts(self, name: str) -> Iterator[Path]:
        return (self.folder / name / f"draft-{number}.md" for number in count(1))
