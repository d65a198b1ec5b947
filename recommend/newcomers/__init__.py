"""Users and items that no recommender was trained with."""
