"""Backends that describe entities, the cache of what they said, and encoders of texts."""
