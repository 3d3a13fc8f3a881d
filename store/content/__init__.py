"""What runs have made, what people decided, and whose it is."""
