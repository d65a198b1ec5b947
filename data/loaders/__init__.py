"""From a publisher's files, or a person's own, to a data set."""
