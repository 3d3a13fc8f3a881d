"""A paid call's walk: request, fallback, attempt, judgement, booking."""
