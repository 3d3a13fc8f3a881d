"""What kind of text a field wants, judged by its name, its neighbours and its description."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")

# The first rule that fits wins; the patterns see the name as _snake_case_ without diacritics.
_RULES: tuple[tuple[str, str], ...] = (
    ("slug", r"_(slug|permalink)_"),
    ("source_url", r"_(url|uri|link|href|website|web|odkaz|zdroj_url)s?_"),
    ("email", r"_(e_?mail)_"),
    ("phone", r"_(phone|telefon)_"),
    ("palette", r"_(colou?rs?|palette|barv\w*|palet\w*)_"),
    ("date", r"_(date|datum|day|den)_"),
    ("hashtag", r"_(hashtags?|hashtagy)_"),
    ("alt", r"_(alt|alt_text|alternativni_text|popisek_obrazku)_"),
    ("keyphrase", r"_(focus|main|primary|target|hlavni|klicov\w+)_(keyword|keyphrase|phrase|slovo|fraze)_"),
    ("phrase", r"_(favou?rite|oblibene|typical)_(phrases?|fraze|obraty|slova)_"),
    ("keyword", r"_(keywords?|tags?|klicova_slova|stitky|key_?phrases?)_"),
    ("question", r"_(questions?|otazk\w+|dotaz\w*)_"),
    ("answer", r"_(answers?|odpoved\w*)_"),
    ("meta_title", r"_(meta|seo)_(title|titulek)_"),
    ("meta", r"_(meta|seo)_(description|popis)_|_meta_"),
    ("subtitle", r"_(subtitle|podtitul\w*|perex|tagline)_"),
    ("heading", r"_(heading|nadpis|h[1-6]|headline)_"),
    ("title", r"_(title|titulek|nazev)_"),
    ("cta", r"_(cta|call_to_action|vyzva)_"),
    ("hook", r"_(hook|hacek)_"),
    ("frustration", r"_(frustration|frustrace)_"),
    ("vocabulary", r"_(vocabulary|slovnik|slovni_zasob\w+)_"),
    ("sentence", r"_(sentences?|vety|vetna|stavba)_"),
    ("metaphor", r"_(metaphors?|metafor\w+|prirovnani)_"),
    ("argument", r"_(arguments?|argumentation|argumentac\w+)_"),
    ("phrase", r"_(phrases?|fraze|obraty|slogans?)_"),
    ("signature", r"_(signature|ending|podpis|zaverecn\w+)_"),
    ("artstyle", r"_(art|art_style|style_name|vytvarn\w+|styl)_"),
    ("atmosphere", r"_(atmosphere|mood|atmosfera|nalada)_"),
    ("backstory", r"_(backstory|story|biography|bio|pribeh|minulost)_"),
    ("hobby", r"_(hobb\w+|konicek|konicky|zaliby)_"),
    ("role", r"_(role|position|job_title|job|pozice|profese|funkce)_"),
    ("level", r"_(neuroticism\w*|neuroticismus)_"),
    ("mission", r"_(mission|mise|poslani)_"),
    ("vision", r"_(vision|vize)_"),
    ("audience", r"_(target_audience|target_group|audience|cilov\w+)_$|_cilova_skupina_"),
    ("pain", r"_(pains?|pain_points?|problems?|bolest\w*|problemy)_"),
    ("desire", r"_(desires?|wishes|touhy|prani)_"),
    ("products", r"_(products?|services?|produkt\w*|sluzb\w*)_"),
    ("field", r"_(industry|business_field|field|obor|odvetvi)_"),
    ("usp", r"_(usp|unique\w*|selling_points?|jedinecn\w+|vyhod\w+)_"),
    ("theme", r"_(themes?|temata|content_themes)_"),
    ("competitors", r"_(competitors?|competition|konkuren\w+)_"),
    ("value", r"_(dominant_value|value|hodnota)_"),
    ("values", r"_(values|hodnoty)_"),
    ("full_name", r"_(character|full|person|author|first|last|persona)_name_|_(jmeno|autor|author)_"),
    ("motion", r"_(video|clip|motion|shot|zaber)_"),
    ("scene", r"_(scene|scena|image|visual|obraz)_"),
    ("reason", r"_(reason|rationale|why|duvod|zduvodneni|explanation)_"),
    ("takeaway", r"_(takeaways?|key_points?|points?|highlights?|shrnuti|body)_(?=$)|_key_takeaways_"),
    ("social", r"_(caption|text_content|post_text|tweet|popisek|prispevek)_"),
    ("description", r"_(description|popis|summary|souhrn|abstract)_"),
    ("content", r"_(content|body|text|article|obsah|clanek|odstavec|paragraph|markdown|html)_"),
    ("name", r"_(name|label)_"),
)
_COMPILED = tuple((kind, re.compile(pattern)) for kind, pattern in _RULES)
_PERSONAL = re.compile(r"_(age|vek|role|mbti\w*|jung\w*|hobby|character|gender|pohlavi|job)_")
_SOCIAL_NEIGHBOUR = re.compile(r"_(hashtags?|hashtagy)_")

# kind -> (shortest, longest) when the schema says nothing
LENGTHS: dict[str, tuple[int, int]] = {
    "title": (30, 90),
    "meta_title": (25, 60),
    "subtitle": (30, 110),
    "heading": (8, 80),
    "meta": (70, 160),
    "description": (90, 320),
    "content": (500, 1300),
    "answer": (80, 420),
    "question": (10, 140),
    "social": (120, 700),
    "text": (80, 400),
    "alt": (30, 160),
    "scene": (60, 320),
    "motion": (60, 320),
    "reason": (50, 260),
    "extract": (30, 420),
}


def snake(name: str) -> str:
    """``focusKeyword`` and ``Focus keyword`` become ``_focus_keyword_``; diacritics fall."""
    plain = unicodedata.normalize("NFKD", _CAMEL.sub("_", name)).encode("ascii", "ignore").decode().lower()
    return f"_{_NOT_WORD.sub('_', plain).strip('_')}_"


def kind_of(name: str, neighbours: Collection[str] = (), high: int | None = None) -> str:
    """The kind of a field called ``name`` beside ``neighbours`` that takes at most ``high`` characters."""
    snaked = snake(name)
    kind = next((kind for kind, pattern in _COMPILED if pattern.search(snaked)), "")
    around = [snake(other) for other in neighbours]
    if kind == "name" and any(_PERSONAL.search(other) for other in around):
        return "full_name"
    if kind in ("content", "") and any(_SOCIAL_NEIGHBOUR.search(other) for other in around):
        return "social"
    if kind == "content" and high is not None and high <= 120:
        return "takeaway"
    return kind or ("name" if high is not None and high <= 60 else "text")


def bounds(kind: str, low: int | None, high: int | None) -> tuple[int, int, int]:
    """Shortest, longest and aimed-at length: about 40 % of the range that the schema leaves."""
    usual_low, usual_high = LENGTHS.get(kind, (3, 160))
    if low is None and high is None:
        return usual_low, usual_high, int(usual_low + 0.4 * (usual_high - usual_low))
    if high is None:
        assert low is not None
        high = max(usual_high, int(low * 1.6) + 40)
    if low is None:
        target = min(int(usual_low + 0.4 * (usual_high - usual_low)), int(high * 0.8))
        return 0 if high < usual_low else min(usual_low, target), high, target
    return low, high, int(low + 0.4 * (high - low))
