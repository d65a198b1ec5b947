"""The screen Train: an experiment's form, its grid, and what it will run."""
