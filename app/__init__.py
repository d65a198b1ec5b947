"""What a person uses: experiments, their stages, the runner and the command line."""
