"""Retrieval by vectors: graphs of what is alike, and an index of clusters."""
