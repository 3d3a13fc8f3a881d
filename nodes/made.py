"""What a month has made, as its cards mean it: what is counted, exported and handed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from domain.month import Card, CardStatus, Month, Version, cards_of
from domain.stages import PACKAGES, PERSONAS, POSTS, RESEARCH, TOPICS, Kind
from store.content.items import ItemRecord, Items, ItemStatus, Owner

DECIDED: Mapping[str, ItemStatus] = {
    CardStatus.APPROVED: ItemStatus.APPROVED,
    CardStatus.DROPPED: ItemStatus.DROPPED,
}
"""What becomes of an item by what was decided of its card."""


async def made(items: Items, owner: Owner, month: Month) -> dict[Kind, list[ItemRecord]]:
    """Read what the cards of a month mean, by kind and item, each with the status that its card has.

    A row's own status may come from another branch of the run.

    Raises:
        NotFound: A card names content that this run does not have.
    """
    found: dict[Kind, list[ItemRecord]] = {kind: [] for kind in Kind}
    for kind, item, version, status in _meant(month):
        record = await items.get(owner, kind, item, version)
        found[kind].append(replace(record, status=status))
    return {kind: sorted(records, key=lambda record: record.item) for kind, records in found.items()}


def _meant(month: Month) -> Iterator[tuple[Kind, str, Version, ItemStatus]]:
    packages = cards_of(month, PACKAGES)
    for stage in (RESEARCH, PERSONAS, TOPICS, POSTS):
        assert stage.kind is not None
        for item, card in cards_of(month, stage).items():
            if "version" in card:
                whole = packages.get(item) if stage == POSTS else None
                yield stage.kind, item, card["version"], _packaged(whole) if whole else _decided(card)
    for card in packages.values():
        for name, part in card.get("parts", {}).items():
            if "version" in part:
                yield Kind(part["kind"]), name, part["version"], _decided(card)


def _decided(card: Card) -> ItemStatus:
    return DECIDED.get(card["status"], ItemStatus.DRAFT)


def _packaged(package: Card) -> ItemStatus:
    if package["status"] == CardStatus.APPROVED:
        return ItemStatus.PACKAGED
    return DECIDED.get(package["status"], ItemStatus.APPROVED)
