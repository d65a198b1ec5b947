"""What to run: settings, their file, their form, and what is saved under a name."""
