"""The page; `autograph ui` and `streamlit run streamlit_app.py` start it."""

from app.ui.main import show_page

show_page()
