from __future__ import annotations

import io
from pathlib import Path

import av
import pytest
from PIL import Image, ImageDraw

from sandbox.media.art import art_of, gist_of, palette_of
from sandbox.media.images import draw_png, font, size_of
from sandbox.media.video import encode_mp4
from sandbox.seeds import fingerprint

CZECH = "ěščřžýáíéúůťďňóĚŠČŘŽÝÁÍÉÚŮŤĎŇÓ„“–…"
RATIOS = ["1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:4", "4:1", "1:8", "8:1"]


def glyph(letter: str) -> bytes:
    image = Image.new("L", (90, 90))
    ImageDraw.Draw(image).text((10, 10), letter, font=font(48), fill=255)
    return image.tobytes()


def test_the_font_has_every_czech_glyph() -> None:
    missing = glyph("\U0010fffd")
    for letter in CZECH:
        assert glyph(letter) != missing, letter
    assert glyph("č") != glyph("c")


@pytest.mark.parametrize("ratio", RATIOS)
def test_a_picture_opens_in_the_asked_ratio(ratio: str) -> None:
    art = art_of("Žluťoučký kůň v ranním světle", ratio, fingerprint(ratio))
    image = Image.open(io.BytesIO(draw_png(art, "model")))
    image.load()
    wide, high = (int(part) for part in ratio.split(":"))
    assert image.format == "PNG"
    assert max(image.size) == 1024
    assert abs(image.width / image.height - wide / high) < 0.02 * wide / high


def test_the_same_prompt_gives_the_same_bytes_and_another_one_others() -> None:
    one, other = (art_of(text, "1:1", fingerprint(text)) for text in ("káva ráno", "káva večer"))
    assert draw_png(one, "m") == draw_png(one, "m")
    assert draw_png(one, "m") != draw_png(other, "m")


def test_the_words_on_a_picture_are_what_is_to_be_seen_and_not_how() -> None:
    prompt = "9:16 aspect ratio, soft documentary style, cream palette, calm mood, natural light, Hands pour hot water"
    assert gist_of(prompt).startswith("Hands pour hot water")
    assert gist_of("Žádné skleničky, jen „Příliš žluťoučký kůň úpěl“") == "Příliš žluťoučký kůň úpěl"


def test_the_colours_are_those_that_the_prompt_names() -> None:
    assert {"#6F4E37", "#D9B382"} <= set(palette_of("use #6f4e37 and #d9b382", "a"))
    assert {"#1D3557", "#F5EBD7"} <= set(palette_of("navy and cream", "a"))


@pytest.mark.parametrize(("ratio", "seconds"), [("16:9", 4), ("9:16", 6), ("1:1", 2.5)])
def test_a_clip_decodes_with_the_asked_length_and_shape(ratio: str, seconds: float) -> None:
    data = encode_mp4(art_of("Ranní světlo v dílně", ratio, "k"), "model", seconds)
    with av.open(io.BytesIO(data)) as clip:
        assert isinstance(clip, av.container.InputContainer)
        stream = clip.streams.video[0]
        frames = sum(1 for _ in clip.decode(stream))
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert (stream.width, stream.height) == size_of(ratio, 640)
        assert clip.duration is not None
        assert clip.duration / 1_000_000 == pytest.approx(seconds, abs=0.15)
        assert frames == round(seconds * 15)


def test_the_font_may_be_shipped() -> None:
    folder = Path(font.__wrapped__.__code__.co_filename).parent / "fonts"
    assert "Bitstream Vera" in (folder / "DejaVu-LICENSE.txt").read_text(encoding="utf-8")
    assert sum(path.stat().st_size for path in folder.glob("*.ttf")) < 1_000_000
