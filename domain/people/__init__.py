"""Who works for an organization, what they may do, and the keys that prove who asks."""
