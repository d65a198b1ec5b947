"""The screen Data: data sets, a person's own tables, and those of an experiment."""
