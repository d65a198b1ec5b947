"""Recommenders of sequences: a backbone over the history, and an enhancer beside it."""
