"""ContextGNN: what is near a user is scored by paths, all else by vectors."""
