"""The package: what is in it, where each thing lies, and how it is written whole."""
