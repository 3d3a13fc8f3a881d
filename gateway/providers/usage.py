"""Token usage, as people read it and as it is billed."""

from __future__ import annotations

from domain.calls import Usage
from store.money.prices import Units


def usage_of(
    *,
    prompt: int,
    output: int,
    thinking: int = 0,
    cached: int = 0,
    cache_write: int = 0,
    image_tokens: int = 0,
    images: int = 0,
) -> tuple[Usage, Units]:
    """Return usage for people and the units that are billed.

    ``prompt`` includes what is read from and written to the provider's cache, ``output`` thinking and image tokens.
    """
    usage = Usage(
        input_tokens=prompt,
        output_tokens=output,
        thinking_tokens=thinking,
        cached_tokens=cached,
        images=images,
        requests=1,
    )
    units = {
        "input": prompt - cached - cache_write,
        "cached_input": cached,
        "output": output - image_tokens - thinking,
        "thinking": thinking,
        "image_token": image_tokens,
    }
    if cache_write:
        units["cache_write"] = cache_write
    return usage, units
