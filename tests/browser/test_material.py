"""A person's own table in a real browser: upload, guessed columns, experiment."""

from __future__ import annotations

import re
from pathlib import Path

from browsing import PageAt, settled, shot

from app.experiment.file import load_experiment

SALES = "who,product,stars,when\n" + "".join(
    f"u{user},p{(user + step) % 9},{1 + step % 5},2024-05-{1 + step:02d}\n"
    for user in range(12)
    for step in range(6)
)


def test_upload_guess_save(page_at: PageAt, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    page = page_at(workspace, "data?part=Your+own+files")
    page.locator("input[type=file]").first.set_input_files(
        {"name": "../my sales.csv", "mimeType": "text/csv", "buffer": SALES.encode()}
    )
    page.get_by_role("heading", name="4 · Save").wait_for()
    settled(page)
    guessed = page.get_by_role("combobox", name="Rating or count")
    assert "stars" in guessed.evaluate("e => e.value || e.closest('[data-baseweb]').innerText")
    shot(page, "own-files")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Saved as my-sales.").wait_for()
    settled(page)
    shot(page, "own-files-saved")
    files = load_experiment(str(workspace / "experiments" / "my-sales.toml")).data.files
    assert files is not None and files.interactions.read_text() == SALES
    assert (files.user, files.item, files.time) == ("who", "product", "when")
    page.get_by_role("link", name="Choose recommenders").click()
    page.wait_for_url(re.compile(r"/train\?.*from=my-sales"))
    settled(page)
    box = page.get_by_role("combobox", name="Begin with")
    assert "my-sales" in box.evaluate("e => e.value || e.closest('[data-baseweb]').innerText")
