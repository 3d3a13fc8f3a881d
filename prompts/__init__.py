"""Prompt templates as data: files that are shipped, versions in the database, rendering in a sandbox."""
