"""Experiments between versions of a template, and what they have shown."""
