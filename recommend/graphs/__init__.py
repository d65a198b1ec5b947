"""Recommenders and layers that learn on samples of a typed graph."""
