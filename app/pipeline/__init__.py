"""How it is run: stages, the plan of an experiment, the runner, and records of what ran."""
