"""The Prompts screen: templates are written, compared, tried and costed."""

from __future__ import annotations

from app.ui.prompts.choice import choose, open_chosen, show_list
from app.ui.prompts.cost import show_cost
from app.ui.prompts.variants import show_variants
from app.ui.prompts.versions import show_versions, tell
from app.ui.prompts.write import show_write
from app.ui.shared import frame
from app.ui.shared.experiment import current_record, header


def show() -> None:
    """Draws the screen."""
    header(
        "Prompts",
        "Write what a language model is asked about every user and item, and see it filled in, "
        "compared and costed before anything is spent.",
    )
    tell()
    open_chosen()
    choice = choose(current_record())
    show_list(choice)
    tabs = {
        "Write": lambda: show_write(choice),
        "Versions": lambda: show_versions(choice),
        "Side by side": lambda: show_variants(choice),
        "Cost": lambda: show_cost(choice),
    }
    frame.draw_tabs(tabs, "tab")
