"""Where a month stands by its cards alone: what comes next when no checkpoint says it any more.

A thread that was ended from outside, or that got its request a second time, has lost what it was about to do. What it
has made is kept, so it goes on: what was being made is made, what was sent back is asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langgraph.types import Send

from domain.month import Card, Cards, CardStatus, Month, Update, cards_of, new_card, with_cards
from domain.stages import NEXT_REVIEW, PACKAGES, PERSONAS, POSTS, RESEARCH, TOPICS, Stage
from nodes.review.point import work
from nodes.review.texts import media

_UNFINISHED = "It was not finished."


@dataclass(frozen=True)
class Standing:
    """What has to be done next, and what the cards have to say before.

    ``works`` are the nodes or pieces of work that come next, ``point`` the review point that asks, if any; neither
    where the month is handed over.
    """

    update: Update
    works: Sequence[Send | str]
    point: str = ""


def standing(month: Month) -> Standing:
    """Say where a month stands."""
    update: Update = {}
    for stage in (RESEARCH, PERSONAS, TOPICS, POSTS):
        if settled := _settled(cards_of(month, stage)):
            update[stage.key] = settled
            month = with_cards(month, stage, settled)
        if stage in (RESEARCH, PERSONAS, TOPICS) and not cards_of(month, stage):
            return Standing(update, [stage.node])
        if stage in (RESEARCH, PERSONAS) and _asks(month, stage):
            return Standing(update, [stage.review_node], str(stage.point))
    missing = {item: new_card(card["title"]) for item, card in _without_package(month).items()}
    if missing:
        update[PACKAGES.key] = missing
        month = with_cards(month, PACKAGES, missing)
    if sends := [*_unwritten(month), *_without_parts(month)]:
        return Standing(update, sends)
    asks = [stage for stage in (TOPICS, POSTS, PACKAGES) if _asks(month, stage)]
    if asks:
        return Standing(update, [asks[0].review_node], str(asks[0].point))
    return Standing(update, [] if month.get("package") else [NEXT_REVIEW])


def _settled(cards: Cards) -> Cards:
    """What was sent back and not made again is as it was before, or has failed where it was nothing before."""
    settled: Cards = {}
    for item, card in cards.items():
        if card["status"] != CardStatus.WORKING:
            continue
        before: Card = {"status": CardStatus.FAILED.value, "problem": _UNFINISHED}
        if "version" in card:
            before = {"status": CardStatus.WAITING.value, "revision": card["version"]["revision"]}
        settled[item] = before
    return settled


def _asks(month: Month, stage: Stage) -> bool:
    open_ = {CardStatus.WAITING, CardStatus.WORKING, CardStatus.FAILED}
    return any(card["status"] in open_ for card in cards_of(month, stage).values())


def _approved(month: Month, stage: Stage) -> Cards:
    cards = cards_of(month, stage)
    return {item: card for item, card in sorted(cards.items()) if card["status"] == CardStatus.APPROVED}


def _without_package(month: Month) -> Cards:
    packages = cards_of(month, PACKAGES)
    return {item: card for item, card in _approved(month, POSTS).items() if item not in packages}


def _unwritten(month: Month) -> list[Send]:
    posts = cards_of(month, POSTS)
    return [work(month, POSTS.node, item, 0) for item in _approved(month, TOPICS) if item not in posts]


def _without_parts(month: Month) -> list[Send]:
    sends = []
    for item, card in cards_of(month, PACKAGES).items():
        if card["status"] in {CardStatus.WAITING, CardStatus.WORKING}:
            made = card.get("parts", {})
            sends += [send for send in media(month, item, card["revision"]) if send.arg["item"] not in made]
    return sends
