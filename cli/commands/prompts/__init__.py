"""``posthub prompts``: looking at prompt templates and changing them."""
