"""Templates become prompts: sandboxed, strict, bounded."""
