"""Typed records, the data set catalogue, splits and the artifact store."""
