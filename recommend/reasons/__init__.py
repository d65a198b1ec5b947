"""Why an item is recommended, measured and counted, in words."""
