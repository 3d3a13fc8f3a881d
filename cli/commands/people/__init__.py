"""Organizations, members and keys."""
