"""The terminal: what is drawn, asked and read there."""
