"""Calls a minute, by provider and organization."""
