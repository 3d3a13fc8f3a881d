"""Organizations as they are administered, their members, and the members' keys."""
