"""Graphs from tables, files and the graphs of other libraries, and to them."""
