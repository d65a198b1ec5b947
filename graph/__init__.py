"""Users, items and latent factors in one graph; metapaths, statistics, export, insertion."""
