"""Renders the pages of the package: self-contained, without network, nothing active but our own script."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from exports.formats.article import Labels, hero, sections, takeaways
from exports.formats.article import faqs as faqs_of
from exports.formats.jsonld import graph, script_safe
from exports.package.layout import Layout
from exports.package.model import MonthPackage, PostPackage
from exports.page.view import colour_rules, month_view, ratio_rules
from exports.page.view_post import ratio_class
from exports.page.wording import Wording
from exports.sanitize import one_line, safe_url, visible, visible_all

_PAGE = Path(__file__).parent / "assets"
_FALLBACK = "en"


@cache
def load_labels(language: str) -> Labels:
    """Return the words of the pages in a language (ISO 639-1); English where there is no table of it."""
    known = {path.stem: path for path in (_PAGE / "labels").glob("*.json")}
    labels: Labels = json.loads(known.get(language, known[_FALLBACK]).read_text("utf-8"))
    return labels


def index_page(package: MonthPackage, layout: Layout, labels: Labels) -> str:
    """Return ``index.html``, which shows the whole month."""
    view = month_view(package, layout, labels)
    css = _asset("index.css") + colour_rules(package) + ratio_rules(package)
    return _render("index.html.j2", labels, css, _asset("index.js"), view)


def post_page(package: MonthPackage, post: PostPackage, layout: Layout, labels: Labels) -> str:
    """Return ``post.html``: one article that stands alone, with its JSON-LD."""
    item = hero(post)
    picture = next((image for image in post.images if image.item == item), None)
    video, thumbnail = layout.video(post), layout.thumbnails.get(post.item)
    persona = package.persona(post.persona_item)
    view = {
        "package": package,
        "post": visible_all(dict(post.post)),
        "topic": visible_all(dict(post.topic.content)),
        "author": visible_all(dict(persona.content)) if persona else None,
        "sections": sections(post.post),
        "faqs": faqs_of(post.post),
        "takeaways": takeaways(post.post),
        "hero": layout.image(post.item, picture.item).inside_post if picture else "",
        "hero_alt": one_line(picture.alt_text) if picture else "",
        "hero_class": ratio_class(picture.aspect_ratio) if picture else "",
        "video": video,
        "thumbnail": thumbnail,
        "website": safe_url(package.company.website),
        "json_ld": Markup(script_safe(graph(package, post, layout))),
    }
    return _render("post.html.j2", labels, _asset("post.css"), "", view)


def archive_page(
    company: Mapping[str, Any],
    tables: Mapping[str, int],
    paths: Sequence[str],
    made_at: str,
    *,
    sandbox: bool,
) -> str:
    """Return ``index.html`` of all that is kept about a company, in its language.

    Args:
        company: Name, website and language.
        tables: How many rows each has, by the name of the table.
        paths: Of all other files in the archive.
        made_at: When the rows were read, ISO 8601.
        sandbox: Whether stand-ins of providers wrote any of it.
    """
    labels = load_labels(str(company["language"]))
    view = {"company": company, "tables": tables, "paths": paths, "made_at": made_at, "sandbox": sandbox}
    return _render("archive.html.j2", labels, _asset("post.css"), "", view)


def _render(template: str, labels: Labels, css: str, script: str, view: Mapping[str, Any]) -> str:
    page = _environment().get_template(template)
    return page.render(
        **view,
        t=labels,
        say=Wording(labels),
        css=Markup(css),
        script=Markup(script),
        csp=_policy(css, script),
    )


def _policy(css: str, script: str) -> str:
    """Only this very style sheet and this very script; pictures and films from the package's own folder."""
    return "; ".join(
        (
            "default-src 'none'",
            "img-src 'self' data:",
            "media-src 'self'",
            f"style-src {_digest(css)}",
            f"script-src {_digest(script)}" if script else "script-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


@cache
def _asset(name: str) -> str:
    return (_PAGE / name).read_text("utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_without_hidden,
    )


def _without_hidden(value: Any) -> Any:
    """The last sieve: no text reaches a page with characters that nobody can see."""
    return visible(value) if type(value) is str else value
