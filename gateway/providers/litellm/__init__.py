"""LiteLLM: the wire formats and price tables of every text provider that it knows."""
