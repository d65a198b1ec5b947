"""The Streamlit page; nothing outside this folder knows streamlit."""
