"""ZOOMER: the part of a graph that matters to what somebody asks, and attention over it."""
