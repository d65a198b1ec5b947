"""Templates, what they may see of a data set, and the requests they give."""
