from __future__ import annotations

import random
import warnings
from collections.abc import Callable

import pytest

from domain.content.x_text import x_weight
from domain.tables import load

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from twitter_text import parse_tweet

SEQUENCES = " ".join(load("domain", "x_text")["emoji_sequences"]).split(" ")
PIECES = [
    "https://", "http://", "www.", "a.cz", "príklad.cz", "例え.jp", "日本語.com中国語example.com", "t.co/abc",
    "https://t.co/" + "a" * 41, "https://t.co/abcDEF12?x=1", "/path", "/čaj(1)/x", "?q=1&z=ž", "#tag", "@user",
    "$", "1️⃣", "#️⃣", "*️⃣", "👨‍👩‍👧‍👦", "🇨🇿", "🇨", "🏳️‍🌈", "👍🏽", "🏽", "ě", "e\u030c", "日", "\u3000", " ",
    "\n", "\r\n", "ﬁ", "\u200d", "\ufe0f", "\u2028", "\u202e", "\ufeff", "example.coffee", "xn--bcher-kva.example",
    "a_b.example.com", "-a.com", "..", "http://👨.la", "https://čaj.cz:8080/a", "user@mail.com", "1.2.3.4", "©",
    "(a.cz)", "a.cz/(b(c)d)", "e.g.", "s.r.o.", "\u212a.com", "/:(z)", "www.foo.com.",
]  # fmt: skip
ALPHABETS = ((0x20, 0x500), (0x300, 0x370), (0x2000, 0x3100), (0x4E00, 0x9FFF), (0x1F000, 0x1FB00))


def _any_characters(chance: random.Random) -> str:
    return "".join(chr(chance.randrange(*chance.choice(ALPHABETS))) for _ in range(chance.randrange(60)))


def _addresses_and_emoji(chance: random.Random) -> str:
    return "".join(chance.choice(PIECES) for _ in range(chance.randrange(14)))


def _emoji_sequences(chance: random.Random) -> str:
    return "".join(chance.choice([*SEQUENCES, *PIECES]) for _ in range(chance.randrange(14)))


def _posts(chance: random.Random) -> str:
    letters = [chr(chance.randrange(0x20, 0x7F)) for _ in range(60)]
    return "".join(chance.choice([*PIECES, *letters]) for _ in range(chance.randrange(40)))


@pytest.mark.parametrize("make", [_any_characters, _addresses_and_emoji, _emoji_sequences, _posts])
def test_the_weight_equals_twitter_text_on_random_strings(make: Callable[[random.Random], str]) -> None:
    chance = random.Random(f"posthub {make.__name__}")
    for _ in range(400):
        text = make(chance)
        assert x_weight(text) == parse_tweet(text).weightedLength, repr(text)


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("", 0),
        ("Příliš žluťoučký kůň", 20),
        ("e\u030c", 1),
        ("日本", 4),
        ("👨‍👩‍👧‍👦", 2),
        ("🇨🇿", 2),
        ("1️⃣", 2),
        ("https://example.com/a/very/long/path?with=a&query=string", 23),
        ("kavarna.cz", 23),
        ("text kavarna.cz.", 29),
        ("a\r\nb", 3),
    ],
)
def test_known_texts_have_their_published_weight(text: str, weight: int) -> None:
    assert x_weight(text) == weight


def test_dotted_text_without_an_address_is_counted_character_by_character() -> None:
    assert x_weight("a." * 5000) == 10_000
