"""A recommender as a folder that another process opens and asks, without torch."""
