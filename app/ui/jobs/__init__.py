"""The screen Jobs: what runs, how far it is, and how it ended."""
