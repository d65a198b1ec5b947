"""The query language: what to walk from where, in Python and as text, and one frozen form."""
