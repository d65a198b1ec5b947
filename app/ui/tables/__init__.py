"""Parts of the screen Data."""
