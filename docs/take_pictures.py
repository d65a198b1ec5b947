"""Takes the pictures of the README from the page itself, on a workspace with the demo finished.

make pictures
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from benchmarks.browser import chromium, new_page, settled, start_page

FOLDER = Path(__file__).parent / "pictures"
SCREENS = {
    "start": "start?experiment=demo",
    "demo": "demo?experiment=demo",
    "graph": "graph?experiment=demo&node=item_factor:0-1",
    "factors": "factors?experiment=demo&node=item_factor:0-1",
    "prompts": "prompts?experiment=demo",
    "compare": "compare?experiment=demo",
}
"""Names of files, and where they are taken."""
DRAWN_MS = 1_500
"""Charts move into their places after the page is at rest."""
COLOURS = 255


def main() -> None:
    """Takes them all."""
    workspace = Path(sys.argv[1] if len(sys.argv) > 1 else "workspace").resolve()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        base, process = start_page(workspace, Path(folder) / "page.log")
        try:
            page = new_page(browser)
            for name, path in SCREENS.items():
                page.goto(f"{base}/{path}")
                settled(page)
                page.wait_for_timeout(DRAWN_MS)
                settled(page)
                keep(name, page.screenshot())
        finally:
            process.terminate()
            process.wait()


def keep(name: str, png: bytes) -> None:
    """A picture with few colours, which takes a third of the bytes."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.png"
    Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS).save(path, optimize=True)
    print(path)


if __name__ == "__main__":
    main()
