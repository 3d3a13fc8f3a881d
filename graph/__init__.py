"""Topology only: what follows what. No I/O, no prompts."""
