"""The screen Prompts: templates, written, tried on examples, costed and used."""
