"""The screen Compare: recommenders side by side."""
