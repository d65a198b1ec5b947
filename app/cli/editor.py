"""A text in the editor that a person likes."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from data.errors import ConfigError

USUAL = ("sensible-editor", "nano", "vi")


def edited(text: str) -> str:
    """`text` as a person leaves it in $VISUAL, $EDITOR, or the first usual editor there is.

    Raises:
        ConfigError: there is no editor, or it fails.
    """
    command = _editor()
    path = Path(tempfile.mkdtemp(prefix="autograph-")) / "template.md"
    path.write_text(text, encoding="utf-8")
    try:
        subprocess.run([*command, str(path)], check=True)
        changed = path.read_text(encoding="utf-8")
    except (OSError, subprocess.CalledProcessError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The editor {shlex.join(command)} did not end well ({error}). Nothing was saved; the "
            f"text is in {path}. Set EDITOR to another, or give the text with --file."
        ) from None
    shutil.rmtree(path.parent)
    return changed


def _editor() -> list[str]:
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if named:
        return shlex.split(named)
    found = next((name for name in USUAL if shutil.which(name)), None)
    if found is None:
        raise ConfigError("There is no editor here. Set EDITOR, or give the text with --file FILE.")
    return [found]
