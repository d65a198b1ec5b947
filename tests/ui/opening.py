"""What tests of screens share."""

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

Open = Callable[..., AppTest]
"""Opens a screen: `screen("factors", workspace, node="item:1")`."""
