"""A post for one platform: how it is put together, measured and checked."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field

from domain.content.damage import unreadable
from domain.content.platforms import Platform
from domain.content.written import Content
from domain.content.x_text import x_weight
from domain.tables import load
from domain.text import count_words, first_sentence, key, leaks

_TAG = re.compile(r"(?<![\w&/#])#(\w+)")
_WHOLE_TAG = re.compile(r"#\w*[^\W\d_]\w*")


class SocialPost(Content):
    """What the model writes for one platform; ``hashtags`` carry their ``#``."""

    text_content: str = Field(min_length=1)
    hashtags: tuple[str, ...] = ()
    cta_text: str = ""


def social_schema(platform: Platform) -> dict[str, Any]:
    """JSON Schema of `SocialPost` whose longest answer still fits the platform."""
    text_min, text_max = platform.text_length
    cta_min, cta_max = platform.cta_length
    return {
        "type": "object",
        "properties": {
            "textContent": {
                "type": "string",
                "minLength": text_min,
                "maxLength": text_max,
                "description": "The post's own text, without hashtags and without the call to action. "
                + _hook(platform),
            },
            "hashtags": {
                "type": "array",
                "minItems": platform.hashtags_min,
                "maxItems": platform.hashtags_max,
                "items": {
                    "type": "string",
                    "pattern": r"^#\w+$",
                    "minLength": 3,
                    "maxLength": platform.hashtag_max_length,
                    "description": "One hashtag: starts with #, letters and digits only, no space.",
                },
            },
            "ctaText": {
                "type": "string",
                "minLength": cta_min,
                "maxLength": cta_max,
                "description": "The call to action, one sentence, not repeated in textContent.",
            },
        },
        "required": ["textContent", "hashtags", "ctaText"],
        "additionalProperties": False,
    }


def assemble_caption(social: SocialPost, platform: Platform) -> str:
    """Put the post together exactly as it is sent: text, call to action, hashtags."""
    parts = (social.text_content, social.cta_text, " ".join(social.hashtags))
    return ("\n\n" if platform.counting != "x" else "\n").join(part for part in parts if part)


def measure(text: str, platform: Platform) -> int:
    """Return a text's length as the platform counts it.

    X weighs characters (`domain.content.x_text`); LinkedIn counts what is sent, where each reserved character of its
    "little text" format takes a backslash with it; the others count characters.
    """
    if platform.counting == "x":
        return x_weight(text)
    if platform.counting == "linkedin":
        reserved = load("domain", "platforms")["linkedin_reserved"]["value"]
        return len(text) + sum(text.count(char) for char in reserved)
    return len(text)


def social_findings(social: SocialPost, platform: Platform) -> list[str]:
    """Say what has to change before the post can be sent; empty when it is fine.

    Sentences are plain words for an editor, and for the model that writes it again.
    """
    caption = assemble_caption(social, platform)
    return [
        *_text_findings(social, platform, caption),
        *_hashtag_findings(social, platform, caption),
        *_hook_findings(social, platform),
        *(
            one
            for piece in (social.text_content, social.cta_text, *social.hashtags)
            for one in unreadable(piece)
        ),
        *(f"“{piece}” must not be published: it is no text of the company." for piece in leaks(caption)),
    ]


def _text_findings(social: SocialPost, platform: Platform, caption: str) -> list[str]:
    found = []
    if not count_words(social.text_content):
        found.append("The text is empty: write the post itself.")
    length = measure(caption, platform)
    if length > platform.max_length:
        found.append(
            f"Text, call to action and hashtags together count {length} on {platform.name}, which takes "
            f"{platform.max_length}: shorten them by at least {length - platform.max_length}."
        )
    if social.cta_text and key(social.cta_text) in key(social.text_content):
        found.append("The call to action stands in the text as well: keep it in ctaText only.")
    return found


def _hashtag_findings(social: SocialPost, platform: Platform, caption: str) -> list[str]:
    longest = load("domain", "platforms")["hashtag_hard_length"]["value"]
    found = [one for tag in social.hashtags for one in _tag_findings(tag, longest)]
    count = max(len(_TAG.findall(caption)), len(social.hashtags))
    if count > platform.hashtags_max:
        found.append(
            f"There are {count} hashtags in the whole post; {platform.name} takes {platform.hashtags_max}: "
            f"drop {count - platform.hashtags_max}."
        )
    if count < platform.hashtags_min:
        found.append(f"There are {count} hashtags; {platform.name} wants at least {platform.hashtags_min}.")
    if len({key(tag) for tag in social.hashtags}) < len(social.hashtags):
        found.append("A hashtag is repeated: each may stand once.")
    return found


def _tag_findings(tag: str, longest: int) -> list[str]:
    shown = tag if len(tag) <= 40 else f"{tag[:40]}…"
    if not tag.startswith("#"):
        return [f"The hashtag “{shown}” has to begin with #."]
    if len(tag) > longest:
        return [f"The hashtag “{shown}” has {len(tag)} characters, more than {longest}: it is a text."]
    if any(map(str.isspace, tag)):
        return [f"The hashtag “{shown}” has a space in it: write it as one word."]
    if not _WHOLE_TAG.fullmatch(tag):
        return [f"The hashtag “{shown}” may hold letters, digits and _ only, and at least one letter."]
    return []


def _hook(platform: Platform) -> str:
    if platform.hook == "first_sentence":
        return f"The first sentence is the hook and has at most {platform.visible_chars} characters."
    if platform.hook == "first_two_lines":
        return (
            "The hook is a whole sentence within the first two lines, "
            f"in the first {platform.visible_chars} characters."
        )
    return "The first sentence is the hook."


def _hook_findings(social: SocialPost, platform: Platform) -> list[str]:
    """The first sentence has to be readable before the platform cuts the text off.

    A sentence ends with its line, so one that fits is always within the first two lines.
    """
    if platform.hook == "none":
        return []
    length = measure(first_sentence(social.text_content), platform)
    if length <= platform.visible_chars:
        return []
    where = "first sentence" if platform.hook == "first_sentence" else "sentence in the first two lines"
    return [
        f"The {where} counts {length}, but {platform.name} shows only {platform.visible_chars} before it "
        "cuts the text off: open with a shorter hook."
    ]
