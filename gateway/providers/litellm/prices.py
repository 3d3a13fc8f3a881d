"""The price map that LiteLLM brings along, as price rows. LiteLLM itself is not imported: that takes seconds."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from importlib import metadata
from typing import Any

from domain.errors import InvalidInput
from gateway.config import Deployment
from gateway.providers import registry
from store.money.price_rows import PriceRow, parse_row
from store.money.prices import PriceBook

LIST = "litellm"

_FILE = "model_prices_and_context_window_backup.json"
_MILLION = 1_000_000
_MODES = frozenset({"chat", "embedding"})
"""What is bought of a provider that is used only where a chain names it."""
_PER_TOKEN: Mapping[str, str] = {
    "input_cost_per_token": "input",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
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


def litellm_rows(valid_from: date, models: Collection[Deployment] | None = None) -> list[PriceRow]:
    """Return the map's prices of the providers that the gateway speaks to.

    Batch, flex, priority and long-context prices are left out: the gateway sends no such call. Of search fees the
    one of a low context counts, which is what it asks for.

    Args:
        valid_from: The day from which they count.
        models: Only these; by default all.

    Raises:
        InvalidInput: LiteLLM is not installed, or brings no map.
    """
    version, table = _bundled()
    source = f"LiteLLM {version}'s bundled map"
    return [
        parse_row(raw | {"list": LIST, "valid_from": valid_from.isoformat(), "source": source})
        for deployment, facts in _models(table).items()
        if models is None or deployment in models
        for raw in _rows(deployment, facts)
    ]


def missing_rows(book: PriceBook, models: Iterable[Deployment], day: date) -> list[PriceRow]:
    """Return the map's prices, from a day on, of those models that have no price yet."""
    unpriced = {model for model in models if not book.knows(model.provider, model.model, day)}
    return litellm_rows(day, unpriced) if unpriced else []


def _models(table: Mapping[str, Any]) -> dict[Deployment, Mapping[str, Any]]:
    """Return facts by model; some stand there twice, and the name with the provider in it counts."""
    ours = {theirs: each for each in registry.providers().values() for theirs in each.in_litellms_map}
    found: dict[Deployment, Mapping[str, Any]] = {}
    for name in sorted(table, key=lambda name: name.partition("/")[0] in ours):
        facts = table[name]
        its = ours.get(facts.get("litellm_provider", "")) if isinstance(facts, dict) else None
        if its and (not its.named_only or facts.get("mode") in _MODES):
            prefix = its.profile.litellm if its.profile else its.name
            found[Deployment(its.name, name.removeprefix(f"{prefix}/"))] = facts
    return found


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


def _rows(deployment: Deployment, facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    common = {"provider": deployment.provider, "model": deployment.model}
    for field, unit in _PER_TOKEN.items():
        if field in facts:
            yield common | {"unit": unit, "usd_per": Decimal(facts[field]) * _MILLION, "per": _MILLION}
    for field, unit in _PER_PIECE.items():
        if field in facts:
            yield common | {"unit": unit, "usd_per": facts[field], "per": 1}
    search = (facts.get("search_context_cost_per_query") or {}).get("search_context_size_low")
    if search is not None:
        yield common | {"unit": "search", "usd_per": search, "per": 1}
