"""The screen Demo: recommendations for a person, with reasons."""
