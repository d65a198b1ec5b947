"""The script that Streamlit runs for every visitor and every click.

Streamlit looks for modules beside it first, so nothing here may be called like a room.
"""

if __name__ == "__main__":
    from app.ui.main import show_page

    show_page()
