"""Graphs from what earlier stages leave, and newcomers put into them."""
