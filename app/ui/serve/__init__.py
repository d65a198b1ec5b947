"""The screen Serve: a recommender as a folder, the command that serves it, and what it costs."""
