"""Samplers: nodes and edges around seeds, none of them younger than its seed."""
