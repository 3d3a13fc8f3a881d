"""What processes share through Redis; it may be lost at any time."""
