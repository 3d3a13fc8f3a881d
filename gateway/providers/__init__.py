"""One file for each provider; what crosses them all wraps them in the pipeline."""
