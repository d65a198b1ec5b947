"""Recommenders without training: the bar that learning has to clear."""
