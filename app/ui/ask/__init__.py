"""The Ask screen: a person, what is asked for, and what comes of it."""
