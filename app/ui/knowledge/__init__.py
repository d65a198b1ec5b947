"""The screen Knowledge: what was said of users and items."""
