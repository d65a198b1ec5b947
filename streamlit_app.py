"""The page; `autograph ui` and `streamlit run streamlit_app.py` start it."""

from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

from app.ui.server.hosts import HostGate
from app.ui.server.serving import open_browser
from app.ui.server.sign_in import ROUTES

page = App(
    Path(__file__).resolve().parent / "app" / "page.py",
    routes=ROUTES,
    middleware=[Middleware(HostGate)],
    lifespan=open_browser,
)
