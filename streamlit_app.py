"""The page; `autograph ui` and `streamlit run streamlit_app.py` start it."""

from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

from app.ui.hosts import HostGate
from app.ui.serving import open_browser

page = App(
    Path(__file__).resolve().parent / "app" / "ui" / "page.py",
    middleware=[Middleware(HostGate)],
    lifespan=open_browser,
)
