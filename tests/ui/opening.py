"""What tests of screens share."""

from collections.abc import Callable
from typing import Any

from streamlit.testing.v1 import AppTest

Open = Callable[..., AppTest]
"""Opens a screen: `screen("factors", workspace, node="item:1")`."""


def asked(page: AppTest, name: str) -> str | None:
    """What the address says."""
    value = page.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def words(page: AppTest) -> str:
    """Everything on the page that is said in words."""
    told = (page.title, page.subheader, page.caption, page.markdown, page.text, page.code)
    marks = (page.info, page.warning, page.error)
    shown = [str(part.value) for kind in (*told, *marks) for part in kind]
    return "\n".join([*shown, *(f"{m.label} {m.value}" for m in page.metric)])


def press(page: AppTest, label: str) -> AppTest:
    """The page after a button was pressed."""
    return next(button for button in page.button if button.label == label).click().run()


def open_tables(page: AppTest, *names: str) -> AppTest:
    """The page after the tables under its pictures were opened."""
    state: Any = page.session_state
    for name in names:
        state[f"open-{name}"] = True
    return page.run()


def sound(page: AppTest) -> bool:
    """Whether nothing went wrong."""
    return not page.exception and not page.error
