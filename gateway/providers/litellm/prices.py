"""The price map that LiteLLM brings along, as price rows. LiteLLM itself is not imported: that takes seconds."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from importlib import metadata
from typing import Any

from domain.errors import InvalidInput
from gateway.providers import registry
from store.money.price_rows import PriceRow, parse_row

LIST = "litellm"

_FILE = "model_prices_and_context_window_backup.json"
_MILLION = 1_000_000
_PER_TOKEN: Mapping[str, str] = {
    "input_cost_per_token": "input",
    "cache_read_input_token_cost": "cached_input",
    "output_cost_per_token": "output",
    "output_cost_per_reasoning_token": "thinking",
    "output_cost_per_image_token": "image_token",
    "output_cost_per_video_token": "video_token",
}
_PER_PIECE: Mapping[str, str] = {
    "output_cost_per_image": "image",
    "output_cost_per_second": "second",
    "output_cost_per_second_1080p": "second:1080p",
    "output_cost_per_second_4k": "second:4K",
}


def litellm_rows(valid_from: date) -> list[PriceRow]:
    """Return the map's prices of the providers that the gateway speaks to.

    Batch, flex, priority and long-context prices are left out: the gateway sends no such call. Of search fees the
    one of a low context counts, which is what it asks for.

    Args:
        valid_from: The day from which they count.

    Raises:
        InvalidInput: LiteLLM is not installed, or brings no map.
    """
    version, table = _bundled()
    source = f"LiteLLM {version}'s bundled map"
    return [
        parse_row(raw | {"list": LIST, "valid_from": valid_from.isoformat(), "source": source})
        for (provider, model), facts in _models(table).items()
        for raw in _rows(provider, model, facts)
    ]


def _models(table: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return facts by provider and model; some stand there twice, and the name with the provider in it counts."""
    ours = _names()
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for name in sorted(table, key=lambda name: name.partition("/")[0] in ours):
        facts = table[name]
        if isinstance(facts, dict) and (provider := ours.get(facts.get("litellm_provider", ""))):
            found[provider, name.removeprefix(f"{facts['litellm_provider']}/")] = facts
    return found


def _names() -> dict[str, str]:
    """Return our names of the providers by those that LiteLLM's map has for them."""
    known = registry.providers().values()
    return {theirs: each.name for each in known for theirs in each.in_litellms_map}


def _bundled() -> tuple[str, Mapping[str, Any]]:
    try:
        files = metadata.files("litellm") or []
        version = metadata.version("litellm")
    except metadata.PackageNotFoundError:
        files, version = [], ""
    for file in files:
        if file.name == _FILE:
            # Prices are exact: their digits are kept as they stand.
            return version, json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    raise InvalidInput("LiteLLM's price map is not here.", next_step="Install litellm, or import a file.")


def _rows(provider: str, model: str, facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    common = {"provider": provider, "model": model}
    for field, unit in _PER_TOKEN.items():
        if field in facts:
            yield common | {"unit": unit, "usd_per": Decimal(facts[field]) * _MILLION, "per": _MILLION}
    for field, unit in _PER_PIECE.items():
        if field in facts:
            yield common | {"unit": unit, "usd_per": facts[field], "per": 1}
    search = (facts.get("search_context_cost_per_query") or {}).get("search_context_size_low")
    if search is not None:
        yield common | {"unit": "search", "usd_per": search, "per": 1}
