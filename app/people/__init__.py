"""Organizations, members and keys, as whoever administers an installation sees them."""
