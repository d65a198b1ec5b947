"""The screen Graph: nodes and edges to walk through."""
