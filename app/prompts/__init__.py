"""Use cases of prompts: looking at templates, changing them, and finding out which work better."""
