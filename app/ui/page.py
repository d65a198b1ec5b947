"""The script that Streamlit runs for every visitor and every click."""

if __name__ == "__main__":
    from app.ui.main import show_page

    show_page()
