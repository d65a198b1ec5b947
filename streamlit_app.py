"""The page; `autograph ui` and `streamlit run streamlit_app.py` start it."""

from pathlib import Path

from starlette.middleware import Middleware
from streamlit.starlette import App

from app.serve.hosts import HostGate
from app.serve.sign_in import ROUTES
from app.ui.server import known_hosts, open_browser

page = App(
    Path(__file__).resolve().parent / "app" / "page.py",
    routes=ROUTES,
    middleware=[Middleware(HostGate, known_hosts)],
    lifespan=open_browser,
)
