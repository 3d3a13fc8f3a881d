"""What the month's page shows, computed from the package: plain data for the templates."""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup
from slugify import slugify

from exports.formats.article import Labels
from exports.package.layout import Layout
from exports.package.manifest import counts, models
from exports.package.model import CostLine, MonthPackage, PersonaPackage
from exports.page.palette import Palette, palette
from exports.page.view_post import feed_ratio, platform_name, post_view, ratio_of
from exports.page.wording import Wording
from exports.sanitize import one_line, safe_url, visible_all

_EAGER_POSTS = 12
"""Up to so many posts all pictures are loaded at once, so that the whole page can be printed or photographed."""


def month_view(package: MonthPackage, layout: Layout, labels: Labels) -> dict[str, Any]:
    """Return everything that ``index.html.j2`` shows, with invisible characters taken out."""
    say = Wording(labels)
    people = {persona.item: _persona(persona, package) for persona in package.personas}
    posts = [post_view(post, package, layout, people.get(post.persona_item or "")) for post in package.posts]
    return {
        "package": visible_all(asdict(package)),
        "company": _company(package),
        "month_title": say.month(package.month),
        "stats": _stats(package, say),
        "calendar": _calendar(package.month, posts),
        "elsewhere": [post for post in posts if not post["day"].startswith(f"{package.month}-")],
        "posts": posts,
        "lazy": Markup(' loading="lazy"') if len(posts) > _EAGER_POSTS else "",
        "people": list(people.values()),
        "networks_used": _networks(package),
        "models": models(package),
        "dna": _dna(package),
        "approvals": _approvals(package),
        "costs": _costs(package.costs.by_provider, package.costs.total_micro),
        "kinds": _costs(package.costs.by_kind, package.costs.total_micro),
    }


def _name(persona: PersonaPackage) -> str:
    return one_line(persona.content.get("characterName"))


def initials(name: str) -> str:
    """Return one or two capital letters for an avatar."""
    words = [word for word in re.findall(r"\w+", unicodedata.normalize("NFC", name)) if word[0].isalpha()]
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper() or "·"


def _company(package: MonthPackage) -> dict[str, str]:
    name, website = one_line(package.company.name), safe_url(package.company.website)
    return {
        "name": name,
        "initials": initials(name),
        "handle": slugify(name, separator="")[:24] or "posthub",
        "website": website,
        "host": (urlsplit(website).hostname or "").removeprefix("www.") if website else "",
        "field": one_line(package.company.business_field),
    }


def _stats(package: MonthPackage, say: Wording) -> list[dict[str, str]]:
    found = counts(package)
    shown = [
        ("posts", "posts"),
        ("words", "words"),
        ("social_posts", "social"),
        ("images", "images"),
        ("videos", "videos"),
    ]
    stats = [
        {"value": say.number(found[key]), "label": say.counted(noun, found[key])}
        for key, noun in shown
        if found[key] or key == "posts"
    ]
    return [*stats, {"value": say.money(package.costs.total_micro), "label": say.counted("costs", 1)}]


def _calendar(month: str, posts: Sequence[Mapping[str, Any]]) -> list[list[dict[str, Any]]]:
    year, number = (int(part) for part in month.split("-"))
    return [
        [
            {
                "day": day.day,
                "inside": day.month == number,
                "weekend": day.weekday() >= 5,
                "posts": [post for post in posts if post["day"] == day.isoformat() and day.month == number],
            }
            for day in week
        ]
        for week in calendar.Calendar().monthdatescalendar(year, number)
    ]


def _persona(persona: PersonaPackage, package: MonthPackage) -> dict[str, Any]:
    content, shades = visible_all(dict(persona.content)), _shades(persona)
    return {
        **{name: content.get(name) for name in _PERSONA_FIELDS},
        "item": persona.item,
        "name": _name(persona),
        "initials": initials(_name(persona)),
        "shade": _shade_class(shades),
        "swatches": [f"s{colour[1:]}" for colour in shades.swatches],
        "posts": sum(post.persona_item == persona.item for post in package.posts),
    }


_PERSONA_FIELDS = (
    *("age", "roleInCompany", "jungArchetype", "mbtiType", "dominantValue", "mainFrustration"),
    *(
        "vocabularyLevel",
        "sentencePreference",
        "metaphorUsage",
        "argumentStructure",
        "favoritePhrasesKeywords",
    ),
    *("uniqueSignatureEnding", "artStyleName", "visualAtmosphere", "backstoryHighlight", "hobbyOutsideWork"),
)


def _networks(package: MonthPackage) -> list[dict[str, Any]]:
    found = Counter(social.platform for post in package.posts for social in post.social)
    return [{"code": code, "name": platform_name(code), "count": count} for code, count in found.items()]


def _dna(package: MonthPackage) -> dict[str, Any] | None:
    if package.dna is None:
        return None
    content = visible_all(dict(package.dna.content))
    sources: dict[str, int] = {}
    cited: dict[str, list[int]] = {}
    for source in content.get("sources") or []:
        url = safe_url(source.get("url")) if isinstance(source, Mapping) else ""
        if url:
            number = sources.setdefault(url, len(sources) + 1)
            field = cited.setdefault(str(source.get("field") or "").split("[")[0].split(".")[0], [])
            field.append(number) if number not in field else None
    return {
        "content": content,
        "cited": cited,
        "sources": [{"url": url, "number": n} for url, n in sources.items()],
    }


def _approvals(package: MonthPackage) -> list[dict[str, Any]]:
    points = dict.fromkeys(approval.point for approval in package.approvals)
    return [
        {
            "point": point,
            "entries": [visible_all(asdict(a)) for a in package.approvals if a.point == point],
            "decisions": Counter(a.decision for a in package.approvals if a.point == point),
        }
        for point in points
    ]


def _costs(lines: Iterable[CostLine], total: int) -> list[dict[str, Any]]:
    return [
        {**visible_all(asdict(line)), "share": round(100 * line.cost_micro / total, 1) if total else 0.0}
        for line in lines
    ]


def _shade_class(shades: Palette) -> str:
    return f"a{shades.main[1:]}{shades.second[1:]}"


def _shades(persona: PersonaPackage) -> Palette:
    return palette(persona.content.get("colorPalette"), _name(persona))


def colour_rules(package: MonthPackage) -> str:
    """Return style rules for the avatars and swatches of everyone in the package."""
    rules = [f"\n.company-shade{_gradient(palette((), package.company.name))}"]
    for shades in map(_shades, package.personas):
        rules.append(f".{_shade_class(shades)}{_gradient(shades)}")
        rules += [f".s{colour[1:]}{{background:{colour}}}" for colour in shades.swatches]
    return "\n".join(dict.fromkeys(rules)) + "\n"


def _gradient(shades: Palette) -> str:
    return f"{{background:linear-gradient(135deg,{shades.main} 58%,{shades.second} 135%);color:{shades.ink}}}"


def ratio_rules(package: MonthPackage) -> str:
    """Return a style rule for every aspect ratio that the package shows."""
    used = {"1:1", *(image.aspect_ratio for post in package.posts for image in post.images)}
    used |= {post.video.aspect_ratio for post in package.posts if post.video}
    used |= {feed_ratio(social.platform) for post in package.posts for social in post.social}
    pairs = sorted({ratio_of(ratio) for ratio in used})
    return "".join(f".r-{w}x{h}{{aspect-ratio:{w}/{h}}}\n" for w, h in pairs)
