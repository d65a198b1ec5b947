"""Prompts while they are written: scenes, trials, estimates, prices."""
