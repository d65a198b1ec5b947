"""The page's server: hosts, signing in, visitors and their rights."""
