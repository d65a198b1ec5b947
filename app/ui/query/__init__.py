"""The Query screen: a console in which a person asks the graph."""
