"""The parts of the Prompts screen."""
