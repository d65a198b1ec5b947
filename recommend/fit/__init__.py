"""Training: the loop, its checkpoint, losses and curve."""
